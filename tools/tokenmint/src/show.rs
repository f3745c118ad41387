//! A report for people.

use crate::report::{Code, Reason, Report, ServiceView, Severity, Signature, Verdict, View};
use crate::unseen::{escaped, escaped_json, shown};
use crate::when::{length, moment, relative};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};

pub(crate) const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
const MIND: Style = AnsiColor::Yellow.on_default().bold();

/// Longer lines are hard to read, even on a wide terminal.
const WIDEST: usize = 110;
pub(crate) const LABEL: usize = 14;

/// The report as JSON, for programs.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    Ok(escaped_json(&serde_json::to_string_pretty(value)?))
}

/// Writes the whole report. If `out` is not a terminal, it drops the colours.
pub(crate) fn show(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if let Some(token) = &report.token {
        show_token(token, report, out)?;
    }
    let (verdict, style) = match report.verdict {
        // The signature can be genuine although the token was cut from another user's token.
        Verdict::Good if report.reasons.iter().any(|reason| reason.code == Code::UnusualMessage) => {
            ("An SDK may take this token, but it may be a forgery. Read the warning.", BAD)
        }
        Verdict::Good if report.reasons.iter().any(|reason| reason.severity == Severity::Warning) => {
            ("An SDK may take this token, but perhaps not as you mean. Read the warning.", MIND)
        }
        Verdict::Good if report.signature == Signature::Genuine => ("We found nothing wrong with this token.", GOOD),
        Verdict::Good => ("We found nothing wrong in what we could check.", GOOD),
        Verdict::Refused => ("An SDK would refuse this token.", BAD),
        Verdict::Unreadable => ("This is not a token that an SDK accepts.", BAD),
    };
    writeln!(out, "{style}{verdict}{style:#}")?;
    for reason in &report.reasons {
        show_reason(reason, out)?;
    }
    if !report.unchecked.is_empty() {
        writeln!(out, "\nNot checked:")?;
        for unchecked in &report.unchecked {
            paragraph(unchecked, "  - ", "    ", out)?;
        }
    }
    Ok(())
}

fn show_token(token: &View, report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#}\n", token.title)?;
    row("app id", &escaped(token.app_id.as_deref().unwrap_or("encrypted")), "", out)?;
    match token.issued_at {
        Some(issued_at) => row("issued", &moment(issued_at), &relative(issued_at.saturating_sub(report.now)), out)?,
        None => row("issued", "encrypted", "", out)?,
    }
    row("expires", &moment(token.expires_at), &relative(token.expires_in), out)?;
    if let Some(lifetime) = token.lifetime {
        row("lifetime", &length(lifetime), "", out)?;
    }
    if let Some(salt) = token.salt {
        row("salt", &salt.to_string(), "", out)?;
    }
    if let Some(nonce) = token.nonce {
        row("nonce", &nonce.to_string(), "", out)?;
    }
    let genuine = if token.vendor == "zego" { "opens with the server secret" } else { "fits the app certificate" };
    match &report.signature {
        Signature::Genuine => row("signature", &format!("{GOOD}{genuine}{GOOD:#}"), "", out)?,
        Signature::Wrong => row("signature", &format!("{BAD}wrong{BAD:#}"), "", out)?,
        Signature::Unchecked { because } => {
            paragraph(&format!("not checked: {because}"), &label("signature"), &" ".repeat(LABEL + 2), out)?;
        }
    }
    for service in &token.services {
        show_service(service, out)?;
    }
    writeln!(out)
}

fn show_service(service: &ServiceView, out: &mut impl Write) -> io::Result<()> {
    let number = service.number.map(|number| format!(" (service {number})")).unwrap_or_default();
    writeln!(out, "\n  {BOLD}{}{BOLD:#}{number}", service.service)?;
    for (name, value) in &service.fields {
        let name = name.replace('_', " ");
        match value {
            _ if in_words(service, &name, value, out)? => {}
            Value::String(text) if text.is_empty() => row(&name, "\"\" (empty)", "", out)?,
            Value::String(text) => row(&name, &shown(text), "", out)?,
            Value::Array(items) => row(&name, &list(items), "", out)?,
            Value::Object(resources) => {
                for (resource, permissions) in resources {
                    for (permission, items) in permissions.as_object().into_iter().flatten() {
                        let items = items.as_array().map(|items| list(items)).unwrap_or_default();
                        row("may", &format!("{permission} {}: {items}", resource.replace('_', " ")), "", out)?;
                    }
                }
            }
            other => row(&name, &other.to_string(), "", out)?,
        }
    }
    match service.service {
        "convoai" => row("opens", "Conversational AI: its REST API", "", out)?,
        "stt" => row("opens", "speech to text: its REST API", "", out)?,
        _ => {}
    }
    for privilege in &service.privileges {
        let name = format!("{} {}", privilege.number, privilege.name);
        let (until, left) = if privilege.granted {
            let left = match privilege.expires_in {
                ..=0 => format!("{BAD}ended {}{BAD:#}", relative(privilege.expires_in)),
                left => format!("ends {}", relative(left)),
            };
            (moment(privilege.expires_at), left)
        } else {
            ("denied".to_owned(), String::new())
        };
        writeln!(out, "    {name:<23}{until:<25}{left}")?;
    }
    Ok(())
}

