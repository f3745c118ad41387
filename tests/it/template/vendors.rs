//! One vendor is enough. Resources that need the other vendor's credentials are left out, and all others are there.

use super::{AGENTS, AUDIENCE, CLASSROOMS, DROP_IN, ISSUER, NO_AGORA, NO_ZEGO, ROOTS, Stack, Target, UIKIT, text};
use crate::functions;
use harness::secrets::Vendor;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Each vendor, with the parameter that leaves out the other vendor.
const ALONE: [(Vendor, (&str, &str)); 2] = [(Vendor::Agora, NO_ZEGO), (Vendor::Zego, NO_AGORA)];

#[test]
fn a_vendor_without_a_secret_leaves_nothing_behind() {
    // With a peak, an issuer, classrooms and the drop-in routes, so that their resources are checked too.
    let others = [
        ISSUER,
        AUDIENCE,
        DROP_IN,
        UIKIT,
        CLASSROOMS,
        AGENTS,
        ("ProvisionedConcurrency", "2"),
        ("ProvisionedPeak", "10"),
    ];
    let both = Stack::with(&others);
    let names = |stack: &Stack| -> BTreeSet<String> {
        ["Resources", "Outputs"]
            .iter()
            .flat_map(|section| stack.template[section].as_object().expect("a section").keys().cloned())
            .collect()
    };
    for (vendor, without) in ALONE {
        let stack = Stack::with(&[&others[..], &[without]].concat());
        let (own, others): (BTreeSet<_>, BTreeSet<_>) =
            functions::minting().into_iter().partition(|function| functions::vendor(function) == vendor);
        assert!(!own.is_empty() && !others.is_empty());

        let minting: BTreeSet<_> =
            stack.token_functions().into_iter().map(|(name, _)| stack.functions()[name].clone()).collect();
        assert_eq!(minting, own);
        let code = functions::routes_in_template().into_iter().map(|(route, (_, function))| (route, function));
        let routes = stack.routes().into_iter().map(|(route, to)| (route, to.function));
        assert_eq!(routes.collect::<BTreeMap<_, _>>(), code.filter(|(_, function)| own.contains(function)).collect());

        // Left out are all resources that are named after the other vendor's functions, and those that only this vendor
        // needs.
        let absent: Vec<_> = both.functions().into_iter().filter(|(_, function)| others.contains(function)).collect();
        let needs_absent = |name: &String| {
            let of_vendor: &[&str] = match vendor {
                Vendor::Agora => &["ReadZegoSecret", "ReadZimSecret"],
                Vendor::Zego => &["ReadAgoraSecret", "AgentTokenArn", "ChatAppTokenArn"],
            };
            absent.iter().any(|(function, _)| name.starts_with(function)) || of_vendor.contains(&name.as_str())
        };
        let gone: BTreeSet<_> = names(&both).into_iter().filter(needs_absent).collect();
        // For each function: version, alias, permission, deployment group, log group, role, alarms and scaling target.
        assert!(gone.len() > 12 * absent.len(), "{gone:?}");
        assert_eq!(&names(&both) - &names(&stack), gone);
        assert!(names(&stack).is_subset(&names(&both)));

        // No list, dashboard or permission names them.
        let whole = format!("{}{}", stack.template["Resources"], stack.template["Outputs"]);
        for (function, binary) in &absent {
            for word in [format!("\"{function}"), format!("${{{function}"), format!("/{binary}")] {
                assert!(!whole.contains(&word), "{vendor:?} alone has {word}");
            }
        }
    }
}

