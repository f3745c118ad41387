//! Puts the service's decision about a JWT into words, with the setting to change.

use super::paste::{Found, Other};
use super::provider::Provider;
use super::report::{CallerView, JwtView, Report, UserView};
use crate::report::{Code, Reason, Setting, Severity, Signature, Verdict};
use crate::unseen::shown;
use crate::when::{moment, relative};
use service::whoami::{
    Explained, Keys, NoUser, Product, Refusal, Refused, RtmBeyondRooms, Said, Settings, Signature as Checked, Taken,
    User, Who,
};
use tokens::Moment;
use tokens::agora::Permissions;

/// Where the issuer's keys come from.
pub(super) enum Source {
    Keys(Keys),
    /// `--offline`.
    NotWanted,
    /// They could not be had, for this reason.
    Failed(String),
}

const fn setting(variable: &'static str, parameter: &'static str) -> Setting {
    Setting { variable, parameter: Some(parameter) }
}

const fn only_variable(variable: &'static str) -> Setting {
    Setting { variable, parameter: None }
}

const IDENTITY: Setting = setting("IDENTITY", "JwtVerifier");
const ISSUER: Setting = setting("JWT_ISSUER", "JwtIssuer");
const AUDIENCE: Setting = setting("JWT_AUDIENCE", "JwtAudience");
const SCOPE: Setting = setting("JWT_SCOPE", "JwtScope");
const ID_TOKENS: Setting = setting("ID_TOKENS", "IdTokens");
const KEYS_URL: Setting = only_variable("JWT_KEYS_URL");
const BACKEND_AUDIENCE: Setting = only_variable("BACKEND_AUDIENCE");
const BACKEND_SCOPE: Setting = only_variable("BACKEND_SCOPE");
const USER_ID_CLAIM: Setting = setting("USER_ID_CLAIM", "UserIdClaim");
const USER_ID_FORM: Setting = setting("USER_ID_FORM", "UserIdForm");
const RTC_UID_CLAIM: Setting = setting("RTC_UID_CLAIM", "RtcUidClaim");
const ROOMS_CLAIM: Setting = setting("ROOMS_CLAIM", "RoomsClaim");
const RTM_BEYOND_ROOMS: Setting = setting("RTM_BEYOND_ROOMS", "RtmBeyondRooms");
const PUBLISH_SCOPE: Setting = setting("PUBLISH_SCOPE", "PublishScope");
const TEACHER_SCOPE: Setting = setting("TEACHER_SCOPE", "TeacherScope");
const SCOPE_CLAIM: Setting = setting("SCOPE_CLAIM", "ScopeClaim");
const REFUSED_CLAIMS: Setting = setting("REFUSED_CLAIMS", "RefusedClaims");
const BEYOND_JWT: Setting = setting("MAX_SECONDS_BEYOND_JWT", "MaxSecondsBeyondJwt");

/// Explains a JWT.
pub(super) fn explain(settings: &Settings, found: Found, source: &Source, now: Moment) -> Report {
    let keys = match source {
        Source::Keys(keys) => Some(keys),
        Source::NotWanted | Source::Failed(_) => None,
    };
    let explained = settings.explain(keys, &found.token, now);
    let case = Case { settings, said: explained.said.as_ref(), now: now.as_unix_seconds().into() };
    let mut reasons: Vec<Reason> = explained.refused.iter().map(|refused| case.refused(refused)).collect();
    reasons.extend(case.warnings(&explained));
    reasons.extend(found.repairs);
    reasons.sort_by_key(|reason| reason.severity);
    let unchecked = |because: &str| Signature::Unchecked { because: because.to_owned() };
    let signature = match (explained.signature, source) {
        (Checked::Genuine, _) => Signature::Genuine,
        (Checked::Wrong, _) => Signature::Wrong,
        (Checked::NoKeys, Source::Failed(because)) => unchecked(because),
        (Checked::NoKeys, _) => unchecked("--offline asks for no keys"),
        (Checked::OtherIssuer, _) => unchecked("these are the keys of another issuer than the JWT's"),
        (Checked::NotReached, _) => unchecked("the JWT breaks a rule that comes first"),
    };
    let refused = reasons.iter().any(|reason| reason.severity == Severity::Refused);
    let caller = explained.who.as_ref().map(|who| match who {
        Who::Backend => CallerView::Backend,
        Who::User(user) => CallerView::User(case.user(user)),
    });
    Report {
        verdict: if refused { Verdict::Refused } else { Verdict::Good },
        verified_by: by(settings),
        now: case.now,
        jwt: case.said.map(|said| case.jwt(said)),
        signature,
        caller,
        reasons,
        keys_failed: matches!(source, Source::Failed(_)),
    }
}

