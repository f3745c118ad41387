//! `006` tokens that no builder writes, and may be cut from another user's.

use crate::program::{Explained, explain};
use crate::raw::{APP_ID, CERTIFICATE, NOW, message_006, token_006, token_006_of};
use serde_json::json;

const AGORA: [(&str, &str); 2] = [("AGORA_APP_ID", APP_ID), ("AGORA_APP_CERTIFICATE", CERTIFICATE)];
const DAY: u32 = 86_400;

fn explained(token: &str, arguments: &[&str]) -> Explained {
    explain(token, &[&["--now", &NOW.to_string()], arguments].concat(), &AGORA)
}

/// The attack as it was done: `alice999999` asks for tokens until one has a fitting salt, and moves `999999` from the
/// name into the message.
#[test]
fn a_token_cut_from_another_users_is_not_called_good() {
    // One of the salts that fit at this moment, and one of the rest.
    let (fitting, other) = (158_538, 12_345_678);
    let message = |salt| message_006(salt, NOW, &[(1000, NOW + 3600)]);
    let own = explained(&token_006_of("alice999999", "", &message(fitting)), &["--user", "alice999999"]);
    assert_eq!((own.code, own.codes("warning")), (0, vec![]), "{own:#?}");

    let cut = |salt| token_006_of("alice", "", &[b"999999", message(salt).as_slice()].concat());
    assert_eq!(explained(&cut(other), &["--user", "alice"]).code, 3);
    let forged = explained(&cut(fitting), &["--user", "alice"]);
    assert_eq!(forged.report["signature"], json!({ "verdict": "genuine" }), "{forged:#?}");
    assert_eq!((forged.code, forged.codes("warning")), (0, vec!["unusual-message"]), "{forged:#?}");
    let says = forged.reason("unusual-message")["message"].as_str().expect("a text");
    assert!(
        says.contains("No builder writes such a message") && says.contains("cut from another user's token"),
        "{says}"
    );
    assert!(forged.people.contains("it may be a forgery"), "{}", forged.people);
    assert!(!forged.people.contains("nothing wrong"), "{}", forged.people);
}

/// Each way to differ from a builder's message, with what a border in another place can make of it.
#[test]
fn each_message_that_no_builder_writes_is_named() {
    let (end, soon) = (NOW + 3600, NOW + 60);
    for (privileges, says) in [
        // Behind the border of `alice999999` and `alice` stand the time's low bytes, and then 1000.
        (&[(9088, 0x0001_6b4a), (1000, end)][..], "are not in ascending order"),
        (&[(1000, 0x0001_6b4a), (1000, end)], "are not in ascending order, or one is there twice"),
        (&[(7, 0x0001_6b4a), (1000, end)], "other privileges besides login (1000)"),
        (&[(1, 0x0001_6b4a), (1000, end)], "a privilege that ended in 1970"),
        // From an RTC token.
        (&[(0, 0x0004_6b4a), (1, end), (2, end)], "privileges that do not exist"),
        (&[(9088, 0x0004_6b4a), (1, end), (2, end)], "are not in ascending order"),
        (&[(1, end), (355, soon)], "privileges that do not exist"),
    ] {
        let token = token_006_of("alice", "", &message_006(1, NOW, privileges));
        let explained = explained(&token, &["--user", "alice", "--channel", "alice"]);
        let message = explained.reason("unusual-message")["message"].as_str().expect("a text");
        assert!(message.contains(says), "{privileges:?}: {message}");
        assert_eq!(explained.reason("unusual-message")["severity"], "warning");
    }
}

/// Whatever salt, moments and privileges a builder can be given.
#[test]
fn what_builders_write_is_not_unusual() {
    let is_usual = |token: &str, arguments: &[&str]| {
        let explained = explained(token, arguments);
        assert!(!explained.report["reasons"].to_string().contains("unusual-message"), "{explained:#?}");
    };
    // The vendor's builders draw up to 99,999,999 or all 32 bits; ours draws between the two.
    for salt in [0, 1, 99_999_999, 0x0500_0600, 0x5fff_ffff, u32::MAX] {
        is_usual(&token_006_of("alice", "", &message_006(salt, NOW, &[(1000, NOW + 3600)])), &["--user", "alice"]);
    }
    for ends_at in [0, 1, 3600, NOW - DAY, NOW + 2 * DAY, u32::MAX] {
        is_usual(&token_006("alice", "", NOW, &[(1000, ends_at)]), &["--user", "alice"]);
        let publisher = [(1, ends_at), (2, ends_at), (3, ends_at), (4, ends_at)];
        for privileges in [&publisher[..], &publisher[..1], &[]] {
            is_usual(&token_006("demo", "7", NOW, privileges), &["--user", "7", "--channel", "demo"]);
        }
    }
    // An older builder's roles, and RTC with RTM in one token.
    is_usual(&token_006("demo", "7", NOW, &[(1, NOW + 60), (5, NOW + 60), (12, 0), (101, NOW + 60)]), &[]);
    is_usual(&token_006("demo", "7", NOW, &[(1, NOW + 60), (1000, NOW + 60)]), &[]);
}
