//! Finds the token in a pasted text, or says what the text is instead.
//!
//! No message repeats the text. It may be a token, which opens a room, or a certificate, which opens all rooms.

pub(crate) mod no_token;
mod repair;

pub(crate) use repair::Repair;

use crate::report::{Code, Reason};
use crate::unseen::{shown, takes_no_room};
use no_token::{too_long, what_it_is};
use repair::repaired;
use serde_json::Value;
use tokens::read::{self, Unverified};

/// A token that was found in the text, and what had to be removed or repaired.
pub(crate) struct Found {
    pub(crate) token: Unverified,
    pub(crate) repairs: Vec<Repair>,
}

/// The longest accepted text, in bytes: a token, and an answer or a page around it.
const MAX_TEXT: usize = 2 * read::MAX_LENGTH;

/// The versions, and the position at which base64 begins.
const VERSIONS: [(&str, usize); 3] = [("007", 3), ("006", 3 + 32), ("04", 2)];

/// Finds the token in a text.
///
/// # Errors
/// The text is something else: the reason says what. `public_ids` are ids that are not secret.
pub(crate) fn read(text: &str, public_ids: &[&str]) -> Result<Found, Reason> {
    if text.len() > MAX_TEXT {
        return Err(too_long());
    }
    let mut repairs = Vec::new();
    let (mut rest, invisible) = without_invisible(text);
    if invisible {
        repairs.push(Repair::InvisibleCharacters);
    }
    // One wrapping may hold another: a JSON answer in quotes, a quoted token after `Bearer`.
    while let Some((inner, repair)) = unwrapped(&rest)? {
        rest = inner;
        if !repairs.contains(&repair) {
            repairs.push(repair);
        }
    }
    if let Some((token, undone)) = repaired(&rest) {
        repairs.extend(undone);
        return Ok(Found { token, repairs });
    }
    for piece in pieces(&rest) {
        if let Some((token, undone)) = repaired(piece) {
            repairs.push(Repair::Surrounded);
            repairs.extend(undone);
            return Ok(Found { token, repairs });
        }
    }
    Err(what_it_is(&rest, public_ids))
}

/// Removes one wrapping.
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
    Ok(after_bearer(text).map(|token| (token.to_owned(), Repair::Bearer)))
}

/// The text without invisible characters, and whether it had some. White space and a byte order mark around the text do
/// not count.
pub(crate) fn without_invisible(text: &str) -> (String, bool) {
    let visible: String = text.chars().filter(|character| !takes_no_room(*character)).collect();
    let visible = visible.trim();
    let there_was = visible.len() != text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
    (visible.to_owned(), there_was)
}

/// What stands after the word Bearer, with or without the header's name.
pub(crate) fn after_bearer(text: &str) -> Option<&str> {
    ["Authorization: Bearer ", "Authorization:Bearer ", "Bearer "].into_iter().find_map(|prefix| {
        let (head, tail) = text.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| tail.trim())
    })
}

/// Each string in a JSON value, with the name of the field that holds it.
pub(crate) fn strings(json: &Value) -> Vec<(&str, &str)> {
    fn collect<'a>(json: &'a Value, name: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
        match json {
            Value::String(text) => found.push((name, text)),
            Value::Array(items) => items.iter().for_each(|item| collect(item, name, found)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| collect(value, name, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(json, "", &mut found);
    found
}

/// What an answer says about an error.
fn says(json: &Value) -> Option<&str> {
    let names = ["detail", "title", "message", "error_description", "error", "msg"];
    names.iter().find_map(|name| json[name].as_str().filter(|text| !text.is_empty()))
}

/// What an answer of Agora's own token servers says about an error: the code is 400 or more, and a sentence stands in
/// the field `token`.
fn error_in_token(json: &Value) -> Option<&str> {
    let code = json["code"].as_str().and_then(|code| code.parse().ok()).or_else(|| json["code"].as_u64())?;
    let said = json["token"].as_str()?;
    // A damaged token has no words, and must not be repeated.
    let is_sentence = said.contains(' ') && said.split_whitespace().all(|word| word.len() < 32);
    ((400..600).contains(&code) && is_sentence).then_some(said)
}

/// The token in a JSON answer of any server.
fn inside_json(json: &Value) -> Result<String, Reason> {
    let found = strings(json);
    let is_token = |text: &str| repaired(text).is_some();
    let named = |name: &str| name.to_ascii_lowercase().contains("token");
    let looks_cut = || found.iter().find(|(name, text)| named(name) && !text.is_empty());
    let token = found
        .iter()
        .find(|(_, text)| is_token(text))
        .or_else(|| if error_in_token(json).is_some() { None } else { looks_cut() });
    if let Some((_, token)) = token {
        return Ok((*token).to_owned());
    }
    Err(match error_in_token(json).or_else(|| says(json)).or_else(|| says(&json["error"])) {
        Some(said) => Reason::refused(
            Code::ErrorAnswer,
            format!(
                "This is not a token. It is a server's answer that refuses one. It says: {}",
                shown(&said.chars().take(200).collect::<String>())
            ),
        )
        .advice(
            "Correct the request to the server. The app should check the answer's status before it takes the token from it.",
        ),
        None => Reason::refused(Code::JsonWithoutToken, "This is JSON without a token.")
            .advice("Paste the answer of the token server, or only the token."),
    })
}

/// The parts of a longer text that could be a token: of a log line, an address with a query, a settings file.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || "?&\"'`,;<>(){}[]".contains(c));
    words
        .flat_map(|word| [Some(word), word.split_once(['=', ':']).map(|(_, value)| value)])
        .flatten()
        .filter(|piece| VERSIONS.iter().any(|(version, _)| piece.starts_with(version)))
}
