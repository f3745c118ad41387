//! What a container's health check gets to know, before, while and after a server runs.

use crate::program::{Outcome, program, run};
use harness::server::TokenServer;
use harness::{Env, free_port, project};
use std::net::TcpListener;

/// Asks the server whose `ADMIN_LISTEN` is this.
fn health(admin: &str) -> Outcome {
    run(program().arg("health").env("ADMIN_LISTEN", admin), b"")
}

/// A server without a usable credential or key is not ready. Nobody answers as this issuer.
const NO_KEYS: [(&str, &str); 3] =
    [("IDENTITY", "jwt"), ("JWT_ISSUER", "http://127.0.0.1:9/"), ("JWT_AUDIENCE", "tokens.example.com")];

fn start(identity: impl Into<Env>, admin: &str) -> TokenServer {
    let credentials = project::root().join("tests/demo-credentials.json");
    let env = Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")), ("ADMIN_LISTEN", admin)]);
    TokenServer::start(env.and_all(identity))
}

#[test]
fn only_a_server_that_is_ready_is_healthy() {
    let port = free_port();
    let admin = format!("127.0.0.1:{port}");
    let before = health(&admin);
    assert_eq!(before.code, 1, "{before:?}");
    assert!(before.stderr.starts_with(&format!("tokenmint: the server at {admin} does not answer: ")), "{before:?}");
    // A server on every address is asked on this machine.
    for listen in [&admin, &format!("0.0.0.0:{port}"), &format!("[::]:{port}")] {
        let server = start([("IDENTITY", "none")], listen);
        let ready = health(listen);
        assert_eq!((ready.code, ready.all().as_str()), (0, ""), "{listen}: {ready:?}");
        assert_eq!(server.terminate().code(), Some(0));
        assert_eq!(health(listen).code, 1, "{listen}");
    }
    let _server = start(NO_KEYS, &admin);
    let not_ready = health(&admin);
    let said = format!("tokenmint: the server at {admin} is not ready: it answers 503\n");
    assert_eq!((not_ready.code, not_ready.stderr), (1, said));
}

#[test]
fn a_silent_server_is_not_healthy() {
    // The system takes connections for it. It never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("the system has a free port");
    let admin = silent.local_addr().expect("a bound listener has an address").to_string();
    let late = health(&admin);
    let said = format!("tokenmint: the server at {admin} does not answer within 2s\n");
    assert_eq!((late.code, late.stderr), (1, said));
}

#[test]
fn without_an_address_to_ask_nothing_is_healthy() {
    let unset = run(program().arg("health"), b"");
    let said = "tokenmint: ADMIN_LISTEN must be set: it says where the server answers health checks\n";
    for unset in [unset, health("")] {
        assert_eq!((unset.code, unset.stderr.as_str()), (1, said));
    }
    let wrong = health("9001");
    let said = "tokenmint: ADMIN_LISTEN must be an IP address and a port, such as 127.0.0.1:9000\n";
    assert_eq!((wrong.code, wrong.stderr.as_str()), (1, said));
}
