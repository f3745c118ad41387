//! Explains a JWT to people: who its sender would be, or which rules it breaks.
//!
//! The same code decides as for requests: `jwt::verify`, and then `SignedIn::read`. If a rule is broken, we note it, and ask
//! again without it. So people see everything that is wrong at once.
//!
//! The time is handed in, and only [`Settings::load_keys`] uses the network. Nothing that answers requests calls this.

use super::claims::{GatewayClaims, Jwt, SignedIn, in_form, rtm_channels};
use super::issuer::{IssuerServer, KeyServer};
use super::jwt::{self, Claims, KeySet, Proven};
use crate::config::policy::RefusedClaim;
use crate::config::{
    ConfigError, Expected, JwtSettings, KeysFrom, Policy, UserIdForm, Variables, Verifier, who_may_call,
};
use crate::json::{self, Json};
use crate::problem::Problem;
use std::collections::BTreeMap;
use std::time::Duration;
use thiserror::Error;
use tokens::agora::{ChatUserId, RtmUserId, Uid, UserAccount};
use tokens::zego::{UserId, ZimUserId};
use tokens::{Moment, NameError};

pub use super::claims::NoUser;
pub use super::jwt::Refusal;
pub use crate::config::policy::RtmBeyondRooms;

/// What decides who a caller is and what the caller may have. It holds no secret.
pub struct Settings {
    by_gateway: bool,
    expected: Expected,
    keys: KeysFrom,
    policy: Policy,
}

/// What people give to one call, in place of the variables.
#[derive(Debug, Default)]
pub struct Overrides {
    /// API Gateway verifies the JWT, as in the stack.
    pub gateway: bool,
    /// In place of `JWT_ISSUER`.
    pub issuer: Option<String>,
    /// In place of `JWT_AUDIENCE`.
    pub audience: Option<String>,
    /// In place of `JWT_SCOPE`.
    pub scope: Option<String>,
}

/// A wrong setting. Names it and what it must be, never its value.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl From<ConfigError> for SettingsError {
    fn from(error: ConfigError) -> SettingsError {
        SettingsError(error.to_string())
    }
}

impl Settings {
    /// Reads the settings from the service's variables. No credentials are needed. Without `IDENTITY` the service verifies.
    ///
    /// # Errors
    /// A setting is wrong. The service would not start either.
    pub fn read(variables: &BTreeMap<String, String>, given: Overrides) -> Result<Settings, SettingsError> {
        let mut variables = variables.clone();
        let identity = variables.get("IDENTITY").map(String::as_str).filter(|identity| !identity.is_empty());
        let by_gateway = given.gateway || identity == Some("gateway");
        match identity {
            // A function would not start with a setting of `jwt` beside it.
            Some("gateway") => drop(who_may_call(&Variables::checked(&variables)?)?),
            Some("none") if !given.gateway => {
                let rule = "IDENTITY must be jwt or gateway here: with none, the service reads no JWT";
                return Err(SettingsError(rule.to_owned()));
            }
            Some("none" | "jwt") | None => {}
            Some(_) => {
                return Err(SettingsError("IDENTITY must be jwt or gateway here: give jwt for authorizer".to_owned()));
            }
        }
        for (name, value) in
            [("JWT_ISSUER", given.issuer), ("JWT_AUDIENCE", given.audience), ("JWT_SCOPE", given.scope)]
        {
            if let Some(value) = value {
                variables.insert(name.to_owned(), value);
            }
        }
        let policy_of_gateway = match by_gateway {
            true => Some(policy_of_gateway(&variables)?),
            false => None,
        };
        if by_gateway {
            variables.retain(|name, _| !ONLY_OURS.contains(&name.as_str()));
        }
        variables.insert("IDENTITY".to_owned(), "jwt".to_owned());
        let (verifier, policy) = who_may_call(&Variables::checked(&variables)?)?;
        let Verifier::Jwt(settings) = verifier else { unreachable!("IDENTITY is jwt") };
        let JwtSettings { mut expected, keys, .. } = *settings;
        // The gateway does not tell ID tokens from access tokens.
        expected.id_tokens |= by_gateway;
        Ok(Settings { by_gateway, expected, keys, policy: policy_of_gateway.unwrap_or(policy) })
    }

