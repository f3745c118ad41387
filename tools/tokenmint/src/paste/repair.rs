//! Repairs the damage that a token can take when it is sent or copied.

use super::VERSIONS;
use crate::cli::Sdk;
use crate::report::{Code, Reason};
use crate::sdk::Fault;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use tokens::read::{self, Unverified};

/// What had to be removed or repaired to get from the text to the token.
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

/// Reads a token. If it cannot be read, tries the repairs one after the other.
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
    // White space in the middle was a `+` that a form decoded, or it comes from a wrapped line.
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
    /// What it means for the app. The SDK gets the text without our repair.
    pub(crate) fn reason(self, sdks: &[Sdk]) -> Reason {
        let fault = |reason: Reason| {
            let (zego, agora): (Vec<Sdk>, Vec<Sdk>) = sdks.iter().partition(|sdk| sdk.is_zego());
            reason.seen_as(Fault::Invalid, &agora).seen_as(Fault::Format, &zego)
        };
        let damage = |code, message: &str, advice: &str| {
            fault(
                Reason::refused(
                    code,
                    format!("{message} This report is about the repaired token. An SDK refuses the damaged one."),
                )
                .advice(advice),
            )
        };
        let around = |code, message: &str| {
            Reason::warning(
                code,
                format!("{message} This is not part of the token. The app must not pass it to the SDK."),
            )
        };
        match self {
            Repair::Quoted => around(Code::Quoted, "Quotes or punctuation stand around the token."),
            Repair::Bearer => around(Code::Bearer, "The word Bearer stands before the token."),
            Repair::InsideJson => Reason::note(
                Code::InsideJson,
                "This is a server's answer in JSON. This report is about the token in it. Pass only the token to the SDK.",
            ),
            Repair::Surrounded => around(Code::Surrounded, "Other text stands around the token."),
            Repair::InvisibleCharacters => damage(
                Code::InvisibleCharacters,
                "The text holds invisible characters. Text copied from web pages and chats often does.",
                "Copy the token at the place where the app gets it.",
            ),
            Repair::EscapedSlashes => damage(
                Code::EscapedSlashes,
                "Its slashes are escaped (\\/), as in JSON.",
                "Read the answer with a JSON parser. Do not cut the token out of the text.",
            ),
            Repair::UrlEncoded => damage(
                Code::UrlEncoded,
                "It is URL-encoded (%2B for +, %2F for /, %3D for =).",
                "Decode it once before you pass it to the SDK. Better: do not send tokens in addresses.",
            ),
            Repair::Base64Url => damage(
                Code::Base64Url,
                "It is written in the URL-safe alphabet of base64 (- and _ for + and /).",
                "The vendors accept only the standard alphabet. Change the code that encodes the token.",
            ),
            Repair::Base64Twice => damage(
                Code::Base64Twice,
                "It is encoded in base64 twice, as in Kubernetes secrets.",
                "Decode it once before you pass it to the SDK.",
            ),
            Repair::PlusBecameSpace => damage(
                Code::PlusBecameSpace,
                "Its + characters have become spaces. This happens in a form or an address without encoding.",
                "Encode the token (%2B for +) when you send it in an address, or send it in a body.",
            ),
            Repair::LineBreaks => damage(
                Code::LineBreaks,
                "It holds line breaks or spaces. This happens when a wrapped line is copied.",
                "Remove all white space.",
            ),
            Repair::PaddingLost => damage(
                Code::PaddingLost,
                "The = at its end is missing.",
                "Look for code that removes = or splits a text at =, such as a parser of queries or settings.",
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
