//! What `template.yaml` deploys, for each way of deploying it, as AWS's own translator has it. It opens no more than it
//! should, and is watched.

use crate::functions;
use harness::project;
use harness::secrets::Vendor;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::Callers;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

mod alarms;
mod runbook;
mod vendors;

const AGORA: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokenmint/agora-abcdef";
const ZEGO: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokenmint/zego-abcdef";
const ZIM: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokenmint/zim-abcdef";
const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/0f";
const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";
const ROOTS: (&str, &str) = ("TrustedRootsFile", "/etc/pki/tls/certs/ca-bundle.crt");
const ISSUER: (&str, &str) = ("JwtIssuer", "https://issuer.example.com/");
const AUDIENCE: (&str, &str) = ("JwtAudience", "app,web");
const NO_AGORA: (&str, &str) = ("AgoraSecretArn", "");
const NO_ZEGO: (&str, &str) = ("ZegoSecretArn", "");

/// One stack: the template for some parameters, its conditions decided, its parameters put in. What exists only after a
/// deployment stays a `Ref` or a `Fn::GetAtt`, or `${Name}` within a text.
#[derive(Deserialize)]
pub(crate) struct Stack {
    template: Value,
    parameters: Map<String, Value>,
    conditions: BTreeMap<String, bool>,
    /// What the template's rules say against the parameters.
    refusals: Vec<String>,
    /// The resources and outputs whose condition is false.
    left_out: Map<String, Value>,
}

/// Where a route leads.
pub(crate) struct Target {
    /// The function's binary.
    pub(crate) function: String,
    /// The authorizer and the scopes that it wants; none for an open route.
    pub(crate) authorizer: Option<(String, Value)>,
}

impl Stack {
    /// With nothing but what has to be given.
    pub(crate) fn plain() -> Stack {
        Stack::with(&[])
    }

    fn with(given: &[(&str, &str)]) -> Stack {
        Stack::try_with(given, &json!({})).unwrap_or_else(|error| panic!("CloudFormation refuses {given:?}: {error}"))
    }

    /// With resources that the template does not have.
    fn try_with(given: &[(&str, &str)], added: &Value) -> Result<Stack, String> {
        let mut parameters = json!({ "AgoraSecretArn": AGORA, "ZegoSecretArn": ZEGO });
        for (name, value) in given {
            parameters[name] = json!(value);
        }
        let answer = resolved(&json!({ "parameters": parameters, "added": added }));
        match answer.get("error") {
            Some(error) => Err(text(error)),
            None => Ok(Stack::deserialize(answer).expect("a stack")),
        }
    }

    /// Every way of deploying that makes a difference.
    fn all() -> Vec<Stack> {
        let origins = ("AllowedOrigins", "https://app.example.com");
        vec![
            Stack::plain(),
            Stack::with(&[ISSUER, AUDIENCE, origins]),
            Stack::with(&[
                ISSUER,
                AUDIENCE,
                origins,
                ("JwtScope", "tokens"),
                ("ZimSecretArn", ZIM),
                ("SecretsKmsKeyArn", KEY),
                ("RtcUidClaim", "uid"),
                ("RoomsClaim", "rooms"),
                ("PublishScope", "publish"),
                ("ReservedConcurrency", "20"),
                ("AlarmEmail", "us@example.com"),
                ("DeploymentType", "AllAtOnce"),
                ("PermissionsBoundaryArn", BOUNDARY),
                ("ProvisionedConcurrency", "2"),
                ("ProvisionedPeak", "10"),
            ]),
            Stack::with(&[NO_ZEGO]),
            Stack::with(&[NO_AGORA]),
            Stack::with(&[NO_ZEGO, ISSUER, AUDIENCE, ("ProvisionedPeak", "10")]),
            Stack::with(&[NO_AGORA, ISSUER, AUDIENCE, ("ZimSecretArn", ZIM), ("ProvisionedPeak", "10")]),
        ]
    }

    /// Whether a condition of the template holds.
    fn holds(&self, condition: &str) -> bool {
        self.conditions[condition]
    }

    fn exists(&self, name: &str) -> bool {
        self.template["Resources"].get(name).is_some()
    }

    fn resource(&self, name: &str) -> &Value {
        &self.template["Resources"][name]["Properties"]
    }

    fn resources(&self, kind: &str) -> Vec<(&str, &Value)> {
        let resources = self.template["Resources"].as_object().expect("resources").iter();
        let these = resources.filter(|(_, resource)| resource["Type"] == kind);
        these.map(|(name, it)| (name.as_str(), &it["Properties"])).collect()
    }

    fn only(&self, kind: &str) -> &Value {
        let all = self.resources(kind);
        let [(_, one)] = all.as_slice() else { panic!("one {kind}, not {}", all.len()) };
        one
    }

    /// Each function's binary by its logical id.
    pub(crate) fn functions(&self) -> BTreeMap<&str, String> {
        let functions = self.resources("AWS::Lambda::Function").into_iter();
        functions.map(|(name, function)| (name, text(&function["Code"]["S3Key"]))).collect()
    }

    /// Those that mint tokens.
    fn token_functions(&self) -> Vec<(&str, &Value)> {
        let functions = self.functions();
        let mints = |(name, _): &(&str, &Value)| functions[name] != functions::PREWARM;
        self.resources("AWS::Lambda::Function").into_iter().filter(mints).collect()
    }

    /// The versions of those, which have their settings in them.
    fn versions(&self) -> Vec<&Value> {
        let functions: BTreeSet<_> = self.token_functions().into_iter().map(|(name, _)| name).collect();
        let versions = self.resources("AWS::Lambda::Version").into_iter().map(|(_, version)| version);
        versions.filter(|version| functions.contains(text(&version["FunctionName"]["Ref"]).as_str())).collect()
    }

