//! What `template.yaml` deploys with different parameters, as AWS's own translator and expander see it.

use crate::functions;
use harness::project;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

mod callers;
pub(crate) mod settings;
mod vendors;
mod policies;
mod capacity;
mod watched;
mod alarms;
mod references;
mod runbook;
mod side_by_side;
mod deployer;
mod mistakes;

const STACK: &str = "tokenmint";
const AGORA: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokenmint/agora-abcdef";
const ZEGO: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokenmint/zego-abcdef";
const ZIM: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokenmint/zim-abcdef";
const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/0f";
const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";
const ROOTS: (&str, &str) = ("TrustedRootsFile", "/etc/pki/tls/certs/ca-bundle.crt");
const ISSUER: (&str, &str) = ("JwtIssuer", "https://issuer.example.com/");
const AUDIENCE: (&str, &str) = ("JwtAudience", "app,web");
const TOKENMINT: (&str, &str) = ("JwtVerifier", "tokenmint");
const TWICE: (&str, &str) = ("VerifyTwice", "true");
const DROP_IN: (&str, &str) = ("DropIn", "true");
const CLASSROOMS: (&str, &str) = ("Classrooms", "true");
const AGENTS: (&str, &str) = ("AgentTokens", "true");
const UIKIT: (&str, &str) = ("UikitJwtAudience", "uikit");
const NO_AGORA: (&str, &str) = ("AgoraSecretArn", "");
const NO_ZEGO: (&str, &str) = ("ZegoSecretArn", "");

/// One stack: the template with its conditions decided and its parameters put in. What exists only after a deployment
/// stays a `Ref`, a `Fn::GetAtt`, or `${Name}` within a text.
#[derive(Deserialize)]
pub(crate) struct Stack {
    template: Value,
    parameters: Map<String, Value>,
    conditions: BTreeMap<String, bool>,
    /// The rules of the template that these parameters break.
    refusals: Vec<String>,
    /// The resources and outputs whose condition is false.
    left_out: Map<String, Value>,
    /// The properties that name a resource, by its type.
    names: BTreeMap<String, BTreeSet<String>>,
    /// When CloudFormation replaces resources of some types.
    replaced: BTreeMap<String, Replaced>,
}

/// What AWS's schema says about a type of resource.
#[derive(Deserialize)]
struct Replaced {
    /// If one of these properties changes, CloudFormation replaces the resource.
    properties: BTreeSet<String>,
    /// How many characters a description may have.
    description: usize,
}

/// Where a route leads.
pub(crate) struct Target {
    /// The function's binary.
    pub(crate) function: String,
    /// The authorizer and the scopes that it wants. `None` for an open route.
    pub(crate) authorizer: Option<(String, Value)>,
}

impl Stack {
    /// Only with the parameters that have no default.
    pub(crate) fn plain() -> Stack {
        Stack::with(&[])
    }

    /// With every function: also those that a deployer must ask for.
    pub(crate) fn with_every_function() -> Stack {
        Stack::with(&[TOKENMINT, DROP_IN, CLASSROOMS, AGENTS])
    }

    /// With every route but the drop-in routes.
    pub(crate) fn without_drop_in() -> Stack {
        Stack::with(&[CLASSROOMS, AGENTS])
    }

    /// With every route that there can be.
    pub(crate) fn with_every_route() -> Stack {
        Stack::with(&[DROP_IN, UIKIT, CLASSROOMS, AGENTS])
    }

    /// The value of each parameter.
    pub(crate) fn parameters(&self) -> &Map<String, Value> {
        &self.parameters
    }

    fn with(given: &[(&str, &str)]) -> Stack {
        Stack::try_with(given, &json!({})).unwrap_or_else(|error| panic!("CloudFormation refuses {given:?}: {error}"))
    }

    /// With additional resources.
    fn try_with(given: &[(&str, &str)], added: &Value) -> Result<Stack, String> {
        Stack::of(STACK, given, added, &json!({}))
    }

    /// With another name than the usual one.
    fn named(stack: &str, given: &[(&str, &str)], added: &Value) -> Stack {
        Stack::of(stack, given, added, &json!({})).unwrap_or_else(|error| panic!("CloudFormation refuses it: {error}"))
    }

    /// With additional variables for every function.
    fn with_variables(given: &[(&str, &str)], variables: &Value) -> Stack {
        Stack::of(STACK, given, &json!({}), variables)
            .unwrap_or_else(|error| panic!("CloudFormation refuses it: {error}"))
    }

    fn of(stack: &str, given: &[(&str, &str)], added: &Value, variables: &Value) -> Result<Stack, String> {
        let mut parameters = json!({ "AgoraSecretArn": AGORA, "ZegoSecretArn": ZEGO });
        for (name, value) in given {
            parameters[name] = json!(value);
        }
        let question = json!({ "parameters": parameters, "added": added, "variables": variables, "stack": stack });
        let answer = resolved(&question);
        match answer.get("error") {
            Some(error) => Err(text(error)),
            None => Ok(Stack::deserialize(answer).expect("a stack")),
        }
    }

