//! Tests of the tests' own tools. A verifier that refuses nothing would prove nothing, and a server must not outlive
//! its test.

use harness::http::{Request, Response};
use harness::secrets::{Fault, SecretsManager, Vendor};
use harness::verifiers::{self, AgoraCase, ZegoCase};
use harness::{descendants, project};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// The vectors in these files. The vendors' own builders made them.
fn vectors(files: &[&str]) -> Vec<Value> {
    let read = |file: &&str| {
        let path = project::root().join("tests/vectors").join(format!("{file}.json"));
        let mut file: Value =
            serde_json::from_slice(&fs::read(path).expect("the vectors are here")).expect("they are JSON");
        file["vectors"].as_array_mut().map(std::mem::take).expect("a list of vectors")
    };
    files.iter().flat_map(read).collect()
}

/// The uid as the vendor's verifier takes it. A uid of 0 stands for every user and becomes an empty text.
fn uid(inputs: &Value) -> String {
    match &inputs["uid"] {
        Value::String(account) => account.clone(),
        Value::Number(uid) if uid.as_u64() != Some(0) => uid.to_string(),
        _ => inputs["account"].as_str().unwrap_or_default().to_owned(),
    }
}

/// The token with one character in the middle changed. There is neither version nor padding in the middle.
fn changed(token: &str) -> String {
    let middle = token.len() / 2;
    let other = if &token[middle..=middle] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &token[..middle], &token[middle + 1..])
}

const WRONG: &str = "00112233445566778899aabbccddeeff";

#[test]
fn agora_accepts_its_own_007_tokens_and_no_others() {
    let vectors = vectors(&[
        "agora_007_agents",
        "agora_007_chat",
        "agora_007_combined",
        "agora_007_rtc",
        "agora_007_rtm",
        "agora_007_stored",
    ]);
    let tokens: Vec<(&str, &Value)> = vectors
        .iter()
        .flat_map(|vector| ["token", "token_node_18_plus"].map(|name| (vector[name].as_str(), vector)))
        .filter_map(|(token, vector)| Some((token?, vector)))
        .collect();
    assert!(tokens.len() > 400, "{}", tokens.len());
    let right: Vec<_> = tokens
        .iter()
        .map(|&(token, vector)| AgoraCase {
            token,
            app_id: text(vector, "app_id"),
            app_certificate: text(vector, "app_certificate"),
            ..AgoraCase::default()
        })
        .collect();
    for ((token, vector), verdict) in tokens.iter().zip(verifiers::agora(&right)) {
        assert_eq!(verdict["valid"], true, "{token}: {verdict}");
        for field in ["app_id", "issue_ts", "expire", "salt", "services"] {
            // Stored vectors have no `decoded` part.
            if let Some(decoded) = vector["decoded"].get(field) {
                assert_eq!(&verdict[field], decoded, "{token}");
            }
        }
    }

    let wrong: Vec<_> = right.iter().map(|case| AgoraCase { app_certificate: WRONG, ..*case }).collect();
    let other: Vec<_> = right.iter().map(|case| AgoraCase { app_id: WRONG, ..*case }).collect();
    let cut: Vec<_> =
        right.iter().map(|case| AgoraCase { token: &case.token[..case.token.len() / 2], ..*case }).collect();
    let changed: Vec<String> = right.iter().map(|case| changed(case.token)).collect();
    let changed: Vec<_> = right.iter().zip(&changed).map(|(case, token)| AgoraCase { token, ..*case }).collect();
    for (case, verdict) in
        [&wrong, &other, &cut, &changed].into_iter().flat_map(|cases| cases.iter().zip(verifiers::agora(cases)))
    {
        assert_eq!(verdict["valid"], false, "{case:?}: {verdict}");
    }
}

