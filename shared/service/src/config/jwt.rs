//! The settings of `IDENTITY=jwt`: whose JWTs we believe, and where the issuer's keys are.

use super::{ConfigError, Variables, error};
use http::Uri;
use http::uri::{Authority, PathAndQuery};
use std::time::Duration;

/// Which JWTs prove somebody, and with which keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JwtSettings {
    pub(crate) expected: Expected,
    pub(crate) keys: KeysFrom,
    pub(crate) keys_ttl: Duration,
    /// How long keys that are no longer fresh may still be used, if newer ones cannot be loaded.
    pub(crate) keys_max_stale: Duration,
}

/// What a JWT must say. No text in it is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The claim `iss`, byte for byte.
    pub(crate) issuer: String,
    /// A user's JWT is for one of these.
    pub(crate) audiences: Vec<String>,
    /// A user's JWT has this scope. `None`: it needs none.
    pub(crate) scope: Option<String>,
    /// What a backend's JWT must say. `None`: no JWT is a backend's.
    pub(crate) backend: Option<BackendExpected>,
    /// Whether ID tokens are accepted too.
    pub(crate) id_tokens: bool,
}

/// What a backend's JWT must say. It must have both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackendExpected {
    pub(crate) audience: String,
    pub(crate) scope: String,
}

/// Where the issuer's keys are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeysFrom {
    /// At this address.
    Address(Address),
    /// Where this document says: the issuer's own configuration (OpenID Connect Discovery 1.0).
    Discovery(Address),
}

/// An address that may be asked: HTTPS, or plain HTTP on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address(Uri);

impl Address {
    pub(crate) fn parse(text: &str) -> Option<Address> {
        let uri: Uri = text.parse().ok()?;
        let host = uri.host().filter(|host| !host.is_empty())?;
        let here = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
        // A name or password before the host would be sent to it.
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let may_be_asked = match uri.scheme_str()? {
            "https" => true,
            "http" => here,
            _ => false,
        };
        (may_be_asked && plain).then_some(Address(uri))
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }

    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// What a request's first line says.
    pub(crate) fn path_and_query(&self) -> &str {
        self.0.path_and_query().map_or("/", PathAndQuery::as_str)
    }

    /// What a request's header `Host` says.
    pub(crate) fn authority(&self) -> &str {
        self.0.authority().map_or("", Authority::as_str)
    }
}

/// The audiences of the users' JWTs.
pub(super) fn audiences(variables: &Variables<'_>) -> Result<Vec<String>, ConfigError> {
    let audiences = variables.get("JWT_AUDIENCE").unwrap_or_default().split(',').map(str::trim);
    let audiences: Vec<_> = audiences.filter(|audience| !audience.is_empty()).map(str::to_owned).collect();
    if audiences.is_empty() {
        return Err(error("JWT_AUDIENCE", "must name the audiences of your JWTs, comma-separated"));
    }
    Ok(audiences)
}

impl JwtSettings {
    /// Every variable that is read.
    pub(crate) const VARIABLES: [&str; 9] = [
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "JWT_SCOPE",
        "BACKEND_AUDIENCE",
        "BACKEND_SCOPE",
        "JWT_KEYS_URL",
        "ID_TOKENS",
        "JWT_KEYS_TTL_SECONDS",
        "JWT_KEYS_MAX_STALE_SECONDS",
    ];

    pub(super) fn parse(variables: &Variables<'_>) -> Result<JwtSettings, ConfigError> {
        let get = |name| variables.get(name);
        let address = "must be an https address, or http on this machine";
        let issuer = get("JWT_ISSUER").ok_or_else(|| error("JWT_ISSUER", "must be the issuer of the JWTs"))?;
        Address::parse(issuer).ok_or_else(|| error("JWT_ISSUER", address))?;
        let audiences = audiences(variables)?;
        let backend = match (get("BACKEND_AUDIENCE"), variables.scope("BACKEND_SCOPE")?) {
            (None, None) => None,
            (Some(audience), Some(_)) if audiences.iter().any(|of_users| of_users == audience) => {
                return Err(error("BACKEND_AUDIENCE", "must not be in JWT_AUDIENCE: no user is a backend"));
            }
            (Some(audience), Some(scope)) => Some(BackendExpected { audience: audience.to_owned(), scope }),
            (Some(_), None) => return Err(error("BACKEND_SCOPE", "must be set together with BACKEND_AUDIENCE")),
            (None, Some(_)) => return Err(error("BACKEND_AUDIENCE", "must be set together with BACKEND_SCOPE")),
        };
        let keys = match get("JWT_KEYS_URL") {
            Some(url) => KeysFrom::Address(Address::parse(url).ok_or_else(|| error("JWT_KEYS_URL", address))?),
            None => {
                let document = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                KeysFrom::Discovery(Address::parse(&document).ok_or_else(|| error("JWT_ISSUER", address))?)
            }
        };
        Ok(JwtSettings {
            expected: Expected {
                issuer: issuer.to_owned(),
                audiences,
                scope: variables.scope("JWT_SCOPE")?,
                backend,
                id_tokens: variables.allowed("ID_TOKENS", "refused")?,
            },
            keys,
            keys_ttl: variables.within("JWT_KEYS_TTL_SECONDS", 300, 1..=86_400)?,
            keys_max_stale: variables.within("JWT_KEYS_MAX_STALE_SECONDS", 86_400, 0..=31_536_000)?,
        })
    }
}
