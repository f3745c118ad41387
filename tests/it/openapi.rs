//! `openapi.yaml` is the contract. It has the template's routes and authorizers, and the code's problems. Every answer
//! to a generated request, good or bad, is in it.

use crate::template::{Stack, Target};
use harness::verifiers;
use harness::watch::Watch;
use harness::{Env, project};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// What the document says. The document and its examples are checked first.
fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let python = project::tool("python");
        crate::repository::output(Command::new(python).args(["tests/it/openapi.py", "document"]))
    });
    &DOCUMENT
}

/// The documented routes, each with the names of its schemes.
fn documented_routes() -> BTreeMap<String, Vec<String>> {
    serde_json::from_value(document()["routes"].clone()).expect("names of schemes by route")
}

/// The documented drop-in routes.
fn documented_drop_in() -> BTreeSet<String> {
    serde_json::from_value(document()["drop_in"].clone()).expect("routes")
}

/// Whether `openapi.yaml` spells a route of the code in this way.
///
/// The document has no greedy variables. So `GET /rtm/{user_id+}` is `GET /rtm/{user_id}` there. If a greedy variable holds
/// one or two names, the document has two paths for it.
fn is_spelled(route: &str, documented: &str) -> bool {
    let (route, documented): (Vec<_>, Vec<_>) = (route.split('/').collect(), documented.split('/').collect());
    let Some((last, before)) = route.split_last() else { return false };
    match last.strip_suffix("+}") {
        Some(greedy) => {
            let rest = documented.strip_prefix(before).unwrap_or_default();
            rest.first().is_some_and(|first| *first == format!("{greedy}}}"))
                && rest.iter().all(|it| it.starts_with('{'))
        }
        None => route == documented,
    }
}

/// The route without the variable that only stands for a slash at the end.
fn without_end(route: &str) -> &str {
    route.strip_suffix("/{end+}").unwrap_or(route)
}

/// The documented route of a request to a route of the code. A slash at the end changes nothing.
fn documented_route(route: &str, path: Option<&str>) -> String {
    let route = without_end(route);
    let parts = path.map(|path| path.trim_end_matches('/').split('/').count());
    let mut fitting: Vec<_> = documented_routes().into_keys().filter(|it| is_spelled(route, it)).collect();
    if fitting.len() > 1 {
        fitting.retain(|it| parts.is_none_or(|parts| it.split('/').count() == parts));
    }
    fitting.into_iter().next().unwrap_or_else(|| route.to_owned())
}

/// A response of the service, and its route.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RouteAnswer {
    /// As the document spells it: `GET /rtm/{user_id}/token`.
    pub(crate) route: String,
    /// The status code.
    pub(crate) status: u64,
    /// The headers, each once.
    pub(crate) headers: Value,
    /// The body as text.
    pub(crate) body: String,
}

/// Holds answers against `openapi.yaml` with a JSON Schema validator that is not ours.
///
/// Each verdict is a list of faults in status, headers and body. A header that is not documented is a fault too. The
/// list is empty if the answer is as documented.
fn documented(answers: &[RouteAnswer]) -> Vec<Value> {
    verifiers::ask(project::command(project::tool("python")).args(["tests/it/openapi.py", "answers"]), answers)
}

/// The answer to an event, to be held against the document.
pub(crate) fn answer(event: &Value, response: &Value) -> RouteAnswer {
    RouteAnswer {
        route: documented_route(event["routeKey"].as_str().expect("a text"), event["rawPath"].as_str()),
        status: response["statusCode"].as_u64().expect("a number"),
        headers: response["headers"].clone(),
        body: response["body"].as_str().expect("a text").to_owned(),
    }
}

/// Fails if one of these is not as documented.
pub(crate) fn check(answers: &[RouteAnswer]) {
    for (answer, wrong) in answers.iter().zip(documented(answers)) {
        assert_eq!(wrong, Value::Array(Vec::new()), "{} {}", answer.route, answer.status);
    }
}

#[test]
fn the_document_has_the_stacks_routes_and_authorizers() {
    let document = document();
    let (documented, drop_in) = (documented_routes(), documented_drop_in());
    let schemes: BTreeSet<String> = serde_json::from_value(document["schemes"].clone()).expect("names");
    assert_eq!(schemes, documented.values().flatten().cloned().collect());
    assert!(document["examples"].as_u64().is_some_and(|checked| checked > 50), "{document}");

    let authorizer = |target: Target| target.authorizer.expect("no route is open").0;
    let plain = Stack::without_drop_in().routes().into_iter().map(|(route, target)| (route, vec![authorizer(target)]));
    let mut ours = documented.clone();
    ours.retain(|route, _| !drop_in.contains(route));
    assert_eq!(ours, plain.collect());

    // With DropIn=true and UikitJwtAudience.
    let mut found = BTreeMap::new();
    for (route, target) in Stack::with_every_route().routes() {
        let scheme = authorizer(target);
        let spelled = without_end(&route);
        let spellings: Vec<_> = documented.keys().filter(|it| is_spelled(spelled, it)).collect();
        assert!(!spellings.is_empty(), "openapi.yaml lacks {route}");
        for spelling in spellings {
            let before = found.insert(spelling.clone(), vec![scheme.clone()]);
            assert!(before.is_none() || before.as_ref() == found.get(spelling), "{spelling} has two authorizers");
        }
    }
    assert_eq!(found, documented);
}