#[test]
fn agora_accepts_its_own_006_tokens_and_no_others() {
    let vectors = vectors(&["agora_006_rtc", "agora_006_rtm"]);
    let users: Vec<String> = vectors.iter().map(|vector| uid(&vector["inputs"])).collect();
    let right: Vec<_> = vectors
        .iter()
        .zip(&users)
        .map(|(vector, uid)| AgoraCase {
            token: vector["token"].as_str().expect("a token"),
            app_id: text(vector, "app_id"),
            app_certificate: text(vector, "app_certificate"),
            channel: vector["inputs"]["channel_name"].as_str().unwrap_or_else(|| text(vector, "user_account")),
            uid,
        })
        .collect();
    for (vector, verdict) in vectors.iter().zip(verifiers::agora(&right)) {
        assert_eq!(verdict["valid"], true, "{vector}: {verdict}");
        for field in ["salt", "ts", "privileges", "crc_channel_name", "crc_uid"] {
            assert_eq!(verdict[field], vector["decoded"][field], "{vector}");
        }
    }

    let wrong: Vec<_> = right.iter().map(|case| AgoraCase { app_certificate: WRONG, ..*case }).collect();
    let channel: Vec<_> = right.iter().map(|case| AgoraCase { channel: "elsewhere", ..*case }).collect();
    let user: Vec<_> = right.iter().map(|case| AgoraCase { uid: "somebody", ..*case }).collect();
    let changed: Vec<String> = right.iter().map(|case| changed(case.token)).collect();
    let changed: Vec<_> = right.iter().zip(&changed).map(|(case, token)| AgoraCase { token, ..*case }).collect();
    for (case, verdict) in
        [&wrong, &channel, &user, &changed].into_iter().flat_map(|cases| cases.iter().zip(verifiers::agora(cases)))
    {
        assert_eq!(verdict["valid"], false, "{case:?}: {verdict}");
    }
}

#[test]
fn zegos_tokens_open_with_their_secret_alone() {
    let vectors = vectors(&["zego_04"]);
    let right: Vec<_> = vectors
        .iter()
        .map(|vector| ZegoCase {
            token: vector["token"].as_str().expect("a token"),
            server_secret: text(vector, "server_secret"),
        })
        .collect();
    for (vector, verdict) in vectors.iter().zip(verifiers::zego(&right)) {
        assert_eq!(verdict["valid"], true, "{vector}: {verdict}");
        assert_eq!(verdict["plaintext"], vector["plaintext"], "{vector}");
        assert_eq!(verdict["expire"], vector["inputs"]["expire"], "{vector}");
        assert_eq!(verdict["iv"], vector["inputs"]["iv"], "{vector}");
    }

    let secret = "00112233445566778899aabbccddeeff";
    let wrong: Vec<_> = right.iter().map(|case| ZegoCase { server_secret: secret, ..*case }).collect();
    let cut: Vec<_> =
        right.iter().map(|case| ZegoCase { token: &case.token[..case.token.len() - 24], ..*case }).collect();
    for (case, verdict) in [&wrong, &cut].into_iter().flat_map(|cases| cases.iter().zip(verifiers::zego(cases))) {
        assert_eq!(verdict["valid"], false, "{case:?}: {verdict}");
    }
    // CBC does not protect against changes. But a changed character must change the plaintext.
    let changed: Vec<String> = right.iter().map(|case| changed(case.token)).collect();
    let changed: Vec<_> = right.iter().zip(&changed).map(|(case, token)| ZegoCase { token, ..*case }).collect();
    for (vector, verdict) in vectors.iter().zip(verifiers::zego(&changed)) {
        assert_ne!(verdict["plaintext"], vector["plaintext"], "{vector}");
    }
}

fn text<'a>(vector: &'a Value, input: &str) -> &'a str {
    vector["inputs"][input].as_str().unwrap_or_else(|| panic!("no {input} in {vector}"))
}

#[test]
fn secrets_are_kept_counted_and_withheld() {
    let secrets = SecretsManager::start();
    let get = |id: &str| {
        Request::new("POST", &format!("{}/", secrets.endpoint()))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "secretsmanager.GetSecretValue")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=a/20250101/eu-central-1/secretsmanager/aws4_request")
            .body(json!({ "SecretId": id }).to_string())
            .send()
    };
    secrets.put("tokenmint/agora", &json!({ "app_id": "first" }));
    secrets.put("tokenmint/agora", &json!({ "app_id": "second" }));
    let found = get("tokenmint/agora");
    assert_eq!((found.status, &found.json()["SecretString"]), (200, &json!(r#"{"app_id":"second"}"#)));
    assert_eq!(get("tokenmint/zego").json()["__type"], "ResourceNotFoundException");

    secrets.break_with(Fault::Refuse(400, "ThrottlingException"));
    let refused = get("tokenmint/agora");
    assert_eq!((refused.status, &refused.json()["__type"]), (400, &json!("ThrottlingException")));
    secrets.break_with(Fault::Late(Duration::from_millis(300)));
    let asked_at = Instant::now();
    assert_eq!(get("tokenmint/agora").status, 200);
    assert!(asked_at.elapsed() >= Duration::from_millis(300));
    secrets.heal();

    secrets.delete("tokenmint/agora");
    assert_eq!(get("tokenmint/agora").json()["__type"], "ResourceNotFoundException");
    let agora = Vendor::Agora.secret_id();
    assert_eq!(secrets.read_secret_ids(), [agora, "tokenmint/zego", agora, agora, agora]);
}

/// A request's bytes as a server gets them, and the answer as the client gets it. The server does not hang up: the
/// client must.
fn on_the_wire(answer: &'static str, request: impl FnOnce(&str) -> Request) -> (String, Response) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the system has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("the client comes");
        connection.set_read_timeout(Some(Duration::from_secs(5))).expect("a time-out that is not zero");
        connection.write_all(answer.as_bytes()).expect("the client listens");
        let mut bytes = String::new();
        connection.read_to_string(&mut bytes).expect("the client sends text and hangs up");
        bytes
    });
    let answer = request(&format!("http://{address}")).send();
    (server.join().expect("the server got its request").replace(&address.to_string(), "<host>"), answer)
}

