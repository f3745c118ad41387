//! The report of `whoami`, for people.

use super::report::{CallerView, JwtView, Report, UserView};
use crate::report::{Signature, Verdict};
use crate::show::{BAD, BOLD, GOOD, LABEL, label, paragraph, row, show_reason};
use crate::unseen::{escaped, shown};
use crate::when::{length, moment, relative};
use std::io::{self, Write};

/// Writes the whole report. If `out` is not a terminal, it drops the colours.
pub(super) fn show(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if let Some(jwt) = &report.jwt {
        show_jwt(jwt, report, out)?;
    }
    match &report.caller {
        None => {}
        Some(caller) => {
            let heading = match report.verdict {
                Verdict::Good => "The caller",
                Verdict::Refused | Verdict::Unreadable => "The caller, if nothing were wrong",
            };
            writeln!(out, "  {BOLD}{heading}{BOLD:#}")?;
            match caller {
                CallerView::Backend => {
                    row("kind", "a backend: it gets Chat's app token and agents' tokens, and no user's token", "", out)?
                }
                CallerView::User(user) => show_user(user, out)?,
            }
            writeln!(out)?;
        }
    }
    let gateway = report.verified_by == "gateway";
    let (verdict, style) = match (report.verdict, &report.signature) {
        (Verdict::Good, Signature::Genuine) if gateway => {
            ("API Gateway and the service would accept this caller.", GOOD)
        }
        (Verdict::Good, Signature::Genuine) => ("The service would accept this caller.", GOOD),
        (Verdict::Good, _) => {
            ("The service would accept this caller, if the issuer has signed the JWT. We could not check that.", GOOD)
        }
        (Verdict::Refused, _) if gateway => ("This caller would be refused, behind API Gateway.", BAD),
        (Verdict::Refused, _) => ("The service would refuse this caller.", BAD),
        (Verdict::Unreadable, _) => ("This is not a JWT that the service can read.", BAD),
    };
    writeln!(out, "{style}{verdict}{style:#}")?;
    for reason in &report.reasons {
        show_reason(reason, out)?;
    }
    Ok(())
}

fn show_jwt(jwt: &JwtView, report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{BOLD}JWT{BOLD:#}\n")?;
    row("algorithm", &escaped(jwt.algorithm.as_deref().unwrap_or("none")), "", out)?;
    row("issuer", &jwt.issuer.as_deref().map_or("none".to_owned(), shown), "", out)?;
    list("audience", &jwt.audiences, "none", out)?;
    list("scopes", &jwt.scopes, "none", out)?;
    if let Some(issued_at) = jwt.issued_at {
        row("issued", &moment(issued_at), &relative(issued_at.saturating_sub(report.now)), out)?;
    }
    match (jwt.expires_at, jwt.expires_in) {
        (Some(at), Some(left)) => row("expires", &moment(at), &relative(left), out)?,
        _ => row("expires", "it does not say", "", out)?,
    }
    match &report.signature {
        Signature::Genuine => row("signature", &format!("{GOOD}made with the issuer's key{GOOD:#}"), "", out)?,
        Signature::Wrong => row("signature", &format!("{BAD}not made with a key of the issuer{BAD:#}"), "", out)?,
        Signature::Unchecked { because } => {
            paragraph(&format!("not checked: {because}"), &label("signature"), &" ".repeat(LABEL + 2), out)?;
        }
    }
    writeln!(out)
}

fn show_user(user: &UserView, out: &mut impl Write) -> io::Result<()> {
    row("kind", "a user", "", out)?;
    let origin = format!("(claim {}, {})", shown(&user.user_id_claim), user.user_id_form);
    row("user id", &format!("{} {origin}", shown(&user.user_id)), "", out)?;
    row("id taken by", &user.accepted_by.join(", "), "", out)?;
    if !user.refused_by.is_empty() {
        row("id refused by", &format!("{BAD}{}{BAD:#}", user.refused_by.join(", ")), "", out)?;
    }
    match &user.rooms {
        None => row("rooms", "every room", "", out)?,
        Some(rooms) if *rooms == ["*"] => row("rooms", "every room (*)", "", out)?,
        Some(rooms) => list("rooms", rooms, "no room", out)?,
    }
    row("publishing", if user.may_publish { "allowed" } else { "not allowed" }, "", out)?;
    row("teaching", if user.may_teach { "allowed" } else { "not allowed" }, "", out)?;
    match user.rtc_uid {
        None => row("RTC uid", "the assigned one", "", out)?,
        Some(uid) => row("RTC uid", &format!("{uid}, or the assigned one"), "", out)?,
    }
    match user.longest_lifetime {
        None => Ok(()),
        Some(seconds) => {
            row("tokens live", &format!("{} at most, because of the JWT's end", length(seconds.into())), "", out)
        }
    }
}

fn list(name: &str, items: &[String], none: &str, out: &mut impl Write) -> io::Result<()> {
    let items: Vec<_> = items.iter().map(|item| shown(item)).collect();
    let items = if items.is_empty() { none.to_owned() } else { items.join(", ") };
    paragraph(&items, &label(name), &" ".repeat(LABEL + 2), out)
}
