//! The vendors' own builders. Each runs in a process of its own, builds tokens when asked, and says what one cost.

use crate::kinds::{self, Format};
use benches::root;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use tokens::read::{self, Unverified};

/// What a builder is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    /// `agora-token` for `007`, `agora-access-token` for `006`. ZEGO publishes no package; see `peers.mjs`.
    Node,
    /// `agoraiotools` for both of Agora's formats.
    Python,
}

impl Language {
    pub(crate) const ALL: [Language; 2] = [Language::Node, Language::Python];

    /// Its builder of this format must cost at least this many times as much as ours.
    pub(crate) fn least_multiple(self, format: Format) -> Option<f64> {
        match (format, self) {
            (Format::V007, Language::Node) => Some(25.0),
            (Format::V007, Language::Python) => Some(20.0),
            (Format::V006 | Format::V04, Language::Node) => Some(15.0),
            (Format::V006 | Format::V04, Language::Python) => None,
        }
    }
}

/// A running builder.
pub(crate) struct Peer {
    pub(crate) language: Language,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    kinds: Vec<String>,
}

/// What a builder says after a turn.
#[derive(Deserialize)]
struct Turn {
    nanoseconds: f64,
    token: String,
}

impl Peer {
    pub(crate) fn start(language: Language) -> Peer {
        let mut command = match language {
            Language::Node => Command::new("node"),
            Language::Python => Command::new(root().join(".tools/bench-python/bin/python")),
        };
        let script = match language {
            Language::Node => "benches/mint/peers.mjs",
            Language::Python => "benches/mint/peers.py",
        };
        let command = command.current_dir(root()).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start (`make bench` installs it): {error}"));
        let requests = child.stdin.take().expect("it was asked for");
        let answers = BufReader::new(child.stdout.take().expect("it was asked for"));
        let mut peer = Peer { language, child, requests, answers, kinds: Vec::new() };
        let kinds = peer.ask(&json!({
            "agora": { "app_id": kinds::AGORA_APP_ID, "app_certificate": kinds::AGORA_CERTIFICATE },
            "zego": { "app_id": kinds::ZEGO_APP_ID, "server_secret": kinds::ZEGO_SECRET },
            "channel": kinds::CHANNEL,
            "user": kinds::USER,
            "uid": kinds::UID,
            "ttl": kinds::TTL,
        }));
        peer.kinds = serde_json::from_value(kinds).expect("it lists its kinds");
        peer
    }

    pub(crate) fn builds(&self, kind: &str) -> bool {
        self.kinds.iter().any(|known| known == kind)
    }

    /// Builds tokens like this one, and returns how many nanoseconds each took.
    pub(crate) fn build(&mut self, kind: &str, example: &str, tokens: u32) -> f64 {
        let turn = self.ask(&json!({ "kind": kind, "tokens": tokens }));
        let turn: Turn = serde_json::from_value(turn).expect("a turn");
        assert_eq!(claims(&turn.token), claims(example), "{:?} makes another token for {kind}", self.language);
        turn.nanoseconds
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").expect("the builder listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the builder answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{:?} said {line:?}: {error}", self.language))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends when its input ends. `kill` is for a builder that hangs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a token opens and for how long, checked against the key. The moment and the randomness are left out.
fn claims(token: &str) -> Value {
    match read::token(token).expect("a token") {
        Unverified::AccessToken2(token) => {
            token.verify_signature(&kinds::agora_key()).expect("its signature is good");
            json!([token.app_id, token.expire, token.services])
        }
        Unverified::AccessToken(token) => {
            // A 006 token signs channel and uid but holds only their checksums, so the checksums are compared.
            let privileges: Vec<_> = token.privileges.keys().collect();
            json!([token.app_id, privileges, token.crc_channel_name, token.crc_uid])
        }
        Unverified::Token04(token) => {
            let claims = token.decrypt(&kinds::zego_key()).expect("the secret opens it");
            json!([claims.app_id, claims.user_id, claims.expire - claims.ctime, claims.payload])
        }
    }
}
