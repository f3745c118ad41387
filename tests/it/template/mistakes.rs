//! Mistakes in `template.yaml`. Each one breaks a promise of SECURITY.md, and names the test that must notice it.

use harness::project;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::{fs, thread};

struct Mistake {
    /// What is wrong.
    what: &'static str,
    /// This text is replaced where the template has it first.
    from: &'static str,
    to: &'static str,
    /// The test that must fail, in `template`.
    test: &'static str,
}

const OPEN: &str = "callers::no_route_is_open";
const OWN_USERS: &str = "callers::without_an_issuer_the_stack_signs_its_users_in_itself";
const ONE_SECRET: &str = "policies::a_function_may_read_one_secret_and_do_nothing_else";
const WILDCARD: &str = "policies::no_policy_has_a_wildcard_but_those_that_the_template_explains";
const PUBLIC: &str = "policies::nothing_is_public";
const WATCHED: &str = "watched::every_function_is_watched";
const CORS: &str = "callers::pages_of_named_origins_may_call";
const THROTTLED: &str = "callers::every_route_is_throttled";
const AUTHORIZER: &str = "callers::the_authorizer_serves_this_api_alone_and_knows_the_policy";

const MISTAKES: &[Mistake] = &[
    // Who may have which token.
    Mistake {
        what: "a route without an authorizer",
        from: "\"/rtm/{user_id}/token\": !If\n            - HasAgora\n            - get: { security:",
        to: "\"/rtm/{user_id}/token\": !If\n            - HasAgora\n            - get: { x-security:",
        test: OPEN,
    },
    Mistake {
        what: "Chat's app token for users",
        from: "/chat/app/token: !If\n            - HasAgora\n            - get: { security: [{ AWS_IAM: [] }] }",
        to: "/chat/app/token: !If\n            - HasAgora\n            - get: { security: [{ SignedInUser: [] }] }",
        test: OPEN,
    },
    Mistake {
        what: "agents' tokens for users",
        from: "- HasAgentToken\n            - post: { security: [{ AWS_IAM: [] }] }",
        to: "- HasAgentToken\n            - post: { security: [{ SignedInUser: [] }] }",
        test: OPEN,
    },
    Mistake {
        what: "a drop-in route for backends that lets users in",
        from: "- get:\n                        security: [{ AWS_IAM: [] }]",
        to: "- get:\n                        security: [{ SignedInUser: [] }]",
        test: OPEN,
    },
    Mistake {
        what: "a JWT in the query counts as one in a header",
        from: "security: [{ UikitUser:",
        to: "security: [{ SignedInUser:",
        test: OPEN,
    },
    Mistake {
        what: "the JWT is taken from the query on every route",
        from: "identitySource: $request.header.Authorization",
        to: "identitySource: $request.querystring.jwt",
        test: OPEN,
    },
    Mistake {
        what: "the gateway remembers the authorizer's answers",
        from: "authorizerResultTtlInSeconds: 0",
        to: "authorizerResultTtlInSeconds: 300",
        test: OPEN,
    },
    Mistake {
        what: "the functions believe everybody",
        from: "IDENTITY: !If [VerifiedTwice, jwt, !If [HasJwtAuthorizer, authorizer, gateway]]",
        to: "IDENTITY: none",
        test: OPEN,
    },
    Mistake {
        what: "JWTs for any audience",
        from: "audience: !If [OwnUserPool, [!Ref UserPoolClient], !Split [\",\", !Ref JwtAudience]]",
        to: "audience: [any]",
        test: OWN_USERS,
    },
    Mistake {
        what: "a route that takes ID tokens",
        from: "!If [OwnUserPool, aws.cognito.signin.user.admin, !If [HasJwtScope",
        to: "!If [OwnUserPool, !Ref AWS::NoValue, !If [HasJwtScope",
        test: OWN_USERS,
    },
    Mistake {
        what: "a JWT in the query with an audience of headers",
        from: "audience: [!Ref UikitJwtAudience]",
        to: "audience: [!Ref UikitJwtAudience, !Ref JwtAudience]",
        test: "callers::a_jwt_in_the_query_has_an_audience_of_its_own",
    },
    Mistake {
        what: "functions that verify JWTs for any audience",
        from: "JWT_AUDIENCE: !If [VerifiedTwice, !If [OwnUserPool, !Ref UserPoolClient, !Ref JwtAudience], !Ref AWS::NoValue]",
        to: "JWT_AUDIENCE: !If [VerifiedTwice, any, !Ref AWS::NoValue]",
        test: "callers::the_functions_that_verify_jwts_want_what_the_gateway_would",
    },
    Mistake {
        what: "the claims that are refused reach no function",
        from: "REFUSED_CLAIMS: !If [HasRefusedClaims,",
        to: "UNKNOWN: !If [HasRefusedClaims,",
        test: "settings::each_setting_reaches_the_functions",
    },
    Mistake {
        what: "a changed limit that makes no new version",
        from: "${Form} ${DefaultTokenTtlSeconds} ${MaxTokenTtlSeconds} ",
        to: "${Form} ${DefaultTokenTtlSeconds} ",
        test: "settings::a_changed_setting_makes_a_new_version",
    },
    Mistake {
        what: "tokens that live a day",
        from: "  MaxTokenTtlSeconds:\n    Type: Number\n    Default: 3600",
        to: "  MaxTokenTtlSeconds:\n    Type: Number\n    Default: 86400",
        test: "settings::a_token_lives_an_hour_unless_the_deployer_says_more",
    },
    Mistake {
        what: "tokens that outlive their JWT by any time",
        from: "^(0|[1-9][0-9]{0,3}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400)?$",
        to: "^[0-9]*$",
        test: "settings::a_token_outlives_its_jwt_by_a_day_at_most",
    },
    Mistake {
        what: "a nested claim, which the gateway never passes on",
        from: "AllowedPattern: ^([-!-,/-~]*|[!-~]*[:/][-!-,0-9;-~]*|https?://[!-.0-9;-~]*)$",
        to: "AllowedPattern: ^[!-~]*$",
        test: "settings::a_claim_may_be_a_url_and_not_a_path",
    },
    Mistake {
        what: "an issuer without an audience",
        from: "!Not [!Equals [!Ref JwtAudience, \"\"]]",
        to: "!Not [!Equals [!Ref JwtIssuer, \"\"]]",
        test: "settings::parameters_that_do_not_fit_together_are_refused",
    },
    Mistake {
        what: "a parameter that does not say what is open without it",
        from: "every signed-in user may enter any room",
        to: "users may enter rooms",
        test: "settings::the_parameters_say_what_is_open_until_somebody_closes_it",
    },
    // The stack's own users.
    Mistake {
        what: "everybody may register",
        from: "AllowAdminCreateUserOnly: true",
        to: "AllowAdminCreateUserOnly: false",
        test: OWN_USERS,
    },
    Mistake {
        what: "the users' accounts are deleted with the stack",
        from: "DeletionPolicy: RetainExceptOnCreate",
        to: "DeletionPolicy: Delete",
        test: OWN_USERS,
    },
    Mistake {
        what: "apps send passwords",
        from: "ExplicitAuthFlows: [ALLOW_USER_SRP_AUTH,",
        to: "ExplicitAuthFlows: [ALLOW_USER_PASSWORD_AUTH, ALLOW_USER_SRP_AUTH,",
        test: OWN_USERS,
    },
    Mistake {
        what: "strangers learn who has an account",
        from: "PreventUserExistenceErrors: ENABLED",
        to: "PreventUserExistenceErrors: LEGACY",
        test: OWN_USERS,
    },
    // Pages, and how often somebody may ask.
    Mistake {
        what: "CORS for every origin",
        from: "AllowOrigins: !Split [\",\", !Ref AllowedOrigins]",
        to: "AllowOrigins: [\"*\"]",
        test: CORS,
    },
    Mistake {
        what: "CORS for every origin, if the deployer names none",
        from: "- !Ref AWS::NoValue\n      # Both limits count",
        to: "- { AllowOrigins: [\"*\"] }\n      # Both limits count",
        test: CORS,
    },
    Mistake {
        what: "routes without a limit",
        from: "        ThrottlingRateLimit: !Ref RateLimit\n",
        to: "",
        test: THROTTLED,
    },
    Mistake {
        what: "Chat's app token with the limit of users",
        from: "GET /chat/app/token:\n            ThrottlingRateLimit: !Ref AppTokenRateLimit",
        to: "GET /chat/app/token:\n            ThrottlingRateLimit: !Ref RateLimit",
        test: THROTTLED,
    },
    Mistake {
        what: "an address that cannot be closed",
        from: "DisableExecuteApiEndpoint: !If [HasClosedAddress, true, false]",
        to: "DisableExecuteApiEndpoint: false",
        test: "callers::the_apis_own_address_is_open_until_the_deployer_closes_it",
    },
    // What the functions may do.
    Mistake {
        what: "a function that may change its secret",
        from: "Action: secretsmanager:GetSecretValue",
        to: "Action: secretsmanager:*",
        test: ONE_SECRET,
    },
    Mistake {
        what: "a function that may read every secret",
        from: "Resource: !Ref AgoraSecretArn",
        to: "Resource: \"*\"",
        test: ONE_SECRET,
    },
    Mistake {
        what: "a function that may read the other vendor's secret",
        from: "Roles: [!Ref ZegoTokenRole]",
        to: "Roles: [!Ref ZegoTokenRole, !Ref RtcTokenRole]",
        test: ONE_SECRET,
    },
    Mistake {
        what: "a function that may decrypt other secrets",
        from: "                  kms:EncryptionContext:SecretARN: !Ref AgoraSecretArn\n",
        to: "",
        test: ONE_SECRET,
    },
    Mistake {
        what: "a function that may write into every log",
        from: "Resource: { Fn::GetAtt: [!Sub \"${Function}Logs\", Arn] } }]",
        to: "Resource: \"*\" }]",
        test: WILDCARD,
    },
    Mistake {
        what: "the wider policy for CodeDeploy",
        from: "AWSCodeDeployRoleForLambdaLimited",
        to: "AWSCodeDeployRoleForLambda",
        test: WILDCARD,
    },
    Mistake {
        what: "a role without the deployer's boundary",
        from: "      PermissionsBoundary: !If [HasPermissionsBoundary, !Ref PermissionsBoundaryArn, !Ref AWS::NoValue]\n",
        to: "",
        test: "policies::every_role_has_the_boundary_that_the_deployer_names",
    },
    Mistake {
        what: "an authorizer with a secret",
        from: "          IDENTITY: jwt\n",
        to: "          IDENTITY: jwt\n          AGORA_SECRET_ID: !Ref AgoraSecretArn\n",
        test: AUTHORIZER,
    },
    // Who may reach the functions and the roles.
    Mistake {
        what: "a function with an address of its own",
        from: "Description: Agora RTC token, with RTM and Chat in it on request.\n",
        to: "Description: Agora RTC token.\n      FunctionUrlConfig: { AuthType: NONE }\n",
        test: PUBLIC,
    },
    Mistake {
        what: "a role for functions of other accounts",
        from: "                # Only for functions of this account.\n                Condition: { StringEquals: { aws:SourceAccount: !Ref AWS::AccountId } }\n",
        to: "",
        test: PUBLIC,
    },
    Mistake {
        what: "a role for everybody",
        from: "Principal: { Service: codedeploy.amazonaws.com }",
        to: "Principal: \"*\"",
        test: PUBLIC,
    },
    Mistake {
        what: "a topic for alarms of other accounts",
        from: "            Resource: !Ref AlarmTopic\n            Condition: { StringEquals: { aws:SourceAccount: !Ref AWS::AccountId } }\n",
        to: "            Resource: !Ref AlarmTopic\n",
        test: PUBLIC,
    },
    Mistake { what: "functions that every API may call", from: "${Api}/*/*/*", to: "*/*/*/*", test: PUBLIC },
    Mistake {
        what: "an authorizer that every API may ask",
        from: "${Api}/authorizers/*",
        to: "*/authorizers/*",
        test: AUTHORIZER,
    },
    // What is kept, and who learns of a fault.
    Mistake {
        what: "logs that are kept forever",
        from: ", RetentionInDays: !Ref LogRetentionDays }",
        to: " }",
        test: WATCHED,
    },
    Mistake {
        what: "an access log with the path, and so with users' ids",
        from: "'$context.requestId $context.status",
        to: "'$context.path $context.status",
        test: "watched::the_access_log_says_what_happened_and_to_nobody",
    },
    Mistake {
        what: "a function that logs more than it should",
        from: "ApplicationLogLevel: INFO",
        to: "ApplicationLogLevel: TRACE",
        test: WATCHED,
    },
    Mistake {
        what: "an alarm that nobody hears",
        from: "          TreatMissingData: notBreaching\n          AlarmActions: [!Ref AlarmTopic]\n",
        to: "          TreatMissingData: notBreaching\n",
        test: WATCHED,
    },
    Mistake {
        what: "deployments that no alarm ends",
        from: "Alarms: [!Ref ServerErrors]",
        to: "Alarms: []",
        test: "watched::a_new_version_gets_all_traffic_only_if_no_alarm_goes_off",
    },
    Mistake {
        what: "strangers can end a deployment",
        from: "lambda!=\"lambda=429\"",
        to: "lambda",
        test: "alarms::what_is_turned_away_ends_no_deployment_and_what_fails_does",
    },
    // Defaults.
    Mistake {
        what: "agents' tokens that the deployer has not switched on",
        from: "  HasAgentToken: !And [!Condition HasAgora, !Equals [!Ref AgentTokens, \"true\"]]",
        to: "  HasAgentToken: !And [!Condition HasAgora, !Not [!Equals [!Ref AgentTokens, \"\"]]]",
        test: "vendors::without_drop_in_classrooms_and_agents_the_stack_has_the_other_routes_alone",
    },
    Mistake {
        what: "a function of a vendor without a secret",
        from: "  ZegoToken:\n    Type: AWS::Serverless::Function\n    Condition: HasZego\n",
        to: "  ZegoToken:\n    Type: AWS::Serverless::Function\n",
        test: "vendors::a_vendor_without_a_secret_leaves_nothing_behind",
    },
];

