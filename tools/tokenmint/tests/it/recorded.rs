//! The tokens that the vendors' own builders made.

use crate::program::{inspect, run};
use harness::project;
use serde_json::Value;

/// Each is read, and its signature found to be genuine, at the moment it was made.
#[test]
fn every_recorded_token_is_genuine() {
    let mut read = 0;
    for file in std::fs::read_dir(project::root().join("tests/vectors")).expect("a folder") {
        let path = file.expect("readable").path();
        let recorded: Value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
        for vector in recorded["vectors"].as_array().expect("a list") {
            let what = format!("{} {}", path.display(), vector["name"]);
            // Those of the stored form are payloads alone.
            let Some(token) = vector["token"].as_str() else { continue };
            let inputs = &vector["inputs"];
            let text = |name: &str| match &inputs[name] {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => String::new(),
            };
            let mut command = inspect();
            command
                .arg("--json")
                .arg(format!("--now={}", text_of(&inputs["issue_ts"], &inputs["ctime"], &inputs["now"])));
            if token.starts_with("04") {
                command.env("ZEGO_APP_ID", text("app_id")).env("ZEGO_SERVER_SECRET", text("server_secret"));
            } else {
                command.env("AGORA_APP_ID", text("app_id")).env("AGORA_APP_CERTIFICATE", text("app_certificate"));
            }
            if token.starts_with("006") {
                // Uid 0 is written as no user, account 0 as it is.
                let uid = Some(text("uid")).filter(|uid| uid != "0").unwrap_or_default();
                let user = format!("{}{}{uid}", text("user_account"), text("account"));
                // No argument can hold a NUL.
                if format!("{user}{}", text("channel_name")).contains('\0') {
                    continue;
                }
                command.arg(format!("--channel={}", text("channel_name"))).arg(format!("--user={user}"));
            }
            let outcome = run(&mut command, token.as_bytes());
            let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{what}: {outcome:?}"));
            assert_eq!(report["signature"]["verdict"], "genuine", "{what}: {report:#}");
            assert_eq!(report["token"]["app_id"], text("app_id"), "{what}: {report:#}");
            let codes = report["reasons"].as_array().expect("a list").iter().map(|reason| &reason["code"]);
            assert!(!codes.into_iter().any(|code| code == "unusual-message"), "{what}: {report:#}");
            read += 1;
        }
    }
    assert!(read > 300, "{read}: this test looks where nothing is");
}

fn text_of(issue_ts: &Value, ctime: &Value, now: &Value) -> u64 {
    [issue_ts, ctime, now].iter().find_map(|moment| moment.as_u64()).expect("a moment")
}
