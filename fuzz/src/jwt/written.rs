//! Writes JSON, key sets, tokens and headers, good and bad ones.

use super::keys::{KEYS, Key};
use arbitrary::Arbitrary;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Texts that settings and good tokens have, and others that are close to them.
const WORDS: [&str; 40] = [
    super::ISSUER,
    "first",
    "second",
    "backends",
    "mint",
    "tokens",
    "access",
    "openid tokens",
    "JWT",
    "at+jwt",
    "verify",
    "sig",
    "",
    "https://issuer.example/tenant/",
    "https://issuer.example",
    "https://ISSUER.example/tenant",
    "firs",
    "first2",
    "first,second",
    " first",
    "First",
    "read mint",
    "openid",
    "token",
    "tokens ",
    "tokens,mint",
    "tokens\tmint",
    "id",
    "ID",
    "Bearer",
    "refresh",
    "application/at+jwt",
    "application/jwt",
    "AT+JWT",
    "jwt",
    "logout+jwt",
    "JOSE",
    "enc",
    "sign",
    "b64",
];

/// Names of algorithms. Those that exist come first.
const ALGS: [&str; 20] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "none", "HS256", "None", "HS512",
    "ES512", "ES256K", "Ed25519", "rs256", "RS256 ", "", "RSA-OAEP",
];

/// Kids. Each of the first eight is a key's own.
const KIDS: [&str; 12] =
    ["ed25519", "p256", "rsa", "p384", "ed25519-b", "p256-b", "rsa-b", "p384-b", "", "RSA", "rsa ", "../rsa"];

/// Distances in seconds from now. The leeway is 60 seconds.
const DISTANCES: [i64; 12] = [600, -61, -60, -59, 59, 60, 61, 0, -62, 62, -600, 100_000_000_000];

/// How a date goes on behind its whole seconds.
const TAILS: [&str; 8] = ["", ".5", ".0", ".999", ".000001", "e0", "E+00", ".0e1"];

/// One of these, whatever the number.
fn pick<T: Copy>(all: &[T], which: u8) -> T {
    all[usize::from(which) % all.len()]
}

