//! Says what a text without a token is, and how the app may have got it.

use super::VERSIONS;
use crate::cli::Sdk;
use crate::report::{Code, Reason};
use crate::sdk::Fault;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use tokens::read::{self, ReadError};

/// Says what a text without a token is.
pub(super) fn what_it_is(text: &str, public_ids: &[&str]) -> Reason {
    let all = |what: fn(&char) -> bool| !text.is_empty() && text.chars().all(|character| what(&character));
    let hex = all(char::is_ascii_hexdigit);
    if text.is_empty() {
        return Reason::refused(Code::Empty, "There is no token: the text is empty.")
            .advice("The app joins before the token server has answered, or it reads another field of the answer.")
            .seen_as(Fault::Invalid, &Sdk::AGORA)
            .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if is_placeholder(text) {
        return Reason::refused(
            Code::Placeholder,
            "This is a placeholder, not a token: a word for a missing value, or a text from an example.",
        )
        .advice(
            "Find out where the app gets its token. Most often a variable is not set yet, or the code does not await it.",
        )
        .seen_as(Fault::Invalid, &Sdk::AGORA)
        .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if text.contains(['…', '•']) || text.contains("...") || text.contains("**") || text == "[redacted]" {
        return Reason::refused(
            Code::Shortened,
            "This is a shortened or masked token, as logs and documents show it. The missing part cannot be restored.",
        )
        .advice("Copy the whole token at the place where the app gets it.");
    }
    if text.len() == 32 && hex {
        let message = if public_ids.iter().any(|id| id.eq_ignore_ascii_case(text)) {
            "This is the app id, not a token."
        } else {
            "This is not a token. Its 32 characters have the form of an Agora app id, an app certificate or a ZEGO server secret."
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
            "This is not a token. It is a number, such as a uid or a ZEGO app id.",
        )
        .advice("Look at the order of the arguments: SDKs take token, channel and uid one after the other.")
        .seen_as(Fault::Invalid, &Sdk::AGORA)
        .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12]) {
        return Reason::refused(
            Code::UuidInsteadOfToken,
            "This is not a token. This is a UUID, such as the id of a user or of a request.",
        )
        .advice("Take the field `token` of the token server's answer.");
    }
    if let Some(issuer) = jwt(text) {
        return Reason::refused(
            Code::Jwt,
            format!("This is a JWT: {issuer}. Agora and ZEGO do not accept JWTs."),
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
            "This is an internal token of the Chat REST servers, which nobody else can read. Only Chat's REST API accepts it.",
        )
        .advice("For an SDK, get a 007 token from the token server.")
        .seen_as(Fault::Invalid, &[Sdk::Rtc, Sdk::Rtm])
        .seen_as(Fault::Version, &Sdk::ZEGO);
    }
    if ["003", "004", "005"].iter().any(|old| text.starts_with(old)) && text.len() > 40 {
        return Reason::refused(
            Code::OldAgoraToken,
            format!("This is an Agora dynamic key of version {}. It is older than 006 and 007.", &text[..3]),
        )
        .advice("Get a 007 token from the token server.")
        .seen_as(Fault::Invalid, &Sdk::AGORA);
    }
    if is_old_zego(text) {
        return Reason::refused(
            Code::OldZegoToken,
            "This is a ZEGO token of a version before 04. ZEGO no longer accepts it.",
        )
        .advice("Get an 04 token from the token server.")
        .seen_as(Fault::Version, &Sdk::ZEGO);
    }
    if text.starts_with('<') {
        return Reason::refused(
            Code::Web,
            "This is a web page, not a token. The app asked an address that is not the token server's.",
        )
        .advice("Check the address that the app asks, and the status of the answer.");
    }
    if text.starts_with("http://") || text.starts_with("https://") || text.starts_with("wss://") {
        return Reason::refused(Code::Web, "This is an address, not a token.")
            .advice("Send a request to that address, as the app does, and paste the answer.");
    }
    if text.len() == 32 && all(char::is_ascii_graphic) && !VERSIONS.iter().any(|(v, _)| text.starts_with(v)) {
        return Reason::refused(
            Code::KeyInsteadOfToken,
            "This is not a token. Its 32 characters have the form of a ZEGO server secret.",
        )
        .advice("If it is one, remove it from the app. With it, anyone can make every token.")
        .seen_as(Fault::Format, &Sdk::ZEGO);
    }
    if VERSIONS.iter().any(|(version, _)| text.starts_with(version)) {
        return malformed(text);
    }
    let base64 = text.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte)).count();
    if text.len() >= 40 && base64 == text.len() {
        return Reason::refused(
            Code::CutAtStart,
            "This looks like a part of a token whose beginning is missing: a token begins with 007, 006 or 04.",
        )
        .advice("Copy the whole token. If it is complete, it belongs to another vendor.")
        .seen_as(Fault::Invalid, &Sdk::AGORA)
        .seen_as(Fault::Version, &Sdk::ZEGO);
    }
    Reason::refused(
        Code::NotAToken,
        "This is neither an Agora token (they begin with 007 or 006) nor a ZEGO token (they begin with 04).",
    )
    .advice("Paste the answer of the token server.")
    .seen_as(Fault::Invalid, &Sdk::AGORA)
    .seen_as(Fault::Version, &Sdk::ZEGO)
}

