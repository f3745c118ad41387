//! Configuration, read from the environment once, at start-up.

pub(crate) mod policy;
pub(crate) mod jwt;

pub(crate) use jwt::{Address, Expected, JwtSettings, KeysFrom};
pub(crate) use policy::{Policy, RtmBeyondRooms, UserIdForm};

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) verifier: Verifier,
    pub(crate) policy: Policy,
    /// Whether the drop-in routes are served.
    pub(crate) drop_in: bool,
    /// Which JWTs count in a query, for UI kits that send no headers. `None`: a JWT in a query does not count.
    pub(crate) in_query: Option<InQuery>,
    pub(crate) credentials: Source,
    pub(crate) credentials_ttl: Duration,
    /// How long credentials that are no longer fresh may still be used, if newer ones cannot be loaded.
    pub(crate) credentials_max_stale: Duration,
}

/// Which JWTs count in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InQuery {
    /// The audience that they must have.
    pub(crate) audience: String,
    /// The audiences of JWTs in headers. A JWT in a query must have none of them.
    pub(crate) audiences_of_headers: Vec<String>,
}

/// Who verifies the callers' identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verifier {
    /// API Gateway's authorizer.
    Gateway,
    /// Our own authorizer function, which the gateway asks: see [`JwtSettings::of_authorizer`].
    Authorizer,
    /// The service itself: it verifies the bearer token.
    Jwt(Box<JwtSettings>),
    /// Nobody. Every caller is believed. For local runs.
    None,
}

/// Where the vendor's credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Secrets Manager: a secret's name or ARN.
    SecretsManager {
        /// See `AGORA_SECRET_ID` and `ZEGO_SECRET_ID`.
        secret_id: String,
    },
    /// A JSON file. For local runs.
    LocalFile(PathBuf),
}

/// A wrong setting, which stops the function at start-up. Names the setting and what it must be, never its value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable} {rule}")]
pub(crate) struct ConfigError {
    variable: &'static str,
    rule: String,
}

impl Config {
    /// Every variable that is read, except the secret's and those of the policy and of `IDENTITY=jwt`.
    const VARIABLES: [&str; 8] = [
        "LOCAL_CREDENTIALS",
        "IDENTITY",
        "AUTH",
        "CREDENTIALS_TTL_SECONDS",
        "CREDENTIALS_MAX_STALE_SECONDS",
        "DROP_IN",
        "UIKIT_JWT_IN_QUERY",
        "UIKIT_JWT_AUDIENCE",
    ];

    /// Reads the process's environment. `secret_id` is the variable that names this function's secret.
    pub(crate) fn from_env(secret_id: &'static str) -> Result<Config, ConfigError> {
        Config::parse(&environment(), secret_id)
    }

    pub(crate) fn parse(variables: &BTreeMap<String, String>, secret_id: &'static str) -> Result<Config, ConfigError> {
        let variables = Variables::checked(variables)?;
        let get = |name| variables.get(name);
        let in_lambda = variables.in_lambda();

        let credentials = match (get("LOCAL_CREDENTIALS"), get(secret_id)) {
            (Some(_), _) if in_lambda => {
                return Err(error("LOCAL_CREDENTIALS", "must not be set in Lambda: it is for local runs"));
            }
            (Some(path), _) => Source::LocalFile(path.into()),
            (None, Some(secret_id)) => Source::SecretsManager { secret_id: secret_id.to_owned() },
            (None, None) => return Err(error(secret_id, "must be the name or ARN of the secret")),
        };
        let credentials_ttl = variables.within("CREDENTIALS_TTL_SECONDS", 300, 1..=86_400)?;
        let credentials_max_stale = variables.within("CREDENTIALS_MAX_STALE_SECONDS", 86_400, 0..=31_536_000)?;
        let (verifier, policy) = who_may_call(&variables)?;
        let drop_in = variables.flag("DROP_IN")?;
        let in_query = InQuery::parse(&variables, drop_in, &verifier)?;
        Ok(Config { verifier, policy, drop_in, in_query, credentials, credentials_ttl, credentials_max_stale })
    }
}