#[test]
fn a_path_goes_out_exactly_as_given() {
    let path = "/a%23b/%20/+/../@/.%2F//%C3%A4/~?x=%26&x=+&&y";
    let (bytes, _) =
        on_the_wire("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", |to| Request::new("GET", &format!("{to}{path}")));
    let (line, headers) = bytes.split_once("\r\n").expect("a line");
    assert_eq!(line, format!("GET {path} HTTP/1.1"));
    // The client adds no header of its own, such as a user agent.
    let mut headers: Vec<_> = headers.trim_end().split("\r\n").collect();
    headers.sort_unstable();
    assert_eq!(headers, ["connection: close", "host: <host>"]);
}

#[test]
fn any_method_goes_out_with_repeated_headers_and_a_body() {
    for method in ["GET", "DELETE", "OPTIONS", "POST", "BREW"] {
        let (bytes, _) = on_the_wire("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", |to| {
            Request::new(method, &format!("{to}/")).header("x-a", "1").header("x-a", "2").body("{}")
        });
        assert!(bytes.starts_with(&format!("{method} / HTTP/1.1\r\n")), "{bytes}");
        assert!(bytes.contains("x-a: 1\r\nx-a: 2\r\n") && bytes.contains("content-length: 2\r\n"), "{bytes}");
        assert!(bytes.ends_with("\r\n\r\n{}"), "{bytes}");
    }
}

#[test]
fn every_status_is_an_answer() {
    for (status, answer) in [
        (302, "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nok"),
        (404, "HTTP/1.1 404 Not Found\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nok"),
        (503, "HTTP/1.1 503 Service Unavailable\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nok"),
    ] {
        let (_, answer) = on_the_wire(answer, |to| Request::new("GET", &format!("{to}/")));
        assert_eq!((answer.status, answer.text(), answer.headers.get_all("x-a").iter().count()), (status, "ok", 2));
    }
    // Where nobody listens, there is no answer.
    let nowhere = format!("http://127.0.0.1:{}/", harness::free_port());
    assert!(Request::new("GET", &nowhere).try_send().is_err());
}

/// When the leash's pipe closes or its command ends, all processes below end, also those in other process groups.
#[test]
fn a_leash_ends_everything_below() {
    let leash = |script: &str| {
        Command::new(project::function("leash"))
            .args(["sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("it was just built")
    };
    let family = |pid, count| {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let family = descendants(pid);
            if family.len() == count {
                return family;
            }
            assert!(Instant::now() < end, "{family:?}");
            thread::sleep(Duration::from_millis(20));
        }
    };
    let alive = |pid: u32| descendants(1).into_iter().any(|(other, _)| other == pid);

    // The pipe closes.
    let mut held = leash("trap '' TERM; sleep 1000 & exec sleep 1001");
    let below = family(held.id(), 2);
    drop(held.stdin.take());
    held.wait().expect("it is our child");
    assert!(!below.iter().any(|&(pid, _)| alive(pid)), "{below:?}");

    // The command ends by itself and leaves a process behind.
    let mut held = leash("sleep 1002 & sleep 0.5; exit 7");
    // Without this, `wait` would close the pipe.
    let _pipe = held.stdin.take();
    let below = family(held.id(), 3);
    assert_eq!(held.wait().expect("it is our child").code(), Some(7));
    assert!(!below.iter().any(|&(pid, _)| alive(pid)), "{below:?}");
}
