//! What a text is that holds no token, and why the app has it in a token's place.

use super::VERSIONS;
use crate::cli::Sdk;
use crate::report::{Code, Reason};
use crate::sdk::Fault;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use tokens::read::{self, ReadError};

/// Says what a text is that holds no token.
pub(super) fn what_it_is(text: &str, public_ids: &[&str]) -> Reason {
    let all = |what: fn(&char) -> bool| !text.is_empty() && text.chars().all(|character| what(&character));
    let hex = all(char::is_ascii_hexdigit);
    if text.is_empty() {
        return Reason::refused(Code::Empty, "There is no token: the text is empty.")
            .advice("The app joins before its request to the token server is answered, or reads another field of the answer.")
            .seen_as(Fault::Invalid, &Sdk::AGORA)
            .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if is_placeholder(text) {
        return Reason::refused(
            Code::Placeholder,
            "This is a placeholder, such as a program writes for a value that isn't there, not a token.",
        )
        .advice(
            "Find out where the app should get its token: most often a variable that is not set yet, or not awaited.",
        )
        .seen_as(Fault::Invalid, &Sdk::AGORA)
        .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if text.contains(['…', '•']) || text.contains("...") || text.contains("**") || text == "[redacted]" {
        return Reason::refused(
            Code::Shortened,
            "This is a shortened or masked token, as logs and documents show one. What they left out cannot be restored.",
        )
        .advice("Copy it where the app gets it, whole.");
    }
    if text.len() == 32 && hex {
        let message = if public_ids.iter().any(|id| id.eq_ignore_ascii_case(text)) {
            "This is the app id, not a token."
        } else {
            "This has the form of an Agora app id, an app certificate or a ZEGO server secret (32 characters), not of a token."
        };
        return Reason::refused(Code::KeyInsteadOfToken, message)
            .advice(
                "The app gets its token from the token server. If this is the certificate or the secret, it must not be \
                 in the app: whoever has it can make every token. Make a new one in the vendor's console if it was.",
            )
            .seen_as(Fault::Invalid, &Sdk::AGORA)
            .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if all(char::is_ascii_digit) && text.len() <= 20 {
        return Reason::refused(
            Code::NumberInsteadOfToken,
            "This is a number, such as a uid or a ZEGO app id, not a token.",
        )
        .advice("Look at the order of the arguments: SDKs take token, channel and uid one after the other.")
        .seen_as(Fault::Invalid, &Sdk::AGORA)
        .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) {
        return Reason::refused(
            Code::UuidInsteadOfToken,
            "This is a UUID, such as a user's or a request's id, not a token.",
        )
        .advice("Take the field `token` of the token server's answer.");
    }
    if let Some(issuer) = jwt(text) {
        return Reason::refused(
            Code::Jwt,
            format!("This is a JWT, {issuer}. Agora and ZEGO don't take JWTs."),
        )
        .advice(
            "If it is your sign-in token: send it to the token server, as `Authorization: Bearer`, and join with the token \
             that is answered.",
        )
        .seen_as(Fault::Invalid, &Sdk::AGORA)
        .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if text.starts_with("YWMt") {
        return Reason::refused(
            Code::ChatRestToken,
            "This is a token of the Chat REST servers' own, which cannot be read. Only Chat takes it, for its REST API.",
        )
        .advice("For an SDK, get a 007 token from the token server.")
        .seen_as(Fault::Invalid, &[Sdk::Rtc, Sdk::Rtm])
        .seen_as(Fault::Version, &Sdk::ZEGO);
    }
    if ["003", "004", "005"].iter().any(|old| text.starts_with(old)) && text.len() > 40 {
        return Reason::refused(
            Code::OldAgoraToken,
            format!("This is an Agora dynamic key of version {}, which went before 006 and 007.", &text[..3]),
        )
        .advice("Get a 007 token from the token server.")
        .seen_as(Fault::Invalid, &Sdk::AGORA);
    }
    if is_old_zego(text) {
        return Reason::refused(Code::OldZegoToken, "This is a ZEGO token of a version before 04.")
            .advice("Get an 04 token from the token server.")
            .seen_as(Fault::Version, &Sdk::ZEGO);
    }
    if text.starts_with('<') {
        return Reason::refused(
            Code::Web,
            "This is a web page, not a token: the address that was asked is not the token server's.",
        )
        .advice("Look at the address that the app asks, and at the status of the answer.");
    }
    if text.starts_with("http://") || text.starts_with("https://") || text.starts_with("wss://") {
        return Reason::refused(Code::Web, "This is an address, not a token.")
            .advice("Ask that address, as the app does, and paste its answer.");
    }
    if text.len() == 32 && all(char::is_ascii_graphic) && !VERSIONS.iter().any(|(v, _)| text.starts_with(v)) {
        return Reason::refused(
            Code::KeyInsteadOfToken,
            "This has the form of a ZEGO server secret (32 characters), not of a token.",
        )
        .advice("If it is: it must not be in the app. Whoever has it can make every token.")
        .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if VERSIONS.iter().any(|(version, _)| text.starts_with(version)) {
        return malformed(text);
    }
    let base64 = text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte)).count();
    if text.len() >= 40 && base64 == text.len() {
        return Reason::refused(
            Code::CutAtStart,
            "This looks like a part of a token whose beginning is missing: it begins with none of 007, 006 and 04.",
        )
        .advice("Copy the whole token. If it is whole, it is another vendor's.")
        .seen_as(Fault::Invalid, &Sdk::AGORA)
        .seen_as(Fault::Version, &Sdk::ZEGO);
    }
    Reason::refused(
        Code::NotAToken,
        "This is no token of Agora's (they begin with 007 or 006) and none of ZEGO's (they begin with 04).",
    )
    .advice("Paste what the token server answers.")
    .seen_as(Fault::Invalid, &Sdk::AGORA)
    .seen_as(Fault::Version, &Sdk::ZEGO)
}

/// A text that begins as a token and doesn't go on as one.
fn malformed(text: &str) -> Reason {
    let zego = text.starts_with("04");
    let length = text.len();
    let garbled = |what: &str| {
        Reason::refused(
            Code::Garbled,
            format!("It begins as a token, but {what}. Characters were changed, lost or added."),
        )
        .advice(
            "Copy it again, without passing it through something that changes letters to lower case, shortens lines or \
                 corrects spelling.",
        )
    };
    let reason = match read::token(text) {
        Err(ReadError::CutShort) => Reason::refused(
            Code::CutAtEnd,
            format!("The token is cut off: it ends after {length} characters, before its content does."),
        )
        .advice(
            "Copy it whole. Where the app itself has it so: look for a database column, a log line or a text field that is \
             too short for it.",
        ),
        Err(ReadError::TooLarge) => return too_long(),
        Err(_) if !text.bytes().any(|byte| byte.is_ascii_uppercase()) => garbled("all its letters are lower case"),
        Err(other) => garbled(match other {
            ReadError::NotBase64 => "it is not base64 as a token is",
            ReadError::BadZlib => "its content doesn't unpack",
            ReadError::TrailingBytes => "more follows where its content ends, as if two were pasted",
            ReadError::BadSignature => "its signature has not the length of one",
            ReadError::BadCipher => "its encrypted part has an impossible length",
            ReadError::NotUtf8 => "a name in it is not text",
            ReadError::UnknownVersion | ReadError::CutShort | ReadError::TooLarge => "it doesn't read as one",
        }),
        Ok(_) => garbled("it doesn't read as one"),
    };
    if zego { reason.seen_as(Fault::Format, &Sdk::ZEGO) } else { reason.seen_as(Fault::Invalid, &Sdk::AGORA) }
}

pub(super) fn too_long() -> Reason {
    Reason::refused(Code::TooLong, "The text is longer, or unpacks to more, than any token.")
        .advice("Paste the token alone.")
}

fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words =
        ["null", "undefined", "nil", "none", "nan", "true", "false", "token", "string", "optional(nil)", "(null)"];
    words.contains(&lower.as_str())
        || lower.starts_with("[object ")
        || lower.starts_with("your")
        || (text.starts_with('<') && text.ends_with('>') && text.len() < 60 && !text.contains('/'))
        || ["${", "{{", "$(", "%s"].iter().any(|template| text.starts_with(template))
}

/// Whose JWT it is, as far as its readable parts tell.
fn jwt(text: &str) -> Option<&'static str> {
    let object = |part: &str| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice::<Map<String, Value>>(&bytes).ok()
    };
    let mut parts = text.split('.');
    let header = object(parts.next()?)?;
    let claims = parts.next().and_then(object).unwrap_or_default();
    header.get("alg")?;
    let issuer = claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let content = header.get("cty").and_then(Value::as_str).unwrap_or_default();
    Some(if content.starts_with("twilio") {
        "made by Twilio's libraries"
    } else if claims.contains_key("video") {
        "made for LiveKit"
    } else if issuer.contains("cognito-idp") {
        "a sign-in token of Amazon Cognito"
    } else if issuer.contains("securetoken.google.com") {
        "a sign-in token of Firebase"
    } else if issuer.starts_with("https://") {
        "as identity providers make them for people who sign in"
    } else {
        "a token of another system"
    })
}

/// Version 03 is laid out as 04 is; 01 is JSON in base64.
fn is_old_zego(text: &str) -> bool {
    let base64 = |text: &str| BASE64_STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let version_03 = ["01", "02", "03"].iter().any(|version| {
        text.strip_prefix(version).and_then(base64).is_some_and(|content| content.len() > 26 && content[..3] == [0; 3])
    });
    let version_01 = || {
        let json = base64(text).and_then(|json| serde_json::from_slice::<Map<String, Value>>(&json).ok());
        json.is_some_and(|json| json.contains_key("ver") && json.contains_key("hash"))
    };
    version_03 || version_01()
}
