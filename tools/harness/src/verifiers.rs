//! The vendors' verifiers: Agora's npm packages, and Python's `cryptography` for ZEGO, because ZEGO's own code has no
//! parser.

use crate::process::lock;
use crate::project;
use serde::Serialize;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// One of Agora's tokens, and what it should be valid for.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct AgoraCase<'a> {
    /// Version `007` or `006`.
    pub token: &'a str,
    /// The project.
    pub app_id: &'a str,
    /// The project's certificate.
    pub app_certificate: &'a str,
    /// Only for `006`: the channel, or RTM's user id. The token holds only its checksum.
    pub channel: &'a str,
    /// Only for `006`: the uid or account, empty for RTM.
    pub uid: &'a str,
}

/// Reads and verifies tokens with `agora-token` (`007`) and `agora-access-token` (`006`). The second has no verifier,
/// so it builds the token again from what it read: both must be equal.
///
/// Each verdict is `{"version","parsed","valid"}` with the fields of the token. `007`: `app_id`, `issue_ts`, `expire`,
/// `salt` and `services` (`type`, `privileges` and the vendor's field names). `006`: `salt`, `ts`, `privileges`,
/// `crc_channel_name`, `crc_uid`. Times are not compared with any clock.
///
/// # Panics
/// Node or the packages are missing.
pub fn agora(cases: &[AgoraCase<'_>]) -> Vec<Value> {
    let packages = project::root().join("tools/harness/verifiers/node_modules/agora-token");
    assert!(packages.exists(), "{} is missing: run `make setup`", packages.display());
    ask(project::command("node").arg("tools/harness/verifiers/agora.mjs"), cases)
}

/// One of ZEGO's tokens, and the secret that should open it.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct ZegoCase<'a> {
    /// Version `04`.
    pub token: &'a str,
    /// The project's server secret.
    pub server_secret: &'a str,
}

/// Decrypts tokens with an AES that is not ours.
///
/// Each verdict is `{"valid":true,"expire","iv","plaintext","fields","payload"}` or `{"valid":false,"reason"}`.
/// `expire` stands before the encrypted part. `plaintext` is the JSON text, `fields` is that JSON, and `payload` is the
/// payload's own JSON.
///
/// # Panics
/// Python or the package is missing.
pub fn zego(cases: &[ZegoCase<'_>]) -> Vec<Value> {
    ask(project::command(project::tool("python")).arg("tools/harness/verifiers/zego.py"), cases)
}

/// Asks a program about all cases at once: it reads a JSON list and writes a JSON list of verdicts.
///
/// # Panics
/// The program does not start, fails, or does not answer every case.
pub fn ask(command: &mut Command, cases: &[impl Serialize]) -> Vec<Value> {
    // Tests run in parallel. One process at a time is enough.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = lock(&TURN);
    let program = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start (Node is not part of `make setup`): {error}"));
    let mut input = child.stdin.take().expect("it was asked for");
    let cases_json = serde_json::to_vec(cases).expect("texts become JSON");
    input.write_all(&cases_json).unwrap_or_else(|error| panic!("{program} does not listen: {error}"));
    drop(input);
    let output = child.wait_with_output().expect("it is our child");
    assert!(output.status.success(), "{program} failed: {}", output.status);
    let verdicts: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{program} does not speak JSON: {error}"));
    assert_eq!(verdicts.len(), cases.len(), "{program} answers every case");
    verdicts
}