fn key(which: u8) -> &'static Key {
    &KEYS[usize::from(which) % KEYS.len()]
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A text in JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Any value, most often one that means something somewhere.
#[derive(Debug, Arbitrary)]
pub(super) enum Value {
    Word(u8),
    Date {
        distance: u8,
        tail: u8,
    },
    Words(Vec<u8>),
    Alg(u8),
    Kid(u8),
    /// A key's public half.
    Jwk(u8),
    Null,
    Flag(bool),
    Number(i64),
    Fraction(f64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
    /// Lists within lists.
    Deep(u8),
    /// A date in quotes.
    DateText(u8),
    /// JSON, or no JSON.
    Raw(String),
}

impl Value {
    fn json(&self, now: i64) -> String {
        let list = |items: Vec<String>| format!("[{}]", items.join(","));
        match self {
            Value::Word(which) => quoted(pick(&WORDS, *which)),
            Value::Date { distance, tail } => date(now, *distance, *tail),
            Value::Words(words) => list(words.iter().map(|which| quoted(pick(&WORDS, *which))).collect()),
            Value::Alg(which) => quoted(pick(&ALGS, *which)),
            Value::Kid(which) => quoted(pick(&KIDS, *which)),
            Value::Jwk(which) => object(&jwk(key(*which))),
            Value::Null => "null".to_owned(),
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Fraction(number) => format!("{number:e}"),
            Value::Text(text) => quoted(text),
            Value::List(items) => list(items.iter().map(|item| item.json(now)).collect()),
            Value::Object(members) => {
                object(&members.iter().map(|(name, value)| (quoted(name), value.json(now))).collect::<Vec<_>>())
            }
            Value::Deep(depth) => format!("{}{}", "[".repeat((*depth).into()), "]".repeat((*depth).into())),
            Value::DateText(distance) => quoted(&date(now, *distance, 0)),
            Value::Raw(text) => text.clone(),
        }
    }
}

fn date(now: i64, distance: u8, tail: u8) -> String {
    format!("{}{}", now.saturating_add(pick(&DISTANCES, distance)), pick(&TAILS, tail))
}

/// An object's members as they are written: the name in its quotes, and the value.
type Members = Vec<(String, String)>;

fn object(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn members(members: &[(&str, String)]) -> Members {
    members.iter().map(|(name, value)| (quoted(name), value.clone())).collect()
}

fn jwk(key: &Key) -> Members {
    key.jwk.iter().map(|(name, value)| (quoted(name), value.to_string())).collect()
}

/// A change to an object.
#[derive(Debug, Arbitrary)]
pub(super) enum Change<N> {
    /// Replaces a member, or adds it.
    Set(N, Value),
    Remove(N),
    /// Adds a member, even if there is one of this name. `escaped`: this one's name is spelt in another way.
    Add(N, Value, Escaped),
}

#[derive(Debug, Arbitrary)]
pub(super) enum Escaped {
    No,
    Yes,
    First,
}

/// A member's name, in one kind of object.
pub(super) trait Name {
    fn name(&self) -> &str;
}

fn changed(mut members: Members, changes: &[Change<impl Name>], now: i64) -> Members {
    for change in changes {
        match change {
            Change::Set(name, value) => {
                let (name, value) = (quoted(name.name()), value.json(now));
                match members.iter_mut().find(|(known, _)| *known == name) {
                    Some(member) => member.1 = value,
                    None => members.push((name, value)),
                }
            }
            Change::Remove(name) => members.retain(|(known, _)| *known != quoted(name.name())),
            Change::Add(name, value, escaped) => {
                let spelt = match (escaped, name.name().chars().next()) {
                    (Escaped::Yes, Some(first)) if first.is_ascii_alphanumeric() => {
                        format!("\"\\u{:04x}{}\"", u32::from(first), &name.name()[1..])
                    }
                    _ => quoted(name.name()),
                };
                let place = if matches!(escaped, Escaped::First) { 0 } else { members.len() };
                members.insert(place, (spelt, value.json(now)));
            }
        }
    }
    members
}

macro_rules! names {
    ($(#[$doc:meta])* $of:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Arbitrary)]
        pub(super) enum $of {
            $($variant,)*
            Other(String),
        }

        impl Name for $of {
            fn name(&self) -> &str {
                match self {
                    $($of::$variant => $name,)*
                    $of::Other(name) => name,
                }
            }
        }
    };
}

names! {
    /// A member of a token's header.
    HeaderName {
        Alg = "alg",
        Kid = "kid",
        Typ = "typ",
        Crit = "crit",
        Jwk = "jwk",
        Jku = "jku",
        X5u = "x5u",
        X5c = "x5c",
        Cty = "cty",
        B64 = "b64",
    }
}

names! {
    /// A claim.
    Claim {
        Iss = "iss",
        Aud = "aud",
        Exp = "exp",
        Nbf = "nbf",
        Iat = "iat",
        ClientId = "client_id",
        Azp = "azp",
        Scope = "scope",
        Scp = "scp",
        TokenUse = "token_use",
        Typ = "typ",
        AtHash = "at_hash",
        CHash = "c_hash",
        Nonce = "nonce",
        Sub = "sub",
    }
}

names! {
    /// A member of a public key.
    KeyMember {
        Kty = "kty",
        Kid = "kid",
        Alg = "alg",
        Use = "use",
        KeyOps = "key_ops",
        Crv = "crv",
        N = "n",
        E = "e",
        X = "x",
        Y = "y",
    }
}

/// A key set that the issuer publishes.
#[derive(Debug, Arbitrary)]
pub(super) struct KeySet {
    /// Besides the plain ones.
    keys: Vec<Published>,
    without_plain: bool,
    /// More keys, which are no keys.
    more: Option<u8>,
    name_twice: bool,
}

#[derive(Debug, Arbitrary)]
struct Published {
    which: u8,
    kid: Kid,
    /// The only algorithm that the key says it is for.
    alg: Option<Alg>,
    used: Option<bool>,
    /// Half as many bits as an RSA key must have.
    short: bool,
    changes: Vec<Change<KeyMember>>,
}

#[derive(Debug, Arbitrary)]
enum Kid {
    Own,
    None,
    Of(u8),
}

#[derive(Debug, Arbitrary)]
enum Alg {
    /// One that the key can be for.
    Own(u8),
    Any(u8),
}

impl KeySet {
    /// The set with one key of each kind.
    pub(super) fn plain() -> KeySet {
        KeySet { keys: vec![], without_plain: false, more: None, name_twice: false }
    }

    pub(super) fn json(&self, now: i64) -> String {
        let plain = Vec::from_iter(0..if self.without_plain { 0 } else { 4 });
        let plain = plain.into_iter().map(|which| {
            let key = key(which);
            object(&[jwk(key), members(&[("kid", quoted(key.kid))])].concat())
        });
        let more = (0..self.more.unwrap_or_default() % 64).map(|_| "{}".to_owned());
        let keys: Vec<_> = plain.chain(self.keys.iter().map(|key| key.json(now))).chain(more).collect();
        let keys = ("\"keys\"".to_owned(), format!("[{}]", keys.join(",")));
        object(&if self.name_twice { vec![keys.clone(), keys] } else { vec![keys] })
    }
}

impl Published {
    fn json(&self, now: i64) -> String {
        let key = key(self.which);
        let mut written = jwk(key);
        if self.short
            && let Some((_, n)) = written.iter_mut().find(|(name, _)| name == "\"n\"")
        {
            *n = quoted(&n.trim_matches('"')[..172]);
        }
        match self.kid {
            Kid::Own => written.extend(members(&[("kid", quoted(key.kid))])),
            Kid::None => {}
            Kid::Of(which) => written.extend(members(&[("kid", quoted(pick(&KIDS, which)))])),
        }
        let alg = self.alg.as_ref().map(|alg| match alg {
            Alg::Own(which) => key.algorithm(*which),
            Alg::Any(which) => pick(&ALGS, *which),
        });
        written.extend(alg.iter().flat_map(|alg| members(&[("alg", quoted(alg))])));
        let used = self.used.map(|sig| if sig { "sig" } else { "enc" });
        written.extend(used.iter().flat_map(|used| members(&[("use", quoted(used))])));
        object(&changed(written, &self.changes, now))
    }
}

/// A token that a key signs, whatever it says.
#[derive(Debug, Arbitrary)]
pub(super) struct Token {
    key: u8,
    signature: Signature,
    /// What the header says. `None`: what really signs.
    alg: Option<u8>,
    kid: Kid,
    header: Vec<Change<HeaderName>>,
    base: Base,
    claims: Vec<Change<Claim>>,
    /// Fills the token up to 8,192 bytes, and this many more or fewer.
    filled: Option<i8>,
    spaces: u8,
    /// Changes before the signature is made. It is made over what they leave.
    before: Vec<Edit>,
    after: Vec<Edit>,
}

#[derive(Debug, Arbitrary)]
enum Signature {
    Of(u8),
    /// HMAC, with the public key as its secret.
    Hmac(u8),
    None,
    Any(Vec<u8>),
    InDer,
    /// Over the payload alone.
    OfPayload,
}

/// Whose claims they are before they are changed.
#[derive(Debug, Arbitrary)]
enum Base {
    User,
    Backend,
    /// A user's without `aud`, as Cognito's are.
    ByClient,
    Unscoped,
}

/// A change to what stands between and around the dots.
#[derive(Debug, Arbitrary)]
enum Edit {
    Push {
        part: u8,
        text: u8,
    },
    Insert {
        at: u16,
        text: u8,
    },
    Replace {
        at: u16,
        text: u8,
    },
    Cut {
        at: u16,
    },
    /// Changes bits that mean nothing, if the part's last character has some.
    LastBits {
        part: u8,
    },
    Clear {
        part: u8,
    },
    /// Writes the other alphabet of base64.
    Standard,
}

const PIECES: [&str; 16] =
    ["=", "==", " ", "\t", "\r\n", ".", "..", "A", "AA", "+", "/", "-", "_", "%3D", "\0", "\u{e9}"];

impl Token {
    /// A good token of this key.
    pub(super) fn plain(key: usize, algorithm: &str) -> Token {
        let which = (0..6).find(|which| KEYS[key].algorithm(*which) == algorithm).expect("an algorithm of this key");
        Token {
            key: key as u8,
            signature: Signature::Of(which),
            alg: None,
            kid: Kid::Own,
            header: vec![],
            base: Base::User,
            claims: vec![],
            filled: None,
            spaces: 0,
            before: vec![],
            after: vec![],
        }
    }

    /// A good backend's token.
    pub(super) fn of_backend() -> Token {
        Token { base: Base::Backend, ..Token::plain(0, "EdDSA") }
    }

    /// A good token, if users need no scope.
    pub(super) fn unscoped() -> Token {
        Token { base: Base::Unscoped, ..Token::plain(0, "EdDSA") }
    }

    pub(super) fn text(&self, now: i64) -> String {
        let key = key(self.key);
        let honest = match self.signature {
            Signature::Of(which) => key.algorithm(which),
            Signature::Hmac(_) => "HS256",
            Signature::None => "none",
            _ => key.algorithm(0),
        };
        let mut header =
            members(&[("alg", quoted(self.alg.map_or(honest, |which| pick(&ALGS, which)))), ("typ", quoted("JWT"))]);
        match self.kid {
            Kid::Own => header.extend(members(&[("kid", quoted(key.kid))])),
            Kid::None => {}
            Kid::Of(which) => header.extend(members(&[("kid", quoted(pick(&KIDS, which)))])),
        }
        let header = self.spaced(object(&changed(header, &self.header, now)));
        let mut claims = changed(self.base.claims(now), &self.claims, now);
        if let Some(beyond) = self.filled {
            // The token without a filler has about this many bytes.
            let others = header.len() + object(&claims).len() + r#","f":"""#.len();
            let signature =
                key.jwk.iter().filter_map(|(_, value)| value.as_str()).map(str::len).max().unwrap_or_default();
            let signature = if matches!(self.signature, Signature::Of(_)) { signature.max(86) } else { 0 };
            let target = (8192 + isize::from(beyond)) as usize - 2;
            let filler = (target.saturating_sub(signature) * 3 / 4).saturating_sub(others);
            claims.push(("\"f\"".to_owned(), quoted(&"f".repeat(filler))));
        }
        let payload = self.spaced(object(&claims));
        let mut parts = vec![base64url(header), base64url(&payload)];
        self.before.iter().for_each(|edit| edit.apply(&mut parts));
        let message = parts.join(".");
        let signature = match &self.signature {
            Signature::Of(which) => key.sign(key.algorithm(*which), message.as_bytes()),
            Signature::Hmac(form) => key.hmac(*form, message.as_bytes()),
            Signature::None => vec![],
            Signature::Any(bytes) => bytes.clone(),
            Signature::InDer => key.sign_in_der(message.as_bytes()),
            Signature::OfPayload => key.sign(honest, payload.as_bytes()),
        };
        parts.push(base64url(signature));
        self.after.iter().for_each(|edit| edit.apply(&mut parts));
        parts.join(".")
    }

    /// With whitespace around the object, which JSON allows.
    fn spaced(&self, object: String) -> String {
        match self.spaces % 4 {
            0 => object,
            1 => format!(" {object}\n"),
            2 => object.replacen(':', " :\t", 1),
            _ => format!("\u{feff}{object}"),
        }
    }
}

impl Base {
    fn claims(&self, now: i64) -> Members {
        let dates = [("exp", date(now, 0, 0)), ("iat", date(now, 10, 0))];
        let of = |others: &[(&str, &str)]| {
            let others = others.iter().map(|(name, text)| (*name, quoted(text)));
            members(
                &[("iss", quoted(super::ISSUER))].into_iter().chain(dates.clone()).chain(others).collect::<Vec<_>>(),
            )
        };
        match self {
            Base::User => of(&[("aud", "first"), ("sub", "alice"), ("scope", "openid tokens")]),
            Base::Backend => of(&[("aud", "backends"), ("scope", "read mint")]),
            Base::ByClient => of(&[("client_id", "first"), ("token_use", "access"), ("scope", "tokens")]),
            Base::Unscoped => of(&[("aud", "first"), ("sub", "alice")]),
        }
    }
}

impl Edit {
    fn apply(&self, parts: &mut Vec<String>) {
        let count = parts.len();
        let mut whole = |change: &dyn Fn(&mut String)| {
            let mut text = parts.join("\n");
            change(&mut text);
            *parts = text.split('\n').map(str::to_owned).collect();
        };
        let place = |text: &str, at: u16| {
            let at = usize::from(at) % (text.len() + 1);
            (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
        };
        match *self {
            Edit::Push { part, text } => parts[usize::from(part) % count].push_str(pick(&PIECES, text)),
            Edit::Insert { at, text } => whole(&|all| all.insert_str(place(all, at), pick(&PIECES, text))),
            Edit::Replace { at, text } => whole(&|all| {
                let at = place(all, at);
                if all[at..].starts_with(|first: char| first.is_ascii() && first != '\n') {
                    all.replace_range(at..=at, pick(&PIECES, text));
                }
            }),
            Edit::Cut { at } => whole(&|all| all.truncate(place(all, at))),
            Edit::LastBits { part } => {
                let part = &mut parts[usize::from(part) % count];
                let unused = [0, 0, 0b1111, 0b11][part.len() % 4];
                const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
                let last = part.bytes().last().and_then(|last| ALPHABET.iter().position(|known| *known == last));
                if let Some(last) = last {
                    part.pop();
                    part.push(ALPHABET[last ^ (unused & 1)].into());
                }
            }
            Edit::Clear { part } => parts[usize::from(part) % count].clear(),
            Edit::Standard => {
                parts.iter_mut().for_each(|part| *part = part.replace('-', "+").replace('_', "/"));
            }
        }
    }
}

/// How a token is sent.
#[derive(Debug, Arbitrary)]
pub(super) struct Sent {
    scheme: u8,
    between: u8,
    behind: u8,
    others: Vec<Other>,
}

/// A second header.
#[derive(Debug, Arbitrary)]
enum Other {
    Same,
    Empty,
    Text(String),
}

const SCHEMES: [&str; 10] =
    ["Bearer", "bearer", "BEARER", "Basic", "DPoP", "", "Bearers", "Bear", "\u{212a}", "Bearer:"];
const BETWEEN: [&str; 8] = [" ", "  ", "\t", "", ",", " \t", "=", "\u{a0}"];
const BEHIND: [&str; 8] = ["", " ", "\t", ",", "\r\n", "=", ", Bearer a.b.c", "\0"];

impl Sent {
    pub(super) fn plain() -> Sent {
        Sent { scheme: 0, between: 0, behind: 0, others: vec![] }
    }

    pub(super) fn headers(&self, token: &str) -> Vec<String> {
        let (scheme, between) = (pick(&SCHEMES, self.scheme), pick(&BETWEEN, self.between));
        let mut headers = vec![format!("{scheme}{between}{token}{}", pick(&BEHIND, self.behind))];
        for other in &self.others {
            headers.push(match other {
                Other::Same => headers[0].clone(),
                Other::Empty => String::new(),
                Other::Text(text) => text.clone(),
            });
        }
        headers
    }
}

/// A header that nobody signed.
#[derive(Debug, Arbitrary)]
pub(super) enum Unsigned {
    Text(String),
    Bearer(String),
    Parts(Vec<u8>, Vec<u8>, Vec<u8>),
}

impl Unsigned {
    pub(super) fn header(&self) -> String {
        match self {
            Unsigned::Text(text) => text.clone(),
            Unsigned::Bearer(text) => format!("Bearer {text}"),
            Unsigned::Parts(header, payload, signature) => {
                format!("Bearer {}", [header, payload, signature].map(base64url).join("."))
            }
        }
    }
}
