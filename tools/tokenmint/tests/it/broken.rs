//! Broken tokens and what people paste in their place: each gets its own reason, in words and with the vendor's number.

use crate::program::{Explained, explain, inspect, run};
use crate::raw::{
    APP_ID, CERTIFICATE, NOW, OTHER_CERTIFICATE, OTHER_SECRET, SECRET, Service, Token007, ZEGO_APP_ID, claims,
    token_04, token_006,
};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::json;
use std::collections::BTreeSet;

const AGORA: [(&str, &str); 2] = [("AGORA_APP_ID", APP_ID), ("AGORA_APP_CERTIFICATE", CERTIFICATE)];
const ZEGO: [(&str, &str); 2] = [("ZEGO_APP_ID", "1234567890"), ("ZEGO_SERVER_SECRET", SECRET)];
const REFUSED: i32 = 1;
const UNREADABLE: i32 = 3;
const DAY: u32 = 86_400;

/// One thing that is wrong.
struct Case {
    pasted: String,
    arguments: &'static [&'static str],
    variables: Vec<(&'static str, &'static str)>,
    exit: i32,
    /// The only reason of the severity that decides.
    code: &'static str,
    /// What a newcomer learns from.
    says: &'static str,
    /// What the app has shown them.
    number: Option<(&'static str, i64)>,
}

fn case(exit: i32, pasted: impl Into<String>, code: &'static str, says: &'static str) -> Case {
    Case { pasted: pasted.into(), arguments: &[], variables: Vec::new(), exit, code, says, number: None }
}

fn refused(pasted: impl Into<String>, code: &'static str, says: &'static str) -> Case {
    case(REFUSED, pasted, code, says)
}

fn unreadable(pasted: impl Into<String>, code: &'static str, says: &'static str) -> Case {
    case(UNREADABLE, pasted, code, says)
}

impl Case {
    fn given(mut self, arguments: &'static [&'static str]) -> Case {
        self.arguments = arguments;
        self
    }

    fn knowing(mut self, variables: &[(&'static str, &'static str)]) -> Case {
        self.variables.extend(variables);
        self
    }

    fn seen_as(mut self, sdk: &'static str, number: i64) -> Case {
        self.number = Some((sdk, number));
        self
    }
}

fn now() -> i64 {
    NOW.into()
}

fn good() -> String {
    Token007::good().write()
}

fn zego(payload: &str) -> String {
    token_04("04", &claims("bob", now() - 600, now() + 3000, payload), now() + 3000)
}

fn rtc(uid: &str) -> String {
    Token007::with(vec![Service::rtc("demo", uid, &[(1, 3600)])]).write()
}

/// A token with all of `+`, `/` and `=` in it.
fn with_special_characters() -> String {
    (0..)
        .map(|n| Token007::with(vec![Service::rtc("demo", &format!("user-{n}"), &[(1, 3600)])]).write())
        .find(|token| token.contains('+') && token.contains('/') && token.ends_with('='))
        .expect("one in a few has them")
}

fn jwt(claims: &serde_json::Value) -> String {
    let part = |json: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{}", part(&json!({ "alg": "RS256", "kid": "abc" })), part(claims), "c2lnbmF0dXJl".repeat(8))
}