/// A text that begins like a token, but cannot be read as one.
fn malformed(text: &str) -> Reason {
    let zego = text.starts_with("04");
    let length = text.len();
    let garbled = |what: &str| {
        Reason::refused(
            Code::Garbled,
            format!("It begins like a token, but {what}. Characters were changed, lost or added."),
        )
        .advice(
            "Copy it again, without passing it through something that changes letters to lower case, shortens lines or \
                 corrects spelling.",
        )
    };
    let reason = match read::token(text) {
        Err(ReadError::CutShort) => Reason::refused(
            Code::CutAtEnd,
            format!("The token is cut off: it ends after {length} characters, and its content is longer."),
        )
        .advice(
            "Copy it whole. Where the app itself has it so: look for a database column, a log line or a text field that is \
             too short for it.",
        ),
        Err(ReadError::TooLarge) => return too_long(),
        Err(_) if !text.bytes().any(|byte| byte.is_ascii_uppercase()) => garbled("all its letters are lower case"),
        Err(other) => garbled(match other {
            ReadError::NotBase64 => "the rest is not base64",
            ReadError::BadZlib => "its content cannot be unpacked",
            ReadError::TrailingBytes => "more text follows after its end, as if two tokens were pasted",
            ReadError::BadSignature => "its signature has a wrong length",
            ReadError::BadCipher => "its encrypted part has an impossible length",
            ReadError::NotUtf8 => "a name in it is not text",
            ReadError::UnknownVersion | ReadError::CutShort | ReadError::TooLarge => "it cannot be read",
        }),
        Ok(_) => garbled("it cannot be read"),
    };
    if zego { reason.seen_as(Fault::Format, &Sdk::ZEGO) } else { reason.seen_as(Fault::Invalid, &Sdk::AGORA) }
}

pub(super) fn too_long() -> Reason {
    Reason::refused(Code::TooLong, "The text, or its unpacked content, is longer than any token.")
        .advice("Paste only the token.")
}

pub(crate) fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words =
        ["null", "undefined", "nil", "none", "nan", "true", "false", "token", "string", "optional(nil)", "(null)"];
    words.contains(&lower.as_str())
        || lower.starts_with("[object ")
        || lower.starts_with("your")
        || (text.starts_with('<') && text.ends_with('>') && text.len() < 60 && !text.contains('/'))
        || ["${", "{{", "$(", "%s"].iter().any(|template| text.starts_with(template))
}

/// Who made the JWT, if its readable parts say it.
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
        "Twilio's libraries made it"
    } else if claims.contains_key("video") {
        "it was made for LiveKit"
    } else if issuer.contains("cognito-idp") {
        "a sign-in token of Amazon Cognito"
    } else if issuer.contains("securetoken.google.com") {
        "a sign-in token of Firebase"
    } else if issuer.starts_with("https://") {
        "a sign-in token of an identity provider"
    } else {
        "a token of another system"
    })
}

/// Version 03 has the layout of 04. Version 01 is JSON in base64.
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
