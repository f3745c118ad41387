//! Finds what speaks against a token.

mod agora;
mod zego;

use crate::cli::Sdk;
use crate::credentials::Keys;
use crate::paste::Found;
use crate::report::{Code, Findings, PrivilegeView, Reason, Report, Severity};
use crate::sdk::Fault;
use crate::unseen::shown;
use crate::when::{length, moment, relative};
use tokens::read::Unverified;

/// What the caller knows about the app that uses the token.
#[derive(Debug, Default)]
pub(crate) struct Expected<'a> {
    pub(crate) sdk: Option<Sdk>,
    pub(crate) user: Option<&'a str>,
    pub(crate) channel: Option<&'a str>,
    pub(crate) app_id: Option<&'a str>,
}

/// 24 hours in seconds. Agora ends every token after them.
const DAY: i64 = 86_400;
/// Longer than any real lifetime, in seconds. A larger number is a moment that was passed as a lifetime.
const ABSURD: i64 = 20 * 365 * DAY;

/// Explains a token for the moment `now`, with the vendor's key if there is one.
pub(crate) fn explain(found: Found, expected: &Expected<'_>, keys: &Keys, now: i64) -> Report {
    let mut findings = match &found.token {
        Unverified::AccessToken2(token) => agora::access_token2(token, expected, keys, now),
        Unverified::AccessToken(token) => agora::access_token(token, expected, keys, now),
        Unverified::Token04(token) => zego::token04(token, expected, keys, now),
    };
    let sdks: Vec<Sdk> = match (expected.sdk, &found.token) {
        (Some(sdk), _) => vec![sdk],
        (None, Unverified::Token04(_)) => Sdk::ZEGO.to_vec(),
        (None, _) => Sdk::AGORA.to_vec(),
    };
    findings.reasons.extend(found.repairs.iter().map(|repair| repair.reason(&sdks)));
    Report::of_token(now, findings)
}

/// A token of one vendor in an app of the other.
fn other_vendor(expected: &Expected<'_>, zego: bool) -> Option<Reason> {
    let (this, other) = if zego { ("ZEGO", "Agora") } else { ("Agora", "ZEGO") };
    let sdk_differs = expected.sdk.is_some_and(|sdk| sdk.is_zego() != zego);
    let is_number = |id: &str| id.len() < 32 && id.bytes().all(|byte| byte.is_ascii_digit());
    let app_differs = expected.app_id.is_some_and(|id| is_number(id) != zego);
    if !sdk_differs && !app_differs {
        return None;
    }
    let sdks: &[Sdk] = match expected.sdk {
        Some(Sdk::Rtm1) => &[Sdk::Rtm1],
        _ if zego => &Sdk::AGORA,
        _ => &Sdk::ZEGO,
    };
    let sdks: Vec<Sdk> = match expected.sdk.filter(|_| sdk_differs) {
        Some(sdk) => vec![sdk],
        None => sdks.to_vec(),
    };
    let fault = if zego { Fault::Invalid } else { Fault::Version };
    Some(
        Reason::refused(Code::OtherVendor, format!("This is a token of {this}, and the app uses {other}."))
            .advice("Ask the token server for the other vendor's token. Agora: /rtc, /rtm, /chat. ZEGO: /zego, /zim.")
            .seen_as(fault, &sdks),
    )
}

/// When a token begins and ends.
#[derive(Clone, Copy)]
struct Life {
    issued_at: i64,
    expires_at: i64,
}

impl Life {
    fn lifetime(self) -> i64 {
        self.expires_at.saturating_sub(self.issued_at)
    }

    /// What its times say against the token, in every format.
    fn reasons(self, now: i64, sdks: &[Sdk]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if now < self.issued_at {
            let ahead = self.issued_at.saturating_sub(now);
            reasons.push(
                Reason::refused(
                    Code::NotYetIssued,
                    format!(
                        "It was issued {} from now, at {}. The clock of the machine that made it is fast, or the clock of \
                         this machine is slow.",
                        length(ahead),
                        moment(self.issued_at)
                    ),
                )
                .advice("Set both clocks by NTP. If the app itself makes tokens, the phone's clock counts. (An app should never make tokens.)")
                .seen_as(Fault::Invalid, sdks),
            );
        }
        if now >= self.expires_at {
            reasons.push(
                Reason::refused(
                    Code::Expired,
                    format!(
                        "It expired {}, at {}, after a lifetime of {}.",
                        relative(self.expires_at.saturating_sub(now)),
                        moment(self.expires_at),
                        length(self.lifetime())
                    ),
                )
                .advice("Fetch a new token before the old one ends, and give it to the SDK (renewToken). You cannot extend a token.")
                .seen_as(Fault::Expired, sdks),
            );
        } else if self.expires_at.saturating_sub(now) <= 30 {
            reasons.push(Reason::warning(
                Code::ExpiresSoon,
                format!("It expires {}. It may end before the app can use it.", relative(self.expires_at - now)),
            ));
        }
        reasons
    }
}

/// A privilege. It ends with the token or earlier.
fn privilege(number: u16, name: &'static str, ends_at: i64, life: Life, now: i64) -> PrivilegeView {
    let expires_at = ends_at.min(life.expires_at);
    PrivilegeView { number, name, granted: true, expires_at, expires_in: expires_at.saturating_sub(now) }
}

/// Says that two names differ only in a small way.
fn near_miss(token: &str, app: &str) -> &'static str {
    if token.trim() == app.trim() {
        " They differ only in white space."
    } else if token.eq_ignore_ascii_case(app) {
        " They differ only in upper and lower case."
    } else if token == tokens::hashed_user_id(app) {
        " The token has this id's hash (USER_ID_FORM=hash): join with the hash."
    } else {
        ""
    }
}

impl Findings {
    fn push(&mut self, reason: impl IntoIterator<Item = Reason>) {
        self.reasons.extend(reason);
    }

    /// Whether a reason against the token was already found.
    fn is_refused(&self) -> bool {
        self.reasons.iter().any(|reason| reason.severity == Severity::Refused)
    }
}
