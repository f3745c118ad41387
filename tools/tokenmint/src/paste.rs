//! From what somebody pasted to a token, or to what it is instead.
//!
//! Nothing of the text is ever repeated: it may be a token, which opens a room, or a certificate, which opens all.

use crate::cli::Sdk;
use crate::report::{Code, Reason};
use crate::sdk::Fault;
use crate::unseen::{shown, takes_no_room};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::borrow::Cow;
use tokens::read::{self, ReadError, Unverified};

/// A token that was found in the text, and what was around it or had to be undone.
pub(crate) struct Found {
    pub(crate) token: Unverified,
    pub(crate) repairs: Vec<Repair>,
}

/// What stands between the text and the token in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    Quoted,
    Bearer,
    InsideJson,
    Surrounded,
    InvisibleCharacters,
    EscapedSlashes,
    UrlEncoded,
    Base64Url,
    Base64Twice,
    PlusBecameSpace,
    LineBreaks,
    PaddingLost,
    CutAtStart { characters: usize },
}

/// The longest text that is looked at: a token, and an answer or a page around it.
const MAX_TEXT: usize = 2 * read::MAX_LENGTH;

/// The versions, and where base64 begins behind each.
const VERSIONS: [(&str, usize); 3] = [("007", 3), ("006", 3 + 32), ("04", 2)];

/// Finds the token in a text.
///
/// # Errors
/// Says what the text is instead. `public_ids` are those that the caller knows not to be secret.
pub(crate) fn read(text: &str, public_ids: &[&str]) -> Result<Found, Reason> {
    if text.len() > MAX_TEXT {
        return Err(too_long());
    }
    let mut repairs = Vec::new();
    let visible: String = text.chars().filter(|character| !takes_no_room(*character)).collect();
    let mut rest = visible.trim().to_owned();
    if visible.trim().len() != text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len() {
        repairs.push(Repair::InvisibleCharacters);
    }
    // Each wrapping may hold another: a JSON answer in quotes, a quoted token behind `Bearer`.
    while let Some((inner, repair)) = unwrapped(&rest)? {
        rest = inner;
        if !repairs.contains(&repair) {
            repairs.push(repair);
        }
    }
    if let Some((token, undone)) = parse_repaired(&rest) {
        repairs.extend(undone);
        return Ok(Found { token, repairs });
    }
    for piece in pieces(&rest) {
        if let Some((token, undone)) = parse_repaired(piece) {
            repairs.push(Repair::Surrounded);
            repairs.extend(undone);
            return Ok(Found { token, repairs });
        }
    }
    Err(what_it_is(&rest, public_ids))
}

/// Takes one wrapping off.
fn unwrapped(text: &str) -> Result<Option<(String, Repair)>, Reason> {
    if text.starts_with(['{', '[']) {
        return match serde_json::from_str::<Value>(text) {
            Ok(json) => inside_json(&json).map(|token| Some((token, Repair::InsideJson))),
            Err(_) => Ok(None),
        };
    }
    if text.starts_with('"')
        && let Ok(inner) = serde_json::from_str::<String>(text)
    {
        return Ok(Some((inner.trim().to_owned(), Repair::Quoted)));
    }
    let unquoted = text.trim_matches(['"', '\'', '`', '“', '”', '‘', '’', '«', '»', '<', '>', ',', ';', '.']).trim();
    if unquoted.len() < text.len() && VERSIONS.iter().any(|(version, _)| unquoted.starts_with(version)) {
        return Ok(Some((unquoted.to_owned(), Repair::Quoted)));
    }
    let after = |prefix: &str| {
        let (head, tail) = text.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| (tail.trim().to_owned(), Repair::Bearer))
    };
    Ok(after("Authorization: Bearer ").or_else(|| after("Bearer ")))
}

