//! At a terminal: questions, colours, and what stays unseen.

use crate::program::program;
use crate::raw::{APP_ID, CERTIFICATE, NOW, OTHER_CERTIFICATE, Token007};
use harness::issuer::encoded;
use harness::project;
use std::process::Command;

/// A question of the program's, and the answer.
struct Answer<'a> {
    prompt: &'a str,
    echo: &'a str,
    answer: &'a str,
}

const NOTHING: Answer<'_> = Answer { prompt: "", echo: "shown", answer: "" };

fn certificate(answer: &str) -> Answer<'_> {
    Answer { prompt: "(it is not shown): ", echo: "hidden", answer }
}

/// All that the terminal shows, and the exit code. Python has pseudo-terminals in its standard library.
fn at_terminal(arguments: &[&str], variables: &[(&str, &str)], answer: &Answer<'_>) -> (String, i32) {
    let program = program();
    let script = project::root().join("tools/tokenmint/tests/it/terminal.py");
    let mut command = Command::new(project::tool("python"));
    command.env_clear().arg(script).args([answer.prompt, answer.echo, answer.answer]);
    command.arg(program.get_program()).args(arguments);
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("TERM", "xterm-256color").envs(variables.iter().copied());
    let output = command.output().expect("python runs");
    let shown = String::from_utf8(output.stdout).expect("it speaks UTF-8");
    (shown, output.status.code().unwrap_or_else(|| panic!("no exit code: {}", String::from_utf8_lossy(&output.stderr))))
}

#[test]
fn a_prompted_certificate_is_not_shown() {
    let (token, now) = (Token007::good().write(), NOW.to_string());
    for (typed, verdict, exit) in [(CERTIFICATE, "fits the app certificate", 0), (OTHER_CERTIFICATE, "wrong", 1)] {
        let (shown, code) = at_terminal(&["inspect", "--now", &now, "--prompt", &token], &[], &certificate(typed));
        assert!(shown.contains("Agora app certificate (it is not shown): ") && shown.contains(verdict), "{shown}");
        assert!(!shown.contains(typed) && !shown.contains(&token[..30]), "{shown}");
        assert_eq!(code, exit, "{shown}");
    }
}

#[test]
fn minting_prompts_too() {
    let arguments = ["mint", "chat-app", "--prompt", "--app-id", APP_ID];
    let (shown, code) = at_terminal(&arguments, &[], &certificate(CERTIFICATE));
    let token = shown.split_once("(it is not shown): ").expect("it asks").1.trim();
    assert!(token.starts_with("007") && token.lines().count() == 1 && !shown.contains(CERTIFICATE), "{shown}");
    assert_eq!(code, 0);
    let (shown, code) = at_terminal(&arguments, &[], &certificate("a typo"));
    assert!(shown.contains("exactly 32 hexadecimal characters") && !shown.contains("a typo"), "{shown}");
    assert_eq!(code, 4);
}

#[test]
fn a_terminal_is_asked_for_the_token() {
    let token = Token007::good().write();
    let pasted = Answer { prompt: "Paste the token, then Enter: ", echo: "shown", answer: &token };
    let (shown, code) = at_terminal(&["inspect", "--now", &NOW.to_string()], &[], &pasted);
    assert!(shown.contains("Agora token, version 007"), "{shown}");
    assert_eq!(code, 0, "{shown}");
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let token = Token007::good().write();
    let coloured = |variables: &[(&str, &str)]| {
        let (shown, code) = at_terminal(&["inspect", "--now", &NOW.to_string(), &token], variables, &NOTHING);
        assert_eq!(code, 0, "{shown}");
        shown.contains("\u{1b}[")
    };
    assert!(coloured(&[]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
    assert!(!coloured(&[("TERM", "dumb")]));
}

#[test]
fn a_pasted_jwt_is_not_shown() {
    let jwt = format!("{}.{}.c2ln", encoded(r#"{"alg":"RS256","kid":"k"}"#), encoded(r#"{"iss":"x"}"#));
    let arguments = ["whoami", "--offline", "--issuer", "https://id.example.com/", "--audience", "tokenmint"];
    let answer = Answer { prompt: "(it is not shown", echo: "hidden", answer: &jwt };
    let (shown, code) = at_terminal(&arguments, &[], &answer);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("wrong-issuer") && !shown.contains(&jwt[..20]), "{shown}");
}