    /// Loads the issuer's keys as the service does.
    ///
    /// # Errors
    /// The issuer cannot be reached, or gives no usable keys.
    pub async fn load_keys(&self) -> Result<Keys, KeysError> {
        /// More than the service waits. A person has more time than a request.
        const PATIENCE: Duration = Duration::from_secs(10);
        let server = IssuerServer::new(self.expected.issuer.clone(), self.keys.clone());
        match tokio::time::timeout(PATIENCE, server.read()).await {
            Err(_) => Err(KeysError("no answer in time".to_owned())),
            Ok(Err(error)) if error.outcome == "refused" => Err(KeysError(format!("it answers {}", error.reason))),
            Ok(Err(error)) => Err(KeysError(error.reason)),
            Ok(Ok(text)) => Keys::parse(&text),
        }
    }

    /// Whether API Gateway verifies the JWT.
    pub fn by_gateway(&self) -> bool {
        self.by_gateway
    }

    /// What `iss` must be.
    pub fn issuer(&self) -> &str {
        &self.expected.issuer
    }

    /// The accepted audiences of users.
    pub fn audiences(&self) -> &[String] {
        &self.expected.audiences
    }

    /// The scope that every user's JWT needs.
    pub fn scope(&self) -> Option<&str> {
        self.expected.scope.as_deref()
    }

    /// The audience and the scope of a backend's JWT.
    pub fn backend(&self) -> Option<(&str, &str)> {
        self.expected.backend.as_ref().map(|backend| (&*backend.audience, &*backend.scope))
    }

    /// The claim that is the user id.
    pub fn user_id_claim(&self) -> &str {
        &self.policy.user_id_claim
    }

