//! Finds the JWT in a pasted text, or says what the text is instead. No message repeats the text.

use crate::paste::no_token::is_placeholder;
use crate::paste::{after_bearer, strings, without_invisible};
use crate::report::{Code, Reason};
use serde_json::Value;
use tokens::read;

/// The longest accepted text, in bytes: a JWT, and an answer or a page around it.
const MAX_TEXT: usize = 64 * 1024;

/// A text in the form of a JWT, and what stood around it.
pub(super) struct Found {
    pub(super) token: String,
    pub(super) repairs: Vec<Reason>,
}

/// What a text without a JWT is.
pub(super) enum Other {
    /// A token that only the provider can read.
    Opaque,
    /// A JWT of five parts. Only the one it is for can read it.
    Encrypted(String),
    /// Anything else.
    Something(Reason),
}

/// Finds the JWT.
pub(super) fn read(text: &str) -> Result<Found, Other> {
    if text.len() > MAX_TEXT {
        let reason = Reason::refused(Code::TooLong, "The text is longer than any JWT that the service takes.");
        return Err(Other::Something(reason.advice("Paste only the JWT.")));
    }
    let mut repairs = Vec::new();
    let (mut rest, invisible) = without_invisible(text);
    if invisible {
        repairs.push(damage(Code::InvisibleCharacters, "The text holds invisible characters."));
    }
    while let Some((inner, repair)) = unwrapped(&rest).map_err(Other::Something)? {
        rest = inner;
        if !repairs.iter().any(|known: &Reason| known.code == repair.code) {
            repairs.push(repair);
        }
    }
    if rest.lines().nth(1).is_some() && rest.lines().all(|line| is_of_jwt(line.trim())) {
        rest = rest.split_whitespace().collect();
        repairs.push(damage(Code::LineBreaks, "It holds line breaks. This happens when a wrapped line is copied."));
    }
    if is_of_jwt(&rest) || !rest.contains(char::is_whitespace) {
        return whole(rest, repairs);
    }
    let mut pieces: Vec<&str> = rest.split(|c: char| c.is_whitespace() || "?&\"'`,;<>(){}[]=:".contains(c)).collect();
    pieces.retain(|piece| piece.starts_with("eyJ") && piece.matches('.').count() >= 2 && is_of_jwt(piece));
    pieces.sort_unstable();
    pieces.dedup();
    match pieces[..] {
        [] => Err(Other::Something(what_it_is(&rest))),
        [piece] => {
            let piece = piece.to_owned();
            repairs.push(around(Code::Surrounded, "Other text stands around the JWT."));
            whole(piece, repairs)
        }
        _ => {
            let reason = Reason::refused(Code::SeveralJwts, "There are several JWTs in this text.");
            Err(Other::Something(reason.advice("Paste one. The service needs the access token.")))
        }
    }
}

/// Looks at a text without spaces.
fn whole(text: String, repairs: Vec<Reason>) -> Result<Found, Other> {
    if text.contains("...") || !text.is_ascii() {
        return Err(Other::Something(what_it_is(&text)));
    }
    // A JWT begins with a JSON object. In base64url that is `eyJ`, or `ey` and another letter if spaces follow the brace.
    let dots = if text.starts_with("ey") { text.matches('.').count() } else { 0 };
    match dots {
        2 | 3 | 5.. => Ok(Found { token: text, repairs }),
        4 => Err(Other::Encrypted(text)),
        _ if text.starts_with("ey") && is_of_jwt(&text) => {
            let reason = Reason::refused(Code::CutAtEnd, "This is the beginning of a JWT. A JWT has three parts.");
            Err(Other::Something(reason.advice("Copy the whole JWT, with both of its dots.")))
        }
        _ if is_known(&text) || text.len() < 8 || !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(Other::Something(what_it_is(&text)))
        }
        _ => Err(Other::Opaque),
    }
}

