//! How the parameters reach the functions, and which parameters fit together.

use super::{
    AGENTS, AUDIENCE, CLASSROOMS, DROP_IN, ISSUER, NO_AGORA, NO_ZEGO, ROOTS, Stack, TOKENMINT, TWICE, UIKIT, ZEGO, ZIM,
    everywhere, list, text, variable,
};
use crate::functions;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The parameters that become a variable of every function, each with the variable and a value.
pub(crate) const SETTINGS: [(&str, &str, &str); 17] = [
    ("UserIdClaim", "USER_ID_CLAIM", "id"),
    ("UserIdForm", "USER_ID_FORM", "lower"),
    ("RtcUidClaim", "RTC_UID_CLAIM", "uid"),
    ("RoomsClaim", "ROOMS_CLAIM", "rooms"),
    ("PublishScope", "PUBLISH_SCOPE", "publish"),
    ("ScopeClaim", "SCOPE_CLAIM", "permissions"),
    ("RefusedClaims", "REFUSED_CLAIMS", "is_anonymous=true"),
    ("RtmBeyondRooms", "RTM_BEYOND_ROOMS", "allowed"),
    ("Rtm006", "RTM_006", "refused"),
    ("DefaultTokenTtlSeconds", "DEFAULT_TOKEN_TTL_SECONDS", "60"),
    ("MaxTokenTtlSeconds", "MAX_TOKEN_TTL_SECONDS", "600"),
    ("MaxSecondsBeyondJwt", "MAX_SECONDS_BEYOND_JWT", "0"),
    ("MintsPerMinute", "MINTS_PER_MINUTE", "6"),
    ("CredentialsTtlSeconds", "CREDENTIALS_TTL_SECONDS", "30"),
    ("CredentialsMaxStaleSeconds", "CREDENTIALS_MAX_STALE_SECONDS", "600"),
    (ROOTS.0, "SSL_CERT_FILE", ROOTS.1),
    (DROP_IN.0, "DROP_IN", DROP_IN.1),
];

#[test]
fn each_setting_reaches_the_functions() {
    let given: Vec<_> = SETTINGS.iter().map(|(parameter, _, value)| (*parameter, *value)).collect();
    let stack = Stack::with(&[[ISSUER, AUDIENCE].as_slice(), given.as_slice()].concat());
    for (parameter, name, value) in SETTINGS {
        assert_eq!(variable(&stack, name), everywhere(value), "{parameter}");
    }
    // Without a parameter, the template sets the function's own default.
    assert_eq!(variable(&Stack::plain(), "RTM_BEYOND_ROOMS"), everywhere("refused"));
    assert_eq!(variable(&Stack::plain(), "RTM_006"), everywhere("allowed"));
    assert_eq!(variable(&Stack::plain(), "MINTS_PER_MINUTE"), everywhere("60"));
    for optional in [
        "RTC_UID_CLAIM",
        "ROOMS_CLAIM",
        "PUBLISH_SCOPE",
        "SCOPE_CLAIM",
        "REFUSED_CLAIMS",
        "DEFAULT_TOKEN_TTL_SECONDS",
        "MAX_SECONDS_BEYOND_JWT",
        "SSL_CERT_FILE",
        "DROP_IN",
    ] {
        assert_eq!(variable(&Stack::plain(), optional), BTreeSet::from([None]), "{optional}");
    }
}

/// If ZIM has a project of its own, there are no Express rooms in it to limit. The other functions never lift a limit.
#[test]
fn only_zim_in_a_project_of_its_own_has_no_rooms_to_limit() {
    let limits = [ISSUER, AUDIENCE, ("RoomsClaim", "rooms")];
    for (given, expected) in [(&limits[..], "shared"), (&[&limits[..], &[("ZimSecretArn", ZIM)]].concat(), "own")] {
        let stack = Stack::with(given);
        for (function, properties) in stack.token_functions() {
            let variables = &properties["Environment"]["Variables"];
            assert_eq!(variables["ROOMS_CLAIM"], "rooms", "{function}");
            let project = variables.get("ZIM_PROJECT").map(text);
            assert_eq!(project.as_deref(), (function == "ZimToken").then_some(expected), "{function}");
        }
    }
}

