//! `tokenmint`: why an SDK refuses a token, and tokens to try with.
//!
//! [`paste`] finds the token in whatever was pasted, `tokens::inspect` takes it apart, [`explain`] weighs it against what
//! is known of the app, [`show`] or JSON prints the [`report`]. [`mint`] makes temporary tokens.

mod cli;
mod credentials;
mod explain;
mod mint;
mod paste;
mod report;
mod sdk;
mod show;
mod unseen;
mod when;

use crate::cli::{Cli, Command, Explain};
use crate::credentials::{Keys, Loaded, Terminal, load, variable};
use crate::explain::Expected;
use crate::mint::Failure;
use crate::report::{Report, Verdict};
use clap::{CommandFactory, Parser};
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;
use tokens::inspect::Unverified;
use tokens::{agora, zego};

/// The exit codes, as `--help` has them. Clap itself ends with 2.
const REFUSED: u8 = 1;
const USAGE: u8 = 2;
const UNREADABLE: u8 = 3;
const NO_CREDENTIALS: u8 = 4;
/// Nothing to do with tokens: the machine's clock or generator, or a closed pipe.
const SYSTEM: u8 = 5;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => explain_one(&cli.explain),
        Some(Command::Mint(mint)) => match mint::mint(mint.kind) {
            Ok(text) => print(&text).map(|()| 0),
            Err(failure) => {
                complain(&failure);
                Ok(match failure {
                    Failure::Usage(_) => USAGE,
                    Failure::Credentials(_) => NO_CREDENTIALS,
                    Failure::System(_) => SYSTEM,
                })
            }
        },
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tokenmint", &mut script);
            io::stdout().write_all(&script).map(|()| 0)
        }
    };
    match done {
        Ok(code) => ExitCode::from(code),
        // Whoever reads has stopped reading: `tokenmint ... | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(SYSTEM),
        Err(error) => {
            complain(&error);
            ExitCode::from(SYSTEM)
        }
    }
}

fn complain(error: &dyn std::fmt::Display) {
    // There is nowhere left to say that this failed.
    let _ = writeln!(anstream::stderr(), "tokenmint: {error}");
}

fn print(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

fn explain_one(arguments: &Explain) -> io::Result<u8> {
    let clock = || mint::now().map(|now| now.as_unix_seconds().into());
    let now = match arguments.now.map_or_else(clock, Ok) {
        Ok(now) => now,
        Err(error) => {
            complain(&error);
            return Ok(SYSTEM);
        }
    };
    let text = arguments.token.join(" ");
    let text = if arguments.token.is_empty() || text == "-" { standard_input()? } else { text };
    let ids = [arguments.app_id.clone(), variable(agora::Key::APP_ID).map(|id| id.to_string())];
    let ids: Vec<&str> = ids.iter().flatten().map(String::as_str).collect();
    let (report, unavailable) = match paste::read(&text, &ids) {
        Err(reason) => (Report::of_no_token(now, vec![reason]), false),
        Ok(found) => {
            let (keys, unavailable) = keys(arguments, &found.token);
            let zego = matches!(found.token, Unverified::Token04(_));
            // What came with the key counts more than a variable beside it.
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
        Verdict::Good if unavailable => NO_CREDENTIALS,
        Verdict::Good => 0,
        Verdict::Refused => REFUSED,
        Verdict::Unreadable => UNREADABLE,
    })
}

/// The key of the token's vendor, and whether one was asked for in vain.
fn keys(arguments: &Explain, token: &Unverified) -> (Keys, bool) {
    fn one<V: Terminal>(arguments: &Explain) -> (Loaded<V::Key>, bool) {
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

/// All of standard input, or one line where somebody types it.
fn standard_input() -> io::Result<String> {
    /// More than any text that [`paste::read`] looks at.
    const LIMIT: u64 = 1 << 20;
    let stdin = io::stdin();
    let mut bytes = Vec::new();
    if stdin.is_terminal() {
        write!(anstream::stderr(), "Paste the token, then Enter: ")?;
        let mut line = String::new();
        stdin.read_line(&mut line)?;
        return Ok(line);
    }
    stdin.lock().take(LIMIT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
