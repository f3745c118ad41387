//! After a rotation, no copy of the old secret that our code made stays in the function's memory.

use crate::starting::event;
use harness::Env;
use harness::lambda::Function;
use harness::secrets::{SecretsManager, Vendor};
use memchr::memmem;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Secrets that occur nowhere else. So each place where one is found is a copy.
const OLD: &str = "c4d19e7ba0f8423596e1d7b3fa58c062";
const NEW: &str = "7fb6a3d20c9e4815a7d3e0946bf1825d";

/// One function for each way to use a secret: to sign, to sign a token that is handed out again, and to encrypt.
const FUNCTIONS: [(&str, Vendor); 3] =
    [("rtc-token", Vendor::Agora), ("chat-app-token", Vendor::Agora), ("zego-token", Vendor::Zego)];

/// A copy of a secret in memory.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Copy {
    /// Within Secrets Manager's response, where the quotes of the secret's text are escaped. Only the SDK holds this
    /// form.
    InAnAnswer,
    /// Within the secret's text.
    InTheSecretsText,
    /// The secret alone, as it is or as HMAC combines its key with a constant byte.
    Alone,
}

/// All copies of a secret in the memory of a process.
fn copies(pid: u32, secret: &str) -> Vec<Copy> {
    let memory = File::open(format!("/proc/{pid}/mem")).expect("the process is our child");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process is our child");
    // HMAC combines its key with these bytes.
    let padded = |pad: u8| secret.bytes().map(|byte| byte ^ pad).collect::<Vec<_>>();
    let forms = [secret.as_bytes().to_vec(), padded(0x36), padded(0x5c)];
    let mut found = Vec::new();
    for map in maps.lines() {
        let (range, rest) = map.split_once(' ').expect("a range and its rights");
        let (start, end) = range.split_once('-').expect("two addresses");
        let address = |text| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = (address(start), address(end));
        // Only writable memory can hold a copy.
        if !rest.starts_with("rw") {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(end - start).expect("a range fits")];
        memory.read_exact_at(&mut bytes, start).unwrap_or_else(|error| panic!("{map}: {error}"));
        for form in &forms {
            for at in memmem::find_iter(&bytes, form) {
                let before = &bytes[at.saturating_sub(2)..at];
                found.push(match before {
                    [b'\\', b'"'] => Copy::InAnAnswer,
                    [_, b'"'] => Copy::InTheSecretsText,
                    _ => Copy::Alone,
                });
            }
        }
    }
    found
}

fn agora(certificate: &str) -> Value {
    json!({ "app_id": "00000000000000000000000000000000", "app_certificate": certificate })
}

fn zego(secret: &str) -> Value {
    json!({ "app_id": 1_234_567_890, "server_secret": secret })
}

/// Lets a function work with the old secret, rotates it, and lets it work with the new one.
fn rotate(name: &str, env: Env, put: impl Fn(&str)) -> Function {
    let caller = if name == "chat-app-token" { "iam-caller" } else { "signed-in-caller" };
    let event = event(&format!("{name}/{caller}.json"));
    put(OLD);
    let function = Function::start(name, env);
    let work = || {
        for _ in 0..5 {
            assert_eq!(function.invoke(&event).response()["statusCode"], 200);
        }
    };
    work();
    assert!(!copies(function.pid(), OLD).is_empty(), "{name}: this test found nothing to check");
    put(NEW);
    let warmed = function.invoke(&json!({ "warm_up": { "for_seconds": 240, "hold_milliseconds": 0 } })).response();
    assert!(warmed["warmed"]["fresh_for_seconds"].is_u64(), "{name}: {warmed}");
    work();
    function
}

#[test]
fn a_secret_from_a_file_is_gone_after_its_rotation() {
    let file: PathBuf = std::env::temp_dir().join(format!("tokenmint-memory-{}.json", std::process::id()));
    for (name, _) in FUNCTIONS {
        let put = |secret: &str| {
            let both = json!({ "agora": agora(secret), "zego": zego(secret) });
            fs::write(&file, both.to_string()).expect("a temporary file");
        };
        let env = Env::from([("LOCAL_CREDENTIALS", file.to_str().expect("UTF-8"))]);
        let function = rotate(name, env, put);
        assert_eq!(copies(function.pid(), OLD), [], "{name}");
    }
    fs::remove_file(&file).expect("it is there");
}

#[test]
#[allow(clippy::print_stdout, reason = "the count is meant to be seen")]
fn of_a_secret_from_secrets_manager_only_the_sdk_keeps_anything_after_its_rotation() {
    let secrets = SecretsManager::start();
    for (name, vendor) in FUNCTIONS {
        let put = |secret: &str| match vendor {
            Vendor::Agora => secrets.put(vendor.secret_id(), &agora(secret)),
            Vendor::Zego => secrets.put(vendor.secret_id(), &zego(secret)),
        };
        let function = rotate(name, secrets.env(vendor), put);
        let left = copies(function.pid(), OLD);
        println!("{name}: the SDK has {} of its answers with the old secret left", left.len());
        assert!(left.iter().all(|copy| *copy == Copy::InAnAnswer), "{name}: {left:?}");
    }
}
