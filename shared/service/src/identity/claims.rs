//! How a verified JWT's claims become a user, under the deployer's policy.

use crate::config::policy::RefusedClaim;
use crate::config::{Policy, UserIdForm};
use crate::identity::jwt::{self, Claims};
use crate::json::Json;
use crate::mint_limit::CountedUser;
use crate::problem::Problem;
use std::collections::{BTreeMap, BTreeSet};
use tokens::agora::{ResourceName, Uid, UserAccount};
use tokens::{Moment, Ttl, hashed_user_id};

/// What a verified JWT says.
#[derive(Debug, PartialEq)]
pub(crate) enum Jwt {
    /// The gateway verified it.
    OfGateway(GatewayClaims),
    /// We verified it. Its claims have their own types.
    Ours(Claims),
}

/// A JWT's claims as the gateway sends them: every claim is a string. It writes an array as `[a b c]`.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewayClaims {
    pub(super) claims: BTreeMap<String, String>,
    /// The JWT's scopes, if the route asks for some.
    pub(super) scopes: Option<Vec<String>>,
}

impl Jwt {
    /// A claim that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self {
            Jwt::OfGateway(jwt) => jwt.claims.get(name).map(String::as_str),
            Jwt::Ours(claims) => find(claims, name)?.as_text(),
        }
    }

    /// The names that a claim lists. A plain text is one name, which may contain spaces. If the claim has another type,
    /// there are none.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        match self {
            Jwt::OfGateway(jwt) => match jwt.claims.get(name) {
                None => Vec::new(),
                Some(text) => {
                    entries(text).map_or_else(|| vec![text.as_str()], |list| list.split_ascii_whitespace().collect())
                }
            },
            Jwt::Ours(claims) => match find(claims, name) {
                Some(Json::Text(text)) => vec![text],
                Some(Json::List(items)) => items.iter().map(Json::as_text).collect::<Option<_>>().unwrap_or_default(),
                _ => Vec::new(),
            },
        }
    }

    /// Whether the JWT is for this audience. If it has no `aud`, its `client_id` counts, as at API Gateway.
    pub(crate) fn is_for(&self, audience: &str) -> bool {
        let has = |name: &str| match self {
            Jwt::OfGateway(jwt) => jwt.claims.contains_key(name),
            Jwt::Ours(claims) => claims.contains_key(name),
        };
        let claim = if has("aud") { "aud" } else { "client_id" };
        self.list(claim).contains(&audience)
    }

    /// Whether the JWT has this scope, in the claim that holds the scopes. If none is configured: see
    /// [`jwt::has_scope`]. Then the scopes that the gateway lists count too.
    fn has_scope(&self, claim: Option<&str>, needed: &str) -> bool {
        match (self, claim) {
            (Jwt::Ours(claims), None) => jwt::has_scope(claims, needed),
            (Jwt::Ours(claims), Some(name)) => find(claims, name).is_some_and(|claim| jwt::holds_scope(claim, needed)),
            (Jwt::OfGateway(_), Some(name)) => self.lists_scope(name, needed),
            (Jwt::OfGateway(jwt), None) => {
                let listed = jwt.scopes.iter().flatten().any(|scope| scope == needed);
                listed || ["scope", "scp"].into_iter().any(|name| self.lists_scope(name, needed))
            }
        }
    }

    fn lists_scope(&self, name: &str, needed: &str) -> bool {
        self.list(name).into_iter().flat_map(str::split_ascii_whitespace).any(|scope| scope == needed)
    }

    /// Whether the JWT may prove somebody at all.
    pub(super) fn check_refused_claims(&self, policy: &Policy) -> Result<(), NoUser> {
        self.refused_claim(policy).map_or(Ok(()), |_| Err(NoUser::RefusedClaim))
    }

    /// The first claim in the JWT that makes its caller nobody.
    pub(super) fn refused_claim<'p>(&self, policy: &'p Policy) -> Option<&'p RefusedClaim> {
        policy.refused_claims.iter().find(|refused| self.has(refused))
    }

    /// Whether a claim has this value, or lists it.
    ///
    /// Each claim that the name may mean counts: a top-level claim does not hide a nested one. The gateway writes spaces
    /// between the texts of a list. So a value with spaces is found there if its words follow each other.
    pub(super) fn has(&self, RefusedClaim { claim, value }: &RefusedClaim) -> bool {
        match self {
            Jwt::Ours(claims) => find_where(claims, claim, &|claim| is_or_lists(claim, value)).is_some(),
            Jwt::OfGateway(jwt) => jwt.claims.get(claim).is_some_and(|text| {
                let words = |text: &str| format!(" {} ", text.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
                let listed = entries(text).is_some_and(|list| words(list).contains(&words(value)));
                text == value || listed || is_number(text, value)
            }),
        }
    }

    /// A claim that is a time, in whole seconds since 1970. The gateway writes it as a text.
    pub(crate) fn time(&self, name: &str) -> Option<u64> {
        let seconds = match self {
            Jwt::OfGateway(jwt) => jwt.claims.get(name)?.parse().ok()?,
            Jwt::Ours(claims) => claims.get(name)?.as_number()?,
        };
        (seconds.is_finite() && seconds >= 0.0).then_some(seconds as u64)
    }

    /// A claim that is a numeric uid: a number, or its decimal text.
    fn uid(&self, name: &str) -> Option<Uid> {
        let number = match self {
            Jwt::Ours(claims) => match find(claims, name)? {
                Json::Number(number) => Some(number.to_string()),
                _ => None,
            },
            Jwt::OfGateway(_) => None,
        };
        let text = number.or_else(|| self.text(name).map(str::to_owned))?;
        UserAccount::new(text).ok()?.as_uid()
    }
}

