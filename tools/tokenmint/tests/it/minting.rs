//! Minted tokens of every kind, read back.

use crate::program::{explain, program, run};
use crate::raw::{APP_ID, CERTIFICATE, OTHER_CERTIFICATE, SECRET};
use serde_json::{Value, json};
use std::fs;

const ALL: [(&str, &str); 4] = [
    ("AGORA_APP_ID", APP_ID),
    ("AGORA_APP_CERTIFICATE", CERTIFICATE),
    ("ZEGO_APP_ID", "1234567890"),
    ("ZEGO_SERVER_SECRET", SECRET),
];

fn mint(arguments: &[&str]) -> String {
    let minted = run(program().arg("mint").args(arguments).envs(ALL), b"");
    assert_eq!((minted.code, minted.stderr.as_str()), (0, ""), "{arguments:?}: {minted:?}");
    minted.stdout.trim_end().to_owned()
}

#[test]
fn every_kind_is_minted_and_good() {
    let rtc = ["rtc", "--channel", "demo"];
    let kinds: &[(&[&str], &[&str])] = &[
        (&[&rtc[..], &["--uid", "7", "--role", "publisher"]].concat(), &["rtc"]),
        (&[&rtc[..], &["--account", "alice", "--with", "rtm,chat"]].concat(), &["rtc", "rtm", "chat"]),
        (&[&rtc[..], &["--uid", "7", "--format", "006"]].concat(), &["rtc"]),
        (&["rtm", "--user", "alice"], &["rtm"]),
        (&["rtm", "--user", "alice", "--format", "006"], &["rtm"]),
        (
            &["rtm2", "--user", "alice", "--permit", "read:users:bob", "--permit", "write:message-channels:a:b"],
            &["rtm2"],
        ),
        (&["chat-user", "--user", "alice"], &["chat"]),
        (&["chat-app"], &["chat"]),
        (
            &["agent", "--service", "convoai", "--channel", "demo", "--uid", "7", "--rtm-user", "agent"],
            &["rtc", "rtm", "convoai"],
        ),
        (&["agent", "--service", "stt", "--channel", "demo", "--account", "alice"], &["rtc", "rtm", "stt"]),
        (&["streaming", "--channel", "demo", "--uid", "7"], &["streaming"]),
        (&["fcdn", "--channel", "demo", "--account", "alice", "--play-only"], &["fcdn"]),
        (&["fpa"], &["fpa"]),
        (&["apaas-room-user", "--room", "demo", "--user", "alice", "--role", "1"], &["rtm", "chat", "apaas"]),
        (&["apaas-user", "--user", "alice"], &["apaas"]),
        (&["apaas-app"], &["apaas"]),
        (&["express", "--user", "alice"], &["express-or-zim"]),
        (&["express", "--user", "alice", "--room", "demo", "--stream-id", "s1"], &["express"]),
        (&["zim", "--user", "alice"], &["express-or-zim"]),
    ];
    for (arguments, services) in kinds {
        let token = mint(arguments);
        let user = if arguments.contains(&"--uid") { "7" } else { "alice" };
        // Without --user for the tokens that belong to nobody.
        let channel = if arguments.contains(&"rtm2") { "a:b" } else { "demo" };
        let known: &[&str] =
            if arguments.contains(&"chat-app") { &[] } else { &["--user", user, "--channel", channel] };
        let explained = explain(&token, known, &ALL);
        assert_eq!((explained.code, explained.codes("refused")), (0, vec![]), "{arguments:?}: {explained:#?}");
        assert_eq!(explained.report["signature"]["verdict"], "genuine", "{arguments:?}: {explained:#?}");
        assert!(!explained.codes("warning").contains(&"unusual-message"), "{arguments:?}: {explained:#?}");
        let said = explained.report["token"]["services"].as_array().expect("a list");
        let said: Vec<&str> = said.iter().map(|service| service["service"].as_str().expect("a name")).collect();
        assert_eq!(&said, services, "{arguments:?}");
    }
    let token = mint(kinds[5].0);
    let permissions = &explain(&token, &[], &[]).report["token"]["services"][0]["permissions"];
    assert_eq!(*permissions, json!({ "users": { "read": ["bob"] }, "message_channels": { "write": ["a:b"] } }));
}

#[test]
fn a_role_and_a_lifetime_are_as_asked() {
    let lives = |time: &str| {
        let token = mint(&["rtc", "--channel", "demo", "--uid", "7", "--expires-in", time]);
        explain(&token, &[], &[]).report["token"]["lifetime"].as_i64().expect("a time")
    };
    assert_eq!([lives("60"), lives("90m"), lives("24h"), lives("1h 30m")], [60, 5400, 86_400, 5400]);
    let privileges = |role: &str| {
        let token = mint(&["rtc", "--channel", "demo", "--uid", "7", "--role", role]);
        explain(&token, &[], &[]).report["token"]["services"][0]["privileges"].as_array().map(Vec::len)
    };
    assert_eq!([privileges("subscriber"), privileges("publisher")], [Some(1), Some(4)]);
    // An agent may publish only if that is asked for, as at the route.
    let agents = |role: &[&str]| {
        let agent = ["agent", "--service", "stt", "--channel", "demo", "--uid", "9"];
        let token = mint(&[&agent, role].concat());
        explain(&token, &[], &[]).report["token"]["services"][0]["privileges"].as_array().map(Vec::len)
    };
    assert_eq!([agents(&[]), agents(&["--role", "publisher"])], [Some(1), Some(4)]);
    // Two tokens of one second differ.
    assert_ne!(mint(&["zim", "--user", "a"]), mint(&["zim", "--user", "a"]));
}

