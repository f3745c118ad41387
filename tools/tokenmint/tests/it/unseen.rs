//! Characters that nobody sees, or that steer a terminal: they are written out, in text and in JSON.

use crate::program::{explain, inspect, run};
use crate::raw::{NOW, Service, Token007, claims, message_006, token_04, token_006_of};
use serde_json::{Value, json};

/// Some of each sort.
const UNSEEN: [(&str, &str); 8] = [
    ("what a terminal obeys", "\u{7}\u{1b}\u{7f}\u{9b}"),
    (
        "directions, joiners and other format",
        "\u{ad}\u{61c}\u{600}\u{200b}\u{200d}\u{202e}\u{2060}\u{2066}\u{206f}\u{feff}",
    ),
    ("format of notes and music", "\u{fff9}\u{1d173}\u{1bca0}"),
    ("tags, and places among them that are free", "\u{e0001}\u{e0041}\u{e007f}\u{e0fff}"),
    ("variation selectors", "\u{fe00}\u{fe0f}\u{e0100}\u{e01ef}\u{180b}\u{180f}"),
    ("fillers, and vowels without a sign", "\u{34f}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{17b4}\u{17b5}"),
    ("blanks and line ends", "\u{a0}\u{2028}\u{2800}\u{3000}\u{1d159}\u{13441}\u{13442}"),
    ("free places and those for private use", "\u{378}\u{e000}"),
];

fn unseen() -> impl Iterator<Item = char> {
    UNSEEN.iter().flat_map(|(_, characters)| characters.chars())
}

/// What people of all countries write in names.
const SEEN: &str = "Aé ßж中あ한ع😀~";

fn hidden() -> String {
    unseen().flat_map(|character| ['x', character]).collect()
}

fn assert_nothing_unseen(printed: &str) {
    for character in unseen() {
        assert!(!printed.contains(character), "{}: {printed}", character.escape_unicode());
    }
}

/// As JSON has it, which knows 16 bits at a time.
fn in_json(character: char) -> String {
    character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// A name that ends its quotes could go on as if the inspector spoke, and one could be spelled like an escape.
#[test]
fn a_name_cannot_end_its_quotes() {
    let name = r#"demo\u{202e}" is genuine. ""#;
    let token = Token007::with(vec![Service::rtc(name, "7", &[(1, 3600)])]).write();
    let said = run(inspect().args(["--now", &NOW.to_string(), "--channel", "other"]), token.as_bytes());
    assert!(said.stdout.contains(r#""demo\\u{202e}\" is genuine. \"""#), "{}", said.stdout);
    assert!(!said.stdout.contains(r#"e}" is genuine"#), "{}", said.stdout);
}

#[test]
fn what_nobody_sees_in_a_name_is_written_out() {
    let name = format!("{SEEN}{}", hidden());
    let token = Token007::with(vec![Service::rtc(&name, "7", &[(1, 3600)]), Service::rtm(&name, 3600)]).write();
    let arguments = ["--now", &NOW.to_string(), "--channel", &name, "--user", "alice"];
    let people = run(inspect().args(arguments), token.as_bytes());
    assert_nothing_unseen(&people.all());
    assert!(people.stdout.contains(SEEN), "{}", people.stdout);
    let json = run(inspect().arg("--json").args(arguments), token.as_bytes());
    assert_nothing_unseen(&json.all());
    for character in unseen() {
        assert!(people.stdout.contains(&character.escape_unicode().to_string()), "{:?}: {}", character, people.stdout);
        assert!(json.stdout.contains(&format!("x{}", in_json(character))) || character < ' ', "{}", json.stdout);
    }
    assert!(json.stdout.contains(r"x\udb40\udc41") && json.stdout.contains("😀"), "{}", json.stdout);
    // And it is JSON: what was written out reads as what it was.
    let read: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(read["token"]["services"][0]["channel"], name);
}

/// An app id is whatever stands in its place, and so is what ZEGO's payload holds.
#[test]
fn what_nobody_sees_elsewhere_in_a_token_is_written_out() {
    const HOSTILE: &str = "\u{1b}[2J\u{e0041}\u{202e}";
    let mut token = Token007::good();
    token.app_id = HOSTILE;
    // In a 006 token the app id is clear text. What takes no room is taken out of that as out of any pasted text.
    let v006 = token_006_of("alice", "", &message_006(1, NOW, &[(1000, NOW + 60)]));
    let v006 = format!("006\u{1b}[2J\u{2800}{}{}", "0".repeat(32 - 7), &v006[3 + 32..]);
    let end = i64::from(NOW) + 60;
    let payload = json!({ "room_id": HOSTILE, "privilege": { "1": 1 }, "stream_id_list": [HOSTILE] }).to_string();
    let room = token_04("04", &claims(HOSTILE, end - 60, end, &payload), end);
    let other = token_04("04", &claims("bob", end - 60, end, HOSTILE), end);
    let tag = [r"\udb40\udc41", r"\u{e0041}"];
    let blank = [r"\u001b[2J\u2800", r"\u{1b}[2J\u{2800}"];
    for (token, [json, people]) in [(token.write(), tag), (v006, blank), (room, tag), (other, tag)] {
        for form in ["--json", "--now=1800000000"] {
            let mut command = inspect();
            command.env("ZEGO_APP_ID", "1234567890").env("ZEGO_SERVER_SECRET", crate::raw::SECRET);
            let app = ["--app-id", "0123456789abcdef0123456789abcdef", form];
            let printed = run(command.args(app), token.as_bytes());
            assert_nothing_unseen(&printed.all());
            let escaped = if form == "--json" { json } else { people };
            assert!(printed.stdout.contains(escaped), "{}", printed.stdout);
        }
    }
}

/// A server's answer is repeated where it says what is wrong; a token is taken out of what copying has put into it.
#[test]
fn what_nobody_sees_in_a_pasted_text_is_written_out_or_taken_out() {
    let answer = json!({ "detail": hidden() }).to_string();
    for form in ["--json", "--now=1800000000"] {
        let printed = run(inspect().arg(form), answer.as_bytes());
        assert_eq!(printed.code, 3);
        assert_nothing_unseen(&printed.all());
    }
    let token = Token007::good().write();
    let (front, back) = token.split_at(64);
    for character in unseen().filter(|character| !character.is_control() && !character.is_whitespace()) {
        let pasted = format!("{front}{character}{back}");
        let explained = explain(&pasted, &["--now", &NOW.to_string()], &[]);
        let takes_room = "\u{2800}\u{1d159}\u{13441}\u{13442}\u{378}\u{e000}".contains(character);
        let expected = if takes_room { (3, vec!["garbled"]) } else { (1, vec!["invisible-characters"]) };
        assert_eq!((explained.code, explained.codes("refused")), expected, "{}", character.escape_unicode());
    }
}
