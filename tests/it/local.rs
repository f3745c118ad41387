//! The local run: one vendor's credentials are enough, no request hangs, and no web page can read an answer.

use crate::openapi;
use crate::starting::{agora, event, zego};
use harness::free_port;
use harness::http::{Request, Response};
use harness::lambda::Function;
use harness::local::{LocalRun, Program};
use harness::requests;
use harness::secrets::Vendor;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long an answer may take when nothing has to be started or waited for.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A local credentials file of this name with these vendors' parts.
fn file(name: &str, vendors: &[Vendor]) -> String {
    let part = |&vendor: &Vendor| {
        let credentials = match vendor {
            Vendor::Agora => agora(),
            Vendor::Zego => zego(),
        };
        (vendor.part().to_owned(), credentials)
    };
    text_file(name, &Value::Object(vendors.iter().map(part).collect::<Map<_, _>>()).to_string())
}

fn text_file(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("a folder of our own");
    path.into_os_string().into_string().expect("the project's path is UTF-8")
}

fn other(vendor: Vendor) -> Vendor {
    match vendor {
        Vendor::Agora => Vendor::Zego,
        Vendor::Zego => Vendor::Agora,
    }
}

/// What an answer's problem says when the local file has no part for this vendor.
fn no_part(vendor: Vendor) -> String {
    format!(r#"this run has no credentials for this vendor: LOCAL_CREDENTIALS has no part "{}""#, vendor.part())
}

/// Asks until there is a token. A refusal says to come again after five seconds, so by then there must be one.
fn within_retry_after(what: &str, status: impl Fn() -> Value) {
    let patience = Instant::now() + Duration::from_secs(5) + AT_ONCE;
    while status() != 200 {
        assert!(Instant::now() < patience, "{what}: the new part is not read");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_function_without_its_part_of_the_local_file_starts_and_answers_503() {
    for (name, vendor) in [("rtm-token", Vendor::Agora), ("zego-token", Vendor::Zego)] {
        let path = file(&format!("without-{}.json", vendor.part()), &[other(vendor)]);
        let function = Function::start(name, [("LOCAL_CREDENTIALS", &*path)]);
        function.wait_ready();
        let ask = |case: &str| {
            let (asked, started) = (event(&format!("{name}/{case}.json")), Instant::now());
            let response = function.invoke(&asked).response();
            assert!(started.elapsed() < AT_ONCE, "{name} {case}: {:?}", started.elapsed());
            openapi::check(&[openapi::answer(&asked, &response)]);
            response
        };
        for _ in 0..3 {
            let response = ask("signed-in-caller");
            assert_eq!(response["statusCode"], 503, "{response}");
            assert_eq!(response["headers"]["retry-after"], "5", "{response}");
            let problem: Value = serde_json::from_str(response["body"].as_str().expect("a text")).expect("JSON");
            assert_eq!(problem["type"], "urn:tokenmint:problem:no-credentials");
            assert_eq!(problem["detail"], no_part(vendor));
        }
        // The caller and the parameters are checked first, as always.
        assert_eq!(ask("no-identity")["statusCode"], 401);
        assert_eq!(ask("bad-parameter")["statusCode"], 400);

        file(&format!("without-{}.json", vendor.part()), &Vendor::ALL);
        within_retry_after(name, || ask("signed-in-caller")["statusCode"].clone());
    }
}

fn send(run: &LocalRun, request: &requests::Request) -> Response {
    let url = run.url(request.example.path);
    match request.example.body {
        Some(body) => Request::new("POST", &url).header("content-type", "application/json").body(body),
        None => Request::new("GET", &url),
    }
    .send()
}

#[test]
fn one_vendor_is_enough_for_the_local_run() {
    one_vendor_is_enough_for(Program::Server);
}

#[test]
fn one_vendor_is_enough_for_the_emulator() {
    one_vendor_is_enough_for(Program::Watch);
}

fn one_vendor_is_enough_for(program: Program) {
    for vendor in Vendor::ALL {
        let missing = other(vendor);
        let name = format!("only-{}-{program:?}.json", vendor.part());
        let path = file(&name, &[vendor]);
        let run = LocalRun::start(program, [("LOCAL_CREDENTIALS", &*path)]);

        let printed = run.logs();
        for request in requests::own() {
            let listed = printed.contains(&format!("'{}'", run.url(request.example.path)));
            assert_eq!(listed, request.vendor() == vendor, "{}:\n{printed}", request.example.path);
        }
        let (name_of_it, part, form) = (missing.name(), missing.part(), missing.form());
        let source = if program == Program::Server { "LOCAL_CREDENTIALS" } else { &*path };
        let line =
            format!("No {name_of_it} tokens: {source} has no part \"{part}\". Add it at any time: \"{part}\":{form}");
        assert_eq!(printed.lines().filter(|printed| **printed == line).count(), 1, "{line}:\n{printed}");

        for request in requests::own().filter(|request| request.vendor() == vendor) {
            let answer = send(&run, &request);
            assert_eq!(answer.status, 200, "{}: {}", request.example.path, answer.text());
        }
        for request in requests::own().filter(|request| request.vendor() == missing) {
            // The first request starts the function.
            send(&run, &request);
            let started = Instant::now();
            let answer = send(&run, &request);
            assert!(started.elapsed() < AT_ONCE, "{}: {:?}", request.example.path, started.elapsed());
            assert_eq!(answer.status, 503, "{}: {}", request.example.path, answer.text());
            // The tutorial's route has a text of its own for every 503.
            if request.example.path != "/fetch_rtm_token" {
                assert_eq!(answer.json()["detail"], no_part(missing), "{}", request.example.path);
            }
        }

        file(&name, &Vendor::ALL);
        for request in requests::own().filter(|request| request.vendor() == missing) {
            within_retry_after(request.example.path, || json!(send(&run, &request).status));
        }
    }
}

#[test]
fn a_run_without_any_credentials_ends_with_one_line() {
    let path = text_file("nothing.json", r#"{"Agora":{},"other":1}"#);
    let printed = LocalRun::refused(Program::Watch, [("LOCAL_CREDENTIALS", &*path)]);
    let line = format!("{path} has no part \"agora\" and no part \"zego\": there is nothing to serve.\n");
    assert!(printed.ends_with(&format!("first time.\n{line}")), "{printed}");
    let printed = LocalRun::refused(Program::Server, [("LOCAL_CREDENTIALS", &*path)]);
    let reason = r#"LOCAL_CREDENTIALS must have a part \"agora\", a part \"zego\", or both"#;
    assert!(printed.lines().last().is_some_and(|line| line.contains(reason)), "{printed}");
}

/// Under the emulator, every request to such a function would wait for ever.
#[test]
fn a_run_with_one_vendors_part_malformed_ends() {
    let path = text_file("malformed.json", &json!({ "agora": agora(), "zego": { "app_id": 1 } }).to_string());
    for program in [Program::Server, Program::Watch] {
        let said = LocalRun::refused(program, [("LOCAL_CREDENTIALS", &*path)]);
        assert!(said.contains("the secret is not JSON of"), "{said}");
        assert!(said.contains("LOCAL_CREDENTIALS must be a JSON file") && !said.contains("c0ffee"), "{said}");
    }
}

/// Whether a function has credentials and whether it can reach its issuer are two questions.
#[test]
fn an_issuer_that_cannot_be_reached_does_not_end_the_run() {
    let port = free_port();
    let issuer = format!("http://127.0.0.1:{port}/realm");
    for program in [Program::Server, Program::Watch] {
        let jwt = [("IDENTITY", "jwt"), ("JWT_ISSUER", &issuer), ("JWT_AUDIENCE", "tokens")];
        let run = LocalRun::start(program, jwt);
        let answer = Request::new("GET", &run.url("/rtm/me/token")).header("authorization", "Bearer a.b.c").send();
        assert_eq!(answer.status, 503, "{program:?}: {}", answer.text());
        assert!(run.logs().contains("Authorization: Bearer $JWT"), "{}", run.logs());
    }
}

/// A browser lets a page of another origin read an answer only if a header allows it. No answer has such a header.
#[test]
fn no_page_of_another_origin_may_read_an_answer_of_the_emulator() {
    let run = LocalRun::start(Program::Watch, []);
    let origins = ["https://app.example", "http://localhost:5173", "http://127.0.0.1:9000", "null"];
    let silent = |what: &str, response: &Response| {
        let about_origins = response.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
        assert_eq!(about_origins, None, "{what}: {:?}", response.headers);
    };
    for origin in origins {
        for request in requests::all() {
            let what = format!("{} from {origin}", request.example.path);
            let url = run.url(request.example.path);
            let ask = |method: &str| Request::new(method, &url).header("origin", origin);
            let answer = match request.example.body {
                // A browser sends this without a preflight.
                Some(body) => ask("POST").header("content-type", "text/plain").body(body).send(),
                None => ask("GET").send(),
            };
            assert_eq!(answer.status, 200, "{what}: {}", answer.text());
            silent(&what, &answer);
            let preflight = |method: &str| {
                ask("OPTIONS")
                    .header("access-control-request-method", method)
                    .header("access-control-request-headers", "authorization,content-type")
                    .header("access-control-request-private-network", "true")
                    .send()
            };
            for method in ["GET", "POST"] {
                silent(&format!("preflight of {method} {what}"), &preflight(method));
            }
        }
        // A refusal, a path without a route, and a path that the emulator itself answers.
        for path in ["/rtm/*/token", "/", "/2015-03-31/functions/rtm-token/invocations"] {
            for method in ["GET", "POST", "OPTIONS"] {
                let asked = Request::new(method, &run.url(path)).header("origin", origin);
                silent(&format!("{method} {path} from {origin}"), &asked.body("{}").send());
            }
        }
    }
}