    /// Every set of parameters that makes a difference.
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
                ("ScopeClaim", "permissions"),
                ("RefusedClaims", "is_anonymous=true"),
                ("MaxSecondsBeyondJwt", "0"),
                ("Rtm006", "refused"),
                ("ReservedConcurrency", "20"),
                ("AlarmEmail", "us@example.com"),
                ("SystemLogLevel", "INFO"),
                ("Tracing", "Active"),
                ("DeploymentType", "AllAtOnce"),
                ("PermissionsBoundaryArn", BOUNDARY),
                ("DefaultAddress", "closed"),
                ("ProvisionedConcurrency", "2"),
                ("ProvisionedPeak", "10"),
            ]),
            Stack::with(&[NO_ZEGO]),
            Stack::with(&[NO_AGORA]),
            Stack::with(&[TOKENMINT]),
            Stack::with(&[TWICE, ("JwtScope", "tokens"), ISSUER, AUDIENCE]),
            Stack::with(&[TOKENMINT, TWICE, ISSUER, AUDIENCE, NO_ZEGO, ("ProvisionedPeak", "10")]),
            Stack::with(&[NO_ZEGO, ISSUER, AUDIENCE, ("ProvisionedPeak", "10")]),
            Stack::with(&[NO_AGORA, ISSUER, AUDIENCE, ("ZimSecretArn", ZIM), ("ProvisionedPeak", "10")]),
            Stack::with(&[DROP_IN]),
            Stack::with_every_route(),
            Stack::with(&[
                DROP_IN,
                UIKIT,
                TWICE,
                ISSUER,
                AUDIENCE,
                origins,
                ("JwtScope", "tokens"),
                ("SecretsKmsKeyArn", KEY),
                ("ProvisionedPeak", "10"),
            ]),
            Stack::with(&[DROP_IN, TOKENMINT, NO_ZEGO]),
            Stack::with(&[DROP_IN, NO_AGORA, ISSUER, AUDIENCE]),
            Stack::with(&[CLASSROOMS]),
            Stack::with(&[AGENTS, TWICE, NO_ZEGO, ("SecretsKmsKeyArn", KEY), ("ProvisionedPeak", "10")]),
            // The scope is looked for in one function alone.
            Stack::with(&[CLASSROOMS, ("TeacherScope", "teach"), ("ScopeClaim", "permissions"), ISSUER, AUDIENCE]),
            Stack::with(&[
                CLASSROOMS,
                ("TeacherScope", "teach"),
                ("SecretsKmsKeyArn", KEY),
                ("ProvisionedPeak", "10"),
                TOKENMINT,
                ISSUER,
                AUDIENCE,
                NO_ZEGO,
            ]),
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

    fn resources(&self, resource_type: &str) -> Vec<(&str, &Value)> {
        let resources = self.template["Resources"].as_object().expect("resources").iter();
        let these = resources.filter(|(_, resource)| resource["Type"] == resource_type);
        these.map(|(name, it)| (name.as_str(), &it["Properties"])).collect()
    }

    fn only(&self, resource_type: &str) -> &Value {
        let all = self.resources(resource_type);
        let [(_, one)] = all.as_slice() else { panic!("one {resource_type}, not {}", all.len()) };
        one
    }

    /// Each function's binary by its logical id.
    pub(crate) fn functions(&self) -> BTreeMap<&str, String> {
        let functions = self.resources("AWS::Lambda::Function").into_iter();
        functions.map(|(name, function)| (name, text(&function["Code"]["S3Key"]))).collect()
    }

    /// The functions that mint tokens.
    fn token_functions(&self) -> Vec<(&str, &Value)> {
        let functions = self.functions();
        let mints = |(name, _): &(&str, &Value)| {
            ![functions::PREWARM, functions::JWT_AUTHORIZER].contains(&functions[name].as_str())
        };
        self.resources("AWS::Lambda::Function").into_iter().filter(mints).collect()
    }

    /// The logical ids of the functions that wait for callers: all but the one that warms them.
    fn warmed_functions(&self) -> BTreeSet<&str> {
        let warmed = self.functions().into_iter().filter(|(_, binary)| binary != functions::PREWARM);
        warmed.map(|(name, _)| name).collect()
    }

    /// The versions of the functions that mint tokens. A version holds its settings.
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
                // With several requirements, any one of them would be enough.
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

    /// The alarm on a metric with these dimensions.
    fn alarm(&self, namespace: &str, metric: &str, dimensions: &Value) -> Option<(&str, &Value)> {
        let alarms = self.resources("AWS::CloudWatch::Alarm").into_iter();
        let mut fitting = alarms.filter(|(_, alarm)| {
            alarm["Namespace"] == namespace && alarm["MetricName"] == metric && alarm["Dimensions"] == *dimensions
        });
        fitting.next()
    }
}

/// What `tools/resolve_template.py` answers. Each question is asked only once.
fn resolved(question: &Value) -> Value {
    static ANSWERS: Mutex<BTreeMap<String, Value>> = Mutex::new(BTreeMap::new());
    static RESOLVER: LazyLock<Mutex<(Child, BufReader<ChildStdout>)>> = LazyLock::new(|| {
        let mut python = Command::new(project::tool("python"));
        // The translator needs a region. When our process ends, its input ends, and then it ends too.
        python.arg("tools/resolve_template.py").env("AWS_DEFAULT_REGION", "eu-central-1").current_dir(project::root());
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
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("resolve_template.py says {line:?}: {error}"))
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

fn variable(stack: &Stack, variable: &str) -> BTreeSet<Option<String>> {
    let functions = stack.token_functions().into_iter();
    functions.map(|(_, function)| function["Environment"]["Variables"].get(variable).map(text)).collect()
}

fn everywhere(value: &str) -> BTreeSet<Option<String>> {
    BTreeSet::from([Some(value.to_owned())])
}