    /// How the claim becomes the user id, as `USER_ID_FORM` says it.
    pub fn user_id_form(&self) -> &'static str {
        name(self.policy.user_id_form)
    }

    /// The claim that lists a caller's rooms.
    pub fn rooms_claim(&self) -> Option<&str> {
        self.policy.rooms_claim.as_deref()
    }

    /// The claim with a caller's own RTC uid.
    pub fn rtc_uid_claim(&self) -> Option<&str> {
        self.policy.rtc_uid_claim.as_deref()
    }

    /// The scope that publishing needs.
    pub fn publish_scope(&self) -> Option<&str> {
        self.policy.publish_scope.as_deref()
    }

    /// The scope that a teacher's role in a classroom needs.
    pub fn teacher_scope(&self) -> Option<&str> {
        self.policy.teacher_scope.as_deref()
    }

    /// The claim where these scopes are looked for.
    pub fn scope_claim(&self) -> Option<&str> {
        self.policy.scope_claim.as_deref()
    }

    /// Which RTM tokens a user with limited rooms gets.
    pub fn rtm_beyond_rooms(&self) -> RtmBeyondRooms {
        self.policy.rtm_beyond_rooms
    }

    /// Says who the sender of this JWT would be at this moment. Without keys, the signature is not checked.
    pub fn explain(&self, keys: Option<&Keys>, token: &str, now: Moment) -> Explained {
        let said = Said::read(token);
        let (proven, mut refused, signature) = self.prove(said.as_ref(), keys, token, now);
        if self.by_gateway {
            self.add_rules_of_gateway(said.as_ref(), proven.is_some(), &mut refused);
        }
        let who = match proven {
            None => None,
            Some(Proven::Backend(claims)) => {
                let claim = Jwt::Ours(claims).refused_claim(&self.policy).cloned();
                refused.extend(claim.map(|RefusedClaim { claim, value }| Refused::Claim { claim, value }));
                Some(Who::Backend)
            }
            Some(Proven::User(claims)) => {
                let jwt = match self.by_gateway {
                    true => Jwt::OfGateway(as_the_gateway_sends(&claims)),
                    false => Jwt::Ours(claims),
                };
                self.user(&jwt, now, &mut refused).map(Who::User)
            }
        };
        Explained { said, signature, refused, who }
    }

    /// Asks the service's verifier again and again, each time without the rule that was broken.
    fn prove(
        &self,
        said: Option<&Said>,
        keys: Option<&Keys>,
        token: &str,
        now: Moment,
    ) -> (Option<Proven>, Vec<Refused>, Signature) {
        let (mut keys, mut expected, mut at) = (keys, self.expected.clone(), i64::from(now.as_unix_seconds()));
        let mut signature = if keys.is_some() { Signature::NotReached } else { Signature::NoKeys };
        let mut refused = Vec::new();
        let proven = loop {
            let decided = match keys {
                Some(Keys(keys)) => jwt::verify(&expected, keys, token, at),
                None => jwt::judge_without_signature(&expected, token, at),
            };
            let rule = match decided {
                Ok(proven) => break Some(proven),
                Err(rule) => rule,
            };
            let broken = Refused::Rule(rule);
            if is_about_keys(rule) {
                keys = None;
                // This is another issuer's JWT, so our issuer's keys cannot fit it.
                if refused.contains(&Refused::Rule(Refusal::Issuer)) {
                    signature = Signature::OtherIssuer;
                    continue;
                }
                signature = Signature::Wrong;
                refused.push(broken);
                continue;
            }
            let again = refused.contains(&broken);
            refused.push(broken);
            if again || !spared(rule, said, &mut expected, &mut at) {
                break None;
            }
        };
        if proven.is_some() && keys.is_some() {
            signature = Signature::Genuine;
        }
        (proven, refused, signature)
    }

    /// What API Gateway refuses beyond our own rules, as AWS documents it.
    fn add_rules_of_gateway(&self, said: Option<&Said>, form_is_right: bool, refused: &mut Vec<Refused>) {
        let Some(said) = said else { return };
        let algorithm = said.header("alg").unwrap_or_default();
        // AWS says "RSA-based". This may include PS256, or not.
        let by_rsa = algorithm.starts_with("RS") || algorithm.starts_with("PS");
        let is_ours = refused.iter().position(|it| *it == Refused::Rule(Refusal::Algorithm));
        match is_ours {
            Some(at) => refused[at] = Refused::GatewayAlgorithm,
            None if !by_rsa => refused.insert(0, Refused::GatewayAlgorithm),
            None => {}
        }
        if !form_is_right {
            return;
        }
        if said.header("kid").is_none() {
            refused.push(Refused::GatewayKeyId);
        }
        // We count `azp`, and the gateway does not.
        let counted = ["aud", "client_id"].iter().any(|name| said.has(name));
        if !counted && !refused.contains(&Refused::Rule(Refusal::Audience)) {
            refused.push(Refused::GatewayAudience);
        }
    }

    fn user(&self, jwt: &Jwt, now: Moment, refused: &mut Vec<Refused>) -> Option<User> {
        let mut policy = self.policy.clone();
        let mut add = |broken| {
            let again = refused.contains(&broken);
            refused.push(broken);
            !again
        };
        let user = loop {
            let why = match SignedIn::read(&policy, jwt) {
                Ok(user) => break user,
                Err(why) => why,
            };
            match why {
                NoUser::RefusedClaim => {
                    let pair = jwt.refused_claim(&policy)?.clone();
                    add(Refused::Claim { claim: pair.claim, value: pair.value });
                    policy.refused_claims.clear();
                    continue;
                }
                NoUser::NotAUuid => policy.user_id_form = UserIdForm::Verbatim,
                NoUser::NoEnd => policy.max_seconds_beyond_jwt = None,
                NoUser::NoId | NoUser::Ended => {}
            }
            if !add(Refused::NoUser(why)) || why == NoUser::NoId {
                return None;
            }
        };
        let longest = match user.longest(now) {
            Ok(longest) => policy.max_seconds_beyond_jwt.map(|_| longest.as_seconds()),
            Err(why) => {
                // An expired JWT was named already.
                if !refused.contains(&Refused::Rule(Refusal::Expired)) {
                    refused.push(Refused::NoUser(why));
                }
                None
            }
        };
        let raw = jwt.text(&policy.user_id_claim).unwrap_or_default();
        Some(User {
            taken_by: Vec::from(Product::ALL.map(|product| Taken::check(product, &user.id, raw))),
            id: user.id,
            rooms: user.rooms,
            may_publish: user.may_publish,
            may_teach: user.may_teach && user.may_publish,
            uid: user.uid,
            longest,
        })
    }
}

