//! TLS: certificates and a key from files, which are replaced while the server runs. The client is OpenSSL's.

use super::{Folder, demo, raw};
use crate::said;
use harness::Env;
use harness::server::TokenServer;
use harness::tls;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const FILES: [&str; 2] = ["server.pem", "server.key"];

/// Writes a version's files into its folder.
type Write = fn(&Path);

fn env(folder: &Folder) -> Env {
    demo().and("TLS_CERT_FILE", folder.path(FILES[0])).and("TLS_KEY_FILE", folder.path(FILES[1]))
}

/// What the server answers to a client that trusts only this version's authority.
fn get(server: &TokenServer, folder: &Folder, version: &str) -> Result<Value, String> {
    let url = format!("https://{}/rtm/alice/token", server.address);
    tls::get(&url, Path::new(&folder.path(&format!("{version}/ca.pem"))))
}

fn wait_for(server: &TokenServer, folder: &Folder, version: &str) {
    let begun = Instant::now();
    while let Err(error) = get(server, folder, version) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{version} is not in use: {error}:\n{}", server.logs());
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn replaced_certificates_are_in_use_soon_and_broken_ones_never() {
    let folder = Folder::new("certificates");
    folder.mount("..1", &FILES, tls::certificates);
    let server = TokenServer::start(env(&folder));
    let answer = get(&server, &folder, "..1").expect("TLS");
    assert!(answer["token"].as_str().is_some_and(said::holds_a_token), "{answer}");

    folder.mount("..2", &FILES, tls::certificates);
    wait_for(&server, &folder, "..2");
    let error = get(&server, &folder, "..1").expect_err("the older certificate is gone");
    assert!(error.contains("CERTIFICATE_VERIFY_FAILED"), "{error}");

    // A certificate alone, a key that does not fit it, and files that are no PEM.
    let failures = || server.logs().matches("certificates not loaded").count();
    let broken: [(&str, Write); 3] = [
        ("..3", |folder| {
            tls::certificates(folder);
            fs::remove_file(folder.join("server.key")).expect("it was there");
        }),
        ("..4", |folder| {
            tls::certificates(folder);
            let key = fs::read(folder.join("server.key")).expect("just written");
            tls::certificates(folder);
            fs::write(folder.join("server.key"), key).expect("a file");
        }),
        ("..5", |folder| FILES.iter().for_each(|file| fs::write(folder.join(file), "no PEM").expect("a file"))),
    ];
    for (version, write) in broken {
        let before = failures();
        folder.mount(version, &FILES, write);
        let begun = Instant::now();
        while failures() == before {
            assert!(begun.elapsed() < Duration::from_secs(20), "{version}: nobody looked:\n{}", server.logs());
            sleep(Duration::from_millis(50));
        }
        get(&server, &folder, "..2").expect("the older certificate stays in use");
    }

    // The next good pair is used. Then its files are replaced one after the other, without links.
    folder.mount("..6", &FILES, tls::certificates);
    wait_for(&server, &folder, "..6");
    fs::create_dir_all(folder.path("7")).expect("a folder");
    tls::certificates(Path::new(&folder.path("7")));
    for file in FILES {
        fs::rename(folder.path(&format!("7/{file}")), folder.path(file)).expect("the link is replaced");
    }
    wait_for(&server, &folder, "7");
    let logs = server.end();
    said::check_logs("serve", &logs, &said::credentials());
    assert!(!logs.contains("BEGIN") && !logs.contains("PRIVATE"), "{logs}");
}

#[test]
fn a_client_without_tls_gets_nothing() {
    let folder = Folder::new("handshakes");
    tls::certificates(&folder.0);
    let server = TokenServer::start(env(&folder));
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let begun = Instant::now();
    let asked = &server;
    std::thread::scope(|scope| {
        for (what, sent) in [
            ("plain HTTP", b"GET /rtm/alice/token HTTP/1.1\r\nHost: localhost\r\n\r\n".as_slice()),
            ("nothing", b""),
            ("half a handshake", hello),
        ] {
            scope.spawn(move || {
                let (answer, _) = raw(asked, sent);
                assert!(!answer.contains("HTTP") && !said::holds_a_token(&answer), "{what}: {answer}");
            });
        }
    });
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let url = format!("https://{}/rtm/alice/token", server.address);
    tls::get(&url, Path::new(&folder.path("ca.pem"))).expect("others are served");
    said::check_logs("serve", &server.end(), &said::credentials());
}

#[test]
fn files_that_cannot_be_used_end_the_start_with_one_line() {
    let (folder, other) = (Folder::new("unusable"), Folder::new("unusable-other"));
    tls::certificates(&folder.0);
    tls::certificates(&other.0);
    let certificates = "TLS_CERT_FILE must be a file with certificates in PEM";
    let key = "TLS_KEY_FILE must be a file with a private key in PEM";
    for (name, value, reason) in [
        ("TLS_CERT_FILE", "/nowhere".to_owned(), certificates),
        ("TLS_CERT_FILE", folder.path("server.key"), certificates),
        ("TLS_KEY_FILE", "/nowhere".to_owned(), key),
        ("TLS_KEY_FILE", folder.path("server.pem"), key),
        (
            "TLS_KEY_FILE",
            other.path("server.key"),
            "TLS_KEY_FILE must be the key of the first certificate in TLS_CERT_FILE",
        ),
    ] {
        let (said, code) = TokenServer::refused(env(&folder).and("LISTEN", "127.0.0.1:0").and(name, value));
        let last: Value = serde_json::from_str(said.lines().last().expect("a line")).expect("JSON");
        assert_eq!((code, last["reason"].as_str()), (Some(2), Some(reason)), "{said}");
    }
}