/// Whether all characters can be in a JWT.
fn is_of_jwt(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Removes one wrapping.
fn unwrapped(text: &str) -> Result<Option<(String, Reason)>, Reason> {
    if text.starts_with(['{', '[']) {
        return match serde_json::from_str::<Value>(text) {
            Ok(json) => inside_json(&json).map(Some),
            Err(_) => Ok(None),
        };
    }
    let quotes = ['"', '\'', '`', '“', '”', '‘', '’', '«', '»', '<', '>', ',', ';'];
    let unquoted = text.trim_matches(quotes).trim();
    let is_quoted = unquoted.len() < text.len() && !unquoted.contains(char::is_whitespace);
    if is_quoted && !text.starts_with('<') {
        let repair = around(Code::Quoted, "Quotes or punctuation stand around the JWT.");
        return Ok(Some((unquoted.to_owned(), repair)));
    }
    // The header is sent in this form, so nothing is wrong.
    Ok(after_bearer(text).map(|token| {
        (token.to_owned(), Reason::note(Code::Bearer, "The word Bearer stands before the JWT, as in the header."))
    }))
}

/// The JWT in a provider's answer.
fn inside_json(json: &Value) -> Result<(String, Reason), Reason> {
    /// The first names are better: an answer may have an access token and an ID token.
    const NAMES: [&str; 8] =
        ["access_token", "accesstoken", "jwt", "token", "id_token", "idtoken", "refresh_token", "refreshtoken"];
    let found = strings(json);
    let named = |known: &'static str| {
        let (_, token) = found.iter().find(|(name, text)| name.eq_ignore_ascii_case(known) && !text.is_empty())?;
        Some((known, *token))
    };
    match NAMES.into_iter().find_map(named) {
        Some((name, token)) => {
            let message = format!("This is JSON. This report is about the token in its field {name}.");
            Ok((token.trim().to_owned(), Reason::note(Code::InsideJson, message)))
        }
        None if json.get("error").is_some() => {
            let reason = Reason::refused(Code::ErrorAnswer, "This is an answer with an error, and without a token.");
            Err(reason.advice("Read what the answer says, and correct the request to your provider."))
        }
        None => {
            let reason = Reason::refused(Code::JsonWithoutToken, "This is JSON without a token.");
            Err(reason.advice(
                "Paste the JWT itself: what your app sends as Authorization: Bearer. It has three parts with dots between.",
            ))
        }
    }
}

/// Whether [`what_it_is`] knows more than "neither".
fn is_known(text: &str) -> bool {
    what_it_is(text).code != Code::NotAToken
}

fn what_it_is(text: &str) -> Reason {
    if text.is_empty() {
        return Reason::refused(Code::Empty, "There is no JWT: the text is empty.")
            .advice("Find out where the app gets its JWT. Perhaps nobody is signed in yet.");
    }
    if is_placeholder(text) {
        return Reason::refused(Code::Placeholder, "This is a placeholder, not a JWT: a word for a missing value.")
            .advice("Find out where the app gets its JWT. Most often a variable is not set yet.");
    }
    if text.contains(['…', '•']) || text.contains("...") || text.contains("**") || text == "[redacted]" {
        return Reason::refused(Code::Shortened, "This is a shortened or masked JWT, as logs and documents show it.")
            .advice("Copy the whole JWT at the place where the app gets it.");
    }
    if text.starts_with("-----BEGIN") {
        return Reason::refused(Code::KeyInsteadOfToken, "This is a key or a certificate, not a JWT.")
            .advice("If it is a private key, make a new one: other people may have seen it.");
    }
    if read::token(text).is_ok() {
        return Reason::refused(Code::VendorToken, "This is a token of Agora or ZEGO. It is what the service answers.")
            .advice("Explain it with `tokenmint inspect`. Here goes the JWT of your sign-in.");
    }
    if text.starts_with('<') || text.contains("://") {
        return Reason::refused(Code::Web, "This is a web page or an address, not a JWT.")
            .advice("Paste the JWT itself: what your app sends as Authorization: Bearer.");
    }
    Reason::refused(Code::NotAToken, "This is not a JWT. A JWT begins with ey and has three parts with dots between.")
        .advice("Paste what your app sends as Authorization: Bearer.")
}

fn damage(code: Code, message: &str) -> Reason {
    let message = format!("{message} The service refuses such a JWT. This report is about the repaired one.");
    Reason::warning(code, message).advice("If the app has it like this, too, copy it there again.")
}

fn around(code: Code, message: &str) -> Reason {
    Reason::warning(code, format!("{message} The app must send only the JWT, after the word Bearer and one space."))
}