/// A deployer who uses AWS's console sees the parameters in these groups.
#[test]
fn every_parameter_is_in_one_group() {
    let stack = Stack::plain();
    let interface = &stack.template["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = list(&interface["ParameterGroups"]).into_iter();
    let mut grouped: Vec<_> = groups.flat_map(|group| list(&group["Parameters"])).map(text).collect();
    grouped.sort();
    let parameters: Vec<_> = stack.parameters.keys().cloned().collect();
    assert_eq!(grouped, parameters);
}

/// Nobody can take back a token, so it must not live long.
#[test]
fn a_token_lives_an_hour_unless_the_deployer_says_more() {
    assert_eq!(variable(&Stack::plain(), "MAX_TOKEN_TTL_SECONDS"), everywhere("3600"));
    assert_eq!(
        variable(&Stack::with(&[("MaxTokenTtlSeconds", "86400")]), "MAX_TOKEN_TTL_SECONDS"),
        everywhere("86400")
    );
    // A default above the maximum would end every start. So the template sets none, and the functions use the maximum.
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
        ("RefusedClaims", &["Nested claims", "cannot be named", "nobody is refused", "anonymous user gets tokens"]),
        ("RtmBeyondRooms", &["opens every message channel", "permissions - ", "Ask Agora"]),
        ("TeacherScope", &["student (2) and observer (4)", "nobody gets such a token", "Needs Classrooms=true"]),
        ("UikitJwtAudience", &["an audience of their own", "five minutes", "logs", "Needs DropIn=true"]),
        ("Rtm006", &["24 hours", "no lifetime setting"]),
        ("MaxSecondsBeyondJwt", &["Empty - no limit", "Needs Rtm006=refused", "24 hours"]),
        (
            "MintsPerMinute",
            &["one execution environment", "does not limit totals", "Backends are not counted", "0 - no"],
        ),
    ] {
        for word in words {
            assert!(said(parameter).contains(word), "{parameter}: {}", said(parameter));
        }
    }
}

/// CloudFormation refuses a value that a parameter does not allow. So these tests must refuse it too.
#[test]
fn values_that_a_parameter_does_not_allow_are_refused() {
    for (parameter, value, rule) in [
        ("UserIdForm", "upper", "breaks AllowedValues"),
        ("LogRetentionDays", "2", "breaks AllowedValues"),
        ("JwtIssuer", "http://id.example.com/", "breaks AllowedPattern"),
        ("JwtScope", "join mint", "breaks AllowedPattern"),
        ("UserIdClaim", "", "breaks MinLength"),
        ("RoomsClaim", &"r".repeat(4097), "breaks MaxLength"),
        ("MaxTokenTtlSeconds", "0", "breaks MinValue"),
        ("MaxTokenTtlSeconds", "86401", "breaks MaxValue"),
        ("MaxTokenTtlSeconds", "1h", "is no number"),
    ] {
        let error = Stack::try_with(&[(parameter, value)], &json!({})).err();
        assert!(error.is_some_and(|error| error.starts_with(&format!("{parameter} {rule}"))), "{parameter}={value}");
    }
}

/// Behind the gateway, claims are flat. A function that is told a path into a nested claim does not start.
#[test]
fn a_claim_may_be_a_url_and_not_a_path() {
    let error = |parameter: &str, value: &str| {
        Stack::try_with(&[ISSUER, AUDIENCE, (parameter, value)], &json!({})).err().unwrap_or_default()
    };
    for parameter in ["UserIdClaim", "RtcUidClaim", "RoomsClaim", "ScopeClaim"] {
        for top in [
            "https://app.example.com/rooms",
            "https://example.com",
            "cognito:groups",
            "a.b:c",
            "a.b/c",
            "-",
            &"c".repeat(100),
        ] {
            assert_eq!(error(parameter, top), "", "{parameter}={top}");
        }
        for path in ["app_metadata.rooms", "firebase.sign_in_provider", ".", "a.", ".a", "r\u{f6}ume.a", "r\u{f6}ume"] {
            let error = error(parameter, path);
            assert!(error.starts_with(&format!("{parameter} breaks AllowedPattern")), "{parameter}={path}: {error}");
        }
        assert!(error(parameter, &"c".repeat(101)).starts_with(&format!("{parameter} breaks MaxLength")));
    }
    // A scope is not a claim.
    assert_eq!(error("PublishScope", "rooms.publish"), "");
    assert_eq!(error("PublishScope", "https://www.googleapis.com/auth/userinfo.email"), "");
}

