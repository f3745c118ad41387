//! `tokenmint serve`: what it refuses to start with, whom it answers, and how it treats its clients.

mod limits;
mod operators;
mod rotation;
mod tls;

use crate::{functions, said};
use harness::http::Request;
use harness::server::TokenServer;
use harness::{Env, free_port, project};
use serde_json::Value;
use service::Callers;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

pub(crate) fn demo() -> Env {
    let credentials = project::root().join("tests/demo-credentials.json");
    Env::from([("LOCAL_CREDENTIALS", credentials.to_str().expect("UTF-8")), ("IDENTITY", "none")])
}

#[test]
fn a_wrong_setting_ends_the_start_with_one_line() {
    let refused = |env: Env| {
        let (said, code) = TokenServer::refused(env.and("LISTEN", "127.0.0.1:0"));
        assert_eq!(code, Some(2), "{said}");
        let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let last = lines.last().cloned().unwrap_or_default();
        assert_eq!(last["message"], "cannot start", "{said}");
        last["reason"].as_str().expect("a reason").to_owned()
    };
    let with = |name: &str, value: &str| refused(demo().and(name, value));
    let nowhere = "AGORA_SECRET_ID, ZEGO_SECRET_ID or LOCAL_CREDENTIALS must say where the credentials are";
    assert_eq!(refused(Env::from([("IDENTITY", "none")])), nowhere);
    let gateway = "IDENTITY must be jwt here, or none on this machine alone: no gateway verifies callers";
    assert_eq!(with("IDENTITY", "gateway"), gateway);
    assert_eq!(with("IDENTITY", ""), gateway);
    assert_eq!(with("IDENTITY", "jwt"), "JWT_ISSUER must be the issuer of the JWTs");
    assert_eq!(
        with("LOCAL_CREDENTIALS", "/nowhere"),
        "LOCAL_CREDENTIALS must be a JSON file with well-formed credentials"
    );
    assert_eq!(with("ADMIN_LISTEN", "9001"), "ADMIN_LISTEN must be an IP address and a port, such as 127.0.0.1:9000");
    let project = "ZIM_PROJECT must be shared here: the server has one ZEGO project";
    assert_eq!(with("ZIM_PROJECT", "own"), project);
    assert_eq!(with("ZIM_PROJECT", "other"), "ZIM_PROJECT must be shared or own");
    let proxies = "TRUSTED_PROXIES must be IP addresses or networks, such as 10.0.0.0/8, separated by commas";
    assert_eq!(with("TRUSTED_PROXIES", "proxy.example.com"), proxies);
    let behind = "IDENTITY must be jwt with TRUSTED_PROXIES: a proxy brings requests of other machines";
    assert_eq!(with("TRUSTED_PROXIES", "127.0.0.1"), behind);
    assert_eq!(with("TLS_CERT_FILE", "x"), "TLS_KEY_FILE must be set together with TLS_CERT_FILE");
    assert!(with("ALLOWED_ORIGINS", "*").starts_with("ALLOWED_ORIGINS must be origins"));
    assert!(with("ALLOWED_ORIGINS", "https://app.example.com/").starts_with("ALLOWED_ORIGINS must be origins"));
    let (said, code) = TokenServer::refused(demo().and("LISTEN", format!("0.0.0.0:{}", free_port())));
    assert!(code == Some(2) && said.contains("IDENTITY must be jwt, unless LISTEN"), "{said}");
}