/// The claim of this name at the top, because names may contain dots (Auth0's are URLs). Otherwise the claim at this
/// path, such as `app_metadata.rooms`.
fn find<'a>(claims: &'a Claims, name: &str) -> Option<&'a Json> {
    find_where(claims, name, &|_| true)
}

/// The first claim that the name may mean and that fits. The top-level one comes first. Any dot in the name may begin the
/// name of a nested claim.
fn find_where<'a>(claims: &'a Claims, name: &str, fits: &dyn Fn(&Json) -> bool) -> Option<&'a Json> {
    let within = || {
        name.match_indices('.').find_map(|(dot, _)| match claims.get(&name[..dot])? {
            Json::Object(inner) => find_where(inner, &name[dot + 1..], fits),
            _ => None,
        })
    };
    claims.get(name).filter(|claim| fits(claim)).or_else(within)
}

/// Whether a claim is this value, or an array with it. A number is compared as a number. An object is no value.
fn is_or_lists(claim: &Json, value: &str) -> bool {
    match claim {
        Json::Text(text) => text == value,
        Json::Bool(flag) => value.eq_ignore_ascii_case(if *flag { "true" } else { "false" }),
        Json::Number(_) | Json::OtherNumber(_) => value.parse().ok() == claim.as_number(),
        Json::Null => value == "null",
        Json::List(items) => items.iter().any(|item| is_or_lists(item, value)),
        Json::Object(_) => false,
    }
}

/// Whether a number with a point or an exponent is this value, because the gateway may write numbers in these ways. Digits
/// alone may be a text, such as `007`.
fn is_number(text: &str, value: &str) -> bool {
    text.contains(['.', 'e', 'E']) && text.parse::<f64>().is_ok_and(|number| value.parse() == Ok(number))
}

/// Why a verified JWT proves no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoUser {
    /// It has a claim that `REFUSED_CLAIMS` lists.
    RefusedClaim,
    /// The claim that is the user id is missing, is empty, or is not a text.
    NoId,
    /// The user id must be a UUID, and it is not one.
    NotAUuid,
    /// It does not say when it ends.
    NoEnd,
    /// It ended so long ago that a token would have no time left.
    Ended,
}