/// Texts that are no token at all.
fn not_tokens() -> Vec<Case> {
    let token = good();
    let zego = zego("");
    let old_zego = token_04("03", &claims("bob", now(), now() + 3600, ""), now() + 3600);
    let lower = token.to_ascii_lowercase();
    let garbled = format!("{}{}{}", &token[..90], if &token[90..91] == "x" { "y" } else { "x" }, &token[91..]);
    let cognito = json!({ "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc", "sub": "alice" });
    let problem =
        json!({ "title": "This caller may not have this token.", "status": 403, "detail": "uid: another user's" });
    vec![
        unreadable("", "empty", "the text is empty").seen_as("rtc", 110),
        unreadable(" \n\t\n", "empty", "the text is empty").seen_as("express", 1_002_075),
        unreadable("undefined", "placeholder", "a word for a missing value").seen_as("rtc", 110),
        unreadable("[object Promise]", "placeholder", "placeholder"),
        unreadable("<your token>", "placeholder", "placeholder"),
        unreadable(&token[..20], "cut-at-end", "it ends after 20 characters").seen_as("rtc", 110),
        unreadable(&token[..token.len() - 9], "cut-at-end", "cut off").seen_as("rtm", -10005),
        unreadable(&zego[..zego.len() - 8], "cut-at-end", "cut off").seen_as("express", 1_002_075),
        unreadable(&token[30..], "cut-at-start", "whose beginning is missing").seen_as("rtc", 110),
        unreadable(format!("{}…", &token[..30]), "shortened", "shortened or masked"),
        unreadable("00*********", "shortened", "masked"),
        unreadable(lower, "garbled", "all its letters are lower case").seen_as("chat", 104),
        unreadable(format!("{}é{}", &token[..50], &token[51..]), "garbled", "the rest is not base64"),
        unreadable(garbled, "garbled", "its content cannot be unpacked"),
        unreadable(format!("{token}{token}"), "garbled", "begins like a token"),
        unreadable(CERTIFICATE, "key-instead-of-token", "an app certificate or a ZEGO server secret")
            .seen_as("rtc", 110),
        unreadable(APP_ID, "key-instead-of-token", "This is the app id, not a token").knowing(&AGORA),
        unreadable("k3y!with?graphic-characters~only", "key-instead-of-token", "form of a ZEGO server secret"),
        unreadable("1234567890", "number-instead-of-token", "a uid or a ZEGO app id"),
        unreadable("8b221351-925f-4543-a839-f3b8dd003239", "uuid-instead-of-token", "This is a UUID"),
        unreadable(jwt(&cognito), "jwt", "a sign-in token of Amazon Cognito").seen_as("rtc", 110),
        unreadable(format!("Bearer {}", jwt(&json!({ "video": { "room": "demo" } }))), "jwt", "made for LiveKit"),
        unreadable(format!("005{}", "AQAoADk".repeat(14)), "old-agora-token", "dynamic key of version 005")
            .seen_as("rtc", 110),
        unreadable(format!("004{}", "0123456789abcdef".repeat(8)), "old-agora-token", "version 004"),
        unreadable(old_zego, "old-zego-token", "a version before 04").seen_as("express", 1_002_079),
        unreadable("YWMtabcdefghijklmnopqrstuvwxyz0123456789ABCDEF", "chat-rest-token", "Chat REST servers"),
        unreadable(problem.to_string(), "error-answer", "uid: another user's"),
        unreadable(r#"{"error":{"code":5,"message":"no such channel"}}"#, "error-answer", "no such channel"),
        unreadable(r#"{"code":"400","token":"role: is required"}"#, "error-answer", "It says: \"role: is required\""),
        unreadable(r#"{"code":403,"token":"Bad request."}"#, "error-answer", "Bad request."),
        unreadable(r#"{"code":"10000","msg":"params invalid","data":400}"#, "error-answer", "params invalid"),
        // Nothing says that this is an error: it may be a token's rest.
        unreadable(r#"{"code":"200","token":"role: is required"}"#, "not-a-token", "neither an Agora token"),
        unreadable(json!({ "code": "400", "token": &token[..40] }).to_string(), "cut-at-end", "cut off"),
        unreadable(
            json!({ "code": "400", "token": format!("not {token}x") }).to_string(),
            "not-a-token",
            "neither an Agora",
        ),
        unreadable(r#"{"user":"alice"}"#, "json-without-token", "without a token"),
        unreadable("<!DOCTYPE html><html><body>404</body></html>", "web", "web page"),
        unreadable("https://api.example.com/rtc/demo/token", "web", "This is an address"),
        unreadable("hello", "not-a-token", "neither an Agora token").seen_as("zim", 6_000_107),
        unreadable("A".repeat(600_000), "too-long", "longer than any token"),
    ]
}

/// Tokens that were damaged on the way, as far as that can be undone.
fn damaged() -> Vec<Case> {
    let token = with_special_characters();
    let encoded = token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let (front, back) = token.split_at(64);
    vec![
        refused(&token[1..], "cut-at-start", "Its first character is missing").seen_as("rtc", 110),
        refused(&token[3..], "cut-at-start", "Its first 3 characters are missing"),
        refused(&zego("")[1..], "cut-at-start", "first character is missing").seen_as("express", 1_002_075),
        refused(encoded, "url-encoded", "It is URL-encoded").seen_as("rtc", 110),
        refused(token.replace('+', "-").replace('/', "_"), "base64-url", "URL-safe alphabet"),
        refused(token.replace('+', " "), "plus-became-space", "+ characters have become spaces"),
        refused(format!("{front}\n  {back}\n"), "line-breaks", "It holds line breaks or spaces"),
        refused(BASE64_STANDARD.encode(&token), "base64-twice", "encoded in base64 twice"),
        refused(token.trim_end_matches('='), "padding-lost", "The = at its end is missing"),
        refused(token.replace('/', "\\/"), "escaped-slashes", "slashes are escaped"),
        refused(format!("{front}\u{200b}{back}"), "invisible-characters", "invisible characters"),
    ]
}

/// Whole Agora tokens that an SDK refuses all the same.
fn agora_tokens() -> Vec<Case> {
    let with = |services: Vec<Service>| Token007::with(services).write();
    let mut late = Token007::good();
    late.issued_at = NOW - 7200;
    let mut early = Token007::good();
    early.issued_at = NOW + 300;
    let mut foreign = Token007::good();
    foreign.certificate = OTHER_CERTIFICATE;
    let mut other_app = Token007::good();
    other_app.app_id = "0123456789abcdef0123456789abcdef";
    let mut no_app = Token007::good();
    no_app.app_id = "my-project";
    let mut two_days = Token007::with(vec![Service::rtc("demo", "7", &[(1, 2 * DAY)])]);
    (two_days.issued_at, two_days.expire) = (NOW - DAY - 60, 2 * DAY);
    let expired_chat = |issued_at| {
        let chat = Token007::with(vec![Service::chat_user("alice", 3600)]);
        Token007 { issued_at, ..chat }.write()
    };
    let expired_rtm = Token007 { issued_at: NOW - 3601, ..Token007::with(vec![Service::rtm("alice", 3600)]) }.write();
    vec![
        refused(late.write(), "expired", "It expired 1h ago, at 2027-01-15 07:00:00 UTC, after a lifetime of 1h")
            .seen_as("rtc", 109),
        refused(expired_chat(NOW - 7200), "expired", "expired 1h ago").seen_as("chat", 108),
        refused(expired_rtm, "expired", "expired 1s ago").seen_as("rtm", -10009),
        refused(early.write(), "not-yet-issued", "issued 5m from now").seen_as("rtc", 110),
        refused(two_days.write(), "over-24-hours", "Agora ends every token after 24 hours").seen_as("rtc", 109),
        refused(foreign.write(), "wrong-certificate", "made with another one, or changed")
            .knowing(&AGORA)
            .seen_as("rtc", 110),
        refused(other_app.write(), "wrong-app-id", "for the app id 0123456789abcdef0123456789abcdef")
            .knowing(&AGORA)
            .seen_as("rtc", 110),
        refused(good(), "wrong-app-id", "They differ only in upper and lower case")
            .given(&["--app-id", "970ca35de60c44645bbae8a215061b33"]),
        refused(no_app.write(), "malformed-app-id", "must be 32 hexadecimal characters"),
        refused(good(), "wrong-channel", "for the channel \"demo\", and the app joins \"lobby\"")
            .given(&["--channel", "lobby"])
            .seen_as("rtc", 110),
        refused(good(), "wrong-channel", "differ only in upper and lower case").given(&["--channel", "Demo"]),
        refused(good(), "wrong-channel", "differ only in white space").given(&["--channel", "demo "]),
        refused(good(), "wrong-user", "for the user \"7\", and the app joins as \"8\"")
            .given(&["--user", "8"])
            .seen_as("rtc", 110),
        refused(
            rtc("alice"),
            "account-joined-as-number",
            "the string account \"alice\", and the app joins with the number 7",
        )
        .given(&["--user", "7"])
        .seen_as("rtc", 110),
        refused(
            good(),
            "number-joined-as-account",
            "the numeric uid 7, and the app joins with the string account \"alice\"",
        )
        .given(&["--user", "alice"])
        .seen_as("rtc", 110),
        refused(rtc("007"), "leading-zeros", "the same number, but the token compares texts").given(&["--user", "7"]),
        refused(rtc("-5"), "signed-uid", "An app that joins with it is uid 4294967291").seen_as("rtc", 110),
        refused(with(vec![Service::rtm("alice", 3600)]), "wrong-user", "Its rtm service is for the user \"alice\"")
            .given(&["--user", "bob"])
            .seen_as("rtm", -10005),
        refused(
            with(vec![Service::rtm("41aa487887e3c45c19b2448b2f036552", 3600)]),
            "wrong-user",
            "The token has this id's hash (USER_ID_FORM=hash): join with the hash.",
        )
        .given(&["--user", "auth0|5f7c8ec7c33c6c004bbafe82"])
        .seen_as("rtm", -10005),
        refused(good(), "missing-service", "It does not open Chat. It holds rtc")
            .given(&["--sdk", "chat"])
            .seen_as("chat", 104),
        refused(good(), "other-vendor", "a token of Agora, and the app uses ZEGO")
            .given(&["--sdk", "express"])
            .seen_as("express", 1_002_079),
        refused(zego(""), "other-vendor", "a token of ZEGO, and the app uses Agora")
            .given(&["--sdk", "rtc"])
            .seen_as("rtc", 110),
        refused(with(Vec::new()), "no-services", "It opens nothing").seen_as("rtc", 110),
        refused(
            with(vec![Service::rtc("demo", "7", &[(2, 3600)])]),
            "no-privilege",
            "lacks the privilege join_channel",
        ),
        refused(
            with(vec![Service::rtc("demo", "7", &[(1, 60), (2, 3600)])]),
            "privilege-ended",
            "join_channel (1) ended 9m ago",
        )
        .seen_as("rtc", 109),
        refused(with(vec![Service::chat_app(3600)]), "app-token", "A client logs in with a user token")
            .given(&["--sdk", "chat"]),
        refused(with(vec![Service::chat_user("Alice", 3600)]), "name-rule", "a Chat username may only contain a-z")
            .seen_as("chat", 104),
        refused(with(vec![Service::rtm("", 3600)]), "wrong-user", "names no user").seen_as("rtm", -10005),
        refused(token_006("alice", "", NOW - 60, &[(1000, NOW + 3600)]), "wrong-user", "not for the RTM user \"bob\"")
            .given(&["--user", "bob"])
            .seen_as("rtm1", 5),
        refused(token_006("alice", "", NOW - 60, &[(1000, NOW)]), "wrong-version", "RTM 2.x accepts only 007")
            .given(&["--sdk", "rtm"]),
        refused(token_006("alice", "", NOW - 2 * DAY, &[(1000, NOW)]), "expired", "expired 1d ago").seen_as("rtm1", 6),
        refused(token_006("demo", "7", NOW - 60, &[(1, 3600)]), "lifetime-as-moment", "ended in 1970")
            .seen_as("rtc", 109),
        refused(token_006("demo", "7", NOW - 60, &[(1, NOW - 30)]), "privilege-ended", "ended 30s ago")
            .seen_as("rtc", 109),
        refused(token_006("demo", "7", NOW - 60, &[(1, NOW + 30)]), "wrong-channel", "not for the channel \"lobby\"")
            .given(&["--channel", "lobby", "--user", "7"]),
        refused(
            token_006("demo", "7", NOW - 60, &[(1, NOW + 30)]),
            "wrong-user",
            "another uid or account than \"alice\"",
        )
        .given(&["--channel", "demo", "--user", "alice"])
        .seen_as("rtc", 110),
    ]
}

/// Whole ZEGO tokens that an SDK refuses all the same.
fn zego_tokens() -> Vec<Case> {
    let room = |login: u8| format!(r#"{{"room_id":"lobby","privilege":{{"1":{login},"2":1}},"stream_id_list":null}}"#);
    let lives = |from: i64, to: i64| token_04("04", &claims("bob", now() + from, now() + to, ""), now() + to);
    let milliseconds = token_04("04", &claims("bob", now() * 1000, now() * 1000 + 1, ""), now() * 1000 + 1);
    let extended = token_04("04", &claims("bob", now() - 60, now() + 60, ""), now() + 3600);
    vec![
        refused(lives(-7200, -3600), "expired", "It expired 1h ago").knowing(&ZEGO).seen_as("express", 1_002_078),
        // Its end can be read without the secret.
        refused(lives(-7200, -60), "expired", "It expired 1m ago").seen_as("zim", 6_000_106),
        refused(lives(120, 3600), "not-yet-issued", "issued 2m from now").knowing(&ZEGO).seen_as("express", 1_002_033),
        refused(milliseconds.clone(), "milliseconds", "times are in milliseconds").knowing(&ZEGO),
        refused(milliseconds, "milliseconds", "moment of expiry is in milliseconds"),
        refused(zego(""), "wrong-secret", "cannot be decrypted with the server secret")
            .knowing(&[("ZEGO_SERVER_SECRET", OTHER_SECRET)])
            .seen_as("express", 1_002_033),
        refused(zego(""), "wrong-app-id", "for the app id 1234567890, not for \"42\"")
            .knowing(&ZEGO)
            .given(&["--app-id", "42"])
            .seen_as("express", 1_002_076),
        refused(zego(""), "wrong-user", "for the user \"bob\", and the app logs in as \"alice\"")
            .knowing(&ZEGO)
            .given(&["--user", "alice"])
            .seen_as("express", 1_002_077),
        refused(zego(&room(1)), "wrong-channel", "for the room \"lobby\", and the app joins \"demo\"")
            .knowing(&ZEGO)
            .given(&["--room", "demo"])
            .seen_as("express", 1_002_033),
        refused(zego(&room(0)), "login-denied", "denies logging in").knowing(&ZEGO).seen_as("express", 1_002_033),
        refused(extended, "expiry-mismatch", "two moments of expiry differ")
            .knowing(&ZEGO)
            .seen_as("express", 1_002_075),
        refused(lives(-5, 20), "too-short-for-zim", "20s are left").given(&["--sdk", "zim"]).seen_as("zim", 6_000_108),
        refused(lives(-5, 25 * i64::from(DAY)), "too-long-for-zim", "at most 24 days")
            .knowing(&ZEGO)
            .given(&["--sdk", "zim"]),
        refused(token_04("04", &claims("", now(), now() + 60, ""), now() + 60), "wrong-user", "must not be empty")
            .knowing(&ZEGO),
        refused(
            token_04("04", &claims(&"b".repeat(33), now(), now() + 60, ""), now() + 60),
            "name-rule",
            "a ZIM user id must be at most 32 bytes",
        )
        .knowing(&ZEGO)
        .given(&["--sdk", "zim"]),
    ]
}

fn check(cases: Vec<Case>) -> BTreeSet<&'static str> {
    cases
        .into_iter()
        .map(|case| {
            let now = NOW.to_string();
            let arguments = [&["--now", &now], case.arguments].concat();
            let explained = explain(&case.pasted, &arguments, &case.variables);
            let what = format!("{}: {:?} {explained:#?}", case.code, case.arguments);
            assert_eq!(explained.code, case.exit, "{what}");
            assert_eq!(explained.codes("refused"), [case.code], "{what}");
            let verdict = if case.exit == REFUSED { "refused" } else { "unreadable" };
            assert_eq!(explained.report["verdict"], verdict, "{what}");
            let reason = explained.reason(case.code);
            assert!(reason["message"].as_str().expect("a text").contains(case.says), "{what}");
            // People get the same words, wrapped.
            let people = explained.people.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(people.contains(case.says), "{what}");
            assert!(people.contains(case.code), "{what}");
            if let Some((sdk, number)) = case.number {
                let errors = reason["errors"].as_array().expect("a list");
                assert!(errors.iter().any(|error| error["sdk"] == sdk && error["code"] == number), "{what}");
                assert!(people.contains(&format!(" {number} (")), "{what}");
            }
            assert_eq!(explained.stderr, "", "{what}");
            case.code
        })
        .collect()
}

#[test]
fn what_is_no_token_is_told_what_it_is() {
    assert_eq!(check(not_tokens()).len(), 18);
}

#[test]
fn a_damaged_token_is_read_and_the_damage_named() {
    assert_eq!(check(damaged()).len(), 9);
}

#[test]
fn a_refused_agora_token_says_why() {
    assert_eq!(check(agora_tokens()).len(), 21);
}

#[test]
fn a_refused_zego_token_says_why() {
    assert_eq!(check(zego_tokens()).len(), 12);
}

/// What works, and is not what somebody wants.
#[test]
fn what_only_may_go_wrong_is_a_warning() {
    let now = NOW.to_string();
    let explain = |token: String, arguments: &[&str], variables: &[_]| -> Explained {
        let explained = explain(&token, &[&["--now", &now], arguments].concat(), variables);
        assert_eq!((explained.code, explained.codes("refused")), (0, vec![]), "{explained:#?}");
        explained
    };
    let with = |services| Token007::with(services).write();
    let any_uid = explain(rtc(""), &["--user", "7"], &AGORA);
    assert_eq!(any_uid.codes("warning"), ["wildcard"]);
    assert_eq!(any_uid.reason("wildcard")["errors"][0]["code"], 110);
    let pattern = with(vec![Service::rtc("room*", "7", &[(1, 3600)])]);
    assert_eq!(explain(pattern, &["--channel", "room-12"], &[]).codes("warning"), ["wildcard"]);
    assert_eq!(explain(with(vec![Service::rtc("", "7", &[(1, 3600)])]), &[], &[]).codes("warning"), ["wildcard"]);
    let wildcard_006 = token_006("demo", "", NOW - 60, &[(1, NOW + 60)]);
    let wildcard_006 = explain(wildcard_006, &["--channel", "demo", "--user", "7"], &AGORA);
    assert_eq!(
        (wildcard_006.codes("warning"), &wildcard_006.report["signature"]["verdict"]),
        (vec!["wildcard"], &json!("genuine"))
    );

    let quiet = with(vec![Service::rtc("demo", "7", &[(1, 3600), (2, 300)])]);
    let quiet = explain(quiet, &[], &[]);
    assert_eq!(quiet.codes("warning"), ["privilege-ended"]);
    assert!(quiet.people.contains("publish_audio (2) ended 5m ago"), "{}", quiet.people);
    assert_eq!(
        explain(with(vec![Service::rtc("demo", "7", &[(1, 0)])]), &[], &[]).codes("warning"),
        ["privilege-zero"]
    );

    let moment = Token007 { expire: NOW + 3600, ..Token007::good() }.write();
    assert_eq!(explain(moment, &[], &[]).codes("warning"), ["moment-as-lifetime", "over-24-hours"]);
    let long = Token007 { expire: 2 * DAY, ..Token007::good() }.write();
    assert_eq!(explain(long, &[], &[]).codes("warning"), ["over-24-hours"]);
    let ending = Token007 { issued_at: NOW - 3590, ..Token007::good() }.write();
    assert_eq!(explain(ending, &[], &[]).codes("warning"), ["expires-soon"]);
    assert_eq!(explain(good(), &["--sdk", "rtc"], &[]).codes("warning"), [""; 0]);
    let rtm = with(vec![Service::rtm("alice", 3600)]);
    assert_eq!(explain(rtm, &["--sdk", "rtm1"], &[]).codes("warning"), ["wrong-version"]);
    // One person with a number in RTC and a name in RTM.
    let two_names = with(vec![Service::rtc("demo", "7", &[(1, 3600)]), Service::rtm("alice", 3600)]);
    assert_eq!(explain(two_names.clone(), &["--user", "alice"], &[]).codes("warning"), ["number-joined-as-account"]);
    assert_eq!(explain(two_names, &["--user", "alice", "--sdk", "rtm"], &[]).codes("warning"), [""; 0]);
    let half = Token007 { issued_at: NOW - 1900, ..Token007::with(vec![Service::chat_user("alice", 3600)]) }.write();
    let half = explain(half, &["--user", "alice"], &[]);
    assert_eq!(
        (half.codes("note"), &half.reason("expires-soon")["errors"][0]["code"]),
        (vec!["expires-soon"], &json!(109))
    );
    let unknown = with(vec![Service::rtc("demo", "7", &[(1, 3600)]), Service::of_unknown_type()]);
    assert_eq!(explain(unknown, &[], &AGORA).codes("note"), ["unknown-service", "opens-rest-apis"]);

    let week = token_04("04", &claims("bob", now_i64(), now_i64() + 7 * 86_400, ""), now_i64() + 7 * 86_400);
    assert_eq!(explain(week, &[], &ZEGO).codes("warning"), ["over-24-hours"]);
    assert_eq!(explain(zego("not json"), &[], &ZEGO).codes("warning"), ["bad-payload"]);
    assert_eq!(explain(zego(r#"{"room_id":"","privilege":{"1":1,"2":1}}"#), &[], &ZEGO).codes("warning"), ["wildcard"]);
    let nonce = json!({ "app_id": ZEGO_APP_ID, "user_id": "bob", "nonce": 1_i64 << 40, "ctime": NOW, "expire": NOW + 60, "payload": "" });
    assert_eq!(
        explain(token_04("04", &nonce, now_i64() + 60), &[], &ZEGO).reason("bad-nonce")["errors"][0]["code"],
        1_002_080
    );
}

fn now_i64() -> i64 {
    NOW.into()
}

/// A number shown with a sign by a language without unsigned ones is the same uid.
#[test]
fn a_uid_is_the_same_with_a_sign_in_the_app() {
    let explained = explain(&rtc("4294967291"), &["--now", &NOW.to_string(), "--user", "-5"], &[]);
    assert_eq!((explained.code, explained.codes("refused")), (0, vec![]), "{explained:#?}");
}

/// The note that no good RTC token goes without.
const OF_EVERY_RTC_TOKEN: &str = "opens-rest-apis";

fn all_codes(explained: &Explained) -> Vec<&str> {
    ["refused", "warning", "note"].iter().flat_map(|severity| explained.codes(severity)).collect()
}

/// What stands around a token is taken off, and an app that would hand it on is warned.
#[test]
fn a_token_is_found_in_what_stands_around_it() {
    let token = with_special_characters();
    let answer = json!({ "token": token, "kind": "agora-rtc", "app_id": APP_ID }).to_string();
    for (pasted, severity, code) in [
        (format!("\"{token}\""), "warning", "quoted"),
        (format!("'{token}',"), "warning", "quoted"),
        (format!("“{token}”"), "warning", "quoted"),
        (format!("Bearer {token}"), "warning", "bearer"),
        (format!("authorization: bearer {token}"), "warning", "bearer"),
        (format!("token={token}"), "warning", "surrounded"),
        (format!("GET https://example.com/join?token={token}&uid=7"), "warning", "surrounded"),
        (format!("[12:00:01] joining with {token} as 7"), "warning", "surrounded"),
        (answer, "note", "inside-json"),
        (json!({ "data": { "rtcToken": token } }).to_string(), "note", "inside-json"),
        (json!([{ "rtm": "none" }, token]).to_string(), "note", "inside-json"),
    ] {
        let explained = explain(&pasted, &["--now", &NOW.to_string()], &AGORA);
        assert_eq!(explained.code, 0, "{explained:#?}");
        let mut codes = explained.codes(severity);
        codes.retain(|code| *code != OF_EVERY_RTC_TOKEN);
        assert_eq!(codes, [code], "{explained:#?}");
        assert_eq!(explained.report["signature"]["verdict"], "genuine", "{explained:#?}");
    }
    // What everybody's clipboard does is no reason for anything.
    let explained = explain(&format!("\u{feff}  {token}\r\n"), &["--now", &NOW.to_string()], &AGORA);
    assert_eq!((explained.code, all_codes(&explained)), (0, vec![OF_EVERY_RTC_TOKEN]), "{explained:#?}");
    // A shell takes a header or an answer apart.
    let split = run(inspect().args(["--now", &NOW.to_string(), "Bearer", &token]), b"");
    assert_eq!(split.code, 0, "{split:?}");
    // Damage in an answer is damage all the same.
    let cut = json!({ "token": token[..token.len() - 20] }).to_string();
    let explained = explain(&cut, &["--now", &NOW.to_string()], &[]);
    assert_eq!((explained.code, explained.codes("refused")), (3, vec!["cut-at-end"]), "{explained:#?}");
}

/// Names in a token are whatever somebody wrote there: they must not steer the terminal.
#[test]
fn a_name_cannot_steer_the_terminal() {
    let hostile = "x\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}\u{9b}31m\u{7f}";
    let steers = |text: &str| text.contains(['\u{7}', '\u{1b}', '\u{202e}', '\u{9b}', '\u{7f}']);
    let token = Token007::with(vec![Service::rtc(hostile, "7", &[(1, 3600)])]).write();
    let arguments = ["--now", &NOW.to_string(), "--channel", "demo"];
    let explained = explain(&token, &arguments, &[]);
    assert!(explained.people.contains(r"x\u{1b}]0;owned\u{7}"), "{}", explained.people);
    assert!(!steers(&explained.people), "{}", explained.people);
    let printed = run(inspect().args(["--json"]).args(arguments).arg(&token), b"").stdout;
    assert!(printed.contains(r"\u202e\u009b31m\u007f") && !steers(&printed), "{printed}");
    let answer = json!({ "detail": hostile }).to_string();
    let explained = explain(&answer, &[], &[]);
    assert!(!steers(&explained.people), "{}", explained.people);
}

/// Wherever a token is cut: never good, never a crash.
#[test]
fn a_token_cut_anywhere_is_never_good() {
    let (token, now) = (good(), NOW.to_string());
    let explain = |text: &str| run(inspect().args(["--quiet", "--now", &now, text]), b"").code;
    assert_eq!(explain(&token), 0);
    for at in (1..token.len()).step_by(2) {
        let (front, back) = token.split_at(at);
        assert!([REFUSED, UNREADABLE].contains(&explain(front)), "the first {at} characters");
        assert!([REFUSED, UNREADABLE].contains(&explain(back)), "without the first {at} characters");
    }
}