#[test]
fn without_identities_only_this_machine_is_answered() {
    let server = TokenServer::start(demo().and("ALLOWED_ORIGINS", "https://app.example.com"));
    let ask = |method: &str, headers: &[(&str, &str)]| {
        let path = if method == "GET" { "/rtm/alice/token" } else { "/fetch_rtm_token" };
        let request =
            Request::new(method, &server.url(path)).body(if method == "GET" { "" } else { r#"{"uid":"alice"}"# });
        headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
    };
    for method in ["GET", "POST"] {
        assert_eq!(ask(method, &[]).status, 200);
        let allowed = ask(method, &[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")]);
        assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example.com"));
        assert_eq!(allowed.status, 200);
        for headers in [
            [("host", "evil.example.com")].as_slice(),
            &[("host", "evil.example.com:9000")],
            &[("origin", "https://evil.example.com")],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            let refused = ask(method, headers);
            assert_eq!(refused.status, 403, "{method} {headers:?}");
            assert!(!said::holds_a_token(refused.text()), "{method} {headers:?}");
            assert_eq!(refused.header("access-control-allow-origin"), None, "{method} {headers:?}");
        }
    }
    said::check_logs("serve", &server.end(), &said::credentials());
}

#[test]
fn it_says_which_routes_and_methods_there_are() {
    for drop_in in ["", "true"] {
        let server = TokenServer::start(demo().and("DROP_IN", drop_in));
        let list = Request::new("GET", &server.url("/")).send().json();
        let listed = list["routes"].as_array().expect("routes").iter();
        let listed = listed.map(|route| {
            let text = |name: &str| route[name].as_str().expect("a text");
            (format!("{} {}", text("method"), text("path")), text("callers").to_owned())
        });
        // A JWT in a query needs a setting of its own.
        let routes = functions::routes().into_keys().filter(|route| route.path != "/uikit");
        let routes = routes.filter(|route| !route.drop_in || drop_in == "true").map(|route| {
            let callers = if route.callers == Callers::Users { "users" } else { "backends" };
            (route.to_string(), callers.to_owned())
        });
        assert_eq!(listed.collect::<BTreeMap<_, _>>(), routes.collect());
        let expected = if drop_in == "true" { 200 } else { 404 };
        for path in ["/rtm/alice", "/rtm/alice/", "/chat/app/", "/access_token?uid=alice", "/ping", "/ping/"] {
            assert_eq!(Request::new("GET", &server.url(path)).send().status, expected, "{path}");
        }
        for path in ["/uikit", "/rtm/alice//", "/ping/x", "/access_token/"] {
            assert_eq!(Request::new("GET", &server.url(path)).send().status, 404, "{path}");
        }
    }
    let server = TokenServer::start(demo());
    let ask = |method: &str, path: &str| Request::new(method, &server.url(path)).send();

    for (method, path, allow) in [
        ("DELETE", "/rtc/demo/token", "GET, POST"),
        ("POST", "/rtm/alice/token", "GET"),
        ("GET", "/fetch_rtm_token", "POST"),
        ("POST", "/", "GET, HEAD"),
    ] {
        let answer = ask(method, path);
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
    }
    for path in ["/rtm", "/rtm/alice/token/", "//", "/rtm//token/x", "/health/live", "/metrics"] {
        assert_eq!(ask("GET", path).status, 404, "{path}");
    }
    assert_eq!(ask("HEAD", "/").text(), "");
}

#[test]
fn the_log_names_the_client_that_a_trusted_proxy_names() {
    for (trusted, client) in [("", "127.0.0.1"), ("10.0.0.0/8", "127.0.0.1"), ("127.0.0.0/8", "198.51.100.7")] {
        // Nobody answers as the issuer. A request without a JWT is refused all the same.
        let jwt = [("IDENTITY", "jwt"), ("JWT_ISSUER", "http://127.0.0.1:9/"), ("JWT_AUDIENCE", "tokens")];
        let server = TokenServer::start(demo().and_all(jwt).and("TRUSTED_PROXIES", trusted));
        let request = Request::new("GET", &server.url("/rtm/alice/token"));
        let forwarded = request.header("x-forwarded-for", "192.0.2.1, 198.51.100.7").header("x-real-ip", "192.0.2.1");
        assert_eq!(forwarded.header("x-forwarded-host", "localhost").send().status, 401);
        let logs = server.end();
        let mut lines = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let line = lines.find(|line| line["message"] == "refused").unwrap_or_else(|| panic!("{logs}"));
        assert_eq!(line["client"], client, "{trusted}");
    }
}

/// What a client sends over a connection of its own, what comes back, and after how long the connection ends.
fn raw(server: &TokenServer, sent: &[u8]) -> (String, Duration) {
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let begun = Instant::now();
    stream.write_all(sent).expect("it reads");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&answer)),
    }
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
}

#[test]
fn a_client_that_is_slow_or_breaks_http_gets_no_token_and_no_5xx() {
    let server = TokenServer::start(demo());
    let get = "GET /rtm/alice/token HTTP/1.1\r\nHost: localhost\r\n";
    let post = "POST /fetch_rtm_token HTTP/1.1\r\nHost: localhost\r\n";
    let smuggled = format!("{get}Connection: close\r\n\r\n");
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("half a head", get.into(), ""),
        ("half a body", format!("{post}Content-Length: 10\r\n\r\n{{").into(), "408"),
        ("a head of 20 KiB", format!("{get}X: {}\r\n\r\n", "x".repeat(20 << 10)).into(), "431"),
        ("101 fields", format!("{get}{}\r\n", "A: b\r\n".repeat(101)).into(), "431"),
        (
            "a body of 9 KiB",
            format!("{post}Connection: close\r\nContent-Length: 9216\r\n\r\n{}", " ".repeat(9216)).into(),
            "413",
        ),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(), "400"),
        ("no HTTP", b"EHLO localhost\r\n\r\n".to_vec(), "400"),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), ""),
        ("two lengths", format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab").into(), "400"),
        ("a length that is no number", format!("{post}Content-Length: +1\r\n\r\na").into(), "400"),
        ("a space before a colon", format!("{post}Content-Length : 1\r\n\r\na").into(), "400"),
    ];
    let asked = &server;
    thread::scope(|scope| {
        for (what, sent, status) in &cases {
            scope.spawn(move || {
                let (answer, took) = raw(asked, sent);
                let expected = if status.is_empty() { String::new() } else { format!("HTTP/1.1 {status} ") };
                assert!(answer.starts_with(&expected), "{what}: {answer}");
                assert!(!answer.contains("HTTP/1.1 5") && !said::holds_a_token(&answer), "{what}: {answer}");
                assert!(took < Duration::from_secs(12), "{what}: {took:?}");
            });
        }
    });
    // Both a length and chunks: whatever stands behind the first request is not read as a second one.
    let both = format!("{post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}");
    let (answer, _) = raw(&server, both.as_bytes());
    assert!(answer.matches("HTTP/1.1 ").count() <= 1 && !said::holds_a_token(&answer), "{answer}");
    // Requests one after another in one connection are answered in their order.
    let (answer, _) = raw(&server, format!("{get}\r\n{get}\r\n{smuggled}").as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    said::check_logs("serve", &server.end(), &said::credentials());
}