/// The variables that count only if the service verifies the JWT.
const ONLY_OURS: [&str; 4] = ["BACKEND_AUDIENCE", "BACKEND_SCOPE", "JWT_KEYS_URL", "ID_TOKENS"];

fn policy_of_gateway(variables: &BTreeMap<String, String>) -> Result<Policy, ConfigError> {
    let mut variables = variables.clone();
    variables.retain(|name, _| !JwtSettings::VARIABLES.contains(&name.as_str()));
    variables.insert("IDENTITY".to_owned(), "gateway".to_owned());
    who_may_call(&Variables::checked(&variables)?).map(|(_, policy)| policy)
}

fn is_about_keys(rule: Refusal) -> bool {
    matches!(rule, Refusal::UnknownKey | Refusal::OtherAlgorithm | Refusal::SeveralKeys | Refusal::Signature)
}

/// Changes the settings or the time so that the JWT no longer breaks this rule. `false`: no change can do that.
fn spared(rule: Refusal, said: Option<&Said>, expected: &mut Expected, at: &mut i64) -> bool {
    let Some(said) = said else { return false };
    let date = |name| said.time(name).and_then(|date| i64::try_from(date).ok());
    match rule {
        Refusal::Issuer => match said.text("iss") {
            Some(issuer) => expected.issuer = issuer.to_owned(),
            None => return false,
        },
        Refusal::Expired => match date("exp") {
            Some(end) => *at = end,
            None => return false,
        },
        Refusal::NotYetValid | Refusal::IssuedInFuture => match date("nbf").max(date("iat")) {
            Some(begin) => *at = begin,
            None => return false,
        },
        Refusal::IdToken => expected.id_tokens = true,
        Refusal::Audience => {
            expected.audiences = said.audiences().into_iter().map(str::to_owned).collect();
            return !expected.audiences.is_empty();
        }
        Refusal::InsufficientScope => expected.scope = None,
        _ => return false,
    }
    true
}

/// API Gateway sends every claim as a text, and sends no nested claims. So we leave objects out.
fn as_the_gateway_sends(claims: &Claims) -> GatewayClaims {
    fn text(claim: &Json) -> Option<String> {
        match claim {
            Json::Text(text) => Some(text.clone()),
            Json::Bool(flag) => Some(flag.to_string()),
            Json::Number(number) => Some(number.to_string()),
            Json::OtherNumber(number) => Some(number.to_string()),
            Json::List(items) => {
                let items: Vec<_> = items.iter().filter_map(text).collect();
                Some(format!("[{}]", items.join(" ")))
            }
            Json::Null | Json::Object(_) => None,
        }
    }
    let claims = claims.iter().filter_map(|(name, claim)| Some((name.clone(), text(claim)?))).collect();
    GatewayClaims { claims, scopes: None }
}

/// An issuer's public keys.
pub struct Keys(KeySet);

/// Why there are no keys. Contains nothing that the issuer sent.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct KeysError(String);

impl Keys {
    /// Reads a JWK set.
    ///
    /// # Errors
    /// It is not one, or no key in it can verify a JWT.
    pub fn parse(json: &[u8]) -> Result<Keys, KeysError> {
        KeySet::parse(json).map(Keys).map_err(|error| KeysError(error.to_string()))
    }
}

/// All that is known of a JWT.
pub struct Explained {
    /// What the JWT says of itself. `None`: it cannot be read.
    pub said: Option<Said>,
    /// Whether the issuer signed it.
    pub signature: Signature,
    /// Every rule that it breaks. The service answers for the first one.
    pub refused: Vec<Refused>,
    /// Who the caller is, or would be if the broken rules did not count. `None`: nobody.
    pub who: Option<Who>,
}