impl InQuery {
    /// `None`: the deployer allows no JWT in a query.
    fn parse(variables: &Variables<'_>, drop_in: bool, verifier: &Verifier) -> Result<Option<InQuery>, ConfigError> {
        let audience = variables.get("UIKIT_JWT_AUDIENCE");
        let audience = match (variables.flag("UIKIT_JWT_IN_QUERY")?, audience) {
            (false, None) => return Ok(None),
            (false, Some(_)) => return Err(error("UIKIT_JWT_AUDIENCE", "needs UIKIT_JWT_IN_QUERY=true")),
            (true, None) => return Err(error("UIKIT_JWT_AUDIENCE", "is required with UIKIT_JWT_IN_QUERY")),
            (true, Some(audience)) => audience.to_owned(),
        };
        if !drop_in {
            return Err(error("UIKIT_JWT_IN_QUERY", "needs DROP_IN=true"));
        }
        let audiences_of_headers = match verifier {
            Verifier::Gateway => jwt::audiences(variables)?,
            Verifier::Jwt(jwt) => {
                let backend = jwt.expected.backend.as_ref().map(|backend| backend.audience.clone());
                jwt.expected.audiences.iter().cloned().chain(backend).collect()
            }
            Verifier::Authorizer | Verifier::None => {
                return Err(error("UIKIT_JWT_IN_QUERY", "needs IDENTITY=gateway or jwt"));
            }
        };
        if audiences_of_headers.contains(&audience) {
            return Err(error("UIKIT_JWT_AUDIENCE", "must differ from all other audiences"));
        }
        Ok(Some(InQuery { audience, audiences_of_headers }))
    }
}

impl JwtSettings {
    /// The settings of the authorizer function. It mints nothing, so it has no credentials, and it decides nothing but whose
    /// a JWT is.
    pub(crate) fn of_authorizer() -> Result<JwtSettings, ConfigError> {
        JwtSettings::parse_of_authorizer(&environment())
    }

    fn parse_of_authorizer(variables: &BTreeMap<String, String>) -> Result<JwtSettings, ConfigError> {
        let (verifier, _) = who_may_call(&Variables::checked(variables)?)?;
        match verifier {
            // Behind the gateway, a backend signs with an IAM identity, and the gateway asks no authorizer function.
            Verifier::Jwt(jwt) if jwt.expected.backend.is_some() => {
                Err(error("BACKEND_AUDIENCE", "must not be set for the authorizer: it authorizes users alone"))
            }
            Verifier::Jwt(jwt) => Ok(*jwt),
            Verifier::Gateway | Verifier::Authorizer | Verifier::None => {
                Err(error("IDENTITY", "must be jwt for the authorizer: it verifies JWTs itself"))
            }
        }
    }
}

/// The process's environment. It has U+FFFD in place of bytes that are not UTF-8.
fn environment() -> BTreeMap<String, String> {
    let text = |bytes: std::ffi::OsString| bytes.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// The part of the settings that decides who a caller is and what the caller may have. It needs no credentials.
pub(crate) fn who_may_call(variables: &Variables<'_>) -> Result<(Verifier, Policy), ConfigError> {
    let verifier = match variables.get("IDENTITY").unwrap_or("gateway") {
        "gateway" => Verifier::Gateway,
        "authorizer" => Verifier::Authorizer,
        "jwt" => Verifier::Jwt(Box::new(JwtSettings::parse(variables)?)),
        "none" if variables.in_lambda() => {
            return Err(error("IDENTITY", "must not be none in Lambda: it is for local runs"));
        }
        "none" => Verifier::None,
        _ => return Err(error("IDENTITY", "must be gateway, authorizer, jwt or none")),
    };
    // A deployer who sets one of these expects the service to verify JWTs. So any other verifier is refused. With a JWT in
    // the query, the service also needs to know the audiences of the JWTs that the gateway verifies.
    let in_query = variables.flag("UIKIT_JWT_IN_QUERY")?;
    let is_set = |name: &&str| variables.get(name).is_some() && !(in_query && *name == "JWT_AUDIENCE");
    if !matches!(verifier, Verifier::Jwt(_))
        && let Some(name) = JwtSettings::VARIABLES.into_iter().find(is_set)
    {
        return Err(error(name, "needs IDENTITY=jwt"));
    }
    let claims = if verifier == Verifier::Gateway { policy::Claims::Flat } else { policy::Claims::Typed };
    Ok((verifier, Policy::parse(variables, claims)?))
}

/// The variables that are set. An empty one counts as unset: templates cannot always leave one out.
pub(crate) struct Variables<'a>(&'a BTreeMap<String, String>);

