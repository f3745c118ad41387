//! `tokenmint inspect`: says why an SDK refuses a token.
//!
//! [`paste`] finds the token in the pasted text. `tokens::read` reads it. [`explain`] compares it with what we know about
//! the app. [`show`] prints the [report](Report) for people or as JSON.

use crate::cli::Inspect;
use crate::credentials::{Keys, Loaded, Terminal, load, variable};
use crate::explain::{self, Expected};
use crate::report::{Report, Verdict};
use crate::{complain, exit, mint, paste, print, show};
use std::io::{self, IsTerminal, Read, Write};
use tokens::read::Unverified;
use tokens::{agora, zego};

/// Explains one token, and returns the exit code.
pub(crate) fn run(arguments: &Inspect) -> io::Result<u8> {
    let text = arguments.token.join(" ");
    let text = if arguments.token.is_empty() || text == "-" { token_from_standard_input()? } else { text };
    // Read the clock after the pipe: a token that was made meanwhile would be issued in the future.
    let clock = || mint::now().map(|now| now.as_unix_seconds().into());
    let now = match arguments.now.map_or_else(clock, Ok) {
        Ok(now) => now,
        Err(error) => {
            complain(&error);
            return Ok(exit::SYSTEM);
        }
    };
    let ids = [arguments.app_id.clone(), variable(agora::Key::APP_ID).map(|id| id.to_string())];
    let ids: Vec<&str> = ids.iter().flatten().map(String::as_str).collect();
    let (report, unavailable) = match paste::read(&text, &ids) {
        Err(reason) => (Report::of_no_token(now, vec![reason]), false),
        Ok(found) => {
            let (keys, unavailable) = keys(arguments, &found.token);
            let zego = matches!(found.token, Unverified::Token04(_));
            // The app id that came with the key counts before the one in a variable.
            let env_id = match (zego, keys.agora_app_id(), keys.zego_app_id()) {
                (true, _, None) => variable(zego::Key::APP_ID),
                (false, None, _) => variable(agora::Key::APP_ID),
                _ => None,
            };
            let expected = Expected {
                sdk: arguments.sdk,
                user: arguments.user.as_deref(),
                channel: arguments.channel.as_deref(),
                app_id: arguments.app_id.as_deref().or(env_id.as_ref().map(|id| id.as_str())),
            };
            (explain::explain(found, &expected, &keys, now), unavailable)
        }
    };
    if arguments.json {
        print(&show::json(&report)?)?;
    } else if !arguments.quiet {
        show::show(&report, &mut anstream::stdout())?;
    }
    Ok(match report.verdict {
        Verdict::Good if unavailable => exit::NO_CREDENTIALS,
        Verdict::Good => exit::DONE,
        Verdict::Refused => exit::REFUSED,
        Verdict::Unreadable => exit::UNREADABLE,
    })
}

/// The vendors' keys, as far as this token needs them, and whether a source was named that has none.
fn keys(arguments: &Inspect, token: &Unverified) -> (Keys, bool) {
    fn one<V: Terminal>(arguments: &Inspect) -> (Loaded<V::Key>, bool) {
        match load::<V>(&arguments.credentials, None) {
            Ok(Some(key)) => (Loaded::Key(key), false),
            Ok(None) => {
                let because =
                    format!("no {} was given ({}, or --prompt, --secret, --credentials)", V::WORDS, V::SECRET);
                (Loaded::None { because }, false)
            }
            Err(unavailable) => (Loaded::None { because: unavailable.to_string() }, true),
        }
    }
    let other = || "it is another vendor's token".to_owned();
    if matches!(token, Unverified::Token04(_)) {
        let (zego, unavailable) = one::<zego::Key>(arguments);
        (Keys { agora: Loaded::None { because: other() }, zego }, unavailable)
    } else {
        let (agora, unavailable) = one::<agora::Key>(arguments);
        (Keys { agora, zego: Loaded::None { because: other() } }, unavailable)
    }
}

/// All of standard input. From a terminal: one line.
fn token_from_standard_input() -> io::Result<String> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        write!(anstream::stderr(), "Paste the token, then Enter: ")?;
        let mut line = String::new();
        stdin.read_line(&mut line)?;
        return Ok(line);
    }
    all_of_standard_input()
}

/// All that a pipe or a file gives.
pub(crate) fn all_of_standard_input() -> io::Result<String> {
    /// More than any text that is accepted.
    const LIMIT: u64 = 1 << 20;
    let mut bytes = Vec::new();
    io::stdin().lock().take(LIMIT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