    /// Each route, such as `GET /rtm/{user_id}/token`.
    pub(crate) fn routes(&self) -> BTreeMap<String, Target> {
        let aliases = self.resources("AWS::Lambda::Alias");
        let functions = self.functions();
        let mut routes = BTreeMap::new();
        for (path, methods) in self.only("AWS::ApiGatewayV2::Api")["Body"]["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let uri = text(&operation["x-amazon-apigateway-integration"]["uri"]);
                let alias = aliases.iter().find(|(name, _)| uri.ends_with(&format!("/${{{name}}}/invocations")));
                let (_, alias) = alias.unwrap_or_else(|| panic!("{method} {path} goes to {uri}, which is no alias"));
                let function = functions[alias["FunctionName"]["Ref"].as_str().expect("a function")].clone();
                // Several requirements would mean any of them.
                let authorizer = match operation["security"].as_array().map(Vec::as_slice) {
                    Some([one]) => one.as_object().and_then(|one| one.iter().next()),
                    _ => None,
                };
                let authorizer = authorizer.map(|(name, scopes)| (name.clone(), scopes.clone()));
                routes.insert(format!("{} {path}", method.to_uppercase()), Target { function, authorizer });
            }
        }
        routes
    }

    /// The alarms on a metric that has this dimension.
    fn alarm(&self, namespace: &str, metric: &str, dimensions: &Value) -> Option<(&str, &Value)> {
        let alarms = self.resources("AWS::CloudWatch::Alarm").into_iter();
        let mut fitting = alarms.filter(|(_, alarm)| {
            alarm["Namespace"] == namespace && alarm["MetricName"] == metric && alarm["Dimensions"] == *dimensions
        });
        fitting.next()
    }
}

/// What `judges/template.py` answers. The same question is asked once.
fn resolved(question: &Value) -> Value {
    static ANSWERS: Mutex<BTreeMap<String, Value>> = Mutex::new(BTreeMap::new());
    static RESOLVER: LazyLock<Mutex<(Child, BufReader<ChildStdout>)>> = LazyLock::new(|| {
        let mut python = Command::new(project::tool("python"));
        // The translator needs a region. The process ends when its input ends, which is when ours ends.
        python.arg("tests/judges/template.py").env("AWS_DEFAULT_REGION", "eu-central-1").current_dir(project::root());
        let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("`make setup` has been run");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Mutex::new((child, answers))
    });
    let mut answers = ANSWERS.lock().expect("no test has failed in here");
    let ask = |question: &String| {
        let mut resolver = RESOLVER.lock().expect("no test has failed in here");
        writeln!(resolver.0.stdin.as_ref().expect("piped"), "{question}").expect("it reads");
        let mut line = String::new();
        resolver.1.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("template.py says {line:?}: {error}"))
    };
    answers.entry(question.to_string()).or_insert_with_key(ask).clone()
}

