//! `tokenmint`: says why an SDK refuses a token, and makes tokens to try with.
//!
//! [`inspect`] explains a token. [`mint`] makes a temporary one. [`whoami`] explains a JWT. Each command of [`cli::Command`] has a module here and
//! ends with one of the codes in [`exit`].

mod cli;
mod credentials;
mod exit;
mod explain;
mod health;
mod inspect;
mod mint;
mod paste;
mod report;
mod serve;
mod sdk;
mod show;
mod unseen;
mod when;
mod whoami;

use crate::cli::{Cli, Command};
use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Mint(arguments) => mint::run(arguments),
        Command::Whoami(arguments) => whoami::run(arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Health => health::run(),
        Command::Completions { shell } => completions(shell),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        // The reader has stopped reading, as in `tokenmint ... | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(exit::SYSTEM),
        Err(error) => {
            complain(&error);
            ExitCode::from(exit::SYSTEM)
        }
    }
}

/// Writes a message for people to standard error.
fn complain(error: &dyn std::fmt::Display) {
    // If this fails, there is no other place to report it.
    let _ = writeln!(anstream::stderr(), "tokenmint: {error}");
}

fn print(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

fn completions(shell: Shell) -> io::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tokenmint", &mut script);
    io::stdout().write_all(&script).map(|()| exit::DONE)
}
