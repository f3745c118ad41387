//! The settings of the server itself. Those of the service are read by the service.

use super::proxies::Proxies;
use crate::cli::Serve;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

/// Where and how to listen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) listen: SocketAddr,
    /// Where operators ask for health and metrics. `None`: nowhere.
    pub(super) admin_listen: Option<SocketAddr>,
    /// `None`: plain HTTP.
    pub(super) tls: Option<TlsFiles>,
    /// Origins whose pages may read answers.
    pub(super) allowed_origins: Vec<String>,
    /// The proxies whose `X-Forwarded-For` counts.
    pub(super) trusted_proxies: Proxies,
}

/// The files with the server's certificates and its private key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TlsFiles {
    pub(super) certificates: PathBuf,
    pub(super) key: PathBuf,
}

/// A wrong setting. Names the setting and what it must be.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{variable} {rule}")]
pub(crate) struct SettingError {
    variable: &'static str,
    rule: &'static str,
}

const ADDRESS: &str = "must be an IP address and a port, such as 127.0.0.1:9000";

impl Settings {
    /// The command line overrides the variables.
    pub(super) fn read(arguments: &Serve, variables: &BTreeMap<String, String>) -> Result<Settings, SettingError> {
        let get = |name: &str| get(variables, name);
        let error = |variable, rule| SettingError { variable, rule };
        let listen = arguments.listen.as_deref().or_else(|| get("LISTEN")).unwrap_or("127.0.0.1:9000");
        let tls = match (get("TLS_CERT_FILE"), get("TLS_KEY_FILE")) {
            (None, None) => None,
            (Some(certificates), Some(key)) => Some(TlsFiles { certificates: certificates.into(), key: key.into() }),
            (Some(_), None) => return Err(error("TLS_KEY_FILE", "must be set together with TLS_CERT_FILE")),
            (None, Some(_)) => return Err(error("TLS_CERT_FILE", "must be set together with TLS_KEY_FILE")),
        };
        let origins = get("ALLOWED_ORIGINS").into_iter().flat_map(|origins| origins.split(',')).map(str::trim);
        let allowed_origins: Vec<String> = origins.map(str::to_owned).collect();
        if !allowed_origins.iter().all(|origin| is_origin(origin)) {
            let rule =
                "must be origins (scheme, host, optional port), separated by commas alone, without path or wildcard";
            return Err(error("ALLOWED_ORIGINS", rule));
        }
        let trusted_proxies = Proxies::parse(get("TRUSTED_PROXIES").unwrap_or_default());
        let trusted_proxies = trusted_proxies.map_err(|rule| error("TRUSTED_PROXIES", rule))?;
        Ok(Settings {
            listen: listen.parse().map_err(|_| error("LISTEN", ADDRESS))?,
            admin_listen: admin_listen(variables)?,
            tls,
            allowed_origins,
            trusted_proxies,
        })
    }
}

impl Settings {
    /// For a server that believes every caller.
    ///
    /// # Errors
    /// Other machines could reach it.
    pub(super) fn keep_to_this_machine(&self) -> Result<(), SettingError> {
        let rule = if !self.listen.ip().is_loopback() {
            "must be jwt, unless LISTEN is an address of this machine alone, such as 127.0.0.1:9000"
        } else if !self.trusted_proxies.is_empty() {
            "must be jwt with TRUSTED_PROXIES: a proxy brings requests of other machines"
        } else {
            return Ok(());
        };
        Err(SettingError { variable: "IDENTITY", rule })
    }
}

pub(super) fn admin_listen(variables: &BTreeMap<String, String>) -> Result<Option<SocketAddr>, SettingError> {
    let address = get(variables, "ADMIN_LISTEN").map(str::parse).transpose();
    address.map_err(|_| SettingError { variable: "ADMIN_LISTEN", rule: ADDRESS })
}

/// An empty variable counts as unset.
fn get<'a>(variables: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// As browsers write it: no path, no wildcard, lower case.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let plain = host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte));
    ["http", "https"].contains(&scheme) && plain && host.parse::<http::uri::Authority>().is_ok()
}