/// A text or a number, as CloudFormation would write it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("neither text nor number: {other}"),
    }
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// Every object anywhere within.
fn objects(value: &Value) -> Vec<&Map<String, Value>> {
    match value {
        Value::Array(items) => items.iter().flat_map(objects).collect(),
        Value::Object(fields) => std::iter::once(fields).chain(fields.values().flat_map(objects)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn no_route_is_open() {
    let callers: BTreeMap<_, _> = functions::routes().into_keys().map(|key| (key.to_string(), key.callers)).collect();
    for stack in Stack::all() {
        let api = &stack.only("AWS::ApiGatewayV2::Api")["Body"];
        let schemes = api["components"]["securitySchemes"].as_object().expect("authorizers");
        assert_eq!(schemes.keys().collect::<Vec<_>>(), ["AWS_IAM", "SignedInUser"]);
        assert_eq!(schemes["AWS_IAM"]["x-amazon-apigateway-authtype"], "awsSigv4");
        assert_eq!(schemes["SignedInUser"]["x-amazon-apigateway-authorizer"]["type"], "jwt");
        let routes = stack.routes();
        assert!(!routes.is_empty());
        for (route, Target { authorizer, .. }) in routes {
            let expected = match callers[&route] {
                Callers::Backends => "AWS_IAM",
                Callers::Users => "SignedInUser",
            };
            assert_eq!(authorizer.as_ref().map(|(name, _)| name.as_str()), Some(expected), "{route}");
            assert!(!route.starts_with("X-AMAZON") && !route.contains('$'), "{route} is no route of its own");
        }
    }
}

/// What the JWT authorizer wants: issuer, audience, and the scopes of the routes, which have the same.
fn wanted(stack: &Stack) -> (String, Value, Value) {
    let schemes = &stack.only("AWS::ApiGatewayV2::Api")["Body"]["components"]["securitySchemes"];
    let authorizer = &schemes["SignedInUser"]["x-amazon-apigateway-authorizer"];
    assert_eq!(authorizer["identitySource"], "$request.header.Authorization");
    let jwt = &authorizer["jwtConfiguration"];
    let authorizers = stack.routes().into_values().filter_map(|target| target.authorizer);
    let scopes: Vec<Value> = authorizers.filter(|(name, _)| name == "SignedInUser").map(|(_, it)| it).collect();
    assert!(scopes.iter().all(|some| *some == scopes[0]), "{scopes:?}");
    (text(&jwt["issuer"]), jwt["audience"].clone(), scopes[0].clone())
}

fn variable(stack: &Stack, variable: &str) -> BTreeSet<Option<String>> {
    let functions = stack.token_functions().into_iter();
    functions.map(|(_, function)| function["Environment"]["Variables"].get(variable).map(text)).collect()
}

fn everywhere(value: &str) -> BTreeSet<Option<String>> {
    BTreeSet::from([Some(value.to_owned())])
}

#[test]
fn each_setting_reaches_the_functions() {
    let settings = [
        ("UserIdClaim", "USER_ID_CLAIM", "id"),
        ("UserIdForm", "USER_ID_FORM", "lower"),
        ("RtcUidClaim", "RTC_UID_CLAIM", "uid"),
        ("RoomsClaim", "ROOMS_CLAIM", "rooms"),
        ("PublishScope", "PUBLISH_SCOPE", "publish"),
        ("RtmBeyondRooms", "RTM_BEYOND_ROOMS", "allowed"),
        ("Rtm006", "RTM_006", "refused"),
        ("DefaultTokenTtlSeconds", "DEFAULT_TOKEN_TTL_SECONDS", "60"),
        ("MaxTokenTtlSeconds", "MAX_TOKEN_TTL_SECONDS", "600"),
        ("CredentialsTtlSeconds", "CREDENTIALS_TTL_SECONDS", "30"),
        ("CredentialsMaxStaleSeconds", "CREDENTIALS_MAX_STALE_SECONDS", "600"),
        (ROOTS.0, "SSL_CERT_FILE", ROOTS.1),
    ];
    let given: Vec<_> = settings.iter().map(|(parameter, _, value)| (*parameter, *value)).collect();
    let stack = Stack::with(&[[ISSUER, AUDIENCE].as_slice(), given.as_slice()].concat());
    for (parameter, name, value) in settings {
        assert_eq!(variable(&stack, name), everywhere(value), "{parameter}");
    }
    // What nobody chose is what the functions do by themselves.
    assert_eq!(variable(&Stack::plain(), "RTM_BEYOND_ROOMS"), everywhere("refused"));
    assert_eq!(variable(&Stack::plain(), "RTM_006"), everywhere("allowed"));
    for optional in ["RTC_UID_CLAIM", "ROOMS_CLAIM", "PUBLISH_SCOPE", "DEFAULT_TOKEN_TTL_SECONDS", "SSL_CERT_FILE"] {
        let mut without = variable(&Stack::plain(), optional);
        // The ZIM function has an empty one, which means the same.
        without.remove(&Some(String::new()));
        assert_eq!(without, BTreeSet::from([None]), "{optional}");
    }
}

/// Nobody can take a token back.
#[test]
fn a_token_lives_an_hour_unless_the_deployer_says_more() {
    assert_eq!(variable(&Stack::plain(), "MAX_TOKEN_TTL_SECONDS"), everywhere("3600"));
    assert_eq!(
        variable(&Stack::with(&[("MaxTokenTtlSeconds", "86400")]), "MAX_TOKEN_TTL_SECONDS"),
        everywhere("86400")
    );
    // A default above the maximum would end every start: the functions then take the maximum, unless they are given one.
    let shorter = Stack::with(&[("MaxTokenTtlSeconds", "600")]);
    assert_eq!(variable(&shorter, "DEFAULT_TOKEN_TTL_SECONDS"), BTreeSet::from([None]));
}

#[test]
fn the_parameters_say_what_is_open_until_somebody_closes_it() {
    let stack = Stack::plain();
    let said = |parameter: &str| text(&stack.template["Parameters"][parameter]["Description"]);
    for (parameter, words) in [
        ("AgoraSecretArn", &["real-time STT", "Conversational AI", "agora token="][..]),
        ("ZegoSecretArn", &["room ids, privileges and stream ids", "only if its support has switched that on"]),
        ("RoomsClaim", &["every signed-in user may enter any room", "anonymous", "ZEGO checks the room only if"]),
        ("PublishScope", &["every signed-in user may publish", "ZEGO checks this privilege only if", "co-host"]),
        ("RtmBeyondRooms", &["opens every message channel"]),
        ("Rtm006", &["24 hours", "no lifetime setting"]),
    ] {
        for word in words {
            assert!(said(parameter).contains(word), "{parameter}: {}", said(parameter));
        }
    }
}

#[test]
fn without_an_issuer_the_stack_signs_its_users_in_itself() {
    let stack = Stack::with(&[("UserIdClaim", "username"), ("UserIdForm", "lower")]);
    let issuer = "https://cognito-idp.eu-central-1.amazonaws.com/${UserPool}".to_owned();
    // An ID token has the client's id as its audience too, but no scope.
    let scopes = json!(["aws.cognito.signin.user.admin"]);
    assert_eq!(wanted(&stack), (issuer, json!([{ "Ref": "UserPoolClient" }]), scopes));
    // Users could choose the one, and ZIM would not take the other.
    assert_eq!(variable(&stack, "USER_ID_CLAIM"), everywhere("sub"));
    assert_eq!(variable(&stack, "USER_ID_FORM"), everywhere("uuid"));

    let pool = stack.only("AWS::Cognito::UserPool");
    assert_eq!(pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"], true);
    assert_eq!(stack.template["Resources"]["UserPool"]["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(stack.template["Resources"]["UserPool"]["UpdateReplacePolicy"], "Retain");
    let client = stack.only("AWS::Cognito::UserPoolClient");
    assert_eq!(client["UserPoolId"], json!({ "Ref": "UserPool" }));
    assert_eq!(client["GenerateSecret"], false);
    assert!(!list(&client["ExplicitAuthFlows"]).contains(&&json!("ALLOW_USER_PASSWORD_AUTH")));
    assert_eq!(client["PreventUserExistenceErrors"], "ENABLED");
    assert_eq!(stack.template["Outputs"]["UserPoolId"]["Value"], json!({ "Ref": "UserPool" }));
    assert_eq!(stack.template["Outputs"]["UserPoolClientId"]["Value"], json!({ "Ref": "UserPoolClient" }));
}

#[test]
fn with_an_issuer_only_its_tokens_count() {
    let stack = Stack::with(&[ISSUER, AUDIENCE, ("UserIdClaim", "uid"), ("UserIdForm", "lower")]);
    assert_eq!(wanted(&stack), (ISSUER.1.to_owned(), json!(["app", "web"]), json!([])));
    assert_eq!(variable(&stack, "USER_ID_CLAIM"), everywhere("uid"));
    assert_eq!(variable(&stack, "USER_ID_FORM"), everywhere("lower"));
    assert!(stack.resources("AWS::Cognito::UserPool").is_empty());
    assert!(stack.resources("AWS::Cognito::UserPoolClient").is_empty());
    assert!(stack.template["Outputs"].get("UserPoolId").is_none());
    assert!(stack.template["Outputs"].get("UserPoolClientId").is_none());

    let scoped = Stack::with(&[ISSUER, AUDIENCE, ("JwtScope", "tokens")]);
    assert_eq!(wanted(&scoped).2, json!(["tokens"]));
}

#[test]
fn parameters_that_do_not_fit_together_are_refused() {
    let fit = |given: &[(&str, &str)]| Stack::with(given).refusals.is_empty();
    assert!(fit(&[]));
    assert!(fit(&[ISSUER, AUDIENCE]));
    assert!(fit(&[ISSUER, AUDIENCE, ("JwtScope", "tokens")]));
    assert!(!fit(&[ISSUER]), "any audience");
    assert!(!fit(&[AUDIENCE]), "a forgotten issuer");
    assert!(!fit(&[("JwtScope", "tokens")]), "a forgotten issuer");
    // What the own pool's tokens never have.
    assert!(!fit(&[("PublishScope", "publish")]) && !fit(&[("RtcUidClaim", "uid")]));
    assert!(fit(&[ISSUER, AUDIENCE, ("PublishScope", "publish"), ("RtcUidClaim", "uid")]));
    // One vendor is enough, and none too few.
    assert!(fit(&[NO_AGORA]) && fit(&[NO_ZEGO]) && !fit(&[NO_AGORA, NO_ZEGO]));
    assert!(fit(&[NO_AGORA, ("ZimSecretArn", ZIM)]) && !fit(&[NO_ZEGO, ("ZimSecretArn", ZIM)]));
    // In Express's own project a ZIM token opens every room.
    assert!(fit(&[("ZimSecretArn", ZIM)]) && !fit(&[("ZimSecretArn", ZEGO)]));
}

/// The gateway calls a published version, which has the settings of its day. A setting that is changed later has to make a
/// new one, or a limit would limit nobody.
#[test]
fn a_changed_setting_makes_a_new_version() {
    // What makes a version, and what makes Lambda agree to publish one.
    let versions = |stack: &Stack| -> BTreeMap<String, (String, Value)> {
        let versions = stack.versions().into_iter().map(|version| {
            let function = text(&version["FunctionName"]["Ref"]);
            let variables = stack.resource(&function)["Environment"]["Variables"].clone();
            (function, (text(&version["Description"]), variables))
        });
        versions.collect()
    };
    let given = [ISSUER, AUDIENCE, ("PublishScope", "publish")];
    let before = versions(&Stack::with(&given));
    assert_eq!(before.len(), functions::minting().len());
    let changes = [
        ("UserIdClaim", "username"),
        ("UserIdForm", "lower"),
        ("RtcUidClaim", "uid"),
        ("RoomsClaim", "rooms"),
        ("PublishScope", "other"),
        ("RtmBeyondRooms", "allowed"),
        ("Rtm006", "refused"),
        ("DefaultTokenTtlSeconds", "60"),
        ("MaxTokenTtlSeconds", "7200"),
        ("CredentialsTtlSeconds", "60"),
        ("CredentialsMaxStaleSeconds", "60"),
        ("AgoraSecretArn", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-abcdef"),
        ("ZegoSecretArn", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-abcdef"),
        ("ZimSecretArn", ZIM),
        ROOTS,
    ];
    let mut stacks: Vec<_> = changes.iter().map(|change| Stack::with(&[&given[..], &[*change]].concat())).collect();
    stacks.push(Stack::plain());
    for stack in stacks {
        let after = versions(&stack);
        assert_ne!(after, before, "{:?}", stack.parameters);
        for (function, (description, variables)) in after {
            let (old_description, old_variables) = &before[&function];
            assert_eq!(
                description == *old_description,
                variables == *old_variables,
                "{function}: {:?}",
                stack.parameters
            );
        }
    }
}

/// CloudFormation refuses more than 256 characters.
#[test]
fn the_longest_settings_still_describe_a_version() {
    let source = fs::read_to_string(project::root().join("template.yaml")).expect("the template");
    assert_eq!(source.matches("    MaxLength: 40\n").count(), 4, "claims and scope");
    let claim = "c".repeat(40);
    let arn = format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{}-abcdef", "s".repeat(40));
    let longest = [
        ISSUER,
        AUDIENCE,
        ("UserIdClaim", &claim),
        ("UserIdForm", "verbatim"),
        ("RtcUidClaim", &claim),
        ("RoomsClaim", &claim),
        ("PublishScope", &claim),
        ("RtmBeyondRooms", "allowed"),
        ("Rtm006", "refused"),
        ("DefaultTokenTtlSeconds", "86400"),
        ("MaxTokenTtlSeconds", "86400"),
        ("CredentialsTtlSeconds", "86400"),
        ("CredentialsMaxStaleSeconds", "31536000"),
        ROOTS,
        ("AgoraSecretArn", &arn),
        ("ZegoSecretArn", &arn),
    ];
    for version in Stack::with(&longest).versions() {
        assert!(text(&version["Description"]).len() <= 256, "{version}");
    }
}

/// Every statement of a policy document: actions, resources, and whatever else it says.
fn statements(document: &Value) -> Vec<&Value> {
    list(&document["Statement"])
}

#[test]
fn a_function_may_read_one_secret_and_do_nothing_else() {
    for stack in Stack::all() {
        let own_zim = stack.holds("HasZimSecret");
        let mut roles = BTreeSet::new();
        for (name, function) in stack.token_functions() {
            assert_eq!(function["Runtime"], "provided.al2023", "{name}");
            assert_eq!(function["Architectures"], json!(["arm64"]), "{name}");
            let binary = text(&function["Code"]["S3Key"]);
            let vendor = functions::vendor(&binary);
            let other = if vendor == Vendor::Zego { Vendor::Agora } else { Vendor::Zego };
            let secret = match (vendor, binary.as_str()) {
                (Vendor::Agora, _) => AGORA,
                // ZIM may have a project of its own.
                (Vendor::Zego, "zim-token") if own_zim => ZIM,
                (Vendor::Zego, _) => ZEGO,
            };
            let variables = function["Environment"]["Variables"].as_object().expect("variables");
            assert_eq!(variables.get(vendor.variable()), Some(&json!(secret)), "{name}");
            for absent in [other.variable(), "AUTH", "LOCAL_CREDENTIALS"] {
                assert_eq!(variables.get(absent), None, "{name}");
            }

            let role = function["Role"]["Fn::GetAtt"][0].as_str().expect("a role of its own");
            assert!(roles.insert(role), "{name} shares {role}");
            let mut allowed = allowed(&stack, role);
            let log_group = function["LoggingConfig"]["LogGroup"]["Ref"].as_str().expect("a log group of its own");
            let mut expected = vec![
                json!({ "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret }),
                json!({ "Effect": "Allow", "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "Resource": "*" }),
                json!({ "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": { "Fn::GetAtt": [log_group, "Arn"] } }),
            ];
            if stack.holds("HasSecretsKmsKey") {
                expected.push(json!({ "Effect": "Allow", "Action": "kms:Decrypt", "Resource": KEY, "Condition": { "StringEquals": {
                    "kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com", "kms:EncryptionContext:SecretARN": secret,
                } } }));
            }
            for statements in [&mut allowed, &mut expected] {
                statements.sort_by_key(Value::to_string);
            }
            assert_eq!(allowed, expected, "{name}");
        }
    }
}

/// All that a role's policies say.
fn allowed(stack: &Stack, role: &str) -> Vec<Value> {
    let role = stack.resource(role);
    let managed = list(&role["ManagedPolicyArns"]).into_iter();
    let managed = managed.map(|arn| stack.resource(arn["Ref"].as_str().expect("a policy of the template")));
    let documents = managed.chain(list(&role["Policies"])).map(|policy| &policy["PolicyDocument"]);
    documents.flat_map(statements).cloned().collect()
}

#[test]
fn the_schedule_warms_every_token_function_and_what_fails_is_kept_and_told() {
    for stack in Stack::all() {
        let prewarm = stack.functions().into_iter().find(|(_, binary)| binary == functions::PREWARM);
        let (name, _) = prewarm.expect("a function for it");
        let function = stack.resource(name);
        let aliases: BTreeSet<_> = stack.token_functions().iter().map(|(name, _)| format!("{name}Aliaslive")).collect();
        let referred = |list: &Value| -> BTreeSet<String> {
            list.as_array().expect("a list").iter().map(|alias| text(&alias["Ref"])).collect()
        };
        let variables = function["Environment"]["Variables"].as_object().expect("variables");
        assert_eq!(referred(&variables["FUNCTIONS"]["Fn::Join"][1]), aliases);
        assert!(variables.keys().all(|name| !name.ends_with("SECRET_ID")), "{variables:?}");

        let queue = json!({ "Fn::GetAtt": ["PrewarmFailures", "Arn"] });
        let may = allowed(&stack, function["Role"]["Fn::GetAtt"][0].as_str().expect("a role of its own"));
        let mut actions: Vec<_> =
            may.iter().map(|statement| (statement["Action"].to_string(), &statement["Resource"])).collect();
        actions.retain(|(action, _)| !action.contains("xray") && !action.contains("logs"));
        let [(invoke, functions), (send, to)] = actions.as_slice() else { panic!("{may:?}") };
        assert_eq!((invoke.as_str(), referred(functions)), ("\"lambda:InvokeFunction\"", aliases));
        assert_eq!((send.as_str(), *to), ("\"sqs:SendMessage\"", &queue));

        let failures = stack.only("AWS::Lambda::EventInvokeConfig");
        assert_eq!(failures["DestinationConfig"]["OnFailure"]["Destination"], queue);
        assert_eq!(failures["MaximumRetryAttempts"], 0, "a failure is told, not tried away");
        let schedule = stack.only("AWS::Scheduler::Schedule");
        assert_eq!(schedule["State"], "ENABLED");
        assert_eq!(schedule["ScheduleExpression"], "rate(4 minutes)");
        assert_eq!(schedule["Target"]["Arn"], json!({ "Ref": format!("{name}Aliaslive") }));
        assert_eq!(schedule["Target"]["DeadLetterConfig"]["Arn"], queue);
        let input: Value = serde_json::from_str(&text(&schedule["Target"]["Input"])).expect("JSON");
        let event = fs::read_to_string(project::root().join("events/prewarm/schedule.json")).expect("the event");
        assert_eq!(input, serde_json::from_str::<Value>(&event).expect("JSON"));
        let minutes = input["every_minutes"].as_u64().expect("minutes");
        let fresh = text(&stack.parameters["CredentialsTtlSeconds"]).parse::<u64>().expect("seconds");
        assert!(minutes * 60 < fresh, "credentials stay fresh from one warm-up to the next");

        let starter = schedule["Target"]["RoleArn"]["Fn::GetAtt"][0].as_str().expect("a role of its own");
        let may = allowed(&stack, starter);
        let resources: Vec<_> = may.iter().map(|statement| &statement["Resource"]).collect();
        assert_eq!(resources, [&json!({ "Ref": format!("{name}Aliaslive") }), &queue]);

        for metric in ["Errors", "Throttles"] {
            let dimension = json!([{ "Name": "FunctionName", "Value": { "Ref": name } }]);
            assert!(stack.alarm("AWS/Lambda", metric, &dimension).is_some(), "{metric}");
        }
        let queue_name = json!([{ "Name": "QueueName", "Value": { "Fn::GetAtt": ["PrewarmFailures", "QueueName"] } }]);
        assert!(stack.alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", &queue_name).is_some());
    }
    let off = Stack::with(&[("PrewarmEnvironments", "0")]);
    assert_eq!(off.only("AWS::Scheduler::Schedule")["State"], "DISABLED");
    assert!(!off.exists("PrewarmMissing"), "nobody waits for what was switched off");
}

#[test]
fn environments_are_guaranteed_where_it_is_asked_for() {
    let provisioned = |stack: &Stack| -> BTreeMap<String, Option<String>> {
        let aliases = stack.resources("AWS::Lambda::Alias").into_iter();
        let guaranteed =
            |alias: &Value| alias["ProvisionedConcurrencyConfig"].get("ProvisionedConcurrentExecutions").map(text);
        aliases.map(|(_, alias)| (text(&alias["FunctionName"]["Ref"]), guaranteed(alias))).collect()
    };
    let plain = Stack::plain();
    assert!(provisioned(&plain).values().all(Option::is_none));
    assert!(plain.resources("AWS::ApplicationAutoScaling::ScalableTarget").is_empty());

    let stack = Stack::with(&[
        ("ProvisionedConcurrency", "3"),
        ("ProvisionedPeak", "50"),
        ("ProvisionedPeakStart", "cron(0 8 ? * MON-FRI *)"),
        ("ProvisionedTimeZone", "Europe/Berlin"),
    ]);
    let provisioned = provisioned(&stack);
    let targets = stack.resources("AWS::ApplicationAutoScaling::ScalableTarget");
    assert_eq!(targets.len(), stack.token_functions().len());
    for (name, _) in stack.token_functions() {
        assert_eq!(provisioned[name].as_deref(), Some("3"), "{name}");
        let resource = format!("function:${{{name}}}:live");
        let (own, target) =
            targets.iter().find(|(_, target)| target["ResourceId"] == resource.as_str()).expect("a target");
        assert_eq!(list(&stack.template["Resources"][own]["DependsOn"]), [&json!(format!("{name}Aliaslive"))]);
        let actions = list(&target["ScheduledActions"]);
        let said = |action: &Value| {
            let bounds = &action["ScalableTargetAction"];
            (
                text(&action["Schedule"]),
                text(&bounds["MinCapacity"]),
                text(&bounds["MaxCapacity"]),
                text(&action["Timezone"]),
            )
        };
        let action = |schedule: &str, capacity: &str| {
            (schedule.to_owned(), capacity.to_owned(), capacity.to_owned(), "Europe/Berlin".to_owned())
        };
        let expected = [action("cron(0 8 ? * MON-FRI *)", "50"), action("cron(0 22 * * ? *)", "3")];
        assert_eq!(actions.into_iter().map(said).collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn no_policy_has_a_wildcard_but_those_that_the_template_explains() {
    for stack in Stack::all() {
        let mut wild = Vec::new();
        let resources = &stack.template["Resources"];
        for statement in objects(resources).into_iter().filter(|object| object.contains_key("Effect")) {
            let forbidden = ["NotAction", "NotResource", "NotPrincipal"];
            assert!(forbidden.iter().all(|key| !statement.contains_key(*key)), "{statement:?}");
            let said = ["Action", "Resource", "Principal"].map(|key| statement.get(key).cloned().unwrap_or_default());
            if json!(said).to_string().contains(['*', '?']) {
                wild.push(said);
            }
        }
        let traces = json!(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]);
        assert_eq!(wild, [[traces, json!("*"), Value::Null]]);

        // Policies that AWS wrote: one, for CodeDeploy.
        let mut of_aws = Vec::new();
        for (name, role) in stack.resources("AWS::IAM::Role") {
            let arns = list(&role["ManagedPolicyArns"]).into_iter().filter(|arn| arn.is_string());
            of_aws.extend(arns.map(|arn| (name, text(arn))));
        }
        let limited = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited".to_owned();
        assert_eq!(of_aws, [("CodeDeployRole", limited)]);
    }
}

#[test]
fn every_role_has_the_boundary_that_the_deployer_names() {
    let boundaries = |stack: &Stack| -> BTreeSet<Option<String>> {
        let roles = stack.resources("AWS::IAM::Role").into_iter();
        roles.map(|(_, role)| role.get("PermissionsBoundary").map(text)).collect()
    };
    for vendors in [&[][..], &[NO_ZEGO], &[NO_AGORA]] {
        let stack = Stack::with(&[vendors, &[("PermissionsBoundaryArn", BOUNDARY)]].concat());
        assert_eq!(boundaries(&stack), everywhere(BOUNDARY));
        assert_eq!(boundaries(&Stack::with(vendors)), BTreeSet::from([None]));
    }
}

#[test]
fn nothing_is_public() {
    for stack in Stack::all() {
        let resources = stack.template["Resources"].as_object().expect("resources");
        for (name, resource) in resources {
            let kind = text(&resource["Type"]);
            let doors = ["AWS::Lambda::Url", "AWS::Lambda::LayerVersionPermission", "AWS::Cognito::IdentityPool"];
            assert!(!doors.contains(&kind.as_str()), "{name}");
        }
        for object in objects(&stack.template["Resources"]) {
            for (key, value) in object {
                let kind = key.to_ascii_lowercase();
                assert!(!(kind.contains("auth") && value == "NONE"), "{object:?}");
                assert!(!(key == "Principal" && value.to_string().contains('*')), "{object:?}");
            }
        }
        // Who may take a role, and who may speak to the topic: a service of AWS's.
        let principals = objects(&stack.template["Resources"]).into_iter().filter(|it| it.contains_key("Effect"));
        let principals = principals.filter_map(|statement| statement.get("Principal"));
        let known = ["cloudwatch", "codedeploy", "lambda", "scheduler"].map(|name| format!("{name}.amazonaws.com"));
        for principal in principals {
            let principal = principal.as_object().expect("a kind of principal");
            assert_eq!(principal.keys().collect::<Vec<_>>(), ["Service"]);
            assert!(known.contains(&text(&principal["Service"])), "{principal:?}");
        }
        // And only on behalf of this account, or other accounts' resources could have the service act for them here.
        let account = json!({ "StringEquals": { "aws:SourceAccount": "123456789012" } });
        let roles = stack.resources("AWS::IAM::Role").into_iter();
        let trusts = roles.map(|(name, role)| (name, statements(&role["AssumeRolePolicyDocument"])));
        let topics = stack.resources("AWS::SNS::TopicPolicy").into_iter();
        for (name, statements) in trusts.chain(topics.map(|(name, it)| (name, statements(&it["PolicyDocument"])))) {
            assert!(!statements.is_empty(), "{name}");
            for statement in statements {
                assert_eq!(statement["Condition"], account, "{name}");
            }
        }
        let permissions = stack.resources("AWS::Lambda::Permission");
        assert_eq!(permissions.len(), stack.routes().len());
        for (name, permission) in permissions {
            assert_eq!(permission["Principal"], "apigateway.amazonaws.com", "{name}");
            assert_eq!(permission["Action"], "lambda:InvokeFunction", "{name}");
            assert!(permission.get("FunctionUrlAuthType").is_none(), "{name}");
            let source = text(&permission["SourceArn"]);
            let (api, route) = source.split_once("/*/").expect("any stage of the API");
            assert_eq!(api, "arn:aws:execute-api:eu-central-1:123456789012:${Api}", "{name}");
            // SAM writes a star for a path's parameter.
            let mut routes = stack.routes().into_keys();
            let fits = |known: &str| {
                let (method, path) = known.split_once(' ').expect("two words");
                let parts = path.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
                format!("{method}{}", parts.collect::<Vec<_>>().join("/")) == route
            };
            assert!(routes.any(|known| fits(&known)), "{name}: {source}");
        }
    }
}

#[test]
fn pages_of_named_origins_may_call() {
    let cors = |stack: &Stack| stack.only("AWS::ApiGatewayV2::Api")["Body"].get("x-amazon-apigateway-cors").cloned();
    let stack = Stack::with(&[("AllowedOrigins", "https://app.example.com,http://localhost:5173")]);
    let expected = json!({
        "allowOrigins": ["https://app.example.com", "http://localhost:5173"],
        "allowMethods": ["GET", "POST"],
        "allowHeaders": ["authorization", "content-type"],
        "exposeHeaders": ["retry-after"],
        "maxAge": 3600,
    });
    assert_eq!(cors(&stack), Some(expected));
    assert_eq!(cors(&Stack::plain()), None);
}

#[test]
fn every_route_is_throttled() {
    let given = [("RateLimit", "7"), ("BurstLimit", "8"), ("AppTokenRateLimit", "2"), ("AppTokenBurstLimit", "3")];
    for vendors in [&[][..], &[NO_ZEGO], &[NO_AGORA]] {
        let stack = Stack::with(&[vendors, &given].concat());
        let stage = stack.only("AWS::ApiGatewayV2::Stage");
        let limits =
            |settings: &Value| (text(&settings["ThrottlingRateLimit"]), text(&settings["ThrottlingBurstLimit"]));
        let pair = |rate: &str, burst: &str| (rate.to_owned(), burst.to_owned());
        assert_eq!(limits(&stage["DefaultRouteSettings"]), pair("7", "8"));
        let none = Map::new();
        let own = stage.get("RouteSettings").map_or(&none, |own| own.as_object().expect("settings"));
        let mut backends = stack.routes();
        backends.retain(|_, to| to.authorizer.as_ref().is_some_and(|(name, _)| name == "AWS_IAM"));
        // API Gateway refuses settings of a route that is not there.
        assert_eq!(own.keys().collect::<Vec<_>>(), backends.keys().collect::<Vec<_>>());
        for settings in own.values() {
            assert_eq!(limits(settings), pair("2", "3"));
        }
    }
}

/// A log group that keeps what it gets for as long as the parameter says.
fn assert_kept(stack: &Stack, group: &str) {
    assert_eq!(text(&stack.resource(group)["RetentionInDays"]), text(&stack.parameters["LogRetentionDays"]), "{group}");
}

#[test]
fn the_access_log_says_what_happened_and_to_nobody() {
    let stack = Stack::plain();
    let settings = &stack.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"];
    assert_eq!(settings["DestinationArn"], json!({ "Fn::GetAtt": ["ApiLogs", "Arn"] }));
    assert_kept(&stack, "ApiLogs");
    let format = text(&settings["Format"]);
    assert!(!format.contains('\n'), "one line");
    // The status is a number once it is there.
    let line: Map<String, Value> =
        serde_json::from_str(&format.replace(":$context.status,", ":\"$context.status\",")).expect("a JSON object");
    let mut said: Vec<_> = line.values().map(|value| text(value).replace("$context.", "")).collect();
    said.sort();
    // No path, query, header, claim, address or user agent. The route has the names of its parameters, not their values.
    let known = [
        "error.message",
        "error.responseType",
        "integration.integrationStatus",
        "integration.requestId",
        "integrationLatency",
        "requestId",
        "requestTime",
        "responseLatency",
        "routeKey",
        "status",
    ];
    assert_eq!(said, known);

    // What it counts ends deployments, so it must not wait for the API, which waits for them.
    let filter = stack.only("AWS::Logs::MetricFilter");
    assert_eq!(filter["LogGroupName"], json!({ "Ref": "ApiLogs" }));
    let counted = &filter["MetricTransformations"][0];
    let alarm = stack.resource("ServerErrors");
    assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&counted["MetricNamespace"], &counted["MetricName"]));
}

#[test]
fn every_function_is_watched() {
    for stack in Stack::all() {
        let mut log_groups = BTreeSet::new();
        for (name, binary) in stack.functions() {
            let function = stack.resource(name);
            let log_group = function["LoggingConfig"]["LogGroup"]["Ref"].as_str().expect("a log group");
            assert_kept(&stack, log_group);
            assert!(log_groups.insert(log_group), "{name} shares {log_group}");
            assert_eq!(function["LoggingConfig"]["LogFormat"], "JSON", "{name}");
            assert_eq!(function["TracingConfig"]["Mode"], "Active", "{name}");

            // What keeps the others warm makes nobody wait, and has no credentials.
            if binary == functions::PREWARM {
                continue;
            }
            let dimensions = |key: &str| json!([{ "Name": key, "Value": { "Ref": name } }]);
            let metrics = [
                ("AWS/Lambda", "Errors", "FunctionName"),
                ("AWS/Lambda", "Throttles", "FunctionName"),
                ("AWS/Lambda", "Duration", "FunctionName"),
                ("Tokenmint", "CredentialsStale", "function_name"),
            ];
            for (namespace, metric, key) in metrics {
                let alarm = stack.alarm(namespace, metric, &dimensions(key));
                let (_, alarm) = alarm.unwrap_or_else(|| panic!("{name} has no alarm on {metric}"));
                let (statistic, other) =
                    if metric == "Duration" { ("ExtendedStatistic", "p99") } else { ("Statistic", "Sum") };
                assert_eq!(alarm[statistic], other, "{name} {metric}");
                let limit =
                    if metric == "Duration" { text(&stack.parameters["SlowMilliseconds"]) } else { "0".to_owned() };
                assert_eq!(text(&alarm["Threshold"]), limit, "{name} {metric}");
            }
        }
        let topic = json!([{ "Ref": "AlarmTopic" }]);
        for (name, alarm) in stack.resources("AWS::CloudWatch::Alarm") {
            assert_eq!((&alarm["AlarmActions"], &alarm["OKActions"]), (&topic, &topic), "{name}");
            // Of the schedule it is the silence that counts.
            let (comparison, missing) = if name == "PrewarmMissing" {
                ("LessThanThreshold", "breaching")
            } else {
                ("GreaterThanThreshold", "notBreaching")
            };
            assert_eq!(alarm["ComparisonOperator"], comparison, "{name}");
            assert_eq!(alarm["TreatMissingData"], missing, "{name}");
        }
        let subscription = &stack.only("AWS::SNS::Topic")["Subscription"];
        if stack.holds("HasAlarmEmail") {
            assert_eq!(*subscription, json!([{ "Protocol": "email", "Endpoint": "us@example.com" }]));
        } else {
            assert!(subscription.is_null());
        }
    }
}

#[test]
fn a_new_version_gets_all_traffic_only_if_no_alarm_goes_off() {
    for stack in Stack::all() {
        let aliases = stack.resources("AWS::Lambda::Alias");
        assert_eq!(aliases.len(), stack.functions().len());
        for (name, alias) in aliases {
            assert_eq!(alias["Name"], "live", "{name}");
            let function = alias["FunctionName"]["Ref"].as_str().expect("a function");
            if stack.functions()[function] == functions::PREWARM {
                continue;
            }
            let update = &stack.template["Resources"][name]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"];
            let group = stack.resource(update["DeploymentGroupName"]["Ref"].as_str().expect("a deployment group"));
            let how = format!("CodeDeployDefault.Lambda{}", text(&stack.parameters["DeploymentType"]));
            assert_eq!(group["DeploymentConfigName"], how, "{name}");
            let dimension = json!([{ "Name": "FunctionName", "Value": { "Ref": function } }]);
            let own =
                ["Errors", "Duration"].map(|metric| stack.alarm("AWS/Lambda", metric, &dimension).expect("an alarm").0);
            let alarms = ["ServerErrors", own[0], own[1]].map(|alarm| json!({ "Name": { "Ref": alarm } }));
            assert_eq!(group["AlarmConfiguration"], json!({ "Enabled": true, "Alarms": alarms }), "{name}");
            assert_eq!(group["AutoRollbackConfiguration"]["Enabled"], true, "{name}");
            let events = list(&group["AutoRollbackConfiguration"]["Events"]);
            assert!(events.contains(&&json!("DEPLOYMENT_STOP_ON_ALARM")), "{name}");
        }
    }
}

#[test]
fn concurrency_is_reserved_where_it_is_asked_for() {
    let reserved = |stack: &Stack| -> BTreeSet<Option<String>> {
        let functions = stack.token_functions().into_iter();
        functions.map(|(_, function)| function.get("ReservedConcurrentExecutions").map(text)).collect()
    };
    assert_eq!(reserved(&Stack::plain()), BTreeSet::from([None]));
    assert_eq!(reserved(&Stack::with(&[("ReservedConcurrency", "20")])), everywhere("20"));
}

#[test]
fn the_dashboard_shows_every_function() {
    for stack in Stack::all() {
        let body = text(&stack.only("AWS::CloudWatch::Dashboard")["DashboardBody"]);
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        let functions = stack.token_functions();
        let mut of_functions = 0;
        for widget in list(&body["widgets"]) {
            let metrics = list(&widget["properties"]["metrics"]);
            // The API's own, and searches.
            if metrics[0][0] == "AWS/ApiGateway" || metrics[0][0].is_object() {
                continue;
            }
            let shown: BTreeSet<_> = metrics.iter().map(|metric| text(list(metric).last().expect("a value"))).collect();
            let expected: BTreeSet<_> = functions.iter().map(|(name, _)| format!("${{{name}}}")).collect();
            assert_eq!(shown, expected, "{}", widget["properties"]["title"]);
            of_functions += 1;
        }
        assert!(of_functions >= 6, "{body}");
    }
}

/// A reference that leads nowhere would end the deployment, so it must end these tests.
#[test]
fn references_to_what_is_not_there_are_refused() {
    let topic = |name: Value| json!({ "Added": { "Type": "AWS::SNS::Topic", "Properties": { "TopicName": name } } });
    for (name, error) in [
        (json!({ "Ref": "Nothing" }), "there is no Nothing"),
        (json!({ "Fn::GetAtt": ["Nothing", "Arn"] }), "there is no Nothing"),
        (json!({ "Fn::Sub": "a-${Nothing}" }), "there is no Nothing"),
        (json!({ "Fn::Sub": "a-${Nothing.Arn}" }), "there is no Nothing"),
        (json!({ "Fn::Sub": ["a-${It}", { "It": { "Ref": "Nothing" } }] }), "there is no Nothing"),
        (json!({ "Fn::Join": ["-", ["a", { "Ref": "Nothing" }]] }), "there is no Nothing"),
        // The template has it, but its condition is false.
        (json!({ "Ref": "UserPool" }), "there is no UserPool"),
        (json!({ "Fn::If": ["Nothing", "a", "b"] }), "Condition 'Nothing' not found"),
        (json!({ "Fn::Select": [1, ["a"]] }), "Fn::Select index out of bounds"),
        (json!({ "Fn::ImportValue": "elsewhere" }), "Fn::ImportValue is not resolved"),
    ] {
        let refused = Stack::try_with(&[ISSUER, AUDIENCE], &topic(name.clone()));
        assert_eq!(refused.err().as_deref(), Some(error), "{name}");
    }
    let unknown = Stack::try_with(&[("Nothing", "1")], &json!({}));
    assert!(unknown.err().is_some_and(|error| error.contains("'Nothing'")));
}

/// What SAM's expander does not do, or does otherwise than CloudFormation.
#[test]
fn references_and_nothing_are_put_in_as_cloudformation_does() {
    let nothing = json!({ "Ref": "AWS::NoValue" });
    let sometimes =
        |there: bool| json!({ "Fn::If": ["OwnUserPool", if there { json!("a") } else { nothing.clone() }, nothing] });
    let properties = json!({
        "Plain": { "Fn::Join": ["-", ["a", sometimes(false), "b", nothing]] },
        "Later": { "Fn::Join": ["-", ["a", sometimes(false), { "Ref": "Api" }]] },
        "Sub": { "Fn::Sub": ["${One} ${Two} ${AWS::Region}", { "One": { "Ref": "Api" }, "Two": sometimes(true) }] },
        "Gone": sometimes(false),
        "List": [sometimes(true), sometimes(false), nothing],
    });
    let added = json!({ "Added": { "Type": "AWS::SNS::Topic", "Properties": properties } });
    let stack = Stack::try_with(&[], &added).unwrap_or_else(|error| panic!("{error}"));
    let expected = json!({
        "Plain": "a-b",
        "Later": { "Fn::Join": ["-", ["a", { "Ref": "Api" }]] },
        "Sub": "${Api} a eu-central-1",
        "List": ["a"],
    });
    assert_eq!(*stack.resource("Added"), expected);
}

/// What CloudFormation has to make before this: what is referred to anywhere in it.
fn waits_for(stack: &Stack, resource: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match resource {
        Value::String(text) => {
            let within = text.split("${").skip(1).filter_map(|part| part.split(['}', '.']).next());
            names.extend(within.map(str::to_owned));
        }
        Value::Array(items) => names.extend(items.iter().flat_map(|item| waits_for(stack, item))),
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "Ref" => names.extend(field.as_str().map(str::to_owned)),
                    "Fn::GetAtt" => names.extend(field[0].as_str().map(str::to_owned)),
                    "DependsOn" => names.extend(list(field).into_iter().map(text)),
                    _ => names.extend(waits_for(stack, field)),
                }
            }
        }
        _ => {}
    }
    names.retain(|name| stack.exists(name));
    names
}

#[test]
fn no_resource_waits_for_itself() {
    for stack in Stack::all() {
        let resources = stack.template["Resources"].as_object().expect("resources").iter();
        let mut waiting: BTreeMap<_, _> = resources.map(|(name, it)| (name.clone(), waits_for(&stack, it))).collect();
        // Make what waits for nothing, until nothing is left.
        loop {
            let ready: BTreeSet<_> =
                waiting.iter().filter(|(_, on)| on.is_empty()).map(|(name, _)| name.clone()).collect();
            if ready.is_empty() {
                break;
            }
            waiting.retain(|name, _| !ready.contains(name));
            waiting.values_mut().for_each(|on| on.retain(|name| !ready.contains(name)));
        }
        assert!(waiting.is_empty(), "these wait for each other: {waiting:#?}");
    }
}