/// Whether the issuer signed a JWT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// The issuer signed it.
    Genuine,
    /// None of the issuer's keys made it.
    Wrong,
    /// Not checked: there are no keys.
    NoKeys,
    /// Not checked: it says that it is of another issuer than the keys.
    OtherIssuer,
    /// Not checked: it breaks a rule that comes first.
    NotReached,
}

/// Why the caller gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A rule for every JWT.
    Rule(Refusal),
    /// API Gateway verifies RSA signatures alone.
    GatewayAlgorithm,
    /// API Gateway needs `kid`.
    GatewayKeyId,
    /// API Gateway needs `aud` or `client_id`. It does not look at `azp`.
    GatewayAudience,
    /// `REFUSED_CLAIMS` lists this claim with this value.
    Claim {
        /// The claim's name.
        claim: String,
        /// The value that it must not have.
        value: String,
    },
    /// A genuine JWT that proves no user.
    NoUser(NoUser),
}

impl Refused {
    /// The rule in the service's words. They stay the same, and the log has them too.
    pub fn rule(&self, settings: &Settings) -> String {
        match self {
            Refused::Rule(rule) => rule.rule().to_owned(),
            Refused::GatewayAlgorithm => "alg: must be one of RSA behind API Gateway".to_owned(),
            Refused::GatewayKeyId => "kid: must be there behind API Gateway".to_owned(),
            Refused::GatewayAudience => "aud (without aud: client_id): must be there behind API Gateway".to_owned(),
            Refused::Claim { .. } => NoUser::RefusedClaim.detail(&settings.policy),
            Refused::NoUser(why) => why.detail(&settings.policy),
        }
    }

    /// The status of the answer.
    pub fn status(&self, settings: &Settings) -> u16 {
        let problem = match self {
            Refused::Rule(rule) => Problem::from(*rule),
            Refused::GatewayAlgorithm => Problem::from(Refusal::Algorithm),
            Refused::GatewayKeyId => Problem::from(Refusal::UnknownKey),
            Refused::GatewayAudience => Problem::from(Refusal::Audience),
            Refused::Claim { .. } => NoUser::RefusedClaim.problem(&settings.policy),
            Refused::NoUser(why) => why.problem(&settings.policy),
        };
        problem.status()
    }
}

/// Whose JWT it is.
pub enum Who {
    /// A user's.
    User(User),
    /// A backend's.
    Backend,
}

/// A user, as the service knows them.
pub struct User {
    /// The user id in its form.
    pub id: String,
    /// The rooms that the user may enter: names, or prefixes that end in `*`. `None`: every room.
    pub rooms: Option<Vec<String>>,
    /// Whether the user may publish.
    pub may_publish: bool,
    /// Whether the user has the scopes for every role in a classroom: to teach, and to publish.
    pub may_teach: bool,
    /// The user's own RTC uid, beside the assigned one.
    pub uid: Option<Uid>,
    /// How many seconds a token may live now, if the JWT's end limits it.
    pub longest: Option<u32>,
    /// Which products take the id.
    pub taken_by: Vec<Taken>,
}

impl User {
    /// How many channels the user's RTM token would name, if it had permissions.
    pub fn rtm_channels(&self) -> usize {
        rtm_channels(self.rooms.as_deref().unwrap_or_default()).len()
    }
}

/// What takes a user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Agora RTC, joined with an account. With the assigned uid every user can join.
    RtcAccount,
    /// Agora RTM.
    Rtm,
    /// Agora Chat.
    Chat,
    /// ZEGO Express.
    Express,
    /// ZEGO ZIM.
    Zim,
}

impl Product {
    /// All of them.
    pub const ALL: [Product; 5] = [Product::RtcAccount, Product::Rtm, Product::Chat, Product::Express, Product::Zim];

    fn check(self, id: &str) -> Result<(), String> {
        fn flaw<N>(checked: Result<N, NameError>) -> Result<N, String> {
            checked.map_err(|error| error.to_string())
        }
        match self {
            Product::RtcAccount => match flaw(UserAccount::new(id))?.as_uid() {
                Some(_) => Err("account must not be a number: to Agora it is a uid".to_owned()),
                None => Ok(()),
            },
            Product::Rtm => flaw(RtmUserId::new(id)).map(drop),
            Product::Chat => flaw(ChatUserId::new(id)).map(drop),
            Product::Express => flaw(UserId::new(id)).map(drop),
            Product::Zim => flaw(ZimUserId::new(id)).map(drop),
        }
    }
}