impl NoUser {
    /// What the answer says. It names a claim, but no value of one.
    pub(super) fn detail(self, policy: &Policy) -> String {
        let detail = match self {
            NoUser::RefusedClaim => {
                "the JWT has a claim that this service refuses (REFUSED_CLAIMS), such as an anonymous user's"
            }
            NoUser::NoId => {
                let claim = &policy.user_id_claim;
                return format!("the JWT lacks the user id: its claim {claim} must be a text that is not empty");
            }
            NoUser::NotAUuid => "the JWT's user id must be a UUID here",
            NoUser::NoEnd => "the JWT does not say when it ends (exp)",
            NoUser::Ended => "the JWT has ended: sign in again",
        };
        detail.to_owned()
    }

    pub(super) fn problem(self, policy: &Policy) -> Problem {
        Problem::unusable_jwt(self.detail(policy))
    }
}

/// The user of a verified JWT.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(super) id: String,
    /// The user's own numeric uid, if a claim gives one. The user has the assigned uid too.
    pub(super) uid: Option<Uid>,
    /// The rooms that the user may enter: names, or prefixes that end in `*`. `None`: every room.
    pub(super) rooms: Option<Vec<String>>,
    pub(super) may_publish: bool,
    /// Whether the user has the scope for every role in a classroom.
    pub(super) may_teach: bool,
    /// No token of the user may live beyond this moment, in seconds since 1970. `None`: the JWT's end does not matter.
    latest_end: Option<u64>,
    /// The user for the limit. `None`: there is no limit.
    pub(super) counted: Option<CountedUser>,
}

impl SignedIn {
    pub(super) fn read(policy: &Policy, jwt: &Jwt) -> Result<SignedIn, NoUser> {
        jwt.check_refused_claims(policy)?;
        let id = jwt.text(&policy.user_id_claim).filter(|id| !id.is_empty()).ok_or(NoUser::NoId)?;
        let has_scope = |needed: &str| jwt.has_scope(policy.scope_claim.as_deref(), needed);
        let may_publish = policy.publish_scope.as_deref().is_none_or(has_scope);
        let may_teach = policy.teacher_scope.as_deref().is_some_and(has_scope);
        let rooms = policy.rooms_claim.as_deref().map(|name| {
            let mut rooms = jwt.list(name);
            if rooms.len() > 1 {
                // Ignore a `*` in a list with other names. In the gateway's list it may be the end of a name with a space.
                rooms.retain(|room| *room != "*");
            }
            rooms.into_iter().map(str::to_owned).collect()
        });
        // If the claim is not a uid, the user has only the assigned one.
        let uid = policy.rtc_uid_claim.as_deref().and_then(|name| jwt.uid(name));
        let latest_end = match policy.max_seconds_beyond_jwt {
            None => None,
            Some(beyond) => Some(jwt.time("exp").ok_or(NoUser::NoEnd)?.saturating_add(beyond.into())),
        };
        let counted = policy.mints_per_minute.map(|_| CountedUser::new(jwt.text("iss").unwrap_or_default(), id));
        Ok(SignedIn { id: in_form(policy.user_id_form, id)?, uid, rooms, may_publish, may_teach, latest_end, counted })
    }

    /// How long a token of the user may live at most, from this moment on.
    ///
    /// # Errors
    /// The JWT ended so long ago that a token would have no time left.
    pub(super) fn longest(&self, now: Moment) -> Result<Ttl, NoUser> {
        let Some(latest_end) = self.latest_end else { return Ok(Ttl::MAX) };
        let left = latest_end.saturating_sub(now.as_unix_seconds().into()).min(Ttl::MAX.as_seconds().into());
        Ttl::from_seconds(left).map_err(|_| NoUser::Ended)
    }

    pub(super) fn may_enter(&self, room: &str) -> bool {
        self.rooms.as_ref().is_none_or(|rooms| {
            rooms.iter().any(|allowed| match allowed.strip_suffix('*') {
                Some(prefix) => room.starts_with(prefix),
                None => room == allowed,
            })
        })
    }
}

/// The channels of RTM among these rooms. A prefix that ends in `*` is not a channel. A name that RTM does not take is not a
/// channel either.
pub(super) fn rtm_channels(rooms: &[String]) -> BTreeSet<ResourceName> {
    rooms.iter().filter_map(|room| ResourceName::new(room.as_str()).ok()).collect()
}

