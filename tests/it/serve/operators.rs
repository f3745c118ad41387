//! What operators ask: health and metrics, on an address of their own.

use super::{Unfinished, demo};
use crate::said;
use harness::http::{self, Request};
use harness::issuer::{Algorithm, Issuer, SigningKey, Trouble};
use harness::secrets::{Fault, SecretsManager, Vendor};
use harness::server::TokenServer;
use harness::{Env, free_port, project};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

const AUDIENCE: &str = "tokens.example.com";

/// A server with an address for operators, and that address.
fn start(env: impl Into<Env>) -> (TokenServer, String) {
    let admin = format!("127.0.0.1:{}", free_port());
    let server = TokenServer::start(env.into().and("ADMIN_LISTEN", &admin));
    (server, format!("http://{admin}"))
}

/// A server that takes JWTs of this issuer, with secrets from there.
fn start_with_jwts(issuer: &Issuer, secrets: &SecretsManager) -> (TokenServer, String) {
    let identity = Env::from([("IDENTITY", "jwt"), ("JWT_ISSUER", &issuer.url()), ("JWT_AUDIENCE", AUDIENCE)]);
    let times = [("CREDENTIALS_TTL_SECONDS", "1"), ("JWT_KEYS_TTL_SECONDS", "1")];
    start(secrets.env(Vendor::Agora).and_all(identity).and_all(times))
}

fn until(what: &str, server: &TokenServer, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: this does not happen:\n{}", server.logs());
        sleep(Duration::from_millis(50));
    }
}

/// The metrics that Lambda has too, as the documentation lists them.
fn documented() -> BTreeSet<String> {
    let page = fs::read_to_string(project::root().join("docs/reference/operation.md")).expect("the page");
    let section = page.split("\n## ").find(|section| section.starts_with("Metrics")).expect("the section");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| row.split('|').nth(1).expect("a cell").split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

#[test]
fn metrics_have_lambdas_names_and_tell_nothing_of_users() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    let secrets = SecretsManager::start();
    secrets.put(Vendor::Agora.secret_id(), &said::credentials()["agora"]);
    let (server, admin) = start_with_jwts(&issuer, &secrets);
    let jwt = |user: &str| key.sign(&json!({}), &issuer.claims(user, AUDIENCE));
    let ask = |authorization: &str| {
        let request = Request::new("GET", &server.url("/rtm/alice-4711/token"));
        request.header("authorization", &format!("Bearer {authorization}")).send().status
    };
    let alices = jwt("alice-4711");
    assert_eq!((ask(&alices), ask(&alices), ask(&jwt("bob-4711")), ask("forged")), (200, 200, 403, 401));
    // Both sources fail, and what they gave before is used on.
    secrets.break_with(Fault::Refuse(500, "InternalServiceError"));
    issuer.trouble(Trouble::Status(500));
    let metrics = || http::get(&format!("{admin}/metrics")).text().to_owned();
    until("stale credentials and keys are used", &server, || {
        assert_eq!(ask(&alices), 200);
        let metrics = metrics();
        ["CredentialsFailed", "CredentialsStale", "KeysFailed", "KeysStale"].iter().all(|name| metrics.contains(name))
    });
    let metrics = metrics();
    let names: BTreeSet<_> =
        metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next().map(str::to_owned)).collect();
    // Only functions have environments, and one of them authorizes.
    let of_functions =
        ["Authorized", "ColdStarts", "EnvironmentsCold", "EnvironmentsFailed", "EnvironmentsWarm"].map(str::to_owned);
    assert_eq!(names, &documented() - &BTreeSet::from(of_functions), "{metrics}");
    let count = |series: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(series)).unwrap_or_else(|| panic!("{metrics}"));
        line.trim().parse::<u64>().expect("a count")
    };
    assert_eq!(count("Refusals{reason=\"forbidden\"}"), 1);
    assert_eq!(count("Refusals{reason=\"invalid-token\"}"), 1);
    let minted = count("TokensMinted{kind=\"agora-rtm\"}");
    assert!(minted >= 3, "{metrics}");
    assert_eq!(count("MintDuration_count"), minted, "each token is timed");
    assert_eq!(count("MintDuration_bucket{le=\"+Inf\"}"), minted);
    for private in ["4711", "eyJ", "testing"] {
        assert!(!metrics.contains(private), "{private}: {metrics}");
    }
    said::check_secrets("metrics", &metrics, &said::credentials());
    assert!(!said::holds_a_token(&metrics), "{metrics}");
    said::check_logs("serve", &server.end(), &said::credentials());
}

#[test]
fn operators_and_clients_have_addresses_of_their_own() {
    let (server, admin) = start(demo());
    for (path, status) in [("/health/live", 204), ("/health/ready", 204), ("/metrics", 200)] {
        assert_eq!(http::get(&format!("{admin}{path}")).status, status, "{path}");
        let of_clients = http::get(&server.url(path));
        assert_eq!(of_clients.status, 404, "{path}: {}", of_clients.text());
    }
    for path in ["/", "/rtm/alice/token"] {
        assert_eq!(http::get(&format!("{admin}{path}")).status, 404, "{path}");
    }
    assert_eq!(Request::new("POST", &format!("{admin}/metrics")).send().status, 405);
    assert_eq!(listening(server.pid()), 2);
    said::check_logs("serve", &server.end(), &said::credentials());
    assert_eq!(listening(TokenServer::start(demo()).pid()), 1, "without ADMIN_LISTEN nothing else listens");
}

/// How many sockets a process listens on.
fn listening(pid: u32) -> usize {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
    let open: BTreeSet<_> = descriptors
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).expect("it runs"));
    let rows =
        tables.iter().flat_map(|table| table.lines().skip(1)).map(|row| row.split_whitespace().collect::<Vec<_>>());
    // 0A: the socket listens. The tenth column is its inode.
    rows.filter(|row| row[3] == "0A" && open.contains(row[9])).count()
}

#[test]
fn it_is_ready_once_it_has_credentials_and_keys_without_any_request() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    let secrets = SecretsManager::start();
    secrets.put(Vendor::Agora.secret_id(), &said::credentials()["agora"]);
    issuer.trouble(Trouble::Status(500));
    secrets.break_with(Fault::Refuse(400, "AccessDeniedException"));
    let (server, admin) = start_with_jwts(&issuer, &secrets);
    let status = |path: &str| http::get(&format!("{admin}/health/{path}")).status;
    assert_eq!((status("live"), status("ready")), (204, 503));
    let loads = || server.logs().matches("\"credentials loaded\"").count();
    secrets.heal();
    until("the credentials are there", &server, || loads() > 0);
    assert_eq!((status("live"), status("ready")), (204, 503), "without keys nobody is verified");
    issuer.heal();
    until("it is ready", &server, || status("ready") == 204);
    said::check_logs("serve", &server.end(), &said::credentials());
}

#[test]
fn while_it_ends_it_is_alive_and_not_ready() {
    let (server, admin) = start(demo());
    let mut unfinished = Unfinished::begin(&server);
    let status = |path: &str| http::get(&format!("{admin}/health/{path}")).status;
    assert_eq!((status("live"), status("ready")), (204, 204));
    let ended = scope(|scope| {
        let ending = scope.spawn(|| server.terminate());
        until("it is not ready", &server, || status("ready") == 503);
        assert_eq!(status("live"), 204);
        unfinished.finish();
        ending.join().expect("it ends")
    });
    assert_eq!(ended.code(), Some(0));
}
