//! What the roles and resource policies allow.

use super::settings::POLICIES;
use super::{
    AGENTS, AGORA, BOUNDARY, CLASSROOMS, DROP_IN, KEY, NO_AGORA, NO_ZEGO, Stack, ZEGO, ZIM, everywhere, list, objects,
    text,
};
use crate::functions;
use harness::secrets::Vendor;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The statements of a policy document.
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
            for absent in [other.variable(), "LOCAL_CREDENTIALS"] {
                assert_eq!(variables.get(absent), None, "{name}");
            }

            // The first start reads the secret, so the function waits for the policy that allows it.
            let policy = &stack.template["Resources"][name]["DependsOn"];
            let readers = &stack.resource(policy.as_str().expect("one policy"))["Roles"];
            let role = function["Role"]["Fn::GetAtt"][0].as_str().expect("a role of its own");
            assert!(roles.insert(role), "{name} shares {role}");
            assert!(list(readers).contains(&&json!({ "Ref": role })), "{name} depends on {policy}");
            let mut allowed = allowed(&stack, role);
            let log_group = function["LoggingConfig"]["LogGroup"]["Ref"].as_str().expect("a log group of its own");
            let mut expected = vec![
                json!({ "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret }),
                json!({ "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": { "Fn::GetAtt": [log_group, "Arn"] } }),
            ];
            if stack.holds("HasTracing") {
                let traces = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
                expected.push(json!({ "Effect": "Allow", "Action": traces, "Resource": "*" }));
            }
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

/// All that a role's policies say. A managed policy may name the role, or the role may name the policy.
pub(super) fn allowed(stack: &Stack, role: &str) -> Vec<Value> {
    let named = list(&stack.resource(role)["ManagedPolicyArns"]).into_iter();
    let named = named.map(|arn| stack.resource(arn["Ref"].as_str().expect("a policy of the template")));
    let naming = stack.resources("AWS::IAM::ManagedPolicy").into_iter().map(|(_, policy)| policy);
    let naming = naming.filter(|policy| list(&policy["Roles"]).contains(&&json!({ "Ref": role })));
    let inline = list(&stack.resource(role)["Policies"]);
    let documents = named.chain(naming).chain(inline).map(|policy| &policy["PolicyDocument"]);
    documents.flat_map(statements).cloned().collect()
}

#[test]
fn no_policy_has_a_wildcard_but_those_that_the_template_explains() {
    for stack in Stack::all() {
        let mut wild = Vec::new();
        let resources = &stack.template["Resources"];
        for statement in objects(resources).into_iter().filter(|object| object.contains_key("Effect")) {
            let forbidden = ["NotAction", "NotResource", "NotPrincipal"];
            assert!(forbidden.iter().all(|key| !statement.contains_key(*key)), "{statement:?}");
            let keys = ["Effect", "Action", "Resource", "Principal"];
            let said = keys.map(|key| statement.get(key).cloned().unwrap_or_default());
            if json!(said).to_string().contains(['*', '?']) {
                wild.push(said);
            }
        }
        let traces = json!(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]);
        let nothing = [json!("Deny"), json!("sts:GetCallerIdentity"), json!("*"), Value::Null];
        let traces = [json!("Allow"), traces, json!("*"), Value::Null];
        let traces = stack.holds("HasTracing").then_some(traces);
        let expected: Vec<_> = [nothing.clone()].into_iter().chain(traces).chain([nothing]).collect();
        assert_eq!(wild, expected);

        // There is one policy that AWS wrote, for CodeDeploy.
        let mut of_aws = Vec::new();
        for (name, role) in stack.resources("AWS::IAM::Role") {
            let arns = list(&role["ManagedPolicyArns"]).into_iter().filter(|arn| arn.is_string());
            of_aws.extend(arns.map(|arn| (name, text(arn))));
        }
        let limited = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited".to_owned();
        assert_eq!(of_aws, [("CodeDeployRole", limited)]);
    }
}

/// These policies are here for their descriptions alone.
#[test]
fn the_policies_that_hold_settings_permit_nothing_and_nobody_has_them() {
    for stack in Stack::all() {
        for name in POLICIES {
            let policy = stack.resource(name).as_object().expect("properties");
            assert_eq!(policy.keys().collect::<Vec<_>>(), ["Description", "PolicyDocument"]);
            assert!(statements(&policy["PolicyDocument"]).iter().all(|statement| statement["Effect"] == "Deny"));
            for (role, properties) in stack.resources("AWS::IAM::Role") {
                assert!(!properties.to_string().contains(name), "{role}");
            }
        }
    }
}

#[test]
fn every_role_has_the_boundary_that_the_deployer_names() {
    let boundaries = |stack: &Stack| -> BTreeSet<Option<String>> {
        let roles = stack.resources("AWS::IAM::Role").into_iter();
        roles.map(|(_, role)| role.get("PermissionsBoundary").map(text)).collect()
    };
    for vendors in [&[][..], &[NO_ZEGO], &[NO_AGORA], &[DROP_IN], &[CLASSROOMS], &[AGENTS]] {
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
            let resource_type = text(&resource["Type"]);
            let doors = ["AWS::Lambda::Url", "AWS::Lambda::LayerVersionPermission", "AWS::Cognito::IdentityPool"];
            assert!(!doors.contains(&resource_type.as_str()), "{name}");
        }
        for object in objects(&stack.template["Resources"]) {
            for (key, value) in object {
                let lower = key.to_ascii_lowercase();
                assert!(!(lower.contains("auth") && value == "NONE"), "{object:?}");
                assert!(!(key == "Principal" && value.to_string().contains('*')), "{object:?}");
            }
        }
        // Only AWS services may take a role or send to the topic.
        let principals = objects(&stack.template["Resources"]).into_iter().filter(|it| it.contains_key("Effect"));
        let principals = principals.filter_map(|statement| statement.get("Principal"));
        let known = ["cloudwatch", "codedeploy", "lambda", "scheduler"].map(|name| format!("{name}.amazonaws.com"));
        for principal in principals {
            let principal = principal.as_object().expect("an object");
            assert_eq!(principal.keys().collect::<Vec<_>>(), ["Service"]);
            assert!(known.contains(&text(&principal["Service"])), "{principal:?}");
        }
        // They may do so only for this account. Otherwise resources of other accounts could make a service act here.
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
        for (name, permission) in &permissions {
            assert_eq!(permission["Principal"], "apigateway.amazonaws.com", "{name}");
            assert_eq!(permission["Action"], "lambda:InvokeFunction", "{name}");
            assert!(permission.get("FunctionUrlAuthType").is_none(), "{name}");
        }
        // Each route is permitted. A function with drop-in routes has one permission for all of them.
        let (routes, plain) = (stack.routes(), Stack::without_drop_in().routes());
        let (drop_in, others): (Vec<_>, Vec<_>) =
            permissions.into_iter().partition(|(name, _)| name.ends_with("DropInPermission"));
        let mut functions = stack.functions();
        let served: BTreeSet<_> =
            routes.iter().filter(|(route, _)| !plain.contains_key(*route)).map(|(_, to)| &to.function).collect();
        functions.retain(|_, binary| served.contains(binary));
        let aliases: BTreeSet<_> = functions
            .into_keys()
            .map(|name| json!({ "Ref": format!("{name}Aliaslive") }))
            .map(|it| it.to_string())
            .collect();
        assert_eq!(drop_in.iter().map(|(_, it)| it["FunctionName"].to_string()).collect::<BTreeSet<_>>(), aliases);
        for (name, permission) in drop_in {
            // Any stage, method and path of this API. The ARN for asking a function as an authorizer is another one.
            assert_eq!(permission["SourceArn"], "arn:aws:execute-api:eu-central-1:123456789012:${Api}/*/*/*", "{name}");
        }
        // The authorizer has no route: see `callers`.
        let others: Vec<_> = others.into_iter().filter(|(name, _)| *name != "JwtAuthorizerPermission").collect();
        assert_eq!(others.len(), routes.keys().filter(|route| plain.contains_key(*route)).count());
        for (name, permission) in others {
            let source = text(&permission["SourceArn"]);
            let (api, route) = source.split_once("/*/").expect("any stage of the API");
            assert_eq!(api, "arn:aws:execute-api:eu-central-1:123456789012:${Api}", "{name}");
            // SAM writes a star for a path's parameter.
            let fits = |known: &str| {
                let (method, path) = known.split_once(' ').expect("two words");
                let parts = path.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
                format!("{method}{}", parts.collect::<Vec<_>>().join("/")) == route
            };
            assert!(routes.keys().any(|known| fits(known)), "{name}: {source}");
        }
    }
}
