//! `tokenmint whoami`: says who the sender of a JWT would be to the service, or why the service would refuse them.
//!
//! [`paste`] finds the JWT in the pasted text. `service::whoami` decides, with the service's own code. [`explain`] puts
//! its decision into words. [`report`] is what `--json` prints, and [`show`] prints it for people.

mod explain;
mod paste;
mod provider;
mod report;
mod show;

use crate::cli::Whoami;
use crate::inspect::all_of_standard_input;
use crate::report::Verdict;
use crate::{complain, exit, mint, print};
use explain::Source;
use service::small_file;
use service::whoami::{Keys, Overrides, Settings};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use tokens::Moment;
use tokio::runtime::Builder;

/// Explains one JWT, and returns the exit code.
pub(crate) fn run(arguments: Whoami) -> io::Result<u8> {
    if !arguments.not_an_argument.is_empty() {
        complain(
            &"whoami has no such option or argument. It is not repeated here, because it may be a JWT. A JWT comes from \
              standard input, because shells remember arguments: pbpaste | tokenmint whoami. All options: --help",
        );
        return Ok(exit::USAGE);
    }
    let settings = match settings(&arguments) {
        Ok(settings) => settings,
        Err(error) => {
            complain(&error);
            return Ok(exit::USAGE);
        }
    };
    let text = text()?;
    // Read the clock after the pipe: a JWT that was made meanwhile would be issued in the future.
    let given = |now| Moment::from_unix_seconds(now).map_err(|error| error.to_string());
    let now = match arguments.now.map_or_else(mint::now, given) {
        Ok(now) => now,
        Err(error) => {
            complain(&error);
            return Ok(exit::SYSTEM);
        }
    };
    let report = match paste::read(&text) {
        Err(other) => explain::no_jwt(&settings, other, now),
        Ok(found) => explain::explain(&settings, found, &source(&arguments, &settings)?, now),
    };
    if arguments.json {
        print(&crate::show::json(&report)?)?;
    } else if !arguments.quiet {
        show::show(&report, &mut anstream::stdout())?;
    }
    Ok(match report.verdict {
        Verdict::Good if report.keys_failed => exit::NO_CREDENTIALS,
        Verdict::Good => exit::DONE,
        Verdict::Refused => exit::REFUSED,
        Verdict::Unreadable => exit::UNREADABLE,
    })
}

fn settings(arguments: &Whoami) -> Result<Settings, String> {
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .collect();
    let given = Overrides {
        gateway: arguments.gateway,
        issuer: arguments.issuer.clone(),
        audience: arguments.audience.clone(),
        scope: arguments.scope.clone(),
    };
    Settings::read(&variables, given).map_err(|error| {
        format!(
            "{error}. Set what the service has, or give it here: --issuer for JWT_ISSUER (stack: JwtIssuer), --audience for \
             JWT_AUDIENCE (JwtAudience), --scope for JWT_SCOPE (JwtScope)"
        )
    })
}

/// All of standard input. At a terminal: one line, which is not shown.
fn text() -> io::Result<String> {
    if io::stdin().is_terminal() {
        // Terminals cut long lines, some of them after 1,024 characters.
        return rpassword::prompt_password("Paste the JWT, then Enter (it is not shown; pipe a long one): ");
    }
    all_of_standard_input()
}

/// The issuer's keys: from the file, from the issuer, or none.
fn source(arguments: &Whoami, settings: &Settings) -> io::Result<Source> {
    if arguments.offline {
        return Ok(Source::NotWanted);
    }
    let keys = match &arguments.keys {
        Some(path) => match small_file::read(path) {
            Ok(text) => Keys::parse(&text).map_err(|error| format!("the file of --keys cannot be used: {error}")),
            Err(error) => Err(format!("the file of --keys cannot be read: {error}")),
        },
        None => {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let keys = runtime.block_on(settings.load_keys());
            // A name that is still being looked up must not keep the process.
            runtime.shutdown_background();
            keys.map_err(|error| {
                format!("the issuer's keys cannot be loaded: {error}. --keys FILE reads them from a file, --offline does without")
            })
        }
    };
    Ok(keys.map_or_else(Source::Failed, Source::Keys))
}