/// Whether a product takes the user id.
pub struct Taken {
    /// The product.
    pub product: Product,
    /// Why it refuses the id. It names a rule and one character at most.
    pub refused: Option<String>,
    /// The values of `USER_ID_FORM` with which it would take the id.
    pub cures: Vec<&'static str>,
}

impl Taken {
    fn check(product: Product, id: &str, raw: &str) -> Taken {
        let refused = product.check(id).err();
        let cures = FORMS.iter().filter(|(form, _)| in_form(*form, raw).is_ok_and(|id| product.check(&id).is_ok()));
        let cures = if refused.is_some() { cures.map(|(_, name)| *name).collect() } else { Vec::new() };
        Taken { product, refused, cures }
    }
}

/// As `USER_ID_FORM` names them.
const FORMS: [(UserIdForm, &str); 4] = [
    (UserIdForm::Verbatim, "verbatim"),
    (UserIdForm::Lower, "lower"),
    (UserIdForm::Uuid, "uuid"),
    (UserIdForm::Hash, "hash"),
];

fn name(form: UserIdForm) -> &'static str {
    FORMS.iter().find(|(known, _)| *known == form).map_or("", |(_, name)| name)
}

/// What a JWT says of itself. Nobody has verified it.
pub struct Said {
    header: Claims,
    /// An encrypted JWT shows none.
    claims: Claims,
    jwt: Jwt,
}

impl Said {
    /// Reads what can be read without a key. `None`: it is no JWT, or no strict reader can read it.
    pub fn read(token: &str) -> Option<Said> {
        let object = |part: &str| match json::parse(&jwt::base64url(part)?) {
            Ok(Json::Object(object)) => Some(object),
            _ => None,
        };
        let parts: Vec<&str> = token.split('.').collect();
        let header = object(parts.first()?)?;
        let claims = match parts.len() {
            3 => object(parts[1])?,
            5 => Claims::new(),
            _ => return None,
        };
        Some(Said { header, jwt: Jwt::Ours(claims.clone()), claims })
    }