/// Explains a text that is not a JWT.
pub(super) fn no_jwt(settings: &Settings, other: Other, now: Moment) -> Report {
    let reason = match other {
        Other::Something(reason) => reason,
        Other::Opaque => Reason::refused(
            Code::OpaqueToken,
            "This is not a JWT. It may be an opaque token: only its provider can read it.",
        )
        .advice(Provider::of(settings.issuer()).instead_of_opaque()),
        Other::Encrypted(token) => encrypted(settings, &token),
    };
    Report {
        verdict: Verdict::Unreadable,
        verified_by: by(settings),
        now: now.as_unix_seconds().into(),
        jwt: None,
        signature: Signature::Unchecked { because: "there is no JWT to check".to_owned() },
        caller: None,
        reasons: vec![reason],
        keys_failed: false,
    }
}

fn encrypted(settings: &Settings, token: &str) -> Reason {
    let said = Said::read(token);
    let header = |name| said.as_ref().and_then(|said| said.header(name));
    let provider = Provider::of(header("iss").unwrap_or(settings.issuer()));
    let reason =
        Reason::refused(Code::EncryptedJwt, "This is an encrypted JWT of five parts. The service cannot read it.");
    match (provider, header("alg")) {
        (Provider::Cognito, _) => reason.advice("This is Cognito's refresh token. Send the access token."),
        // Auth0 encrypts for itself.
        (Provider::Auth0, _) | (Provider::Other, Some("dir")) => reason.advice(Provider::Auth0.instead_of_opaque()),
        _ => reason.advice("Ask your provider for access tokens that are signed, and not encrypted."),
    }
}

fn by(settings: &Settings) -> &'static str {
    if settings.by_gateway() { "gateway" } else { "service" }
}

/// One JWT, and the settings for it.
struct Case<'a> {
    settings: &'a Settings,
    said: Option<&'a Said>,
    now: i64,
}

