//! Any bytes as a JWT and as a key set, and any content in a JWT that is genuinely signed.
//!
//! * `keys`: keys that are the same in each run.
//! * `written`: writes key sets, tokens and headers. Most are good, but for one thing.
//! * `judge`: works out from the text that was written whom it proves. `json` reads for it.

mod json;
mod judge;
mod keys;
mod written;

use arbitrary::Arbitrary;
use judge::{Terms, Verdict};
use keys::ALGORITHMS;
use service::testing::{Jwts, Proven};
use std::sync::LazyLock;
use written::{KeySet, Sent, Token, Unsigned};

const ISSUER: &str = "https://issuer.example/tenant";
const NOW: i64 = 1_800_000_000;

/// What the log says of a genuine token whose user lacks the scope. The answer is 403 then, and 401 for any other rule.
const INSUFFICIENT_SCOPE: &str = "scope: must contain the configured scope";

/// The settings, the issuer's keys, and the headers `Authorization` of a request.
#[derive(Debug, Arbitrary)]
pub struct Input {
    settings: Settings,
    case: Case,
}

#[derive(Debug, Arbitrary)]
enum Case {
    Signed(Box<Signed>),
    /// Nothing in it is signed. `None`: the plain key set.
    Unsigned {
        headers: Vec<Unsigned>,
        keys: Option<Vec<u8>>,
    },
}

#[derive(Debug, Arbitrary)]
struct Signed {
    now: Now,
    keys: KeySet,
    token: Token,
    sent: Sent,
}

#[derive(Debug, Arbitrary)]
enum Now {
    Usual,
    Start,
    Any(i64),
}

#[derive(Debug, Arbitrary)]
struct Settings {
    audiences: Audiences,
    scope: bool,
    backend: bool,
    id_tokens: bool,
}

/// Each list has `first`, because plain tokens are for it.
#[derive(Debug, Arbitrary)]
enum Audiences {
    One,
    Two,
    Spaced,
}

impl Audiences {
    fn variable(&self) -> &'static str {
        match self {
            Audiences::One => "first",
            Audiences::Two => "second,first",
            Audiences::Spaced => " first , second,",
        }
    }

    fn all(&self) -> &'static [&'static str] {
        match self {
            Audiences::One => &["first"],
            Audiences::Two | Audiences::Spaced => &["first", "second"],
        }
    }
}

impl Settings {
    fn terms(&self) -> Terms {
        Terms {
            issuer: ISSUER,
            audiences: self.audiences.all(),
            scope: self.scope.then_some("tokens"),
            backend: self.backend.then_some(("backends", "mint")),
            id_tokens: self.id_tokens,
        }
    }

    fn verifier(&self, keys: &[u8]) -> Result<Jwts, String> {
        let mut variables = vec![("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", self.audiences.variable())];
        variables.extend(self.scope.then_some(("JWT_SCOPE", "tokens")));
        variables.extend(
            self.backend.then_some([("BACKEND_AUDIENCE", "backends"), ("BACKEND_SCOPE", "mint")]).into_iter().flatten(),
        );
        variables.extend(self.id_tokens.then_some(("ID_TOKENS", "allowed")));
        Jwts::new(variables, keys)
    }
}

impl Input {
    /// Verifies the headers, and judges what the verifier says.
    ///
    /// # Panics
    /// The verifier and the judge disagree. Or the verifier refuses a plain token.
    pub fn check(&self) {
        let (keys, headers, now) = match &self.case {
            Case::Signed(signed) => {
                let now = signed.now.seconds();
                (signed.keys.json(now).into_bytes(), signed.sent.headers(&signed.token.text(now)), now)
            }
            Case::Unsigned { headers, keys } => {
                let keys = keys.clone().unwrap_or_else(|| PLAIN.keys.clone());
                (keys, headers.iter().map(Unsigned::header).collect(), NOW)
            }
        };
        let verdict = self.judged(&keys, &headers, now);
        if let (Case::Unsigned { .. }, Some(verdict)) = (&self.case, verdict) {
            assert!(matches!(verdict, Verdict::NoToken | Verdict::Nobody), "nobody signed this: {verdict:?}");
        }
        self.check_plainest();
    }

    /// What both the verifier and the judge say. `None`: the key set cannot be used, or nobody can judge at this time.
    fn judged(&self, keys: &[u8], headers: &[String], now: i64) -> Option<Verdict> {
        let verifier = self.settings.verifier(keys);
        let judges = judge::keys(keys);
        let readable = String::from_utf8_lossy(keys);
        assert_eq!(verifier.is_ok(), judges.is_some(), "{verifier:?}, and the judge has {judges:?} of {readable}");
        let (verifier, judges) = (verifier.ok()?, judges?);
        let said = verifier.verify(headers, now);
        let terms = self.settings.terms();
        let verdict = judge::verdict(&terms, &judges, headers, now)?;
        let agree = match (&verdict, &said) {
            (Verdict::NoToken, Ok(None)) | (Verdict::Backend, Ok(Some(Proven::Backend))) => true,
            (Verdict::User(claims), Ok(Some(Proven::User(said)))) => json::are(claims, said),
            (Verdict::InsufficientScope, Err(rule)) => *rule == INSUFFICIENT_SCOPE,
            (Verdict::Nobody, Err(rule)) => *rule != INSUFFICIENT_SCOPE,
            _ => false,
        };
        assert!(
            agree,
            "{verdict:?} is due, and the verifier says {said:?}. At {now}, {terms:?}, {headers:?}, {readable}"
        );
        Some(verdict)
    }

    /// Sends the simplest good tokens, because a verifier that refuses everything would be wrong too.
    fn check_plainest(&self) {
        let terms = self.settings.terms();
        let verifier = self.settings.verifier(&PLAIN.keys).expect("one key of each kind");
        let verify = |headers: &[String]| verifier.verify(headers, NOW);
        for (algorithm, headers) in &PLAIN.users {
            let said = verify(headers);
            let Ok(Some(Proven::User(claims))) = &said else { panic!("{algorithm}: {said:?} under {terms:?}") };
            assert!(claims.len() == 6 && claims.contains_key("sub"), "{algorithm}: {claims:?}");
        }
        assert_eq!(verify(&PLAIN.backend) == Ok(Some(Proven::Backend)), terms.backend.is_some());
        assert_eq!(verify(&PLAIN.unscoped) == Err(INSUFFICIENT_SCOPE), terms.scope.is_some());
        assert_eq!(matches!(verify(&PLAIN.unscoped), Ok(Some(Proven::User(_)))), terms.scope.is_none());
        assert_eq!(verify(&[]), Ok(None));
    }
}

impl Now {
    fn seconds(&self) -> i64 {
        match self {
            Now::Usual => NOW,
            Now::Start => 0,
            Now::Any(seconds) => *seconds,
        }
    }
}

/// The headers of plain tokens. They are signed once, because signing takes most of the time.
struct Plain {
    keys: Vec<u8>,
    /// A user's, by algorithm.
    users: Vec<(&'static str, Vec<String>)>,
    backend: Vec<String>,
    unscoped: Vec<String>,
}

static PLAIN: LazyLock<Plain> = LazyLock::new(|| {
    let headers = |token: Token| Sent::plain().headers(&token.text(NOW));
    Plain {
        keys: KeySet::plain().json(NOW).into_bytes(),
        users: ALGORITHMS.map(|(algorithm, key)| (algorithm, headers(Token::plain(key, algorithm)))).into(),
        backend: headers(Token::of_backend()),
        unscoped: headers(Token::unscoped()),
    }
});