#[test]
fn refused_claims_are_pairs_of_a_claim_and_a_value() {
    let error = |value: &str| Stack::try_with(&[("RefusedClaims", value)], &json!({})).err().unwrap_or_default();
    for pairs in [
        "",
        "is_anonymous=true",
        "is_anonymous=true,cognito:username=guest,token_use=id",
        "https://app.example.com/blocked=1.5",
        "a.b:c=x,-=-",
        &"a.b/c=1,".repeat(37)[..295],
    ] {
        assert_eq!(error(pairs), "", "{pairs}");
    }
    for no_pairs in [
        "is_anonymous",
        "is_anonymous=",
        "=true",
        "is_anonymous=true,",
        ",is_anonymous=true",
        "is_anonymous=true,,a=b",
        "is_anonymous=true, a=b",
        "is_anonymous = true",
        "a=b=c",
        // Paths into nested claims.
        "firebase.sign_in_provider=anonymous",
        "is_anonymous=true,firebase.sign_in_provider=anonymous",
        "firebase.sign_in_provider=anonymous,is_anonymous=true",
        ".=x",
        // A colon in the value does not make the name a URL.
        "a.b=c:d",
        // If a pair could fit the pattern in several ways, this check would take years.
        &format!("{}a", "a/:/b=c,".repeat(37)),
    ] {
        assert!(error(no_pairs).starts_with("RefusedClaims breaks AllowedPattern"), "{no_pairs}: {}", error(no_pairs));
    }
}

#[test]
fn a_token_outlives_its_jwt_by_a_day_at_most() {
    let error = |value: &str| Stack::try_with(&[("MaxSecondsBeyondJwt", value)], &json!({})).err().unwrap_or_default();
    for seconds in ["", "0", "1", "59", "600", "7200", "79999", "85999", "86399", "86400"] {
        assert_eq!(error(seconds), "", "{seconds}");
    }
    for wrong in ["86401", "86410", "86500", "87000", "90000", "99999", "007", "-1", "1.5", "60s", " "] {
        assert!(error(wrong).starts_with("MaxSecondsBeyondJwt breaks AllowedPattern"), "{wrong}: {}", error(wrong));
    }
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
    assert!(!fit(&[("IdTokens", "allowed")]) && fit(&[("IdTokens", "allowed"), ISSUER, AUDIENCE]));
    // Tokens of the stack's own user pool have no such scope or claim.
    assert!(!fit(&[("PublishScope", "publish")]) && !fit(&[("RtcUidClaim", "uid")]));
    assert!(fit(&[ISSUER, AUDIENCE, ("PublishScope", "publish"), ("RtcUidClaim", "uid")]));
    // Where to look for a scope, without a scope to look for.
    assert!(!fit(&[ISSUER, AUDIENCE, ("ScopeClaim", "permissions")]));
    assert!(fit(&[ISSUER, AUDIENCE, ("ScopeClaim", "permissions"), ("PublishScope", "publish")]));
    // Permissions name the channels of the claim.
    let permissions = ("RtmBeyondRooms", "permissions");
    assert!(!fit(&[permissions]) && fit(&[permissions, ("RoomsClaim", "rooms")]));
    // Only classrooms have teachers, and classrooms are Agora's.
    let teacher = ("TeacherScope", "teach");
    assert!(fit(&[CLASSROOMS]) && fit(&[CLASSROOMS, NO_ZEGO]) && !fit(&[CLASSROOMS, NO_AGORA]));
    assert!(fit(&[CLASSROOMS, teacher, ISSUER, AUDIENCE]) && !fit(&[CLASSROOMS, teacher]));
    assert!(!fit(&[teacher, ISSUER, AUDIENCE]));
    let looked_for = [CLASSROOMS, teacher, ISSUER, AUDIENCE, ("ScopeClaim", "permissions")];
    assert!(fit(&looked_for));
    // Only one function knows that scope. The others do not start with a claim and no scope to look for.
    let stack = Stack::with(&looked_for);
    for (function, properties) in stack.token_functions() {
        let variables = &properties["Environment"]["Variables"];
        let known = ["TEACHER_SCOPE", "SCOPE_CLAIM"].map(|name| variables.get(name).is_some());
        assert_eq!(known, [function == "ApaasToken"; 2], "{function}");
    }
    // The agents are Agora's.
    assert!(fit(&[AGENTS]) && fit(&[AGENTS, NO_ZEGO]) && !fit(&[AGENTS, NO_AGORA]));
    // Agora accepts a 006 token for 24 hours, so nothing can end it with the JWT.
    assert!(!fit(&[("MaxSecondsBeyondJwt", "0")]) && fit(&[("MaxSecondsBeyondJwt", "0"), ("Rtm006", "refused")]));
    // Tokens of the stack's own user pool have claims that can be refused.
    assert!(fit(&[("RefusedClaims", "username=guest")]));
    // The route that takes a JWT from the query is a drop-in route for Agora's tokens. The other routes do not take its JWTs,
    // and our authorizer does not read them.
    assert!(fit(&[DROP_IN]) && fit(&[DROP_IN, UIKIT]) && fit(&[DROP_IN, UIKIT, NO_ZEGO]) && fit(&[DROP_IN, NO_AGORA]));
    assert!(!fit(&[UIKIT]) && !fit(&[DROP_IN, UIKIT, NO_AGORA]) && !fit(&[DROP_IN, UIKIT, TOKENMINT]));
    assert!(fit(&[DROP_IN, UIKIT, TWICE, ISSUER, AUDIENCE]));
    assert!(!fit(&[DROP_IN, UIKIT, ISSUER, ("JwtAudience", UIKIT.1)]));
    // One vendor is enough. At least one is needed.
    assert!(fit(&[NO_AGORA]) && fit(&[NO_ZEGO]) && !fit(&[NO_AGORA, NO_ZEGO]));
    assert!(fit(&[NO_AGORA, ("ZimSecretArn", ZIM)]) && !fit(&[NO_ZEGO, ("ZimSecretArn", ZIM)]));
    // If ZIM uses Express's project, a ZIM token opens every room.
    assert!(fit(&[("ZimSecretArn", ZIM)]) && !fit(&[("ZimSecretArn", ZEGO)]));
}