/// Writes a classroom's field in words. Returns false for all other fields.
fn in_words(service: &ServiceView, name: &str, value: &Value, out: &mut impl Write) -> io::Result<bool> {
    /// The roles as Agora's builders name them, from 0 on.
    const ROLES: [&str; 5] = ["invisible", "teacher", "student", "assistant", "observer"];
    let words = match (service.service, name, value.as_i64()) {
        ("apaas", "role", Some(-1)) => "no role: any".to_owned(),
        ("apaas", "role", Some(role)) => {
            let known = usize::try_from(role).ok().and_then(|role| ROLES.get(role));
            known.map_or_else(|| role.to_string(), |known| format!("{role} ({known})"))
        }
        // An app token names no room either, and opens all of them.
        ("apaas", "room uuid", _) if value == "" && service.privileges.iter().all(|has| has.name != "app") => {
            "no room: outside of rooms".to_owned()
        }
        _ => return Ok(false),
    };
    row(name, &words, "", out).map(|()| true)
}

fn list(items: &[Value]) -> String {
    items.iter().filter_map(Value::as_str).map(shown).collect::<Vec<_>>().join(", ")
}

pub(crate) fn show_reason(reason: &Reason, out: &mut impl Write) -> io::Result<()> {
    let (word, style) = match reason.severity {
        Severity::Refused => ("refused", BAD),
        Severity::Warning => ("warning", MIND),
        Severity::Note => ("note", DIM),
    };
    let code = serde_json::to_value(reason.code).ok();
    let code = code.as_ref().and_then(Value::as_str).unwrap_or_default();
    writeln!(out, "\n  {style}{word}{style:#}  {BOLD}{code}{BOLD:#}")?;
    paragraph(&reason.message, "    ", "    ", out)?;
    if let Some(advice) = &reason.advice {
        paragraph(advice, "    -> ", "       ", out)?;
    }
    if let Some(service) = &reason.service {
        if let (Some(rule), Some(status)) = (&service.rule, service.status) {
            paragraph(&format!("Rule: {rule} (answer {status})"), "    ", "    ", out)?;
        }
        let settings = service.settings.iter().map(|setting| match setting.parameter {
            Some(parameter) => format!("{} (stack: {parameter})", setting.variable),
            None => format!("{} (the stack has no parameter for it)", setting.variable),
        });
        let settings = settings.collect::<Vec<_>>().join(", ");
        if !settings.is_empty() {
            paragraph(&format!("Setting: {settings}"), "    ", "    ", out)?;
        }
    }
    if !reason.errors.is_empty() {
        let errors = reason.errors.iter().map(|error| format!("{} {} ({})", error.sdk.name(), error.code, error.name));
        let errors = errors.collect::<Vec<_>>().join(", ");
        paragraph(&format!("The app sees: {errors}"), "    ", "    ", out)?;
    }
    Ok(())
}

pub(crate) fn label(name: &str) -> String {
    format!("  {name:<LABEL$}")
}

pub(crate) fn row(name: &str, value: &str, aside: &str, out: &mut impl Write) -> io::Result<()> {
    if aside.is_empty() {
        writeln!(out, "{}{value}", label(name))
    } else {
        writeln!(out, "{}{value:<25}{aside}", label(name))
    }
}

pub(crate) fn paragraph(text: &str, first: &str, other: &str, out: &mut impl Write) -> io::Result<()> {
    let width = textwrap::termwidth().min(WIDEST);
    let options = textwrap::Options::new(width).initial_indent(first).subsequent_indent(other).break_words(false);
    for line in textwrap::wrap(&escaped(text), options) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
