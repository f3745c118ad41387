//! Good tokens of every kind, and what scripts rely on.

use crate::program::{Explained, explain, inspect, program, run};
use crate::raw::{APP_ID, CERTIFICATE, NOW, Permitted, SECRET, Service, Token007, claims, token_04, token_006};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const AGORA: [(&str, &str); 2] = [("AGORA_APP_ID", APP_ID), ("AGORA_APP_CERTIFICATE", CERTIFICATE)];
const ZEGO: [(&str, &str); 2] = [("ZEGO_APP_ID", "1234567890"), ("ZEGO_SERVER_SECRET", SECRET)];

/// A token whose every field is known, with its form in JSON.
#[test]
fn json_has_every_field_of_a_007_token() {
    let services = vec![
        Service::rtc("demo", "7", &[(1, 3600), (2, 300)]),
        Service::rtm("alice", 3600),
        Service::chat_user("alice", 3600),
    ];
    let explained =
        explain(&Token007::with(services).write(), &["--now", &NOW.to_string(), "--channel", "demo"], &AGORA);
    assert_eq!(explained.code, 0, "{explained:#?}");
    let privilege = |number: u64, name: &str, expires_in: i64| {
        let expires_at = i64::from(NOW) + expires_in;
        json!({ "number": number, "name": name, "granted": true, "expires_at": expires_at, "expires_in": expires_in })
    };
    let expected = json!({
        "verdict": "good",
        "now": NOW,
        "token": {
            "format": "007",
            "vendor": "agora",
            "app_id": APP_ID,
            "issued_at": NOW - 600,
            "expires_at": NOW + 3000,
            "expires_in": 3000,
            "lifetime": 3600,
            "salt": 12_345_678,
            "services": [
                {
                    "service": "rtc", "type": 1, "channel": "demo", "uid": "7",
                    "privileges": [privilege(1, "join_channel", 3000), privilege(2, "publish_audio", -300)],
                },
                { "service": "rtm", "type": 2, "user_id": "alice", "privileges": [privilege(1, "login", 3000)] },
                { "service": "chat", "type": 5, "user_id": "alice", "privileges": [privilege(1, "user", 3000)] },
            ],
        },
        "signature": { "verdict": "genuine" },
        "reasons": [{
            "code": "privilege-ended",
            "severity": "warning",
            "message": "Its privilege publish_audio (2) ended 5m ago, at 2027-01-15 07:55:00 UTC. The token itself lives on \
                        (50m left). The user can stay, but can no longer do this.",
            "advice": "Renew before the first privilege ends.",
            "errors": [],
        }, {
            "code": "opens-rest-apis",
            "severity": "note",
            "message": "Agora's REST APIs for speech to text and Conversational AI accept it, too, as \"Authorization: \
                        agora token=...\". If the project uses one of them, the user can start agents that cost money.",
            "advice": "Use another Agora project for such products.",
            "errors": [],
        }],
        "unchecked": ["whether it is for the user that the app joins as (--user)"],
    });
    assert_eq!(explained.report, expected);
}

#[test]
fn people_see_every_field() {
    let token = Token007::with(vec![Service::rtc("demo", "7", &[(1, 3600), (2, 300)])]).write();
    let explained = explain(&token, &["--now", &NOW.to_string(), "--channel", "demo", "--user", "7"], &AGORA);
    let shown = explained.people;
    let table = "\
Agora token, version 007 (AccessToken2)

  app id        970CA35de60c44645bbae8a215061b33
  issued        2027-01-15 07:50:00 UTC  10m ago
  expires       2027-01-15 08:50:00 UTC  in 50m
  lifetime      1h
  salt          12345678
  signature     fits the app certificate

  rtc (service 1)
  channel       \"demo\"
  uid           \"7\"
    1 join_channel         2027-01-15 08:50:00 UTC  ends in 50m
    2 publish_audio        2027-01-15 07:55:00 UTC  ended 5m ago

An SDK may take this token, but perhaps not as you mean. Read the warning.
";
    assert!(shown.starts_with(table), "{shown}");
}