/// A stack without `DropIn` has nothing for the drop-in routes. A stack without `Classrooms` has nothing for classrooms.
#[test]
fn without_drop_in_classrooms_and_agents_the_stack_has_the_other_routes_alone() {
    let own = [
        "GET /chat/app/token",
        "GET /chat/user/{user_id}/token",
        "GET /rtc/{channel}/token",
        "GET /rtm/{user_id}/token",
        "GET /zego/{user_id}/token",
        "GET /zim/{user_id}/token",
        "POST /fetch_rtm_token",
        "POST /rtc/{channel}/token",
        "POST /zego/{user_id}/token",
    ];
    let (plain, with) = (Stack::plain(), Stack::with_every_route());
    assert_eq!(plain.routes().into_keys().collect::<Vec<_>>(), own);
    let mut code = functions::routes_in_template();
    code.retain(|_, (key, function)| !key.drop_in && !["agent-token", "apaas-token"].contains(&function.as_str()));
    assert_eq!(code.into_keys().collect::<Vec<_>>(), own);
    for word in
        ["DropIn", "DROP_IN", "drop-in", "Uikit", "UIKIT", "Apaas", "apaas", "TEACHER", "AgentToken", "agent-token"]
    {
        let whole = format!("{}{}", plain.template["Resources"], plain.template["Outputs"]);
        assert!(!whole.contains(word), "{word}");
    }
    // With them, no route of the stack's own is another one, and no resource is gone.
    let (routes, mut kept) = (plain.routes(), with.routes());
    kept.retain(|route, _| routes.contains_key(route));
    let said = |routes: BTreeMap<String, Target>| -> Vec<_> {
        routes.into_iter().map(|(route, to)| (route, to.function, to.authorizer)).collect()
    };
    assert_eq!(said(kept), said(routes));
    let names = |stack: &Stack| -> BTreeSet<String> {
        stack.template["Resources"].as_object().expect("resources").keys().cloned().collect()
    };
    assert!(names(&plain).is_subset(&names(&with)));
    let new: BTreeSet<_> = &names(&with) - &names(&plain);
    assert!(
        !new.is_empty()
            && new.iter().all(|name| name.contains("DropIn")
                || name.starts_with("ApaasToken")
                || name.starts_with("AgentToken")),
        "{new:?}"
    );
}

#[test]
fn the_first_call_is_one_that_there_is() {
    for stack in Stack::all() {
        let call = text(&stack.template["Outputs"]["TryIt"]["Value"]);
        let route = call.split(".amazonaws.com").nth(1).expect("an address").trim_end_matches('"');
        let (path, query) = route.split_once('?').unwrap_or((route, ""));
        let fits = |known: &str| {
            let known = known.strip_prefix("GET ").unwrap_or_default();
            let parts = || known.split('/').zip(path.split('/'));
            known.split('/').count() == path.split('/').count()
                && parts().all(|(known, part)| known == part || (known.starts_with('{') && !part.is_empty()))
        };
        assert!(stack.routes().keys().any(|known| fits(known)), "{call}");
        assert!(query.is_empty() || query == "room_id=demo", "{call}");
    }
}

/// CloudFormation may also evaluate the properties of resources that it leaves out. If it cannot, the deployment ends.
#[test]
fn an_empty_secret_breaks_no_text() {
    for (_, without) in ALONE {
        let stack = Stack::with(&[without]);
        let left_out = stack.left_out.values().filter(|resource| resource["Type"] == "AWS::Lambda::Version");
        let descriptions: Vec<_> = left_out.map(|version| &version["Properties"]["Description"]).collect();
        assert!(!descriptions.is_empty());
        assert!(descriptions.iter().all(|description| description.is_string()));
    }
}

/// The alias of `Prewarm` moves only to a new version. So a new version must appear if a vendor comes or goes, or if
/// the trusted roots change.
#[test]
fn what_keeps_the_others_warm_follows_the_vendors() {
    let stacks = [&[][..], &[NO_ZEGO], &[NO_AGORA], &[ROOTS], &[DROP_IN], &[CLASSROOMS], &[AGENTS]].map(Stack::with);
    let description = |stack: &Stack| {
        let versions = stack.resources("AWS::Lambda::Version").into_iter();
        let mut own = versions.filter(|(_, version)| version["FunctionName"]["Ref"] == "Prewarm");
        text(&own.next().expect("a version").1["Description"])
    };
    let own = |stack: &Stack, variable: &str| {
        stack.resource("Prewarm")["Environment"]["Variables"].get(variable).map(Value::to_string)
    };
    let settings = |stack: &Stack| (own(stack, "FUNCTIONS"), own(stack, "SSL_CERT_FILE"));
    assert_eq!(stacks.iter().map(settings).collect::<BTreeSet<_>>().len(), stacks.len());
    assert_eq!(stacks.iter().map(description).collect::<BTreeSet<_>>().len(), stacks.len());
}