#[test]
fn json_says_what_the_client_must_know() {
    let answer = mint(&["rtc", "--channel", "demo", "--uid", "7", "--json"]);
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(
        (&answer["kind"], &answer["app_id"], &answer["channel"], &answer["uid"], &answer["expires_in"]),
        (&json!("agora-rtc"), &json!(APP_ID), &json!("demo"), &json!(7), &json!(3600))
    );
    // What it prints it can explain.
    assert_eq!(explain(&answer.to_string(), &[], &ALL).codes("note"), ["opens-rest-apis", "inside-json"]);
}

#[test]
fn what_breaks_a_rule_is_refused_as_usage() {
    for (arguments, says) in [
        (&["rtc", "--channel", "*", "--uid", "7"][..], "--channel: an RTC channel name must not contain '*'"),
        (&["rtc", "--channel", "demo", "--uid", "0"], "--uid: an RTC uid must not be 0"),
        (&["rtc", "--channel", "demo"], "<--uid <UID>|--account <ACCOUNT>>"),
        (&["rtc", "--channel", "demo", "--uid", "1", "--account", "a"], "cannot be used with"),
        (&["rtc", "--channel", "demo", "--uid", "7", "--expires-in", "25h"], "1 to 86400 seconds"),
        (&["rtc", "--channel", "demo", "--uid", "7", "--expires-in", "-5"], "--expires-in"),
        (
            &["rtc", "--channel", "demo", "--uid", "7", "--format", "006", "--with", "rtm"],
            "a 006 token holds one service",
        ),
        (
            &["rtc", "--channel", "demo", "--account", "Alice", "--with", "chat"],
            "--with chat: a Chat username may only contain",
        ),
        (&["chat-user", "--user", "Alice"], "--user: a Chat username may only contain"),
        (&["rtm2", "--user", "a", "--permit", "read:everything:x"], "the resource must be"),
        (&["zim", "--user", &"u".repeat(33)], "--user: a ZIM user id must be at most 32 bytes"),
        (&["express", "--user", "a", "--no-publish"], "--room"),
        (
            &["rtm", "--user", "a", "--app-id", "0123456789abcdef0123456789abcdef", "--credentials", &credentials()],
            "--app-id: the credentials are those of",
        ),
    ] {
        let refused = run(program().arg("mint").args(arguments).envs(ALL), b"");
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{arguments:?}: {refused:?}");
        assert!(refused.stderr.contains(says), "{arguments:?}: {refused:?}");
    }
}

/// A file as `make run` has it.
fn credentials() -> String {
    let path = format!("{}/credentials-{:?}.json", env!("CARGO_TARGET_TMPDIR"), std::thread::current().id());
    let both = json!({
        "agora": { "app_id": APP_ID, "app_certificate": CERTIFICATE },
        "zego": { "app_id": 1_234_567_890, "server_secret": SECRET },
    });
    fs::write(&path, both.to_string()).expect("the folder is there");
    path
}

#[test]
fn credentials_come_from_a_file_too() {
    let path = credentials();
    let mint = |arguments: &[&str], variables: &[(&str, &str)]| {
        let minted = run(program().arg("mint").args(arguments).envs(variables.iter().copied()), b"");
        assert_eq!((minted.code, minted.stderr.as_str()), (0, ""), "{minted:?}");
        minted.stdout.trim_end().to_owned()
    };
    let zim = mint(&["zim", "--user", "a"], &[("LOCAL_CREDENTIALS", &path)]);
    let rtm = mint(&["rtm", "--user", "a", "--credentials", &path], &[("AGORA_APP_CERTIFICATE", OTHER_CERTIFICATE)]);
    for (token, variables) in [(&zim, &[][..]), (&rtm, &[("AGORA_APP_CERTIFICATE", OTHER_CERTIFICATE)])] {
        let explained = explain(token, &["--credentials", &path], variables);
        assert_eq!(
            (explained.code, &explained.report["signature"]["verdict"]),
            (0, &json!("genuine")),
            "{explained:#?}"
        );
    }
    // A file for one vendor, as it goes into Secrets Manager.
    let one = format!("{path}.one");
    fs::write(&one, json!({ "app_id": APP_ID, "app_certificate": CERTIFICATE }).to_string())
        .expect("the folder is there");
    assert_eq!(explain(&rtm, &["--credentials", &one], &[]).report["signature"]["verdict"], "genuine");
}

#[test]
fn missing_or_malformed_credentials_are_named_and_not_shown() {
    let mint = |variables: &[(&str, &str)], more: &[&str]| {
        let refused = run(program().args(["mint", "chat-app"]).args(more).envs(variables.iter().copied()), b"");
        assert_eq!((refused.code, refused.stdout.as_str()), (4, ""), "{refused:?}");
        refused.stderr
    };
    assert!(mint(&[], &[]).contains("set AGORA_APP_ID and AGORA_APP_CERTIFICATE"));
    assert!(mint(&[("AGORA_APP_CERTIFICATE", CERTIFICATE)], &[]).contains("the app id is missing"));
    let short = &CERTIFICATE[1..];
    let malformed = mint(&[("AGORA_APP_ID", APP_ID), ("AGORA_APP_CERTIFICATE", short)], &[]);
    assert!(malformed.contains("exactly 32 hexadecimal characters") && !malformed.contains(short), "{malformed}");
    assert!(mint(&[], &["--credentials", "/nowhere.json"]).contains("/nowhere.json"));
    assert!(mint(&[], &["--prompt"]).contains("--prompt needs a terminal"));
    let broken = format!("{}/broken.json", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&broken, CERTIFICATE).expect("the folder is there");
    assert!(mint(&[], &["--credentials", &broken]).contains("is not a JSON object"));
}