#[test]
fn a_006_token_is_verified_with_its_names() {
    let now = NOW.to_string();
    let rtm = token_006("alice", "", NOW - 60, &[(1000, NOW + 3540)]);
    let explained = explain(&rtm, &["--now", &now, "--user", "alice", "--sdk", "rtm1"], &AGORA);
    assert_eq!((explained.code, &explained.report["signature"]["verdict"]), (0, &json!("genuine")), "{explained:#?}");
    assert_eq!(explained.codes("note"), ["rtm-lives-a-day"]);
    let token = &explained.report["token"];
    assert_eq!((&token["issued_at"], &token["expires_in"]), (&json!(NOW - 60), &json!(86_340)));
    let service = &token["services"][0];
    assert_eq!((&service["service"], &service["user_id"]), (&json!("rtm"), &json!("alice")));

    let rtc = token_006("demo", "7", NOW - 60, &[(1, NOW + 60), (2, 0)]);
    let named = explain(&rtc, &["--now", &now, "--user", "7", "--channel", "demo"], &AGORA);
    assert_eq!((named.code, &named.report["signature"]["verdict"]), (0, &json!("genuine")), "{named:#?}");
    assert_eq!(named.report["token"]["services"][0]["privileges"][0]["expires_in"], 60);
    // A language without unsigned numbers shows the same uid with a sign.
    let signed = token_006("demo", "4294967291", NOW - 60, &[(1, NOW + 60)]);
    let signed = explain(&signed, &["--now", &now, "--user", "-5", "--channel", "demo"], &AGORA);
    assert_eq!((signed.code, &signed.report["signature"]["verdict"]), (0, &json!("genuine")), "{signed:#?}");
    // Without the names nobody can say, and that is said.
    let unnamed = explain(&rtc, &["--now", &now], &AGORA);
    assert_eq!((unnamed.code, &unnamed.report["signature"]["verdict"]), (0, &json!("unchecked")), "{unnamed:#?}");
    assert_eq!(unnamed.report["unchecked"].as_array().map(Vec::len), Some(2), "{unnamed:#?}");
}

#[test]
fn a_04_token_opens_with_the_secret_alone() {
    let now = NOW.to_string();
    let end = i64::from(NOW) + 3000;
    let payload = r#"{"room_id":"lobby","privilege":{"1":1,"2":0},"stream_id_list":["s1","s2"]}"#;
    let token = token_04("04", &claims("bob", end - 3600, end, payload), end);
    let sealed = explain(&token, &["--now", &now], &[]);
    assert_eq!((sealed.code, &sealed.report["token"]["app_id"]), (0, &Value::Null), "{sealed:#?}");
    assert_eq!(
        (&sealed.report["token"]["expires_in"], &sealed.report["signature"]["verdict"]),
        (&json!(3000), &json!("unchecked"))
    );

    let opened = explain(&token, &["--now", &now, "--user", "bob", "--room", "lobby", "--sdk", "express"], &ZEGO);
    assert_eq!((opened.code, &opened.report["signature"]["verdict"]), (0, &json!("genuine")), "{opened:#?}");
    let token = &opened.report["token"];
    assert_eq!(
        (&token["app_id"], &token["nonce"], &token["lifetime"]),
        (&json!("1234567890"), &json!(7), &json!(3600))
    );
    let service = &token["services"][0];
    assert_eq!(service["user_id"], "bob");
    assert_eq!((&service["room_id"], &service["stream_ids"]), (&json!("lobby"), &json!(["s1", "s2"])));
    assert_eq!(service["privileges"][0]["granted"], true);
    assert_eq!(service["privileges"][1]["granted"], false);
    assert_eq!(opened.codes("note"), ["publish-denied", "room-checks-off"]);
    assert_eq!(opened.report["unchecked"], json!([]));
}