#[test]
fn every_problem_is_documented() {
    let path = project::root().join("shared/service/src/problem.rs");
    let code = fs::read_to_string(path).expect("a source file");
    let (_, names) = code.split_once("fn name(&self)").expect("problems have names");
    let (names, _) = names.split_once("\n    }\n").expect("the function ends");
    let names: BTreeSet<&str> = names.split('"').skip(1).step_by(2).collect();
    assert!(names.len() >= 10, "{names:?}: this test found nothing to check");

    let listed: BTreeSet<String> = serde_json::from_value(document()["problems"].clone()).expect("names");
    assert_eq!(listed, names.iter().map(|name| format!("urn:tokenmint:problem:{name}")).collect());
    let page = fs::read_to_string(project::root().join("docs/reference/routes.md")).expect("a page");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/reference/routes.md doesn't explain {name}");
    }
}

/// A check that accepts everything would prove nothing.
#[test]
fn an_answer_that_is_not_documented_is_found() {
    let good = RouteAnswer {
        route: "POST /fetch_rtm_token".to_owned(),
        status: 400,
        headers: serde_json::json!({ "content-type": "application/json", "cache-control": "no-store" }),
        body: r#"{"token":"Bad request.","code":"400"}"#.to_owned(),
    };
    let change = |change: fn(&mut RouteAnswer)| {
        let mut answer = good.clone();
        change(&mut answer);
        answer
    };
    let bad = [
        change(|answer| answer.route = "GET /fetch_rtm_token".to_owned()),
        change(|answer| answer.status = 418),
        change(|answer| answer.headers["content-type"] = "application/problem+json".into()),
        change(|answer| answer.headers["cache-control"] = "private".into()),
        change(|answer| answer.headers = serde_json::json!({ "content-type": "application/json" })),
        change(|answer| answer.headers["x-inside"] = "1".into()),
        change(|answer| answer.body = r#"{"token":"Bad request."}"#.to_owned()),
        change(|answer| answer.body = r#"{"token":"Bad request.","code":400}"#.to_owned()),
        change(|answer| answer.body = r#"{"token":"Bad request.","code":"400","more":1}"#.to_owned()),
    ];
    check(std::slice::from_ref(&good));
    for (answer, wrong) in bad.iter().zip(documented(&bad)) {
        assert!(wrong.as_array().is_some_and(|wrong| !wrong.is_empty()), "{answer:?}");
    }
}

/// schemathesis generates requests to every route: some as documented, some not. The checks are its own, and those in
/// `tests/contract/hooks.py`.
///
/// The requests are the same every time. With `SCHEMATHESIS_EXAMPLES=n` they are random, n for each route.
#[test]
fn no_generated_request_gets_an_answer_that_is_not_documented() {
    let credentials = project::root().join("tests/demo-credentials.json");
    let credentials = Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")), ("DROP_IN", "true")]);
    // GET /uikit needs JWTs to verify, so it does not exist here. `drop_in` has it.
    let routes = || documented_routes().into_keys().filter(|route| route != "GET /uikit");

    let watch = Watch::start(credentials.clone().and("IDENTITY", "none"));
    let examples = std::env::var("SCHEMATHESIS_EXAMPLES").ok();
    // The drop-in routes share their parameters with the others, so fewer requests are enough.
    let ours: &[&str] = &["--exclude-tag=Drop-in"];
    let drop_in: &[&str] = &["--include-tag=Drop-in", "--exclude-path=/uikit", "--exclude-path=/token/generate"];
    // One path for the requests of four servers. One of them reads only the query. So a wrong body is no error there.
    let four = &["--include-path=/token/generate", "--exclude-checks=negative_data_rejection"];
    for (name, which, usual, least, each) in
        [("everybody", ours, "200", 2000, 20), ("drop-in", drop_in, "60", 1000, 3), ("generate", four, "60", 60, 3)]
    {
        let mut many = vec!["--generation-with-security-parameters=false"];
        many.extend(which);
        many.push("--max-examples");
        match &examples {
            Some(examples) => many.push(examples),
            None => many.extend([usual, "--generation-deterministic"]),
        }
        let sent = schemathesis(&watch, name, &many);
        let total: usize = sent.values().flat_map(BTreeMap::values).sum();
        assert!(total >= least, "{total} requests: {sent:#?}");
        // Every route got good and bad requests. GET /ping has no parameter that could be bad.
        let is_asked = |route: &String| match name {
            "everybody" => !documented_drop_in().contains(route),
            "generate" => route == "POST /token/generate",
            _ => documented_drop_in().contains(route) && route != "POST /token/generate",
        };
        for route in routes().filter(is_asked) {
            for status in [200, 400] {
                let answers = sent.get(&route).and_then(|statuses| statuses.get(&status)).copied().unwrap_or_default();
                assert!(answers >= each || route == "GET /ping", "{route} {status}: {sent:#?}");
            }
        }
    }
    let logs = watch.end();
    assert!(!logs.contains("panicked"), "{logs}");

    // Without an identity, every request gets 401, good or bad.
    let watch = Watch::start(credentials);
    let few = ["--exclude-path=/uikit", "--max-examples", "10", "--generation-deterministic"];
    let sent = schemathesis(&watch, "nobody", &few);
    for route in routes() {
        let answers = sent.get(&route).unwrap_or_else(|| panic!("{route} was not asked"));
        assert_eq!(answers.keys().collect::<Vec<_>>(), [&401], "{route}: {answers:?}");
    }
}

#[test]
fn the_codes_routes_are_spelled_as_the_document_spells_paths() {
    for (route, spelled) in [
        ("GET /rtm/{user_id}/token", "GET /rtm/{user_id}/token"),
        ("GET /rtm/{user_id+}", "GET /rtm/{user_id}"),
        ("GET /rte/{role}/{uid+}", "GET /rte/{role}/{uid}"),
        ("GET /rte/{role}/{uid+}", "GET /rte/{role}/{uid}/{rtm_user_id}"),
    ] {
        assert!(is_spelled(route, spelled), "{route} {spelled}");
    }
    for (route, other) in [
        ("GET /rtm/{user_id+}", "POST /rtm/{user_id}"),
        ("GET /rtm/{user_id+}", "GET /rtm/{user_id}/token"),
        ("GET /rtm/{user_id+}", "GET /rtm/{id}"),
        ("GET /rtm/{user_id+}", "GET /rtm"),
        ("GET /rtm/{user_id}/token", "GET /rtm/{user_id}"),
    ] {
        assert!(!is_spelled(route, other), "{route} {other}");
    }
    assert_eq!(documented_route("GET /chat/app/{end+}", Some("/chat/app/")), "GET /chat/app");
    let named = "/rte/demo/publisher/uid/7/alice/";
    let both = documented_route("GET /rte/{channel}/{role}/{type}/{uid+}", Some(named));
    assert_eq!(both, "GET /rte/{channel}/{role}/{type}/{uid}/{rtm_user_id}");
}

/// How many requests went to each route, by the status that they got.
type Sent = BTreeMap<String, BTreeMap<u64, usize>>;

/// Runs it, and shows what it prints.
///
/// # Panics
/// It found something.
fn schemathesis(watch: &Watch, name: &str, more: &[&str]) -> Sent {
    // It keeps what it found in the folder where it runs. A new folder makes every run the first.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("it is ours");
    }
    fs::create_dir_all(&folder).expect("a folder of our own");
    let report = folder.join("har.json");
    let status = Command::new(project::tool("st"))
        .arg("run")
        .arg(project::root().join("openapi.yaml"))
        .args(["--no-color", "--mode=all", "--request-timeout=60", "--warnings=off"])
        .args(["--url", watch.url("").trim_end_matches('/')])
        .arg("--report-har-path")
        .arg(&report)
        .args([
            "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
             response_headers_conformance,negative_data_rejection,is_the_services_answer",
        ])
        .args(more)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", project::root().join("tests/contract"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&folder)
        .stdin(Stdio::null())
        .status()
        .expect("it was found");
    assert!(status.success(), "schemathesis found something, and says it above");
    sent(&report)
}

/// Counts the requests that were really sent. Requests that match no route, such as other methods, are left out.
fn sent(report: &Path) -> Sent {
    let report: Value = serde_json::from_slice(&fs::read(report).expect("it was written")).expect("HAR is JSON");
    let routes = documented_routes();
    let mut sent = Sent::new();
    for entry in report["log"]["entries"].as_array().expect("a list") {
        let method = entry["request"]["method"].as_str().expect("a text");
        let url = entry["request"]["url"].as_str().expect("a text");
        let path = url.splitn(4, '/').nth(3).expect("http://host/path").split('?').next().unwrap_or_default();
        let fits = |route: &&String| {
            let (wanted, pattern) = route.split_once(' ').expect("a method and a path");
            let (path, pattern) = (path.split('/'), pattern[1..].split('/'));
            wanted == method
                && path.clone().count() == pattern.clone().count()
                && path.zip(pattern).all(|(part, pattern)| pattern.starts_with('{') || part == pattern)
        };
        // Fixed texts win over variables.
        if let Some(route) = routes.keys().filter(fits).min_by_key(|route| route.matches('{').count()) {
            let status = entry["response"]["status"].as_u64().expect("a number");
            *sent.entry(route.clone()).or_default().entry(status).or_default() += 1;
        }
    }
    sent
}
