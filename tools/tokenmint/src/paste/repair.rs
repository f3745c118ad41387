//! What may have happened to a token on its way to whoever pastes it, and how it is undone.

use super::VERSIONS;
use crate::cli::Sdk;
use crate::report::{Code, Reason};
use crate::sdk::Fault;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use tokens::read::{self, Unverified};

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

/// Reads a token, undoing one after the other what may have happened to it on the way.
pub(super) fn repaired(text: &str) -> Option<(Unverified, Vec<Repair>)> {
    if let Ok(token) = read::token(text) {
        return Some((token, Vec::new()));
    }
    let (mut text, mut repairs) = (Cow::Borrowed(text), Vec::new());
    if text.contains("\\/") {
        text = text.replace("\\/", "/").into();
        repairs.push(Repair::EscapedSlashes);
    }
    if text.contains('%') {
        text = percent_decode_str(&text).decode_utf8().ok()?.into_owned().into();
        repairs.push(Repair::UrlEncoded);
    }
    if text.contains(['-', '_']) {
        text = text.replace('-', "+").replace('_', "/").into();
        repairs.push(Repair::Base64Url);
    }
    if let Some(token) = restored(&text, &mut repairs) {
        return Some((token, repairs));
    }
    // White space in the middle is a `+` that a form has decoded, or a line that was wrapped.
    if text.contains(char::is_whitespace) {
        let plus: String = text.chars().map(|c| if c == ' ' { '+' } else { c }).collect();
        let joined: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        for (candidate, repair) in [(plus, Repair::PlusBecameSpace), (joined, Repair::LineBreaks)] {
            let mut repairs = repairs.clone();
            repairs.push(repair);
            if let Some(token) = restored(&candidate, &mut repairs) {
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
fn restored(text: &str, repairs: &mut Vec<Repair>) -> Option<Unverified> {
    let padded = |text: &str| {
        let (_, base64_at) = VERSIONS.iter().find(|(version, _)| text.starts_with(version))?;
        let missing = (4 - text.len().checked_sub(*base64_at)? % 4) % 4;
        (missing > 0).then(|| format!("{text}{}", "===".get(..missing).expect("at most three")))
    };
    let mut read = |text: &str, lost: usize| {
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
    if let Some(token) = read(text, 0) {
        return Some(token);
    }
    for (version, _) in VERSIONS {
        for lost in 1..=version.len() {
            let (missing, kept) = version.split_at(lost);
            if text.starts_with(kept)
                && let Some(token) = read(&format!("{missing}{text}"), lost)
            {
                return Some(token);
            }
        }
    }
    None
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
