//! Runs the program and keeps watch over what it must never say.

use crate::raw::{APP_ID, CERTIFICATE, SECRET};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// All that decides about colours, credentials and AWS, from nobody's shell.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokenmint"));
    command.env_clear().env("HOME", env!("CARGO_TARGET_TMPDIR"));
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    for nowhere in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(nowhere, "/dev/null");
    }
    command
}

/// `tokenmint inspect`, without a token.
pub(crate) fn inspect() -> Command {
    let mut command = program();
    command.arg("inspect");
    command
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs it to its end, with this on standard input.
pub(crate) fn run(command: &mut Command, stdin: &[u8]) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo has just built it");
    // It may end without reading.
    let _ = child.stdin.take().expect("it is piped").write_all(stdin);
    let output = child.wait_with_output().expect("it is our child");
    let text = |bytes| String::from_utf8(bytes).expect("it speaks UTF-8");
    let outcome = Outcome {
        code: output.status.code().expect("no signal ended it"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    for secret in [CERTIFICATE, SECRET] {
        assert!(!outcome.all().contains(secret), "a secret stands in {outcome:?}");
    }
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    outcome
}

/// Explains a text with these arguments and variables, once for people and once in JSON. Neither may repeat any 20
/// characters of it.
pub(crate) fn explain(text: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Explained {
    explain_with("inspect", text, arguments, variables)
}

/// The same with another command that explains.
pub(crate) fn explain_with(name: &str, text: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Explained {
    let command = || {
        let mut command = program();
        command.arg(name).args(arguments).envs(variables.iter().copied());
        command
    };
    let people = run(&mut command(), text.as_bytes());
    let json = run(command().arg("--json"), text.as_bytes());
    assert_eq!(people.code, json.code, "{people:?} {json:?}");
    let spoken = format!("{}{}", people.all(), json.all());
    // The app id is no secret, and stands in a 006 token as it is.
    let said = text.replace(APP_ID, " ");
    for word in said.split_whitespace().filter(|word| word.is_ascii()) {
        for at in 0..word.len().saturating_sub(19) {
            assert!(!spoken.contains(&word[at..at + 20]), "{} is repeated in {spoken}", &word[at..at + 20]);
        }
    }
    assert!(!people.stdout.contains('\u{1b}'), "colours without a terminal: {}", people.stdout);
    let report = serde_json::from_str(&json.stdout).unwrap_or_else(|error| panic!("{error} in {json:?}"));
    Explained { code: people.code, people: people.stdout, report, stderr: people.stderr }
}

/// An explanation in both its forms.
#[derive(Debug)]
pub(crate) struct Explained {
    pub(crate) code: i32,
    pub(crate) people: String,
    pub(crate) report: Value,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Explained {
    /// The stable names of the reasons of this severity.
    pub(crate) fn codes(&self, severity: &str) -> Vec<&str> {
        let reasons = self.report["reasons"].as_array().expect("a list");
        let of_severity = reasons.iter().filter(|reason| reason["severity"] == severity);
        of_severity.map(|reason| reason["code"].as_str().expect("a name")).collect()
    }

    /// The reason of this name.
    pub(crate) fn reason(&self, code: &str) -> &Value {
        let reasons = self.report["reasons"].as_array().expect("a list");
        reasons.iter().find(|reason| reason["code"] == code).unwrap_or_else(|| panic!("no {code} in {:#}", self.report))
    }
}