/// A good token opens more than its names say: a note tells, and changes nothing else.
#[test]
fn what_a_token_opens_beside_its_room_is_a_note() {
    let with = |services| Token007::with(services).write();
    let note = |token: &str, arguments: &[&str], code| {
        let explained = explain(token, &[&["--now", &NOW.to_string()], arguments].concat(), &[AGORA, ZEGO].concat());
        let noted = explained.codes("note").contains(&code);
        assert!(!noted || (explained.code == 0 && explained.report["verdict"] == "good"), "{explained:#?}");
        noted.then(|| explained.reason(code)["message"].as_str().expect("a text").to_owned())
    };
    let apis = |token: &str, arguments: &[&str]| note(token, arguments, "opens-rest-apis");
    let rtc = Service::rtc("demo", "7", &[(1, 3600)]);
    let both = with(vec![rtc.clone(), Service::rtm("alice", 3600)]);
    for (token, arguments) in [(&with(vec![rtc.clone()]), &["--sdk", "rtc"][..]), (&both, &[])] {
        let says = apis(token, arguments).expect("a note");
        assert!(
            says.contains("APIs for speech to text and Conversational AI accept it, too, as \"Authorization: "),
            "{says}"
        );
    }
    let classroom = with(classroom());
    assert!(apis(&classroom, &[]).expect("a note").contains("Agora's classroom REST API accepts it, too"));
    assert_eq!(apis(&classroom, &["--sdk", "rtm"]), None);
    assert_eq!(apis(&classroom, &["--user", "bob"]), None);
    let app = with(vec![Service::apaas("", "", -1, 3)]);
    assert!(apis(&app, &[]).expect("a note").contains("everything in every classroom"));
    // Not where another SDK is asked about, nothing is for RTC, or the token opens nothing at all.
    assert_eq!(apis(&both, &["--sdk", "rtm"]), None);
    assert_eq!(apis(&with(vec![Service::rtm("alice", 3600)]), &[]), None);
    assert_eq!(apis(&with(vec![rtc]), &["--channel", "lobby"]), None);
    assert_eq!(apis(&Token007 { issued_at: NOW - 7200, ..Token007::good() }.write(), &[]), None);
    assert_eq!(apis(&token_006("demo", "7", NOW - 60, &[(1, NOW + 60)]), &[]), None);

    let end = i64::from(NOW) + 3000;
    let zego = |payload: &str| token_04("04", &claims("bob", end - 3600, end, payload), end);
    let checks = |token: &str, arguments: &[&str]| note(token, arguments, "room-checks-off");
    let room = zego(r#"{"room_id":"lobby","privilege":{"1":1,"2":1},"stream_id_list":null}"#);
    for arguments in [&[][..], &["--sdk", "express"]] {
        let says = checks(&room, arguments).expect("a note");
        assert!(says.contains("only if its support has switched that on") && says.contains("every room"), "{says}");
    }
    assert_eq!(checks(&room, &["--sdk", "zim"]), None);
    assert_eq!(checks(&room, &["--room", "other"]), None);
    assert_eq!(checks(&zego(""), &[]), None);
}

/// Alice teaches in the room c1. Her Chat user is the MD5 sum of her id.
fn classroom() -> Vec<Service> {
    vec![Service::rtm("alice", 3600), Service::chat_user(ALICE_IN_CHAT, 3600), Service::apaas("c1", "alice", 1, 1)]
}

/// As `printf alice | md5sum` has it.
const ALICE_IN_CHAT: &str = "6384e2b2184bcbf58eccf10ca7a6563c";

fn at_now(token: &str, arguments: &[&str]) -> Explained {
    explain(token, &[&["--now", &NOW.to_string()], arguments].concat(), &AGORA)
}

#[test]
fn a_classroom_token_is_for_one_user_by_two_names() {
    let token = Token007::with(classroom()).write();
    // An app asks with the user's own id, or with the one that Chat knows.
    for (user, sdk) in [("alice", None), (ALICE_IN_CHAT, None), ("alice", Some("chat")), (ALICE_IN_CHAT, Some("chat"))]
    {
        let sdk = sdk.map(|sdk| vec!["--sdk", sdk]).unwrap_or_default();
        let fits = at_now(&token, &[&["--user", user, "--channel", "c1"], &sdk[..]].concat());
        assert_eq!((fits.code, fits.codes("refused"), fits.codes("warning")), (0, vec![], vec![]), "{fits:#?}");
        assert!(fits.people.contains("We found nothing wrong with this token."), "{}", fits.people);
    }
    let another = at_now(&token, &["--user", "bob"]);
    assert_eq!((another.code, another.codes("refused")), (1, vec!["wrong-user"; 3]), "{another:#?}");
    // Somebody else's Chat user, or one that is not hashed.
    for chat in ["9f9d51bc70ef21ca5c14f307980a29d8", "alice"] {
        let mut services = classroom();
        services[1] = Service::chat_user(chat, 3600);
        let mixed = at_now(&Token007::with(services).write(), &["--user", "alice"]);
        assert_eq!((mixed.code, mixed.codes("warning")), (0, vec!["wrong-user"]), "{mixed:#?}");
        let says = mixed.reason("wrong-user")["message"].as_str().expect("a text");
        assert!(says.contains(&format!("for the user \"{chat}\"")) && says.contains(ALICE_IN_CHAT), "{says}");
    }
}

#[test]
fn a_classroom_token_says_in_words_what_its_user_may_be() {
    let row = |room, user, role, privilege, label: &str| {
        let token = Token007::with(vec![Service::apaas(room, user, role, privilege)]).write();
        let shown = at_now(&token, &[]).people;
        let row = shown.lines().find_map(|line| line.trim_start().strip_prefix(label)).map(str::trim);
        row.unwrap_or_else(|| panic!("no {label} in {shown}")).to_owned()
    };
    let role = |role| row("c1", "alice", role, 1, "role");
    assert_eq!(
        [role(0), role(1), role(2), role(3), role(4), role(5)],
        ["0 (invisible)", "1 (teacher)", "2 (student)", "3 (assistant)", "4 (observer)", "5"]
    );
    assert_eq!(row("", "alice", -1, 2, "role"), "no role: any");
    assert_eq!(row("", "alice", -1, 2, "room uuid"), "no room: outside of rooms");
    assert_eq!(row("c1", "alice", 1, 1, "room uuid"), "\"c1\"");
    assert_eq!(row("", "", -1, 3, "room uuid"), "\"\" (empty)");
}

#[test]
fn an_agent_is_asked_about_by_either_of_its_names() {
    for (service, opens) in [(9, "Conversational AI: its REST API"), (10, "speech to text: its REST API")] {
        let services =
            vec![Service::rtc("demo", "9", &[(1, 3600)]), Service::rtm("agent", 3600), Service::of_agents(service)];
        let token = Token007::with(services).write();
        for name in [["--user", "9"], ["--uid", "9"], ["--user", "agent"]] {
            let fits = at_now(&token, &[&name[..], &["--channel", "demo"]].concat());
            assert_eq!((fits.code, fits.codes("refused"), fits.codes("warning")), (0, vec![], vec![]), "{fits:#?}");
            assert!(fits.people.contains("We found nothing wrong with this token."), "{}", fits.people);
            assert!(fits.people.contains(&format!("  opens         {opens}\n")), "{}", fits.people);
        }
        let another = at_now(&token, &["--user", "alice"]);
        assert_eq!(another.codes("refused"), ["number-joined-as-account", "wrong-user"], "{another:#?}");
    }
}

#[test]
fn a_good_token_with_a_warning_is_not_called_faultless() {
    let two_names = Token007::with(vec![Service::rtc("demo", "7", &[(1, 3600)]), Service::rtm("alice", 3600)]).write();
    for arguments in [&["--user", "alice"][..], &["--user", "alice", "--credentials", "/dev/null"]] {
        let warned = at_now(&two_names, arguments);
        assert_eq!(warned.codes("warning"), ["number-joined-as-account"], "{warned:#?}");
        assert!(!warned.people.contains("nothing wrong") && warned.people.contains("Read the warning."), "{warned:#?}");
    }
    // Notes alone are nothing wrong.
    let noted = at_now(&Token007::good().write(), &[]);
    assert_eq!((noted.codes("note"), noted.codes("warning")), (vec!["opens-rest-apis"], vec![]));
    assert!(noted.people.contains("We found nothing wrong"), "{}", noted.people);
}

#[test]
fn an_rtm_token_with_permissions_is_for_the_channels_that_they_name() {
    const READ: u16 = 0;
    const WRITE: u16 = 1;
    let (message_channels, stream_channels, users) = (0, 1, 4);
    let permissions: &[Permitted<'_>] = &[
        (message_channels, &[(READ, &["demo", "team"]), (WRITE, &["demo"])]),
        (stream_channels, &[(READ, &["stage"])]),
        (users, &[(READ, &["lobby"])]),
    ];
    let token = Token007::with(vec![Service::rtm2("alice", permissions)]).write();
    for channel in ["demo", "team", "stage"] {
        let fits = at_now(&token, &["--channel", channel, "--user", "alice"]);
        assert_eq!((fits.code, fits.codes("refused")), (0, vec![]), "{fits:#?}");
        let says = fits.reason("permission-checks-off")["message"].as_str().expect("a text");
        assert!(says.contains("Agora checks permissions only if it has enabled this for the project"), "{says}");
        assert_eq!(fits.report["unchecked"], json!([]));
    }
    assert_eq!(
        at_now(&token, &["--user", "alice"]).report["unchecked"],
        json!(["whether it is for the channel that the app joins (--channel)"])
    );
    let says = |token: &str, channel: &str| {
        let refused = at_now(token, &["--channel", channel]);
        assert_eq!((refused.code, refused.codes("refused")), (1, vec!["wrong-channel"]), "{refused:#?}");
        // The project decides whether this is so.
        assert_eq!(refused.codes("note"), ["permission-checks-off"], "{refused:#?}");
        refused.reason("wrong-channel")["message"].as_str().expect("a text").to_owned()
    };
    // A user of this name is no channel.
    assert!(says(&token, "lobby").contains(r#"these channels: "demo", "stage", "team". The app joins "lobby"."#));
    assert!(says(&token, "Demo").contains("differ only in upper and lower case"));
    let none = Token007::with(vec![Service::rtm2("alice", &[])]).write();
    assert!(says(&none, "demo").contains("these channels: none. The app joins \"demo\"."));
    let names: Vec<String> = (0..1000).map(|n| format!("room-{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let many = Token007::with(vec![Service::rtm2("alice", &[(0, &[(0, &names)])])]).write();
    assert!(says(&many, "demo").contains(r#""room-0007" and 992 more. The app"#));
    // The channel may be RTC's.
    let with_rtc = vec![Service::rtc("lobby", "alice", &[(1, 3600)]), Service::rtm2("alice", permissions)];
    let with_rtc = at_now(&Token007::with(with_rtc).write(), &["--channel", "lobby"]);
    assert_eq!((with_rtc.code, with_rtc.codes("warning")), (0, vec!["wrong-channel"]), "{with_rtc:#?}");
}

/// `curl … | tokenmint inspect`: the program runs before the token is made.
#[test]
fn a_token_that_is_made_while_the_program_waits_is_not_of_the_future() {
    let mut waiting = inspect().args(["--quiet"]).stdin(Stdio::piped()).spawn().expect("cargo has just built it");
    let mut pipe = waiting.stdin.take().expect("it is piped");
    // A pipe holds less than this. So the program reads as soon as all is written.
    pipe.write_all(&[b' '; 256 << 10]).expect("it reads");
    let seconds = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let started = seconds();
    while seconds() == started {
        std::thread::sleep(Duration::from_millis(10));
    }
    let issued_at = u32::try_from(seconds()).expect("before 2106");
    let token = Token007 { issued_at, ..Token007::good() }.write();
    pipe.write_all(token.as_bytes()).expect("it reads");
    drop(pipe);
    assert_eq!(waiting.wait().expect("it is our child").code(), Some(0));
}

#[test]
fn the_exit_code_alone_says_it() {
    let now = NOW.to_string();
    let quiet = |text: &str, more: &[&str]| {
        let outcome = run(inspect().args(["--quiet", "--now", &now]).args(more), text.as_bytes());
        assert_eq!(outcome.all(), "", "{more:?}");
        outcome.code
    };
    let token = Token007::good().write();
    assert_eq!(quiet(&token, &[]), 0);
    assert_eq!(quiet(&token, &["--user", "8"]), 1);
    assert_eq!(quiet("nonsense", &[]), 3);
    assert_eq!(quiet(&token, &["--credentials", "/nowhere"]), 4);
    // A token that is refused anyway is refused, whatever else is missing.
    assert_eq!(quiet(&token, &["--credentials", "/nowhere", "--user", "8"]), 1);
    for wrong in [
        &["--nope"][..],
        &["--now", "soon"],
        &["--sdk", "webrtc"],
        &["--json", "--quiet"],
        &["--prompt", "--secret", "x"],
    ] {
        assert_eq!(run(inspect().args(wrong), b"").code, 2, "{wrong:?}");
    }
}

/// From an argument, a pipe, `-`, and bytes that are no text.
#[test]
fn the_token_comes_from_an_argument_or_a_pipe() {
    let (token, now) = (Token007::good().write(), NOW.to_string());
    let from = |arguments: &[&str], stdin: &[u8]| {
        let outcome = run(inspect().args(["--now", &now]).args(arguments), stdin);
        assert!(!outcome.all().contains(&token), "{outcome:?}");
        outcome.code
    };
    assert_eq!(from(&[&token], b""), 0);
    assert_eq!(from(&["--", &token], b""), 0);
    assert_eq!(from(&[], format!("{token}\n").as_bytes()), 0);
    assert_eq!(from(&["-"], token.as_bytes()), 0);
    assert_eq!(from(&[], b"\xff\xfe\x00007"), 3);
    assert_eq!(from(&[], &vec![b'A'; 5 << 20]), 3);
}

#[test]
fn every_shell_gets_its_completions() {
    for (shell, speaks) in [("bash", "complete -F"), ("zsh", "#compdef tokenmint"), ("fish", "complete -c tokenmint")] {
        let script = run(program().args(["completions", shell]), b"");
        assert_eq!(script.code, 0, "{script:?}");
        assert!(script.stdout.contains(speaks) && script.stdout.contains("apaas-room-user"), "{}", script.stdout);
        assert!(script.stdout.contains("rtm1"), "the values of inspect's --sdk: {}", script.stdout);
    }
    // Bash at least is on every machine that runs these tests: it must be able to read its own.
    let script = run(program().args(["completions", "bash"]), b"").stdout;
    let bash = std::process::Command::new("bash").args(["-n", "-c", &script]).status().expect("bash runs");
    assert!(bash.success());
}

#[test]
fn help_explains_exit_codes_and_credentials() {
    let help = run(inspect().arg("--help"), b"");
    assert_eq!(help.code, 0);
    for word in [
        "Exit codes",
        "AGORA_APP_CERTIFICATE",
        "ZEGO_SERVER_SECRET",
        "AGORA_SECRET_ID",
        "LOCAL_CREDENTIALS",
        "--prompt",
    ] {
        assert!(help.stdout.contains(word), "{word}: {}", help.stdout);
    }
    // No option takes a secret: it would stay in the shell's history.
    for option in ["--certificate", "--app-certificate", "--server-secret"] {
        assert!(!help.stdout.contains(option), "{option}");
    }
}

/// The program does nothing that nobody has asked for: a token without a command is a wrong command line.
#[test]
fn without_a_command_there_is_help() {
    let help = run(&mut program(), b"");
    assert_eq!((help.code, help.stdout.as_str()), (2, ""), "{help:?}");
    for command in ["inspect", "mint", "completions"] {
        assert!(help.stderr.contains(&format!("\n  {command} ")), "{command}: {}", help.stderr);
    }
    let token = Token007::good().write();
    let wrong = run(program().arg(&token), token.as_bytes());
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong:?}");
}