impl<'a> Variables<'a> {
    /// Refuses values that are not UTF-8, and the old name of a setting.
    pub(crate) fn checked(variables: &'a BTreeMap<String, String>) -> Result<Variables<'a>, ConfigError> {
        for name in Config::VARIABLES.into_iter().chain(Policy::VARIABLES).chain(JwtSettings::VARIABLES) {
            // This character is in place of bytes that are not UTF-8.
            if variables.get(name).is_some_and(|value| value.contains(char::REPLACEMENT_CHARACTER)) {
                return Err(error(name, "must be UTF-8"));
            }
        }
        let variables = Variables(variables);
        let get = |name| variables.get(name);
        // The setting's old name. Other programs read a variable of this name, too, so we ignore its other values.
        match get("AUTH") {
            Some("jwt") => Err(error("AUTH", "is called IDENTITY now: IDENTITY=gateway is what AUTH=jwt was")),
            Some("none") => Err(error("AUTH", "is called IDENTITY now: IDENTITY=none is what AUTH=none was")),
            _ => Ok(variables),
        }
    }

    /// Lambda sets this variable. Local emulators don't.
    fn in_lambda(&self) -> bool {
        self.0.contains_key("AWS_LAMBDA_INITIALIZATION_TYPE")
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn seconds(&self, name: &'static str, default: u64) -> Result<u64, ConfigError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| error(name, "must be a whole number of seconds")),
        }
    }

    fn within(&self, name: &'static str, default: u64, range: RangeInclusive<u64>) -> Result<Duration, ConfigError> {
        match self.seconds(name, default)? {
            seconds if range.contains(&seconds) => Ok(Duration::from_secs(seconds)),
            _ => Err(error(name, &format!("must be {} to {} seconds", range.start(), range.end()))),
        }
    }

    /// A number of these units.
    fn up_to(&self, name: &'static str, default: u32, most: u32, units: &str) -> Result<u32, ConfigError> {
        let number = self.get(name).map_or(Ok(default), str::parse).ok().filter(|number| *number <= most);
        number.ok_or_else(|| error(name, &format!("must be 0 to {most} {units}")))
    }

    fn flag(&self, name: &'static str) -> Result<bool, ConfigError> {
        match self.get(name).unwrap_or("false") {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(error(name, "must be true or false")),
        }
    }

    fn allowed(&self, name: &'static str, default: &str) -> Result<bool, ConfigError> {
        match self.get(name).unwrap_or(default) {
            "allowed" => Ok(true),
            "refused" => Ok(false),
            _ => Err(error(name, "must be allowed or refused")),
        }
    }

    /// A scope. With a space in it, it would be several, and no JWT would ever have it.
    fn scope(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        match self.get(name) {
            Some(scope) if scope.contains(char::is_whitespace) => Err(error(name, "must be one scope, without spaces")),
            scope => Ok(scope.map(str::to_owned)),
        }
    }
}

fn error(variable: &'static str, rule: &str) -> ConfigError {
    ConfigError { variable, rule: rule.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokens::Ttl;

    pub(crate) fn parse(variables: &[(&str, &str)]) -> Result<Config, String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::parse(&variables, "AGORA_SECRET_ID").map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_secret_is_needed() {
        let config = parse(&[("AGORA_SECRET_ID", "prod/agora")]).expect("valid");
        assert_eq!(config.verifier, Verifier::Gateway);
        assert_eq!(config.credentials, Source::SecretsManager { secret_id: "prod/agora".to_owned() });
        assert_eq!(config.policy.user_id_claim, "sub");
        assert_eq!(config.policy.default_ttl.as_seconds(), 3600);
        assert_eq!(config.policy.max_ttl, Ttl::MAX);
        assert!(config.policy.rtm_006);
        assert_eq!(config.policy.rtm_beyond_rooms, RtmBeyondRooms::Refused);
        assert_eq!(config.credentials_ttl, Duration::from_secs(300));
        assert_eq!(config.credentials_max_stale, Duration::from_secs(86_400));
        let empty = [
            ("AGORA_SECRET_ID", "prod/agora"),
            ("ROOMS_CLAIM", ""),
            ("IDENTITY", ""),
            ("AUTH", ""),
            ("LOCAL_CREDENTIALS", ""),
        ];
        assert_eq!(parse(&empty), Ok(config));
    }

    #[test]
    fn what_may_be_refused_is_allowed_or_refused() {
        let rtm_006 =
            |value| parse(&[("AGORA_SECRET_ID", "x"), ("RTM_006", value)]).map(|config| config.policy.rtm_006);
        assert_eq!(rtm_006("allowed"), Ok(true));
        assert_eq!(rtm_006("refused"), Ok(false));
        assert_eq!(rtm_006(""), Ok(true));
        for wrong in ["Refused", "refuse", "false", "0", " refused"] {
            assert_eq!(rtm_006(wrong), Err("RTM_006 must be allowed or refused".to_owned()), "{wrong}");
        }
        // Without ROOMS_CLAIM the setting is accepted, but changes nothing.
        let beyond = |value| {
            let config = parse(&[("AGORA_SECRET_ID", "x"), ("ROOMS_CLAIM", "rooms"), ("RTM_BEYOND_ROOMS", value)])?;
            Ok(config.policy.rtm_beyond_rooms)
        };
        assert_eq!(beyond("allowed"), Ok(RtmBeyondRooms::Allowed));
        assert_eq!(beyond("permissions"), Ok(RtmBeyondRooms::Permissions));
        assert_eq!(beyond("refused"), Ok(RtmBeyondRooms::Refused));
        assert_eq!(beyond(""), Ok(RtmBeyondRooms::Refused));
        for wrong in ["Allowed", "allow", "true", "1", "allowed ", "permission", "Permissions"] {
            let rule = "RTM_BEYOND_ROOMS must be refused, allowed or permissions";
            assert_eq!(beyond(wrong), Err(rule.to_owned()), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let wrong = |name, value| parse(&[("AGORA_SECRET_ID", "x"), (name, value)]).expect_err("refused");
        assert_eq!(parse(&[]).expect_err("refused"), "AGORA_SECRET_ID must be the name or ARN of the secret");
        assert_eq!(wrong("IDENTITY", "jwks"), "IDENTITY must be gateway, authorizer, jwt or none");
        assert_eq!(wrong("AUTH", "jwt"), "AUTH is called IDENTITY now: IDENTITY=gateway is what AUTH=jwt was");
        assert_eq!(wrong("AUTH", "none"), "AUTH is called IDENTITY now: IDENTITY=none is what AUTH=none was");
        assert!(parse(&[("AGORA_SECRET_ID", "x"), ("AUTH", "true")]).is_ok(), "another program's setting");
        assert_eq!(wrong("USER_ID_FORM", "upper"), "USER_ID_FORM must be verbatim, lower, uuid or hash");
        assert_eq!(wrong("MAX_TOKEN_TTL_SECONDS", "86401"), "MAX_TOKEN_TTL_SECONDS must be 1 to 86400 seconds");
        assert_eq!(wrong("CREDENTIALS_TTL_SECONDS", "5m"), "CREDENTIALS_TTL_SECONDS must be a whole number of seconds");
        assert_eq!(wrong("CREDENTIALS_TTL_SECONDS", "0"), "CREDENTIALS_TTL_SECONDS must be 1 to 86400 seconds");
        assert_eq!(
            wrong("CREDENTIALS_MAX_STALE_SECONDS", "31536001"),
            "CREDENTIALS_MAX_STALE_SECONDS must be 0 to 31536000 seconds"
        );
        assert_eq!(
            parse(&[("AGORA_SECRET_ID", "x"), ("MAX_TOKEN_TTL_SECONDS", "60"), ("DEFAULT_TOKEN_TTL_SECONDS", "61")])
                .expect_err("refused"),
            "DEFAULT_TOKEN_TTL_SECONDS must not be more than MAX_TOKEN_TTL_SECONDS"
        );
        let lower = parse(&[("AGORA_SECRET_ID", "x"), ("MAX_TOKEN_TTL_SECONDS", "60")]).expect("valid");
        assert_eq!(lower.policy.default_ttl.as_seconds(), 60);
        assert_eq!(wrong("ROOMS_CLAIM", "r\u{fffd}oms"), "ROOMS_CLAIM must be UTF-8");
    }

    #[test]
    fn lambda_takes_no_local_setting() {
        let lambda = ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        let secret = ("AGORA_SECRET_ID", "x");
        assert!(parse(&[secret, ("IDENTITY", "none")]).is_ok());
        assert!(parse(&[("LOCAL_CREDENTIALS", "demo.json")]).is_ok());
        for local in [("IDENTITY", "none"), ("LOCAL_CREDENTIALS", "demo.json")] {
            let refused = parse(&[lambda, secret, local]).expect_err("refused");
            assert!(refused.starts_with(local.0), "{refused}");
        }
        assert!(parse(&[lambda, secret]).is_ok());
    }

    #[test]
    fn jwts_are_verified_only_with_an_issuer_and_an_audience_that_are_named() {
        const GOOD: [(&str, &str); 4] = [
            ("AGORA_SECRET_ID", "x"),
            ("IDENTITY", "jwt"),
            ("JWT_ISSUER", "https://id.example.com/"),
            ("JWT_AUDIENCE", "a, b,"),
        ];
        let with = |name: &str, value: &str| {
            let mut variables: Vec<_> = GOOD.into_iter().filter(|(known, _)| *known != name).collect();
            variables.push((name, value));
            parse(&variables)
        };
        let Verifier::Jwt(settings) = parse(&GOOD).expect("valid").verifier else { panic!("another verifier") };
        assert_eq!(
            (&*settings.expected.issuer, &settings.expected.audiences[..]),
            ("https://id.example.com/", &["a".to_owned(), "b".to_owned()][..])
        );
        let document = Address::parse("https://id.example.com/.well-known/openid-configuration").expect("an address");
        assert_eq!(settings.keys, KeysFrom::Discovery(document));
        assert_eq!((settings.keys_ttl.as_secs(), settings.keys_max_stale.as_secs()), (300, 86_400));
        assert_eq!(
            (settings.expected.id_tokens, settings.expected.scope, settings.expected.backend),
            (false, None, None)
        );

        for here in ["http://localhost:8080", "http://127.0.0.1:9/x", "http://[::1]:9"] {
            assert!(with("JWT_ISSUER", here).is_ok(), "{here}");
        }
        let elsewhere = [
            "http://id.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost@example.com",
            "https://user:5ecret@id.example.com",
            "ftp://localhost",
            "id.example.com",
            "https://",
            "/issuer",
        ];
        for wrong in elsewhere {
            let rule = "must be an https address, or http on this machine";
            assert_eq!(with("JWT_ISSUER", wrong), Err(format!("JWT_ISSUER {rule}")), "{wrong}");
            assert_eq!(with("JWT_KEYS_URL", wrong), Err(format!("JWT_KEYS_URL {rule}")), "{wrong}");
        }
        for (name, value, said) in [
            ("JWT_ISSUER", "", "JWT_ISSUER must be the issuer of the JWTs"),
            ("JWT_AUDIENCE", "", "JWT_AUDIENCE must name the audiences of your JWTs, comma-separated"),
            ("JWT_AUDIENCE", " , ", "JWT_AUDIENCE must name the audiences of your JWTs, comma-separated"),
            ("BACKEND_SCOPE", "mint", "BACKEND_AUDIENCE must be set together with BACKEND_SCOPE"),
            ("BACKEND_AUDIENCE", "x", "BACKEND_SCOPE must be set together with BACKEND_AUDIENCE"),
            ("ID_TOKENS", "yes", "ID_TOKENS must be allowed or refused"),
            ("JWT_KEYS_TTL_SECONDS", "0", "JWT_KEYS_TTL_SECONDS must be 1 to 86400 seconds"),
            ("JWT_KEYS_MAX_STALE_SECONDS", "x", "JWT_KEYS_MAX_STALE_SECONDS must be a whole number of seconds"),
            ("JWT_SCOPE", "\u{fffd}", "JWT_SCOPE must be UTF-8"),
            ("JWT_SCOPE", "join mint", "JWT_SCOPE must be one scope, without spaces"),
            ("JWT_SCOPE", "join ", "JWT_SCOPE must be one scope, without spaces"),
            ("BACKEND_SCOPE", "read mint", "BACKEND_SCOPE must be one scope, without spaces"),
            ("PUBLISH_SCOPE", "read publish", "PUBLISH_SCOPE must be one scope, without spaces"),
        ] {
            assert_eq!(with(name, value), Err(said.to_owned()));
        }
    }

    #[test]
    fn a_jwt_in_a_query_needs_an_audience_of_its_own() {
        let with = |changes: &[(&str, &str)]| {
            let good = [
                ("LOCAL_CREDENTIALS", "unused"),
                ("DROP_IN", "true"),
                ("UIKIT_JWT_IN_QUERY", "true"),
                ("UIKIT_JWT_AUDIENCE", "uikit"),
            ];
            let variables = good.iter().chain(changes);
            let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let config = Config::parse(&variables, "AGORA_SECRET_ID").map_err(|error| error.to_string());
            config.map(|config| (config.drop_in, config.in_query))
        };
        let counts = |audiences: &[&str]| {
            let audiences_of_headers = audiences.iter().map(|audience| (*audience).to_owned()).collect();
            Ok((true, Some(InQuery { audience: "uikit".to_owned(), audiences_of_headers })))
        };
        let ours = [("IDENTITY", "jwt"), ("JWT_ISSUER", "https://id.example.com/"), ("JWT_AUDIENCE", "api")];
        let backend = [("BACKEND_AUDIENCE", "backends"), ("BACKEND_SCOPE", "tokens")];
        let gateways = [("JWT_AUDIENCE", "app,web")];
        assert_eq!(with(&gateways), counts(&["app", "web"]));
        assert_eq!(with(&ours), counts(&["api"]));
        assert_eq!(with(&[&ours[..], &backend].concat()), counts(&["api", "backends"]));
        assert_eq!(with(&[("UIKIT_JWT_IN_QUERY", ""), ("UIKIT_JWT_AUDIENCE", "")]), Ok((true, None)));
        let off = [("DROP_IN", ""), ("UIKIT_JWT_IN_QUERY", ""), ("UIKIT_JWT_AUDIENCE", "")];
        assert_eq!(with(&off), Ok((false, None)));
        let refused = |changes: &[(&str, &str)], rule: &str| assert_eq!(with(changes), Err(rule.to_owned()));
        refused(&[("DROP_IN", "yes")], "DROP_IN must be true or false");
        refused(&[("DROP_IN", "")], "UIKIT_JWT_IN_QUERY needs DROP_IN=true");
        refused(&[("UIKIT_JWT_AUDIENCE", "")], "UIKIT_JWT_AUDIENCE is required with UIKIT_JWT_IN_QUERY");
        refused(&[("UIKIT_JWT_IN_QUERY", "")], "UIKIT_JWT_AUDIENCE needs UIKIT_JWT_IN_QUERY=true");
        refused(&[], "JWT_AUDIENCE must name the audiences of your JWTs, comma-separated");
        refused(&[gateways[0], ("JWT_ISSUER", "https://id.example.com/")], "JWT_ISSUER needs IDENTITY=jwt");
        let without = [gateways[0], ("UIKIT_JWT_IN_QUERY", ""), ("UIKIT_JWT_AUDIENCE", "")];
        refused(&without, "JWT_AUDIENCE needs IDENTITY=jwt");
        for identity in ["none", "authorizer"] {
            refused(&[("IDENTITY", identity)], "UIKIT_JWT_IN_QUERY needs IDENTITY=gateway or jwt");
        }
        let another = "UIKIT_JWT_AUDIENCE must differ from all other audiences";
        refused(&[gateways[0], ("UIKIT_JWT_AUDIENCE", "web")], another);
        refused(&[&ours[..], &[("UIKIT_JWT_AUDIENCE", "api")]].concat(), another);
        refused(&[&ours[..], &backend, &[("UIKIT_JWT_AUDIENCE", "backends")]].concat(), another);
    }

    #[test]
    fn the_authorizer_verifies_users_jwts_and_needs_no_credentials() {
        let with = |changes: &[(&str, &str)]| {
            let good = [("IDENTITY", "jwt"), ("JWT_ISSUER", "https://id.example.com/"), ("JWT_AUDIENCE", "a")];
            let variables = good.iter().chain(changes);
            let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            JwtSettings::parse_of_authorizer(&variables).map_err(|error| error.to_string())
        };
        assert_eq!(with(&[]).expect("valid").expected.issuer, "https://id.example.com/");
        for identity in ["", "gateway", "authorizer", "none"] {
            let unset = [("IDENTITY", identity), ("JWT_ISSUER", ""), ("JWT_AUDIENCE", "")];
            let rule = "IDENTITY must be jwt for the authorizer: it verifies JWTs itself";
            assert_eq!(with(&unset), Err(rule.to_owned()), "{identity}");
        }
        let rule = "BACKEND_AUDIENCE must not be set for the authorizer: it authorizes users alone";
        assert_eq!(with(&[("BACKEND_AUDIENCE", "b"), ("BACKEND_SCOPE", "mint")]), Err(rule.to_owned()));
    }

    #[test]
    fn backends_have_an_audience_of_their_own() {
        let with = |audience| {
            let jwt = [("IDENTITY", "jwt"), ("JWT_ISSUER", "https://id.example.com/"), ("JWT_AUDIENCE", "a, b")];
            let backend = [("AGORA_SECRET_ID", "x"), ("BACKEND_SCOPE", "mint"), ("BACKEND_AUDIENCE", audience)];
            parse(&[jwt, backend].concat()).map(|_| ())
        };
        assert_eq!(with("c"), Ok(()));
        for of_users in ["a", "b"] {
            let rule = "BACKEND_AUDIENCE must not be in JWT_AUDIENCE: no user is a backend";
            assert_eq!(with(of_users), Err(rule.to_owned()));
        }
    }

    #[test]
    fn a_jwt_setting_is_refused_unless_identity_is_jwt() {
        let values = [
            ("JWT_ISSUER", "https://id.example.com/"),
            ("JWT_AUDIENCE", "a"),
            ("JWT_SCOPE", "join"),
            ("BACKEND_AUDIENCE", "b"),
            ("BACKEND_SCOPE", "mint"),
            ("JWT_KEYS_URL", "https://id.example.com/keys"),
            ("ID_TOKENS", "allowed"),
            ("JWT_KEYS_TTL_SECONDS", "60"),
            ("JWT_KEYS_MAX_STALE_SECONDS", "60"),
        ];
        assert_eq!(values.map(|(name, _)| name), JwtSettings::VARIABLES);
        for (name, value) in values {
            for identity in ["", "gateway", "authorizer", "none"] {
                let with = |value| parse(&[("AGORA_SECRET_ID", "x"), ("IDENTITY", identity), (name, value)]);
                assert_eq!(with(value), Err(format!("{name} needs IDENTITY=jwt")), "IDENTITY={identity}");
                assert!(with("").is_ok(), "an empty {name} is unset");
            }
        }
        let both = [("AGORA_SECRET_ID", "x"), ("JWT_AUDIENCE", "a"), ("JWT_ISSUER", "https://id.example.com/")];
        assert_eq!(parse(&both), Err("JWT_ISSUER needs IDENTITY=jwt".to_owned()), "one line, whatever is set");
    }
}