/// Runs one test of this program with another template. Returns what it printed, if it failed.
fn noticed(template: &Path, test: &str) -> Result<String, String> {
    let mut program = Command::new(std::env::current_exe().expect("this program"));
    program.args(["--exact", &format!("template::{test}"), "--nocapture"]).env("TEMPLATE", template);
    let output = program.output().expect("it starts");
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    // With a wrong name the program would run no test, and pass.
    assert!(printed.contains("running 1 test\n"), "{test}: {printed}");
    // A test may fail for another reason, for example because the template cannot be read. Then it has noticed nothing.
    if printed.contains("panicked at tests/it/template") && !printed.contains("Traceback") {
        assert!(!output.status.success(), "{test}: {printed}");
        Ok(printed)
    } else {
        Err(printed)
    }
}

#[test]
fn each_mistake_is_noticed() {
    let written = fs::read_to_string(project::root().join("template.yaml")).expect("the template");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mistakes");
    fs::create_dir_all(&folder).expect("writable");
    // Without a mistake, each of the tests passes. So it is the mistake that they notice.
    let unchanged = folder.join("template.yaml");
    fs::write(&unchanged, &written).expect("writable");
    let left = Mutex::new(MISTAKES.iter().enumerate());
    let unnoticed = Mutex::new(Vec::new());
    let work = || {
        while let Some((number, mistake)) = { left.lock().expect("no panic").next() } {
            assert!(written.contains(mistake.from), "the template no longer has: {}", mistake.from);
            let file = folder.join(format!("{number}.yaml"));
            fs::write(&file, written.replacen(mistake.from, mistake.to, 1)).expect("writable");
            if let Err(printed) = noticed(&file, mistake.test) {
                unnoticed.lock().expect("no panic").push(format!("{}: {}\n{printed}", mistake.what, mistake.test));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let unnoticed = unnoticed.into_inner().expect("no panic");
    assert!(unnoticed.is_empty(), "{} of {} mistakes:\n{}", unnoticed.len(), MISTAKES.len(), unnoticed.join("\n"));
    assert!(noticed(&unchanged, OPEN).is_err(), "a test fails without a mistake");
}