impl Case<'_> {
    fn provider(&self) -> Provider {
        let issuer = self.said.and_then(|said| said.text("iss")).unwrap_or_default();
        match Provider::of(issuer) {
            Provider::Other => Provider::of(self.settings.issuer()),
            known => known,
        }
    }

    fn jwt(&self, said: &Said) -> JwtView {
        let owned = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect();
        let time = |name| said.time(name).and_then(|time| i64::try_from(time).ok());
        JwtView {
            algorithm: said.header("alg").map(str::to_owned),
            issuer: said.text("iss").map(str::to_owned),
            audiences: owned(said.audiences()),
            scopes: owned(said.scopes()),
            issued_at: time("iat"),
            expires_at: time("exp"),
            expires_in: time("exp").map(|end| end.saturating_sub(self.now)),
        }
    }

    fn user(&self, user: &User) -> UserView {
        let named = |taken: bool| {
            let products = user.taken_by.iter().filter(|it| it.refused.is_none() == taken);
            products.map(|it| product(it.product)).collect()
        };
        UserView {
            user_id: user.id.clone(),
            user_id_claim: self.settings.user_id_claim().to_owned(),
            user_id_form: self.settings.user_id_form(),
            accepted_by: named(true),
            refused_by: named(false),
            rooms: user.rooms.clone(),
            may_publish: user.may_publish,
            may_teach: user.may_teach,
            rtc_uid: user.uid.and_then(|uid| uid.to_string().parse().ok()),
            longest_lifetime: user.longest,
        }
    }

    fn refused(&self, refused: &Refused) -> Reason {
        let reason = match refused {
            Refused::Rule(rule) => self.broken(*rule),
            Refused::GatewayAlgorithm => self.gateway_algorithm(Severity::Refused),
            Refused::GatewayKeyId => {
                Reason::refused(Code::NoKeyId, "Its header has no kid. API Gateway needs it to find the key.")
                    .advice("Let your provider write kid into the header.")
            }
            Refused::GatewayAudience => {
                let message = "It has neither aud nor client_id. API Gateway does not look at azp.";
                Reason::refused(Code::WrongAudience, message).advice(self.provider().audience()).settings(&[AUDIENCE])
            }
            Refused::Claim { claim, value } => {
                let message =
                    format!("Its claim {} is {}, and REFUSED_CLAIMS refuses that.", shown(claim), shown(value));
                Reason::refused(Code::RefusedClaim, message)
                    .advice("Sign in as a user whose JWT has another value. Or take the pair out of the setting.")
                    .settings(&[REFUSED_CLAIMS])
            }
            Refused::NoUser(why) => self.no_user(*why),
        };
        reason.rule(refused.rule(self.settings), refused.status(self.settings))
    }

    fn broken(&self, rule: Refusal) -> Reason {
        match rule {
            Refusal::Issuer => self.issuer(),
            Refusal::Audience | Refusal::AudienceType => self.audience(rule),
            Refusal::Algorithm => self.algorithm(),
            Refusal::IdToken => {
                let what = match self.said.and_then(|said| said.text("token_use")) {
                    Some(used) if used != "id" && used != "access" => {
                        format!("Its token_use is {}, and not \"access\".", shown(&brief(used)))
                    }
                    _ => {
                        "This is an ID token. It says who signed in to the app, and it is no permission to call an API."
                            .to_owned()
                    }
                };
                Reason::refused(Code::IdToken, what)
                    .advice(self.provider().instead_of_id_token())
                    .settings(&[ID_TOKENS])
            }
            Refusal::InsufficientScope => {
                let scope = shown(self.settings.scope().unwrap_or_default());
                let mut message = format!("It lacks the scope {scope}. {}", self.has_scopes());
                if self.settings.by_gateway() && self.said.is_some_and(Said::is_id_token) {
                    message.push_str(" It is an ID token: only access tokens have scopes.");
                }
                Reason::refused(Code::MissingScope, message)
                    .advice("Ask your provider for this scope when the user signs in. Or change the setting.")
                    .settings(&[SCOPE])
            }
            Refusal::BackendScope => {
                let (audience, scope) = self.settings.backend().unwrap_or_default();
                let message = format!(
                    "Its audience is {}, which is for backends. A backend also needs the scope {}. {}",
                    shown(audience),
                    shown(scope),
                    self.has_scopes()
                );
                Reason::refused(Code::BackendScope, message)
                    .advice("Give the backend's client this scope. A user's JWT needs an audience of users.")
                    .settings(&[BACKEND_SCOPE, BACKEND_AUDIENCE, AUDIENCE])
            }
            Refusal::Expired => {
                let end = self.time("exp");
                let message = format!("It expired {}, at {}.", relative(end.saturating_sub(self.now)), moment(end));
                Reason::refused(Code::Expired, message)
                    .advice("Sign in again, or let the app renew its JWT before it asks for a token.")
            }
            Refusal::NotYetValid | Refusal::IssuedInFuture => {
                let begin = self.time(if rule == Refusal::NotYetValid { "nbf" } else { "iat" });
                let message = format!("It begins {}, at {}.", relative(begin.saturating_sub(self.now)), moment(begin));
                Reason::refused(Code::NotYetIssued, message).advice(
                    "Set the clocks of the provider and of this machine by NTP. 60 seconds of difference are allowed.",
                )
            }
            Refusal::ExpiryType | Refusal::NotBeforeType | Refusal::IssuedAtType => {
                let message =
                    "A time in it is missing or is not a number: exp must be there, nbf and iat may be missing.";
                Reason::refused(Code::WrongDate, message)
                    .advice("Let your provider write exp, nbf and iat as numbers of seconds since 1970.")
            }
            Refusal::UnknownKey => {
                let message = "No key of the issuer fits: none has the JWT's kid, or none has its algorithm.";
                Reason::refused(Code::UnknownKey, message)
                    .advice(
                        "Sign in again: the provider may have new keys. If that does not help, the JWT is another \
                         provider's, or the keys are.",
                    )
                    .settings(&[ISSUER, KEYS_URL])
            }
            Refusal::OtherAlgorithm => {
                Reason::refused(Code::OtherAlgorithm, "The issuer's key of this kid is for another algorithm.")
                    .advice("Let the provider publish the key with the algorithm with which it signs.")
            }
            Refusal::SeveralKeys => Reason::refused(
                Code::SeveralKeys,
                "The issuer has several keys that fit, and the JWT does not say with which it is signed.",
            )
            .advice("Let the provider write kid into the header."),
            Refusal::Signature => Reason::refused(
                Code::WrongSignature,
                "Its signature was not made with the issuer's key of this kid.",
            )
            .advice("Copy the JWT again, whole. If it stays so, somebody changed the JWT, or another provider made it.")
            .settings(&[ISSUER, KEYS_URL]),
            Refusal::TooLong => Reason::refused(Code::TooLong, "It is longer than 8,192 bytes.")
                .advice("Let your provider put less into access tokens. Often it is a long list of groups or roles."),
            Refusal::Type => {
                let typ = self.said.and_then(|said| said.header("typ")).unwrap_or_default();
                let message =
                    format!("Its header says the type {}. Access tokens have JWT or at+jwt.", shown(&brief(typ)));
                Reason::refused(Code::MalformedJwt, message).advice(
                    "Send the access token. This JWT is for something else, such as signing out or a proof of a key.",
                )
            }
            Refusal::Base64 => Reason::refused(
                Code::MalformedJwt,
                "Its parts are not base64url without padding. Characters were changed, lost or added.",
            )
            .advice("Copy it again, whole. Do not decode or encode it on the way."),
            Refusal::Parts
            | Refusal::HeaderNotJson
            | Refusal::HeaderNameTwice
            | Refusal::Critical
            | Refusal::KeyIdType
            | Refusal::PayloadNotJson
            | Refusal::PayloadNameTwice
            | Refusal::AuthorizationTwice
            | Refusal::Authorization => {
                Reason::refused(Code::MalformedJwt, "It has the form of a JWT, but the service cannot read it.")
                    .advice("Copy it again, whole. If it stays so, its provider writes JWTs that are not as usual.")
            }
        }
    }

    fn issuer(&self) -> Reason {
        let ours = self.settings.issuer();
        let reason = match self.said.and_then(|said| said.text("iss")) {
            None => Reason::refused(Code::WrongIssuer, "It names no issuer (iss)."),
            Some(theirs) => {
                let mut message =
                    format!("It is of the issuer {}, and {} is expected.", shown(&brief(theirs)), shown(ours));
                if theirs.trim_end_matches('/') == ours.trim_end_matches('/') {
                    message.push_str(" They differ only in the slash at the end.");
                } else if theirs.eq_ignore_ascii_case(ours) {
                    message.push_str(" They differ only in upper and lower case.");
                } else if theirs == "supabase" {
                    message.push_str(" This is an API key of a Supabase project. It is no user's.");
                }
                Reason::refused(Code::WrongIssuer, message)
            }
        };
        reason
            .advice("If this is your provider: set the issuer with exactly the same characters, also at its end.")
            .settings(&[ISSUER])
    }

    fn audience(&self, rule: Refusal) -> Reason {
        let ours = quoted(self.settings.audiences().iter().map(String::as_str));
        let message = match self.said {
            Some(said) if rule == Refusal::Audience && !said.audiences().is_empty() => {
                let claim = if said.has("aud") { "aud" } else { "client_id or azp" };
                format!("It is for {} ({claim}), and not for {ours}.", quoted(said.audiences()))
            }
            Some(said) if rule == Refusal::Audience && !said.has("aud") => {
                format!("It does not say whom it is for: it has no aud, client_id or azp. {ours} is expected.")
            }
            _ => format!("Its audience (aud, client_id, azp) is not a text, or a list of texts. {ours} is expected."),
        };
        let mut message = message;
        if self.said.is_some_and(|said| said.is("typ", "Refresh") || said.is("typ", "Offline")) {
            message.push_str(" It is a refresh token: send the access token.");
        } else if self.said.is_some_and(Said::is_id_token) {
            message.push_str(" An ID token is for the app, and an access token is for the API.");
        }
        Reason::refused(Code::WrongAudience, message).advice(self.provider().audience()).settings(&[AUDIENCE])
    }

    fn algorithm(&self) -> Reason {
        let algorithm = self.said.and_then(|said| said.header("alg")).unwrap_or("none");
        let is_hmac = algorithm.starts_with("HS");
        let message = if is_hmac {
            format!(
                "It is signed with {algorithm}. That is a shared secret: a service that can check such a JWT can also make \
                 one. So the service takes none."
            )
        } else {
            format!("Its algorithm is {}. The service takes no JWT with it.", shown(&brief(algorithm)))
        };
        let claims = |name, value| self.said.is_some_and(|said| said.is(name, value));
        let advice = if claims("typ", "Refresh") || claims("typ", "Offline") {
            "This is Keycloak's refresh token. Send the access token."
        } else if is_hmac && (claims("role", "anon") || claims("role", "service_role")) {
            "This is an API key of a Supabase project, and no user's. Send `session.access_token`. If it is the key of \
             service_role, and an app has it, make a new one at once."
        } else if is_hmac && self.provider() == Provider::Supabase {
            "Supabase: move the project from the JWT secret to signing keys. RS256 works everywhere, ES256 only where \
             the service verifies itself."
        } else if is_hmac && self.provider() == Provider::Auth0 {
            "Auth0: set the API's signing algorithm to RS256."
        } else {
            "Let your provider sign with RS256. It works everywhere."
        };
        Reason::refused(Code::WrongAlgorithm, message).advice(advice)
    }

    /// Behind API Gateway this is a refusal. Elsewhere it is a note.
    fn gateway_algorithm(&self, severity: Severity) -> Reason {
        let algorithm = self.said.and_then(|said| said.header("alg")).unwrap_or("none");
        if algorithm.starts_with("HS") || severity == Severity::Refused && self.algorithm_is_nobodys(algorithm) {
            return Reason { code: Code::GatewayAlgorithm, ..self.algorithm() };
        }
        let message = format!(
            "It is signed with {}. API Gateway verifies only RSA signatures, and answers 401.",
            shown(&brief(algorithm))
        );
        let advice = format!(
            "{} Or let a function verify JWTs (stack: JwtVerifier=tokenmint), or the server (IDENTITY=jwt).",
            self.provider().rsa()
        );
        Reason::new(severity, Code::GatewayAlgorithm, message).advice(advice).settings(&[IDENTITY])
    }

    /// Whether the service refuses the algorithm, too.
    fn algorithm_is_nobodys(&self, algorithm: &str) -> bool {
        !["ES256", "ES384", "EdDSA"].contains(&algorithm)
    }

    fn no_user(&self, why: NoUser) -> Reason {
        match why {
            NoUser::NoId => {
                let claim = self.settings.user_id_claim();
                let message = format!(
                    "It has no user id: its claim {} is missing, is empty, or is not a text. {}",
                    shown(claim),
                    self.claims()
                );
                Reason::refused(Code::NoUserId, message)
                    .advice("Name the claim that is the user id, or let your provider add it.")
                    .settings(&[USER_ID_CLAIM])
            }
            NoUser::NotAUuid => {
                let message = format!(
                    "USER_ID_FORM is uuid, and its claim {} is not a UUID with hyphens.",
                    shown(self.settings.user_id_claim())
                );
                Reason::refused(Code::NotAUuid, message)
                    .advice("Set another form. `hash` takes every id, and every vendor takes the result.")
                    .settings(&[USER_ID_FORM, USER_ID_CLAIM])
            }
            NoUser::NoEnd => Reason::refused(Code::WrongDate, "It does not say when it ends (exp).")
                .advice("Let your provider write exp as a number of seconds since 1970.")
                .settings(&[BEYOND_JWT]),
            NoUser::Ended => Reason::refused(
                Code::Expired,
                "It ended too long ago (MAX_SECONDS_BEYOND_JWT). No time is left for a token.",
            )
            .advice("Sign in again, or let the app renew its JWT before it asks for a token.")
            .settings(&[BEYOND_JWT]),
            NoUser::RefusedClaim => {
                Reason::refused(Code::RefusedClaim, "It has a claim that is refused.").settings(&[REFUSED_CLAIMS])
            }
        }
    }

    /// What breaks no rule, but may be a mistake.
    fn warnings(&self, explained: &Explained) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let Some(said) = self.said else { return reasons };
        let algorithm = said.header("alg").unwrap_or_default();
        if !self.settings.by_gateway() && ["ES256", "ES384", "EdDSA"].contains(&algorithm) {
            reasons.push(self.gateway_algorithm(Severity::Note));
        } else if algorithm.starts_with("PS") {
            let severity = if self.settings.by_gateway() { Severity::Warning } else { Severity::Note };
            let message = format!("It is signed with {algorithm}. AWS does not say whether API Gateway verifies this.");
            reasons.push(Reason::new(severity, Code::GatewayAlgorithm, message).advice("RS256 works everywhere."));
        }
        if self.settings.by_gateway() && said.is_id_token() && self.settings.scope().is_none() {
            let message = "This is an ID token, and API Gateway does not tell it from an access token.";
            reasons.push(
                Reason::warning(Code::IdToken, message)
                    .advice("Set a scope that only access tokens have, or an audience that only they have.")
                    .settings(&[SCOPE, AUDIENCE]),
            );
        }
        if let Some(Who::User(user)) = &explained.who {
            reasons.extend(self.about_user(said, user, &explained.refused));
        }
        reasons
    }

    fn about_user(&self, said: &Said, user: &User, refused: &[Refused]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        // A JWT of no user is the first thing to change. Its id is not the one that people will have.
        let is_machine = said.is("gty", "client-credentials")
            || said.text("preferred_username").is_some_and(|name| name.starts_with("service-account-"))
            || said.text("sub").is_some_and(|sub| {
                sub.ends_with("@clients") || ["client_id", "azp"].iter().any(|name| said.text(name) == Some(sub))
            });
        if is_machine {
            let message = "This JWT was given to a program, and to no user. The service takes it for a user whose id is the program's.";
            let advice = "Give no program a JWT with the users' audience or scope. Backends have their own settings.";
            reasons.push(Reason::warning(Code::MachineToken, message).advice(advice).settings(&[
                AUDIENCE,
                SCOPE,
                BACKEND_AUDIENCE,
                BACKEND_SCOPE,
            ]));
        }
        reasons.extend(self.anonymous(said, refused));
        if said.has("act") {
            let message = "Its claim act says that somebody else acts as this user.";
            reasons.push(Reason::note(Code::Impersonated, message).advice("The service does not look at act."));
        }
        reasons.extend(user.taken_by.iter().filter_map(|taken| self.refused_id(taken, said)));
        reasons.extend(self.rooms(said, user));
        if !user.may_publish {
            let claim = self.settings.scope_claim().map_or("scope or scp".to_owned(), shown);
            let message = format!(
                "The user may not publish: {} is not in the claim {claim}. {}",
                shown(self.settings.publish_scope().unwrap_or_default()),
                if self.settings.scope_claim().is_none() { self.has_scopes() } else { String::new() },
            );
            reasons.push(
                Reason::note(Code::PublishDenied, message.trim_end())
                    .advice(
                        "If this user should publish: let your provider give the scope, or name the claim that has it.",
                    )
                    .settings(&[PUBLISH_SCOPE, SCOPE_CLAIM]),
            );
        }
        if let Some(scope) = self.settings.teacher_scope()
            && !user.may_teach
        {
            let claim = self.settings.scope_claim().map_or("scope or scp".to_owned(), shown);
            let publish = self.settings.publish_scope().filter(|_| !user.may_publish);
            let lacks = publish.into_iter().chain([scope]).map(shown).collect::<Vec<_>>().join(" or ");
            let message = format!("The user may not teach in classrooms: {lacks} is not in the claim {claim}.");
            reasons.push(
                Reason::note(Code::TeachDenied, message)
                    .advice(
                        "If this user should teach: let your provider give the scope, or name the claim that has it.",
                    )
                    .settings(&[TEACHER_SCOPE, SCOPE_CLAIM]),
            );
        }
        if let Some(claim) = self.settings.rtc_uid_claim()
            && user.uid.is_none()
        {
            let message = format!(
                "The user has only the assigned RTC uid: the claim {} is missing, or is no number from 1 to 4294967295. {}",
                shown(claim),
                self.claims()
            );
            reasons.push(
                Reason::warning(Code::NoUid, message)
                    .advice("Name the claim with the number, or let your provider add it.")
                    .settings(&[RTC_UID_CLAIM]),
            );
        }
        reasons
    }

    /// A user who has not signed in, if nothing refuses them.
    fn anonymous(&self, said: &Said, refused: &[Refused]) -> Option<Reason> {
        let pairs = [("is_anonymous", "true"), ("firebase.sign_in_provider", "anonymous")];
        let (claim, value) = pairs.into_iter().find(|(claim, value)| said.is(claim, value))?;
        if refused.iter().any(|refused| matches!(refused, Refused::Claim { .. })) {
            return None;
        }
        let reason = Reason::warning(
            Code::AnonymousUser,
            format!("This user is anonymous ({claim} is {value}): nobody has signed in. Everybody can be such a user."),
        );
        let nested = claim.contains('.') && self.settings.by_gateway();
        Some(if nested {
            reason.advice(
                "Switch anonymous sign-in off at your provider. Or set provider_id=anonymous: API Gateway passes this claim \
                 on, and no nested one.",
            )
            .settings(&[REFUSED_CLAIMS])
        } else {
            reason
                .advice(format!("To keep such users out, set {claim}={value}, or switch anonymous sign-in off."))
                .settings(&[REFUSED_CLAIMS])
        })
    }

    fn refused_id(&self, taken: &Taken, said: &Said) -> Option<Reason> {
        let rule = taken.refused.as_ref()?;
        let name = product(taken.product);
        let consequence = match taken.product {
            Product::RtcAccount => "The user joins RTC with the assigned uid, and cannot join with an account.",
            _ => "The service answers 400.",
        };
        let message = format!("{name} does not take this user id: {rule}. {consequence}");
        // An account is a choice of the app's. The uid works for everybody.
        let severity = if taken.product == Product::RtcAccount { Severity::Note } else { Severity::Warning };
        let forms = taken.cures.iter().map(|form| format!("USER_ID_FORM={form}")).collect::<Vec<_>>().join(" or ");
        let advice = if taken.cures.is_empty() {
            "No USER_ID_FORM helps. Name another claim as the user id.".to_owned()
        } else if taken.cures.contains(&"lower") && said.text(self.settings.user_id_claim()).is_some() {
            format!("If your app uses {name}: {forms}. Use lower only if ids differ in more than upper and lower case.")
        } else {
            format!("If your app uses {name}: {forms}.")
        };
        let setting = if taken.cures.is_empty() { USER_ID_CLAIM } else { USER_ID_FORM };
        Some(Reason::new(severity, Code::IdRefused, message).advice(advice).settings(&[setting]))
    }

    fn rooms(&self, said: &Said, user: &User) -> Vec<Reason> {
        let Some(claim) = self.settings.rooms_claim() else { return Vec::new() };
        let mut reasons = Vec::new();
        let rooms = user.rooms.as_deref().unwrap_or_default();
        if rooms.is_empty() {
            let message = format!(
                "The user may enter no room: the claim {} is missing, is empty, or lists no texts. {}",
                shown(claim),
                self.claims()
            );
            reasons.push(
                Reason::warning(Code::NoRooms, message)
                    .advice("Name the claim that lists the rooms, or let your provider add it.")
                    .settings(&[ROOMS_CLAIM]),
            );
        }
        match self.settings.rtm_beyond_rooms() {
            RtmBeyondRooms::Allowed => {}
            RtmBeyondRooms::Refused => {
                let message = "Rooms are limited here, even for a user who may enter every room. So nobody gets an RTM token or a ZEGO basic token: they open every room. ZIM needs a ZEGO project of its own.";
                reasons.push(
                    Reason::note(Code::LimitedRooms, message)
                        .advice("If users may log in to RTM all the same, set RTM_BEYOND_ROOMS=allowed.")
                        .settings(&[RTM_BEYOND_ROOMS, ROOMS_CLAIM]),
                );
            }
            RtmBeyondRooms::Permissions => {
                reasons.push(rtm_permissions(user).settings(&[RTM_BEYOND_ROOMS, ROOMS_CLAIM]));
            }
        }
        let typed = said.list(claim);
        if self.settings.by_gateway() && typed.iter().any(|room| room.contains(' ')) && typed.len() > 1 {
            let message = "A room's name in the list has a space. API Gateway writes lists with spaces between the names, so the name is read as several rooms.";
            reasons.push(
                Reason::warning(Code::FlatClaims, message)
                    .advice("Use names without spaces. Or let a function verify JWTs (stack: JwtVerifier=tokenmint).")
                    .settings(&[ROOMS_CLAIM, IDENTITY]),
            );
        }
        reasons
    }

    fn time(&self, claim: &str) -> i64 {
        self.said.and_then(|said| said.time(claim)).and_then(|time| i64::try_from(time).ok()).unwrap_or_default()
    }

    fn has_scopes(&self) -> String {
        match self.said.map(Said::scopes).unwrap_or_default() {
            scopes if scopes.is_empty() => "It has no scopes.".to_owned(),
            scopes => format!("It has {}.", quoted(scopes)),
        }
    }

    /// The names of the claims, so that a wrong name in a setting shows itself.
    fn claims(&self) -> String {
        self.said.map_or(String::new(), |said| format!("The JWT has the claims {}.", quoted(said.names())))
    }
}