/// The token in a JSON answer, ours or anybody's.
fn inside_json(json: &Value) -> Result<String, Reason> {
    fn strings<'a>(json: &'a Value, name: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
        match json {
            Value::String(text) => found.push((name, text)),
            Value::Array(items) => items.iter().for_each(|item| strings(item, name, found)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| strings(value, name, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    strings(json, "", &mut found);
    let is_token = |text: &str| parse_repaired(text).is_some();
    let named = |name: &str| name.to_ascii_lowercase().contains("token");
    let token = found
        .iter()
        .find(|(_, text)| is_token(text))
        .or_else(|| found.iter().find(|(name, text)| named(name) && !text.is_empty()));
    if let Some((_, token)) = token {
        return Ok((*token).to_owned());
    }
    let says = |json: &Value| {
        let names = ["detail", "title", "message", "error_description", "error"];
        let said = names.iter().find_map(|name| json[name].as_str().filter(|text| !text.is_empty()));
        said.map(|said| said.chars().take(200).collect::<String>())
    };
    Err(match says(json).or_else(|| says(&json["error"])) {
        Some(said) => Reason::refused(
            Code::ErrorAnswer,
            format!("This is a server's answer that refuses a token, not a token. It says: {}", shown(&said)),
        )
        .advice(
            "Mend the request to the server. Let the app look at the answer's status before it takes a token from it.",
        ),
        None => Reason::refused(Code::JsonWithoutToken, "This is JSON without a token in it.")
            .advice("Paste the answer of the token server, or the token alone."),
    })
}

/// Reads a token, undoing one after the other what may have happened to it on the way.
fn parse_repaired(text: &str) -> Option<(Unverified, Vec<Repair>)> {
    if let Ok(token) = read::token(text) {
        return Some((token, Vec::new()));
    }
    let (mut text, mut repairs) = (Cow::Borrowed(text), Vec::new());
    let undo = |repair: Repair, repairs: &mut Vec<Repair>| repairs.push(repair);
    if text.contains("\\/") {
        text = text.replace("\\/", "/").into();
        undo(Repair::EscapedSlashes, &mut repairs);
    }
    if text.contains('%') {
        text = percent_decode_str(&text).decode_utf8().ok()?.into_owned().into();
        undo(Repair::UrlEncoded, &mut repairs);
    }
    if text.contains(['-', '_']) {
        text = text.replace('-', "+").replace('_', "/").into();
        undo(Repair::Base64Url, &mut repairs);
    }
    if let Some(token) = parse_restored(&text, &mut repairs) {
        return Some((token, repairs));
    }
    // White space in the middle is a `+` that a form has decoded, or a line that was wrapped.
    if text.contains(char::is_whitespace) {
        let plus: String = text.chars().map(|c| if c == ' ' { '+' } else { c }).collect();
        let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        for (candidate, repair) in [(plus, Repair::PlusBecameSpace), (joined, Repair::LineBreaks)] {
            let mut repairs = repairs.clone();
            undo(repair, &mut repairs);
            if let Some(token) = parse_restored(&candidate, &mut repairs) {
                return Some((token, repairs));
            }
        }
    }
    let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let once = BASE64_STANDARD_NO_PAD.decode(joined.trim_end_matches('=')).ok()?;
    let token = read::token(str::from_utf8(&once).ok()?.trim()).ok()?;
    Some((token, vec![Repair::Base64Twice]))
}

/// Reads a token whose padding or whose first characters may be missing.
fn parse_restored(text: &str, repairs: &mut Vec<Repair>) -> Option<Unverified> {
    let padded = |text: &str| {
        let (_, base64_at) = VERSIONS.iter().find(|(version, _)| text.starts_with(version))?;
        let missing = (4 - text.len().checked_sub(*base64_at)? % 4) % 4;
        (missing > 0).then(|| format!("{text}{}", "===".get(..missing).expect("at most three")))
    };
    let mut parse = |text: &str, lost: usize| {
        let cut = (lost > 0).then_some(Repair::CutAtStart { characters: lost });
        if let Ok(token) = read::token(text) {
            repairs.extend(cut);
            return Some(token);
        }
        let token = read::token(&padded(text)?).ok()?;
        repairs.extend(cut);
        repairs.push(Repair::PaddingLost);
        Some(token)
    };
    if let Some(token) = parse(text, 0) {
        return Some(token);
    }
    for (version, _) in VERSIONS {
        for lost in 1..=version.len() {
            let (missing, kept) = version.split_at(lost);
            if text.starts_with(kept)
                && let Some(token) = parse(&format!("{missing}{text}"), lost)
            {
                return Some(token);
            }
        }
    }
    None
}

/// What could be a token in a longer text: a log line, an address with a query, a file of settings.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || "?&\"'`,;<>(){}[]".contains(c));
    words
        .flat_map(|word| [Some(word), word.split_once(['=', ':']).map(|(_, value)| value)])
        .flatten()
        .filter(|piece| VERSIONS.iter().any(|(version, _)| piece.starts_with(version)))
}

/// Says what a text is that holds no token.
fn what_it_is(text: &str, public_ids: &[&str]) -> Reason {
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

fn too_long() -> Reason {
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

impl Repair {
    /// What it means for the app. Damage is damage: an SDK gets the text as it stands.
    pub(crate) fn reason(self, sdks: &[Sdk]) -> Reason {
        let fault = |reason: Reason| {
            let (zego, agora): (Vec<Sdk>, Vec<Sdk>) = sdks.iter().partition(|sdk| sdk.is_zego());
            reason.seen_as(Fault::Invalid, &agora).seen_as(Fault::Format, &zego)
        };
        let damage = |code, message: &str, advice: &str| {
            fault(
                Reason::refused(code, format!("{message} It is undone here; an SDK refuses the token so."))
                    .advice(advice),
            )
        };
        let around = |code, message: &str| {
            Reason::warning(code, format!("{message} It isn't part of the token: an app must not hand it to the SDK."))
        };
        match self {
            Repair::Quoted => around(Code::Quoted, "Quotes or punctuation stand around the token."),
            Repair::Bearer => around(Code::Bearer, "The word Bearer stands before the token."),
            Repair::InsideJson => Reason::note(
                Code::InsideJson,
                "This is a server's answer in JSON. The token in it is explained; the SDK takes the token alone.",
            ),
            Repair::Surrounded => around(Code::Surrounded, "Other text stands around the token."),
            Repair::InvisibleCharacters => damage(
                Code::InvisibleCharacters,
                "Invisible characters stand in the text, as copying from web pages and chats brings along.",
                "Copy it from where the app gets it.",
            ),
            Repair::EscapedSlashes => damage(
                Code::EscapedSlashes,
                "Its slashes are escaped as JSON writers do (\\/).",
                "Read the answer with a JSON parser instead of cutting the token out of it.",
            ),
            Repair::UrlEncoded => damage(
                Code::UrlEncoded,
                "It is URL-encoded (%2B for +, %2F for /, %3D for =).",
                "Decode it once before it goes to the SDK, or don't send tokens in addresses at all.",
            ),
            Repair::Base64Url => damage(
                Code::Base64Url,
                "It is written in the URL-safe alphabet of base64 (- and _ for + and /).",
                "The vendors take the standard alphabet alone: change whatever encodes it.",
            ),
            Repair::Base64Twice => damage(
                Code::Base64Twice,
                "It is encoded in base64 once more, as configuration files and Kubernetes secrets have it.",
                "Decode it once before it goes to the SDK.",
            ),
            Repair::PlusBecameSpace => damage(
                Code::PlusBecameSpace,
                "Its + characters have become spaces, as when it was sent in a form or an address without encoding.",
                "Encode the token as a query parameter (%2B for +) where it is sent, or send it in a body.",
            ),
            Repair::LineBreaks => damage(
                Code::LineBreaks,
                "Line breaks or spaces stand inside of it, as when a wrapped line was copied.",
                "Take all white space out.",
            ),
            Repair::PaddingLost => damage(
                Code::PaddingLost,
                "The = at its end is missing.",
                "Look for code that trims = or splits a text at it, such as a parser of queries or settings.",
            ),
            Repair::CutAtStart { characters } => damage(
                Code::CutAtStart,
                &format!(
                    "Its first {} missing.",
                    if characters == 1 { "character is".to_owned() } else { format!("{characters} characters are") }
                ),
                "Copy the whole token.",
            ),
        }
    }
}