    /// A text in the header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_text()
    }

    /// A claim that is a text. The name may be a path.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.jwt.text(claim)
    }

    /// The names that a claim lists, or the one that it is.
    pub fn list(&self, claim: &str) -> Vec<&str> {
        self.jwt.list(claim)
    }

    /// Whether a claim has this value, or lists it.
    pub fn is(&self, claim: &str, value: &str) -> bool {
        self.jwt.has(&RefusedClaim { claim: claim.to_owned(), value: value.to_owned() })
    }

    /// Whether there is a claim of this name at the top.
    pub fn has(&self, claim: &str) -> bool {
        self.claims.contains_key(claim)
    }

    /// The names of the claims at the top.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.claims.keys().map(String::as_str)
    }

    /// A claim that is a time, in whole seconds since 1970.
    pub fn time(&self, claim: &str) -> Option<u64> {
        self.jwt.time(claim)
    }

    /// Whom the JWT is for. If it doesn't say, these are the apps that it was given to.
    pub fn audiences(&self) -> Vec<&str> {
        if self.has("aud") {
            return self.list("aud");
        }
        ["client_id", "azp"].into_iter().filter_map(|name| self.text(name)).collect()
    }

    /// The JWT's scopes.
    pub fn scopes(&self) -> Vec<&str> {
        let listed = ["scope", "scp"].into_iter().flat_map(|name| self.list(name));
        listed.flat_map(|scopes| scopes.split(' ')).filter(|scope| !scope.is_empty()).collect()
    }

    /// Whether it is marked as an ID token.
    pub fn is_id_token(&self) -> bool {
        jwt::is_id_token(&self.claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::jwt::samples::{
        AUDIENCE, FORGED_RSA, ISSUER, NOW, P256, RSA, backend, claims_with, expected, key_set,
    };
    use serde_json::{Value, json};

    fn settings(change: impl FnOnce(&mut Expected)) -> Settings {
        let variables =
            [("IDENTITY", "jwt"), ("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", AUDIENCE), ("MAX_SECONDS_BEYOND_JWT", "60")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut settings = Settings::read(&variables.into(), Overrides::default()).expect("valid");
        settings.expected = expected();
        change(&mut settings.expected);
        settings
    }

    /// The first reason is the one for which a request would be refused. Without a reason, it would be accepted.
    #[test]
    fn the_first_reason_is_the_services_own() {
        let keys = Keys(key_set(&[&RSA.jwk, &P256.jwk]));
        let now = Moment::from_unix_seconds(NOW.unsigned_abs()).expect("a moment");
        let changes: [fn(&mut Value); 14] = [
            |_| (),
            |claims| claims["iss"] = json!("https://other.example"),
            |claims| claims["aud"] = json!("other"),
            |claims| claims["aud"] = json!(7),
            |claims| claims["aud"] = json!("backends"),
            |claims| (claims["aud"], claims["scope"]) = (json!("backends"), json!("mint")),
            |claims| claims["exp"] = json!(NOW - 60),
            |claims| claims["exp"] = json!("soon"),
            |claims| (claims["exp"], claims["nbf"]) = (json!(NOW - 60), json!(NOW + 61)),
            |claims| claims["iat"] = json!(NOW + 61),
            |claims| claims["nonce"] = json!("n"),
            |claims| claims["sub"] = json!(""),
            |claims| *claims = json!({}),
            |claims| claims["scope"] = json!("join"),
        ];
        let scoped: fn(&mut Expected) = |expected| expected.scope = Some("join".to_owned());
        for settings in [settings(|_| ()), settings(|expected| expected.backend = backend()), settings(scoped)] {
            for (number, change) in changes.into_iter().enumerate() {
                for (key, algorithm) in [(&*RSA, "RS256"), (&*P256, "ES256"), (&*FORGED_RSA, "RS256")] {
                    let token = key.token(&key.header(algorithm), &claims_with(change));
                    let explained = settings.explain(Some(&keys), &token, now);
                    let decided = jwt::verify(&settings.expected, &keys.0, &token, NOW);
                    let proven = match decided {
                        Err(rule) => {
                            assert_eq!(explained.refused.first(), Some(&Refused::Rule(rule)), "{number} {algorithm}");
                            continue;
                        }
                        Ok(Proven::Backend(_)) => {
                            assert!(matches!(explained.who, Some(Who::Backend)) && explained.refused.is_empty());
                            continue;
                        }
                        Ok(Proven::User(claims)) => SignedIn::read(&settings.policy, &Jwt::Ours(claims)),
                    };
                    assert_eq!(explained.signature, Signature::Genuine, "{number} {algorithm}");
                    match (proven, explained.who) {
                        (Ok(user), Some(Who::User(explained_user))) => {
                            assert_eq!(
                                (user.id, explained.refused),
                                (explained_user.id, vec![]),
                                "{number} {algorithm}"
                            );
                        }
                        (Err(why), None) => {
                            assert_eq!(explained.refused, [Refused::NoUser(why)], "{number} {algorithm}")
                        }
                        (proven, _) => panic!("{number} {algorithm}: {proven:?} is explained otherwise"),
                    }
                }
            }
        }
    }

    /// The explanation of a broken text always ends.
    #[test]
    fn any_text_is_explained() {
        let settings = settings(|_| ());
        let now = Moment::from_unix_seconds(NOW.unsigned_abs()).expect("a moment");
        let token = RSA.token(&RSA.header("RS256"), &claims_with(|_| ()));
        for at in 0..token.len() {
            let changed = format!("{}A{}", &token[..at], &token[at + 1..]);
            for text in [&token[..at], &token[at..], &*changed] {
                let explained = settings.explain(None, text, now);
                assert!(explained.who.is_some() || !explained.refused.is_empty());
            }
        }
    }
}