/// The settings are in the description of a policy whose name is a version's description. Some of them are in the
/// description of a second policy, whose name the first one has. So CloudFormation must replace all of them.
#[test]
fn cloudformation_replaces_a_policy_and_a_version_if_their_description_changes() {
    let stack = Stack::plain();
    for resource_type in ["AWS::IAM::ManagedPolicy", "AWS::Lambda::Version"] {
        assert!(stack.replaced[resource_type].properties.contains("Description"), "{resource_type}");
    }
    // With a name of its own, a policy could not be replaced: the name is taken until the old one is gone.
    for policy in POLICIES {
        assert!(stack.resource(policy).get("ManagedPolicyName").is_none(), "{policy}");
    }
}

/// The gateway calls a published version, which keeps its settings. So a changed setting must make a new version.
/// Otherwise a new limit would have no effect.
#[test]
fn a_changed_setting_makes_a_new_version() {
    // The description makes CloudFormation create a version. Lambda publishes it only if the variables have changed
    // too.
    let versions = |stack: &Stack| -> BTreeMap<String, (String, Value)> {
        let versions = stack.versions().into_iter().map(|version| {
            let function = text(&version["FunctionName"]["Ref"]);
            let variables = stack.resource(&function)["Environment"]["Variables"].clone();
            (function, (text(&version["Description"]), variables))
        });
        versions.collect()
    };
    let given = [ISSUER, AUDIENCE, DROP_IN, CLASSROOMS, AGENTS, ("PublishScope", "publish")];
    let before = versions(&Stack::with(&given));
    assert_eq!(before.len(), functions::minting().len());
    let changes = [
        ("UserIdClaim", "username"),
        ("UserIdForm", "hash"),
        ("RtcUidClaim", "uid"),
        ("RoomsClaim", "rooms"),
        ("PublishScope", "other"),
        ("ScopeClaim", "permissions"),
        ("RefusedClaims", "is_anonymous=true"),
        ("RtmBeyondRooms", "allowed"),
        ("RtmBeyondRooms", "permissions"),
        ("Rtm006", "refused"),
        ("DefaultTokenTtlSeconds", "60"),
        ("MaxTokenTtlSeconds", "7200"),
        ("MaxSecondsBeyondJwt", "0"),
        ("MintsPerMinute", "0"),
        ("CredentialsTtlSeconds", "60"),
        ("CredentialsMaxStaleSeconds", "60"),
        ("AgoraSecretArn", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-abcdef"),
        ("ZegoSecretArn", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other-abcdef"),
        ("ZimSecretArn", ZIM),
        ("JwtScope", "tokens"),
        TOKENMINT,
        TWICE,
        ("IdTokens", "allowed"),
        ROOTS,
        (DROP_IN.0, "false"),
        (CLASSROOMS.0, "false"),
        (AGENTS.0, "false"),
    ];
    let mut stacks: Vec<_> = changes.iter().map(|change| Stack::with(&[&given[..], &[*change]].concat())).collect();
    stacks.push(Stack::plain());
    for stack in stacks {
        let after = versions(&stack);
        assert_ne!(after, before, "{:?}", stack.parameters);
        for (function, (description, variables)) in after {
            let (old_description, old_variables) = &before[&function];
            assert_ne!(description, *old_description, "{function}: {:?}", stack.parameters);
            assert_ne!(variables, *old_variables, "{function}: {:?}", stack.parameters);
        }
    }
    // Each of these settings belongs to one function alone. No other function gets a new version for it.
    for (parameter, only) in [(UIKIT.0, "DropInToken"), ("TeacherScope", "ApaasToken")] {
        let with = |value| versions(&Stack::with(&[&given[..], &[(parameter, value)]].concat()));
        let stacks = [before.clone(), with("one"), with("other")];
        for (one, other) in [(0, 1), (1, 2), (0, 2)] {
            for (function, (description, variables)) in &stacks[one] {
                let (other_description, other_variables) = &stacks[other][function];
                let changed = [description != other_description, variables != other_variables];
                assert_eq!(changed, [function == only; 2], "{parameter}: {function}");
            }
        }
    }
}

/// How to set what no parameter can hold: docs/how-to/other-fronts.md.
#[test]
fn a_value_that_is_written_into_the_template_reaches_new_versions() {
    let given = [ISSUER, AUDIENCE, TOKENMINT, DROP_IN, CLASSROOMS, AGENTS];
    let with = |claim: &str| Stack::with_variables(&given, &json!({ "ROOMS_CLAIM": claim }));
    // A version with another logical id is another version.
    let versions = |stack: &Stack| -> BTreeSet<String> {
        stack.resources("AWS::Lambda::Version").into_iter().map(|(name, _)| name.to_owned()).collect()
    };
    let before = Stack::with(&given);
    let (first, second) = (with("app_metadata.rooms"), with("rooms"));
    let authorizers =
        |stack: &Stack| stack.resource("JwtAuthorizer")["Environment"]["Variables"]["ROOMS_CLAIM"].clone();
    for (stack, claim) in [(&first, "app_metadata.rooms"), (&second, "rooms")] {
        assert_eq!(authorizers(stack), claim);
        assert_eq!(variable(stack, "ROOMS_CLAIM"), everywhere(claim));
    }
    let minting = functions::minting().len();
    for (one, other) in [(&before, &first), (&first, &second)] {
        let new = versions(other).difference(&versions(one)).count();
        assert!(new >= minting, "{new} new versions, for {minting} functions");
    }
}

/// The policies whose descriptions hold the settings. Nobody has them. Each has the name of the next one.
pub(super) const POLICIES: [&str; 2] = ["Settings", "ClaimSettings"];

/// The description of each policy that holds settings. Every version's description begins with the first one's name.
fn descriptions(stack: &Stack) -> [String; 2] {
    let name = |policy: &str| format!("tokenmint-${{{policy}}}-");
    let first_word = |version: &Value| text(&version["Description"]).split(' ').next().unwrap_or_default().to_owned();
    let versions: BTreeSet<_> = stack.versions().into_iter().map(first_word).collect();
    assert!(versions.len() == 1 && versions.iter().all(|it| it.starts_with(&name("Settings"))), "{versions:?}");
    let [first, second] = POLICIES.map(|policy| text(&stack.resource(policy)["Description"]));
    assert!(first.split(' ').any(|word| word.starts_with(&name("ClaimSettings"))), "{first}");
    [first, second]
}

/// Each setting is one word of a description, and no value has a space. So a value cannot look like the end of its own
/// setting and the beginning of the next one.
#[test]
fn different_settings_never_have_the_same_description() {
    const LONG: [(&str, &str); 6] = [
        ("UserIdClaim", "USER_ID_CLAIM"),
        ("RtcUidClaim", "RTC_UID_CLAIM"),
        ("RoomsClaim", "ROOMS_CLAIM"),
        ("PublishScope", "PUBLISH_SCOPE"),
        ("ScopeClaim", "SCOPE_CLAIM"),
        ("RefusedClaims", "REFUSED_CLAIMS"),
    ];
    for value in ["ROOMS_CLAIM=x", "x=x,ROOMS_CLAIM=x"] {
        let given = LONG.map(|(parameter, _)| (parameter, value));
        let stack = Stack::with(&[[ISSUER, AUDIENCE].as_slice(), given.as_slice()].concat());
        let expected = LONG.map(|(_, variable)| format!("{variable}={value}"));
        let [_, long] = descriptions(&stack);
        assert!(long.split(' ').collect::<Vec<_>>().ends_with(&expected.each_ref().map(String::as_str)), "{long}");
    }
    let all: BTreeSet<_> = Stack::all().iter().map(descriptions).collect();
    let words = |text: &String| text.split(' ').count();
    assert_eq!(all.iter().map(|each| each.each_ref().map(words)).collect::<BTreeSet<_>>().len(), 1);
    for (parameter, _) in LONG {
        for space in ["a b", " a", "a ", "a\tb", "a\nb", "a\n", "a\u{a0}b", "a\u{2003}b"] {
            let error = Stack::try_with(&[ISSUER, AUDIENCE, (parameter, space)], &json!({})).err();
            let breaks = format!("{parameter} breaks AllowedPattern");
            assert!(error.is_some_and(|error| error.starts_with(&breaks)), "{parameter}={space:?}");
        }
    }
}

/// CloudFormation refuses a description that is too long.
#[test]
fn the_longest_settings_still_describe_a_version() {
    let stack = Stack::plain();
    let longest = |parameter: &str| {
        let declared = &stack.template["Parameters"][parameter];
        let allowed = list(&declared["AllowedValues"]).into_iter().map(text).max_by_key(String::len);
        let most = declared.get("MaxValue").map(text);
        let length = || declared["MaxLength"].as_u64().unwrap_or_else(|| panic!("{parameter} has no limit"));
        let long = |start: &str| format!("{start:c<length$}", length = length().try_into().expect("small"));
        allowed.or(most).unwrap_or_else(|| match parameter {
            "MaxSecondsBeyondJwt" => "86400".to_owned(),
            "RefusedClaims" => long("c="),
            _ => long(""),
        })
    };
    let arn =
        |name: &str| format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{}-abcdef", name.repeat(40));
    let mut given: Vec<_> = SETTINGS.iter().map(|(parameter, ..)| (*parameter, longest(parameter))).collect();
    given.extend([("AgoraSecretArn", arn("a")), ("ZegoSecretArn", arn("b")), ("ZimSecretArn", arn("c"))]);
    let given: Vec<_> = given.iter().map(|(parameter, value)| (*parameter, value.as_str())).collect();
    let stack = Stack::with(&[[ISSUER, AUDIENCE].as_slice(), given.as_slice()].concat());

    // A policy's name has at most 128 characters. The versions of two functions also have a setting in their description.
    let (uikit, teacher) = (longest(UIKIT.0), longest("TeacherScope"));
    let own_settings = [DROP_IN, CLASSROOMS, (UIKIT.0, &uikit), ("TeacherScope", &teacher), ISSUER, AUDIENCE];
    let limit = stack.replaced["AWS::Lambda::Version"].description;
    for version in Stack::with(&own_settings).versions() {
        let description = text(&version["Description"]);
        let (name, rest) = description.split_once(' ').unwrap_or((&description, ""));
        assert!(name.starts_with("tokenmint-${Settings}-"), "{description}");
        assert!(128 + 1 + rest.len() <= limit, "{description}");
    }
    for description in descriptions(&stack) {
        let longest = |word: &str| if word.starts_with("tokenmint-${") { "n".repeat(128) } else { word.to_owned() };
        let description = description.split(' ').map(longest).collect::<Vec<_>>().join(" ");
        let limit = stack.replaced["AWS::IAM::ManagedPolicy"].description;
        assert!(description.len() <= limit, "{}: {description}", description.len());
    }
}