/// What RTM_BEYOND_ROOMS=permissions means for this user.
fn rtm_permissions(user: &User) -> Reason {
    let channels = user.rtm_channels();
    if channels == 0 {
        let message = "The user gets no RTM token: the claim lists no channel that such a token can name. A name that ends in * is not a channel's full name.";
        return Reason::warning(Code::LimitedRooms, message)
            .advice("Let your provider list the full names of the user's channels.");
    }
    let most = Permissions::MAX_RESOURCES;
    if channels > most {
        let message = format!(
            "The user gets no RTM token: the claim lists {channels} channels, and a token names {most} at most."
        );
        return Reason::warning(Code::LimitedRooms, message).advice("Let your provider list fewer channels.");
    }
    let message = format!(
        "The user's RTM token has permissions for the channels that the claim lists by their full names: {channels} here. A token for RTC and RTM is refused, and so is version 006."
    );
    Reason::note(Code::LimitedRooms, message).advice(
        "Agora must support permissions for your project: ask Agora, and try it with two users. Until then, expect that the token opens every message channel.",
    )
}

fn product(product: Product) -> &'static str {
    match product {
        Product::RtcAccount => "Agora RTC (account)",
        Product::Rtm => "Agora RTM",
        Product::Chat => "Agora Chat",
        Product::Express => "ZEGO Express",
        Product::Zim => "ZEGO ZIM",
    }
}

/// Names in quotes. Of very many, the first ones.
fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 30;
    let names: Vec<_> = names.into_iter().collect();
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    let first: Vec<_> = names.iter().take(MOST).map(|name| shown(&brief(name))).collect();
    format!("{}{more}", first.join(", "))
}

/// The beginning of a text that may be very long.
fn brief(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