#[test]
fn told_to_end_it_finishes_what_it_began() {
    let server = TokenServer::start(demo());
    let mut unfinished = Unfinished::begin(&server);
    // An idle connection must not keep it from ending.
    let _idle = TcpStream::connect(server.address).expect("it listens");
    let status = thread::scope(|scope| {
        let ending = scope.spawn(|| server.terminate());
        thread::sleep(Duration::from_millis(500));
        assert!(TcpStream::connect(server.address).is_err(), "it takes no more connections");
        unfinished.finish();
        ending.join().expect("it ends")
    });
    assert_eq!(status.code(), Some(0));
    let log = server.end();
    let answered = log.lines().filter(|line| line.contains(r#""request_id":"#)).count();
    assert_eq!(answered, 1, "the line about a request is not lost: {log}");
}

#[test]
fn a_body_that_never_comes_does_not_keep_it_from_ending() {
    let server = TokenServer::start(demo());
    let _unfinished = Unfinished::begin(&server);
    let begun = Instant::now();
    assert_eq!(server.terminate().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    said::check_logs("serve", &server.end(), &said::credentials());
}

/// A request whose body has not come yet.
pub(crate) struct Unfinished(TcpStream);

impl Unfinished {
    pub(crate) fn begin(server: &TokenServer) -> Unfinished {
        let mut stream = TcpStream::connect(server.address).expect("it listens");
        let head = b"POST /fetch_rtm_token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n{";
        stream.write_all(head).expect("it reads");
        // The server has the head by then.
        thread::sleep(Duration::from_millis(300));
        Unfinished(stream)
    }

    /// Sends the rest. There is a token.
    pub(crate) fn finish(&mut self) {
        self.0.write_all(br#""uid":"alice"}"#).expect("it reads");
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
}

/// A connection that stays open from one request to the next.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn connect(server: &TokenServer) -> Client {
        let stream = TcpStream::connect(server.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        Client(stream)
    }

    /// Sends a good request.
    pub(crate) fn send(&mut self) {
        self.0.write_all(b"GET /rtm/alice/token HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it reads");
    }

    /// The status of the next answer. Reads the whole answer.
    pub(crate) fn status(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("an answer");
            head.extend(byte);
        }
        let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        self.0.read_exact(&mut vec![0; length.parse().expect("a number")]).expect("a body");
        head.split(' ').nth(1).expect("a status").to_owned()
    }

    pub(crate) fn ask(&mut self) -> String {
        self.send();
        self.status()
    }
}

/// A folder for a test. It is gone with this value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = env::temp_dir().join(format!("tokenmint-serve-{name}-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Folder(folder)
    }

    /// A path in it.
    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Mounts another version of files, as Kubernetes does: each file is a link through a link to the version's folder,
    /// and that link is replaced. `write` puts the files into the version's folder.
    fn mount(&self, version: &str, files: &[&str], write: impl FnOnce(&Path)) {
        let of_version = self.0.join(version);
        fs::create_dir_all(&of_version).expect("a folder");
        write(&of_version);
        let next = self.0.join("..data_tmp");
        symlink(version, &next).and_then(|()| fs::rename(&next, self.0.join("..data"))).expect("the link is replaced");
        for file in files {
            let link = self.0.join(file);
            if link.symlink_metadata().is_err() {
                symlink(Path::new("..data").join(file), link).expect("a link");
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
