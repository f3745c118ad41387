//! Credentials that change while requests go on: nobody is refused, and the new ones are in use soon.

use super::{Folder, demo};
use crate::said;
use harness::http::Request;
use harness::load;
use harness::secrets::{SecretsManager, Vendor};
use harness::server::TokenServer;
use serde_json::{Value, json};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

fn agora(app_id: &str) -> Value {
    json!({ "app_id": app_id, "app_certificate": "0".repeat(32) })
}

/// The app id of a token that the server must give now.
fn app_id(server: &TokenServer) -> String {
    let answer = Request::new("GET", &server.url("/rtm/alice/token")).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["app_id"].as_str().expect("an app id").to_owned()
}

fn wait_for(server: &TokenServer, expected: &str) {
    let begun = Instant::now();
    while app_id(server) != expected {
        assert!(begun.elapsed() < Duration::from_secs(20), "{expected} is not in use:\n{}", server.logs());
        sleep(Duration::from_millis(20));
    }
}

/// Four clients ask all the time while something happens. Each gets a token each time.
fn under_load(server: &TokenServer, meanwhile: impl FnOnce()) {
    let app_ids = load::during(4, Duration::from_millis(5), || app_id(server), meanwhile);
    assert!(app_ids.len() > 20, "{} tokens", app_ids.len());
}

#[test]
fn a_changed_file_is_in_use_soon_and_refuses_nobody() {
    let folder = Folder::new("credentials");
    let mount = |version: &str, text: &str| {
        folder.mount(version, &["credentials.json"], |folder| {
            fs::write(folder.join("credentials.json"), text).expect("a file");
        });
    };
    let with = |app_id: &str| json!({ "agora": agora(app_id) }).to_string();
    let ids = ["0", "1", "2", "3"].map(|digit| digit.repeat(32));
    mount("..1", &with(&ids[0]));
    let file = folder.path("credentials.json");
    let server = TokenServer::start(demo().and("LOCAL_CREDENTIALS", &file));
    assert_eq!(app_id(&server), ids[0]);
    under_load(&server, || {
        mount("..2", &with(&ids[1]));
        wait_for(&server, &ids[1]);
        // What cannot be used changes nothing.
        mount("..3", "no JSON");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            assert_eq!(app_id(&server), ids[1], "the older credentials stay in use");
            sleep(Duration::from_millis(20));
        }
        mount("..4", &with(&ids[2]));
        wait_for(&server, &ids[2]);
        // A file that an editor writes in place.
        fs::write(&file, with(&ids[3])).expect("a file");
        wait_for(&server, &ids[3]);
    });
    said::check_logs("serve", &server.end(), &said::credentials());
}

#[test]
fn a_changed_secret_is_in_use_soon_and_refuses_nobody() {
    let secrets = SecretsManager::start();
    let put = |app_id: &str| secrets.put(Vendor::Agora.secret_id(), &agora(app_id));
    let ids = ["0", "1", "2"].map(|digit| digit.repeat(32));
    put(&ids[0]);
    let env = secrets.env(Vendor::Agora).and("CREDENTIALS_TTL_SECONDS", "1").and("IDENTITY", "none");
    let server = TokenServer::start(env);
    assert_eq!(app_id(&server), ids[0]);
    under_load(&server, || {
        for next in &ids[1..] {
            put(next);
            wait_for(&server, next);
        }
        // Without Secrets Manager, the older ones go on.
        secrets.go_down();
        sleep(Duration::from_secs(3));
        secrets.come_up();
    });
    said::check_logs("serve", &server.end(), &said::credentials());
}