/// The text between the brackets, if the claim is an array. API Gateway writes an array as `[a b c]`.
fn entries(claim: &str) -> Option<&str> {
    claim.strip_prefix('[')?.strip_suffix(']')
}

/// Turns the claim into the vendors' user id.
pub(super) fn in_form(form: UserIdForm, id: &str) -> Result<String, NoUser> {
    match form {
        UserIdForm::Verbatim => Ok(id.to_owned()),
        // ASCII only. Unicode has other letters that become a plain k or s. So the id could become another user's.
        UserIdForm::Lower => Ok(id.to_ascii_lowercase()),
        UserIdForm::Hash => Ok(hashed_user_id(id)),
        UserIdForm::Uuid => {
            let groups: Vec<&str> = id.split('-').collect();
            let hexadecimal = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let lengths = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
            if !(hexadecimal && lengths) {
                return Err(NoUser::NotAUuid);
            }
            Ok(groups.concat().to_ascii_lowercase())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::identity::samples::{caller, caller_of, channel, config, jwt, now, status};
    use crate::identity::{Backend, Identity, Verified};
    use std::num::NonZeroU32;
    use std::sync::Arc;

    #[test]
    fn the_claim_becomes_the_id_in_the_configured_form() {
        let id = |form, sub: &str| {
            let config = config(|config| config.policy.user_id_form = form);
            let caller = caller_of(&config, jwt(&[("sub", sub)]).as_ref());
            caller.map(|caller| caller.user_id().expect("signed in").to_owned()).map_err(|problem| problem.status())
        };
        assert_eq!(id(UserIdForm::Verbatim, "aBc-1"), Ok("aBc-1".to_owned()));
        assert_eq!(id(UserIdForm::Lower, "aBc-1"), Ok("abc-1".to_owned()));
        // A Kelvin sign is not a k. So this user is not kate.
        assert_eq!(id(UserIdForm::Lower, "\u{212a}Ate"), Ok("\u{212a}ate".to_owned()));
        let uuid = "0b5e6F2a-9c1d-4e8f-8a7b-6c5d4e3f2a1b";
        assert_eq!(id(UserIdForm::Uuid, uuid), Ok("0b5e6f2a9c1d4e8f8a7b6c5d4e3f2a1b".to_owned()));
        for other in ["alice", "0b5e6f2a9c1d4e8f8a7b6c5d4e3f2a1b", "0b5e6f2a-9c1d-4e8f-8a7b-6c5d4e3f2a1g"] {
            assert_eq!(id(UserIdForm::Uuid, other), Err(401), "{other}");
        }
        let auth0 = "auth0|5f7c8ec7c33c6c004bbafe82";
        assert_eq!(id(UserIdForm::Hash, auth0), Ok(hashed_user_id(auth0)));
        assert_eq!(id(UserIdForm::Hash, ""), Err(401));
    }

    #[test]
    fn rooms_are_those_that_the_claim_lists() {
        let config = config(|config| config.policy.rooms_claim = Some("rooms".to_owned()));
        let enters = |claim: &str, room: &str| {
            status(caller(&config, &[("sub", "alice"), ("rooms", claim)]).room("channel", channel(room))) == 200
        };
        assert!(enters("lobby", "lobby"));
        assert!(!enters("lobby", "lobby2"));
        assert!(!enters("lobby", "lobb"));
        assert!(enters("[lobby team-*]", "team-7"));
        assert!(enters("[lobby team-*]", "lobby"));
        assert!(!enters("[lobby team-*]", "team"));
        assert!(!enters("[]", "lobby"));
        assert!(enters("*", "lobby"));
        assert!(enters("[*]", "lobby"));
        // This could also be an array with the one name "team *".
        assert!(!enters("[team *]", "lobby"));
        assert!(!enters("", "lobby"));
        // Not an array: one room with a space in its name, not two rooms.
        assert!(enters("vip lounge", "vip lounge"));
        assert!(!enters("vip lounge", "vip"));
        assert_eq!(status(caller(&config, &[("sub", "alice")]).room("channel", channel("lobby"))), 403);
        assert_eq!(status(caller(&config, &[("sub", "alice"), ("rooms", "*")]).every_room("room_id")), 403);
    }

    #[test]
    fn publishing_takes_the_scope_where_one_is_configured() {
        let config = config(|config| config.policy.publish_scope = Some("rooms/publish".to_owned()));
        let publishes =
            |scope: &str| status(caller(&config, &[("sub", "alice"), ("scope", scope)]).may_publish("role")) == 200;
        assert!(publishes("rooms/publish"));
        assert!(publishes("openid rooms/publish email"));
        assert!(publishes("[openid rooms/publish]"));
        let scp = caller(&config, &[("sub", "alice"), ("scp", "rooms/publish")]);
        assert_eq!(status(scp.may_publish("role")), 200);
        assert!(!publishes(""));
        assert!(!publishes("rooms/publisher"));
        let listed = Jwt::OfGateway(GatewayClaims {
            claims: BTreeMap::from([("sub".to_owned(), "alice".to_owned())]),
            scopes: Some(vec!["rooms/publish".to_owned()]),
        });
        let caller = caller_of(&config, Some(&Verified::Jwt(listed)));
        assert_eq!(status(caller.expect("signed in").may_publish("role")), 200);
    }

    /// What we verified ourselves.
    fn ours(claims: &str) -> Option<Verified> {
        let Ok(Json::Object(claims)) = crate::json::parse(claims.as_bytes()) else { panic!("{claims} is no object") };
        Some(Verified::Jwt(Jwt::Ours(claims)))
    }

    #[test]
    fn claims_that_we_verified_have_their_types() {
        let limited = config(|config| {
            config.policy.rooms_claim = Some("app_metadata.rooms".to_owned());
            config.policy.publish_scope = Some("publish".to_owned());
            config.policy.rtc_uid_claim = Some("https://example.com/uid".to_owned());
        });
        let caller = |claims: &str| caller_of(&limited, ours(claims).as_ref());
        let enters = |rooms: &str, room: &str| {
            let claims = format!(r#"{{"sub":"alice","app_metadata":{{"rooms":{rooms}}}}}"#);
            status(caller(&claims).expect("signed in").room("channel", channel(room))) == 200
        };
        assert!(enters(r#"["vip lounge","lobby"]"#, "vip lounge"));
        assert!(!enters(r#"["vip lounge","lobby"]"#, "vip"));
        assert!(enters(r#"["team-*"]"#, "team-7"));
        assert!(enters(r#""*""#, "lobby") && enters(r#"["*"]"#, "lobby"));
        assert!(!enters(r#"["*","team"]"#, "lobby"));
        assert!(!enters(r#""[lobby]""#, "lobby"), "a text in brackets is no array here");
        for other in ["7", "null", "true", "{}", r#"["lobby",7]"#, r#"[["lobby"]]"#, r#"{"lobby":1}"#] {
            assert!(!enters(other, "lobby"), "{other}");
        }
        let publishes = |scope: &str| {
            let claims = format!(r#"{{"sub":"alice",{scope}}}"#);
            status(caller(&claims).expect("signed in").may_publish("role")) == 200
        };
        assert!(publishes(r#""scope":"openid publish""#));
        assert!(publishes(r#""scope":["openid","publish"]"#));
        assert!(publishes(r#""scp":["publish"]"#));
        for other in [r#""scope":{"publish":1}"#, r#""scope":7"#, r#""scope":["publisher"]"#, r#""scopes":"publish""#] {
            assert!(!publishes(other), "{other}");
        }
        for wrong in [r#"{"sub":7}"#, r#"{"sub":null}"#, r#"{"sub":["alice"]}"#, r#"{"sub":""}"#, "{}"] {
            let problem = caller(wrong).expect_err(wrong);
            let detail = "the JWT lacks the user id: its claim sub must be a text that is not empty";
            assert_eq!((problem.status(), problem.detail()), (401, detail), "{wrong}");
        }
    }

    #[test]
    fn a_configured_claim_alone_holds_the_scopes() {
        let permissions = |claim: &str| {
            config(|config| {
                config.policy.publish_scope = Some("publish:rooms".to_owned());
                config.policy.scope_claim = Some(claim.to_owned());
            })
        };
        let publishes = |config: &Arc<Config>, verified: Option<Verified>| {
            status(caller_of(config, verified.as_ref()).expect("signed in").may_publish("role")) == 200
        };
        let flat = permissions("permissions");
        assert!(publishes(&flat, jwt(&[("sub", "alice"), ("permissions", "[read:rooms publish:rooms]")])));
        assert!(publishes(&flat, jwt(&[("sub", "alice"), ("permissions", "read:rooms publish:rooms")])));
        assert!(!publishes(&flat, jwt(&[("sub", "alice"), ("permissions", "[read:rooms]")])));
        assert!(!publishes(&flat, jwt(&[("sub", "alice"), ("scope", "publish:rooms"), ("scp", "publish:rooms")])));
        let listed = Jwt::OfGateway(GatewayClaims {
            claims: BTreeMap::from([("sub".to_owned(), "alice".to_owned())]),
            scopes: Some(vec!["publish:rooms".to_owned()]),
        });
        assert!(!publishes(&flat, Some(Verified::Jwt(listed))));
        assert!(publishes(&flat, ours(r#"{"sub":"alice","permissions":["publish:rooms"]}"#)));
        assert!(!publishes(&flat, ours(r#"{"sub":"alice","scope":"publish:rooms"}"#)));
        let nested = permissions("realm_access.roles");
        assert!(publishes(&nested, ours(r#"{"sub":"alice","realm_access":{"roles":["user","publish:rooms"]}}"#)));
        for other in [r#"["user"]"#, r#"{"publish:rooms":{}}"#, r#"[["publish:rooms"]]"#, "true"] {
            let claims = format!(r#"{{"sub":"alice","realm_access":{{"roles":{other}}},"scope":"publish:rooms"}}"#);
            assert!(!publishes(&nested, ours(&claims)), "{claims}");
        }
    }

    #[test]
    fn a_refused_claim_makes_the_caller_nobody() {
        let refusing = |claim: &str, value: &str| {
            config(|config| {
                let other = RefusedClaim { claim: "other".to_owned(), value: "1".to_owned() };
                let refused = RefusedClaim { claim: claim.to_owned(), value: value.to_owned() };
                config.policy.refused_claims = vec![other, refused];
            })
        };
        let of = |config: &Arc<Config>, verified: Option<Verified>| status(caller_of(config, verified.as_ref()));
        for (claim, value, claims) in [
            ("is_anonymous", "true", r#""is_anonymous":true"#),
            ("is_anonymous", "true", r#""is_anonymous":"true""#),
            ("is_anonymous", "true", r#""is_anonymous":[false,true]"#),
            (
                "firebase.sign_in_provider",
                "anonymous",
                r#""firebase":{"sign_in_provider":"anonymous","identities":{}}"#,
            ),
            // A top-level claim hides no nested one.
            ("a.b", "x", r#""a.b":"y","a":{"b":"x"}"#),
            ("a.b", "x", r#""a.b":"x","a":{"b":"y"}"#),
            ("https://app.example/meta.anonymous", "true", r#""https://app.example/meta":{"anonymous":true}"#),
            ("a.b.c", "x", r#""a.b":{"c":"x"},"a":{"b":{"c":"y"}}"#),
            ("is_anonymous", "TRUE", r#""is_anonymous":true"#),
            ("https://app.example/kind", "guest", r#""https://app.example/kind":"guest""#),
            ("level", "1", r#""level":1"#),
            ("level", "1", r#""level":1.0"#),
            ("level", "-1.5", r#""level":-1.5"#),
            ("level", "null", r#""level":null"#),
            ("roles", "guest", r#""roles":["user","guest"]"#),
            ("roles", "new guest", r#""roles":["new guest"]"#),
        ] {
            let claims = format!(r#"{{"sub":"alice",{claims}}}"#);
            assert_eq!(of(&refusing(claim, value), ours(&claims)), 401, "{claim}={value}: {claims}");
            assert_eq!(
                status(Backend::admit(&refusing(claim, value), ours(&claims).as_ref(), now())),
                401,
                "nobody anywhere"
            );
        }
        for (claim, value, claims) in [
            ("is_anonymous", "true", r#""is_anonymous":false"#),
            ("is_anonymous", "true", r#""x":true"#),
            ("is_anonymous", "true", r#""is_anonymous":"True""#),
            ("is_anonymous", "true", r#""is_anonymous":1"#),
            ("firebase.sign_in_provider", "anonymous", r#""firebase":{"sign_in_provider":"password"}"#),
            (
                "firebase.sign_in_provider",
                "anonymous",
                r#""firebase":"sign_in_provider","sign_in_provider":"anonymous""#,
            ),
            ("roles", "guest", r#""roles":["guests","a guest"]"#),
            ("roles", "guest", r#""roles":{"guest":true}"#),
        ] {
            let claims = format!(r#"{{"sub":"alice",{claims}}}"#);
            assert_eq!(of(&refusing(claim, value), ours(&claims)), 200, "{claim}={value}: {claims}");
        }
        // The gateway's texts.
        let gateway = |value: &str, text: &str| of(&refusing("kind", value), jwt(&[("sub", "alice"), ("kind", text)]));
        for (value, text) in [
            ("true", "true"),
            ("guest", "guest"),
            ("guest", "[guest]"),
            ("guest", "[user guest]"),
            ("guest", "[guest user]"),
            ("new guest", "[a new guest b]"),
            ("new guest", "new guest"),
            ("[guest", "[guest"),
            ("1000000000", "1.0E9"),
        ] {
            assert_eq!(gateway(value, text), 401, "{value}: {text}");
        }
        for (value, text) in [
            ("true", "false"),
            ("guest", "guests"),
            ("guest", "[guests user]"),
            ("guest", "the guest"),
            ("guest", "[]"),
            ("new guest", "[new user guest]"),
            ("7", "007"),
        ] {
            assert_eq!(gateway(value, text), 200, "{value}: {text}");
        }
        let problem = caller_of(&refusing("kind", "guest"), jwt(&[("sub", "alice"), ("kind", "guest")]).as_ref());
        let detail = "the JWT has a claim that this service refuses (REFUSED_CLAIMS), such as an anonymous user's";
        assert_eq!(problem.expect_err("refused").detail(), detail);
    }

    #[test]
    fn two_users_are_counted_apart_although_their_ids_have_one_form() {
        let lower = config(|config| {
            config.policy.user_id_form = UserIdForm::Lower;
            config.policy.mints_per_minute = Some(NonZeroU32::MIN);
        });
        let counted = |sub: &str, iss: &str| *caller(&lower, &[("sub", sub), ("iss", iss)]).counted().expect("a user");
        assert_eq!(counted("alice", "https://a.example/"), counted("alice", "https://a.example/"));
        assert_ne!(counted("alice", "https://a.example/"), counted("Alice", "https://a.example/"));
        assert_ne!(counted("alice", "https://a.example/"), counted("alice", "https://b.example/"));
    }

    #[test]
    fn a_claim_is_found_by_its_whole_name_first_and_then_as_a_path() {
        let Some(Verified::Jwt(jwt)) = ours(
            r#"{"a.b":"whole","a":{"b":"path","c":{"d":"deep"}},"https://x.example/uid":7,"d.e":{"f":"dotted"},"n":4294967296,"f":1.0}"#,
        ) else {
            panic!("a JWT")
        };
        assert_eq!(jwt.text("a.b"), Some("whole"));
        assert_eq!(jwt.text("a.c.d"), Some("deep"));
        assert_eq!(jwt.text("d.e.f"), Some("dotted"));
        for none in ["a.c", "a.c.d.e", "a.", ".b", "a..b", "a.x", ""] {
            assert_eq!(jwt.text(none), None, "{none}");
        }
        assert_eq!(jwt.uid("https://x.example/uid").map(|uid| uid.to_string()), Some("7".to_owned()));
        assert_eq!((jwt.uid("n"), jwt.uid("f"), jwt.uid("a")), (None, None, None));
    }
}
