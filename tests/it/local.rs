//! The local run: one vendor's credentials are enough for it.

use crate::openapi;
use crate::starting::{agora, event, zego};
use harness::lambda::Function;
use harness::secrets::Vendor;
use serde_json::{Map, Value};
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

/// Asks until there is a token. An answer without one says to come again after five seconds, so by then there must be one.
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
        // The caller and the parameters are checked first, as ever.
        assert_eq!(ask("no-identity")["statusCode"], 401);
        assert_eq!(ask("bad-parameter")["statusCode"], 400);

        file(&format!("without-{}.json", vendor.part()), &Vendor::ALL);
        within_retry_after(name, || ask("signed-in-caller")["statusCode"].clone());
    }
}
