//! Who calls, and what they may have.
//!
//! A function grants from a [`Caller`] or a [`Backend`] and cannot make one up: both come only out of what API
//! Gateway's authorizer verified (or, in a local run with `AUTH=none`, out of nothing at all).

use crate::config::{Auth, Config, Policy, UserIdForm};
use crate::event::{Authorizer, Jwt};
use crate::params::{Asked, ParamError};
use crate::problem::Problem;
use std::fmt::Display;
use std::sync::Arc;
use tokens::agora::{RtcUser, Uid, UserAccount, Version};
use tokens::{NameError, Ttl};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Callers {
    /// Signed-in users: see [`Caller`].
    Users,
    /// Backends with an IAM identity: see [`Backend`].
    Backends,
}

/// A kind of identity that a route can be for. Private, so that no function can add one.
pub(crate) trait Identity: Sized + 'static {
    /// Who has it.
    const CALLERS: Callers;

    /// What the authorizer's word is worth.
    type Verified: Send + 'static;

    /// Takes the authorizer's word, or says why not: 401 for nobody, 403 for the wrong kind of somebody.
    fn verify(config: &Config, authorizer: Option<Authorizer>) -> Result<Self::Verified, Problem>;

    /// The identity, as the vendor's app with this id knows it.
    fn enter(verified: Self::Verified, config: &Arc<Config>, app_id: String) -> Self;

    /// The user's id, if it is a user.
    fn user_id(&self) -> Option<&str>;
}

/// A backend with an IAM identity of the deployer's. What it may call is IAM's to say.
#[derive(Debug)]
pub struct Backend {
    config: Arc<Config>,
}

impl Identity for Backend {
    const CALLERS: Callers = Callers::Backends;

    type Verified = ();

    fn verify(config: &Config, authorizer: Option<Authorizer>) -> Result<(), Problem> {
        match (config.auth, authorizer) {
            (Auth::None, _) | (Auth::Jwt, Some(Authorizer::Iam)) => Ok(()),
            (Auth::Jwt, Some(Authorizer::Jwt(_))) => {
                Err(Problem::forbidden("this token is for backends with an IAM identity; a JWT never gets it"))
            }
            (Auth::Jwt, None) => Err(Problem::no_identity("the request carries no IAM identity")),
        }
    }

    fn enter((): (), config: &Arc<Config>, _: String) -> Backend {
        Backend { config: Arc::clone(config) }
    }

    fn user_id(&self) -> Option<&str> {
        None
    }
}

impl Backend {
    /// The lifetime asked for, or the configured default.
    ///
    /// # Errors
    /// More than the configured maximum.
    pub fn ttl(&self, asked: Option<Ttl>) -> Result<Ttl, Problem> {
        ttl(&self.config.policy, asked)
    }
}

/// An end user, signed in with a JWT.
#[derive(Debug)]
pub struct Caller {
    config: Arc<Config>,
    app_id: String,
    /// Nobody in a local run without authentication, where everybody is believed.
    user: Option<SignedIn>,
}

/// What a verified JWT says of its user.
#[derive(Debug)]
pub(crate) struct SignedIn {
    id: String,
    /// A numeric uid that is theirs beside the assigned one, where a claim says so.
    uid: Option<Uid>,
    /// The rooms they may enter, where a claim says so: names, or prefixes ending in `*`.
    rooms: Option<Vec<String>>,
    may_publish: bool,
}

impl Identity for Caller {
    const CALLERS: Callers = Callers::Users;

    type Verified = Option<SignedIn>;

    fn verify(config: &Config, authorizer: Option<Authorizer>) -> Result<Option<SignedIn>, Problem> {
        match (config.auth, authorizer) {
            (Auth::None, _) => Ok(None),
            (Auth::Jwt, Some(Authorizer::Jwt(jwt))) => SignedIn::read(&config.policy, &jwt).map(Some),
            (Auth::Jwt, Some(Authorizer::Iam)) => {
                Err(Problem::forbidden("this token is for signed-in users; an IAM identity is not one"))
            }
            (Auth::Jwt, None) => Err(Problem::no_identity("the request carries no verified JWT")),
        }
    }

    fn enter(user: Option<SignedIn>, config: &Arc<Config>, app_id: String) -> Caller {
        Caller { config: Arc::clone(config), app_id, user }
    }

    fn user_id(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.id.as_str())
    }
}

impl SignedIn {
    fn read(policy: &Policy, jwt: &Jwt) -> Result<SignedIn, Problem> {
        let claim = |name: &str| jwt.claims.get(name).map(String::as_str);
        let id = claim(&policy.user_id_claim).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Problem::no_identity("the JWT lacks the claim that is the user id"))?;
        let may_publish = policy.publish_scope.as_deref().is_none_or(|needed| {
            // `scope` (RFC 8693) has spaces between scopes; some issuers call it `scp`, and some send an array.
            let claimed = ["scope", "scp"].into_iter().filter_map(claim);
            let mut claimed = claimed.flat_map(|text| entries(text).unwrap_or(text).split_ascii_whitespace());
            let mut listed = jwt.scopes.iter().flatten();
            listed.any(|scope| scope == needed) || claimed.any(|scope| scope == needed)
        });
        let rooms = policy.rooms_claim.as_deref().map(|name| match claim(name) {
            None => Vec::new(),
            Some(text) => match entries(text).map(|list| list.split_ascii_whitespace().collect::<Vec<_>>()) {
                // Among others a `*` may be the end of a name that has a space in it, and not "every room".
                Some(list) if list.len() > 1 => {
                    list.into_iter().filter(|room| *room != "*").map(str::to_owned).collect()
                }
                Some(list) => list.into_iter().map(str::to_owned).collect(),
                // Not an array, so one room, whose name may contain spaces.
                None => vec![text.to_owned()],
            },
        });
        // A claim that is no uid opens none.
        let uid = policy.rtc_uid_claim.as_deref().and_then(claim);
        let uid = uid.and_then(|uid| UserAccount::new(uid).ok()?.as_uid());
        Ok(SignedIn { id: in_form(policy.user_id_form, id)?, uid, rooms, may_publish })
    }

    fn may_enter(&self, room: &str) -> bool {
        self.rooms.as_ref().is_none_or(|rooms| {
            rooms.iter().any(|allowed| match allowed.strip_suffix('*') {
                Some(prefix) => room.starts_with(prefix),
                None => room == allowed,
            })
        })
    }
}

/// What stands within an array as API Gateway writes one: `[a b c]`.
fn entries(claim: &str) -> Option<&str> {
    claim.strip_prefix('[')?.strip_suffix(']')
}

/// The claim as the vendors' user id.
fn in_form(form: UserIdForm, id: &str) -> Result<String, Problem> {
    match form {
        UserIdForm::Verbatim => Ok(id.to_owned()),
        // ASCII alone: Unicode knows other letters that become a plain k or s, and with them somebody else's id.
        UserIdForm::Lower => Ok(id.to_ascii_lowercase()),
        UserIdForm::Uuid => {
            let groups: Vec<&str> = id.split('-').collect();
            let hexadecimal = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
            let lengths = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
            if !(hexadecimal && lengths) {
                return Err(Problem::no_identity("the JWT's user id is not a UUID, as the service expects"));
            }
            Ok(groups.concat().to_ascii_lowercase())
        }
    }
}

impl Caller {
    /// The user that the token is for: the caller, who may be asked for by name or as `me`.
    ///
    /// # Errors
    /// Another user's id. Or the caller's own, where this vendor doesn't take it.
    pub fn user<N: Display>(&self, asked: Asked<N>, check: fn(String) -> Result<N, NameError>) -> Result<N, Problem> {
        match (asked, &self.user) {
            (Asked::Named(name), None) => Ok(name),
            (Asked::Named(name), Some(user)) if name.to_string() == user.id => Ok(name),
            (Asked::Named(_), Some(_)) => Err(Problem::forbidden("user_id: must be the caller's own id, or me")),
            (Asked::Me, Some(user)) => checked("user_id", &user.id, check),
            (Asked::Me, None) => Err(Problem::bad_parameter("user_id", "me needs an identity, which this run has not")),
        }
    }

    /// The same user for a further service in an RTC token. Without an identity it is whoever joins RTC.
    ///
    /// # Errors
    /// This service doesn't take the id.
    pub fn companion<N>(&self, rtc: &RtcUser, check: fn(String) -> Result<N, NameError>) -> Result<N, Problem> {
        match &self.user {
            Some(user) => checked("with", &user.id, check),
            None => checked("with", &rtc.to_string(), check),
        }
    }

    /// A channel or room that the caller may enter.
    ///
    /// # Errors
    /// One that their claim doesn't list.
    pub fn room<N: Display>(&self, parameter: &str, room: N) -> Result<N, Problem> {
        match &self.user {
            Some(user) if !user.may_enter(&room.to_string()) => {
                Err(Problem::forbidden(format!("{parameter}: the caller may not enter this one")))
            }
            _ => Ok(room),
        }
    }

    /// Checks that the caller may enter every room: what a token opens that names none.
    ///
    /// # Errors
    /// A claim lists the caller's rooms.
    pub fn every_room(&self, parameter: &str) -> Result<(), Problem> {
        match &self.user {
            Some(SignedIn { rooms: Some(_), .. }) => Err(Problem::forbidden(format!(
                "{parameter}: this token opens every room, and the caller's rooms are limited"
            ))),
            _ => Ok(()),
        }
    }

    /// Checks that the caller may log in to RTM. An RTM token names no channel: it opens every message channel.
    ///
    /// # Errors
    /// A claim lists the caller's rooms, and the configuration doesn't leave RTM alone.
    pub fn every_message_channel(&self, parameter: &str) -> Result<(), Problem> {
        match &self.user {
            Some(SignedIn { rooms: Some(_), .. }) if !self.config.policy.rtm_beyond_rooms => Err(Problem::forbidden(
                format!("{parameter}: an RTM token opens every message channel, and the caller's rooms are limited"),
            )),
            _ => Ok(()),
        }
    }

    /// Checks that the caller may publish.
    ///
    /// # Errors
    /// They lack the scope.
    pub fn may_publish(&self, parameter: &str) -> Result<(), Problem> {
        match &self.user {
            Some(user) if !user.may_publish => Err(Problem::forbidden(format!(
                "{parameter}: this token allows publishing, for which the caller lacks the scope"
            ))),
            _ => Ok(()),
        }
    }

    /// The version that was asked for. It depends on nobody's identity, so it holds in a run without identities, too.
    ///
    /// # Errors
    /// `006`, where the configuration refuses it.
    pub fn rtm_version(&self, asked: Version) -> Result<Version, Problem> {
        match asked {
            Version::V006 if !self.config.policy.rtm_006 => {
                Err(Problem::refused_version("version: this service gives no 006 tokens; ask for version 007"))
            }
            asked => Ok(asked),
        }
    }

    /// As whom the caller joins RTC: with their own stable uid or the one that a claim gives them, or with their user id
    /// as the account.
    ///
    /// An account that is a number in decimal makes the same token as that uid, so it needs the right to that uid.
    ///
    /// # Errors
    /// Another user's uid or account; both at once; neither in a run without identities.
    pub fn rtc_user(&self, uid: Option<Uid>, account: Option<UserAccount>) -> Result<RtcUser, Problem> {
        let asked = match (uid, account) {
            (Some(_), Some(_)) => return Err(Problem::bad_parameter("account", "must not be given together with uid")),
            (Some(uid), None) => Some(RtcUser::Uid(uid)),
            (None, Some(account)) => Some(RtcUser::Account(account)),
            (None, None) => None,
        };
        let Some(user) = &self.user else {
            let rule = "uid or account is required in a run without identities";
            return asked.ok_or_else(|| Problem::bad_parameter("uid", rule));
        };
        let own = Uid::of_user(&self.app_id, &user.id);
        let is_own = |uid| uid == own || Some(uid) == user.uid;
        let not_own =
            |what| Err(Problem::forbidden(format!("{what}: must be the caller's own, which is assigned without it")));
        match asked {
            None => Ok(RtcUser::Uid(own)),
            Some(RtcUser::Uid(uid)) if !is_own(uid) => not_own("uid"),
            Some(RtcUser::Account(account)) if account.as_str() != user.id => not_own("account"),
            Some(RtcUser::Account(account)) if account.as_uid().is_some_and(|uid| !is_own(uid)) => {
                Err(Problem::forbidden(
                    "account: a number in decimal is a uid to the vendor, and this one is not the caller's own; join with the assigned uid",
                ))
            }
            Some(asked) => Ok(asked),
        }
    }

    /// The lifetime asked for, or the configured default.
    ///
    /// # Errors
    /// More than the configured maximum.
    pub fn ttl(&self, asked: Option<Ttl>) -> Result<Ttl, Problem> {
        ttl(&self.config.policy, asked)
    }
}

fn ttl(policy: &Policy, asked: Option<Ttl>) -> Result<Ttl, Problem> {
    match asked {
        Some(ttl) if ttl > policy.max_ttl => {
            let rule = format!("must be at most {} seconds here", policy.max_ttl.as_seconds());
            Err(Problem::bad_parameter("expires_in", rule))
        }
        asked => Ok(asked.unwrap_or(policy.default_ttl)),
    }
}

/// The caller's id is theirs, but this vendor's rule decides whether it can be used.
fn checked<N>(parameter: &str, id: &str, check: fn(String) -> Result<N, NameError>) -> Result<N, Problem> {
    check(id.to_owned()).map_err(|error| ParamError::from(error).of_the_callers_own_id().problem(parameter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;
    use std::collections::BTreeMap;
    use tokens::agora::{ChannelName, RtmUserId};

    const APP_ID: &str = "0123456789abcdef0123456789abcdef";

    fn config(change: impl FnOnce(&mut Config)) -> Arc<Config> {
        let mut config = Config {
            auth: Auth::Jwt,
            policy: Policy {
                user_id_claim: "sub".to_owned(),
                user_id_form: UserIdForm::Verbatim,
                rooms_claim: None,
                rtc_uid_claim: None,
                publish_scope: None,
                rtm_beyond_rooms: false,
                rtm_006: true,
                default_ttl: Ttl::from_seconds(3600).expect("valid"),
                max_ttl: Ttl::from_seconds(7200).expect("valid"),
            },
            credentials: Source::LocalFile("unused".into()),
            credentials_ttl: std::time::Duration::from_secs(300),
            credentials_max_stale: std::time::Duration::ZERO,
        };
        change(&mut config);
        Arc::new(config)
    }

    fn jwt(claims: &[(&str, &str)]) -> Option<Authorizer> {
        let claims: BTreeMap<_, _> =
            claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Some(Authorizer::Jwt(Jwt { claims, scopes: None }))
    }

    fn config_with_uid_claim() -> Arc<Config> {
        config(|config| config.policy.rtc_uid_claim = Some("uid".to_owned()))
    }

    fn verified(config: &Arc<Config>, authorizer: Option<Authorizer>) -> Result<Caller, Problem> {
        Ok(Caller::enter(Caller::verify(config, authorizer)?, config, APP_ID.to_owned()))
    }

    fn caller(config: &Arc<Config>, claims: &[(&str, &str)]) -> Caller {
        verified(config, jwt(claims)).expect("signed in")
    }

    fn status<T: std::fmt::Debug>(result: Result<T, Problem>) -> u16 {
        result.map_or_else(|problem| problem.status(), |_| 200)
    }

    fn rtm(name: &str) -> Asked<RtmUserId> {
        Asked::Named(RtmUserId::new(name).expect("valid"))
    }

    fn channel(name: &str) -> ChannelName {
        ChannelName::new(name).expect("valid")
    }

    #[test]
    fn each_kind_of_identity_opens_its_own_routes_only() {
        let config = config(|_| ());
        let who = |authorizer: Option<Authorizer>| {
            let again = match &authorizer {
                Some(Authorizer::Jwt(jwt)) => Some(Authorizer::Jwt(Jwt { claims: jwt.claims.clone(), scopes: None })),
                Some(Authorizer::Iam) => Some(Authorizer::Iam),
                None => None,
            };
            (status(verified(&config, authorizer)), status(Backend::verify(&config, again)))
        };
        assert_eq!(who(None), (401, 401));
        assert_eq!(who(jwt(&[("sub", "alice")])), (200, 403));
        assert_eq!(who(Some(Authorizer::Iam)), (403, 200));
        assert_eq!(who(jwt(&[])), (401, 403));
        assert_eq!(who(jwt(&[("sub", "")])), (401, 403));
    }

    #[test]
    fn a_caller_gets_their_own_token_only() {
        let alice = caller(&config(|_| ()), &[("sub", "alice")]);
        assert_eq!(alice.user(Asked::Me, RtmUserId::new).map(|user| user.to_string()), Ok("alice".to_owned()));
        assert_eq!(status(alice.user(rtm("alice"), RtmUserId::new)), 200);
        assert_eq!(status(alice.user(rtm("bob"), RtmUserId::new)), 403);
        assert_eq!(status(alice.user(rtm("Alice"), RtmUserId::new)), 403);
        // An identity provider may hand out ids that a vendor doesn't take, or that would be wildcards.
        let star = caller(&config(|_| ()), &[("sub", "*")]);
        assert_eq!(status(star.user(Asked::Me, RtmUserId::new)), 403);
    }

    #[test]
    fn the_claim_becomes_the_id_in_the_configured_form() {
        let id = |form, sub: &str| {
            let config = config(|config| config.policy.user_id_form = form);
            let caller = verified(&config, jwt(&[("sub", sub)]));
            caller.map(|caller| caller.user.expect("signed in").id).map_err(|problem| problem.status())
        };
        assert_eq!(id(UserIdForm::Verbatim, "aBc-1"), Ok("aBc-1".to_owned()));
        assert_eq!(id(UserIdForm::Lower, "aBc-1"), Ok("abc-1".to_owned()));
        // A Kelvin sign is no k, and whoever is called so is not kate.
        assert_eq!(id(UserIdForm::Lower, "\u{212a}Ate"), Ok("\u{212a}ate".to_owned()));
        let uuid = "0b5e6F2a-9c1d-4e8f-8a7b-6c5d4e3f2a1b";
        assert_eq!(id(UserIdForm::Uuid, uuid), Ok("0b5e6f2a9c1d4e8f8a7b6c5d4e3f2a1b".to_owned()));
        for other in ["alice", "0b5e6f2a9c1d4e8f8a7b6c5d4e3f2a1b", "0b5e6f2a-9c1d-4e8f-8a7b-6c5d4e3f2a1g"] {
            assert_eq!(id(UserIdForm::Uuid, other), Err(401), "{other}");
        }
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
        // Which an array of the one name "team *" could be, too.
        assert!(!enters("[team *]", "lobby"));
        assert!(!enters("", "lobby"));
        // Not an array: one room with a space in its name, not two rooms.
        assert!(enters("vip lounge", "vip lounge"));
        assert!(!enters("vip lounge", "vip"));
        assert_eq!(status(caller(&config, &[("sub", "alice")]).room("channel", channel("lobby"))), 403);
        assert_eq!(status(caller(&config, &[("sub", "alice"), ("rooms", "*")]).every_room("room_id")), 403);
    }

    #[test]
    fn limited_rooms_refuse_rtm_unless_it_is_allowed_beyond_them() {
        let with = |rooms: Option<&str>, rtm_beyond_rooms| {
            config(|config| {
                config.policy.rooms_claim = rooms.map(str::to_owned);
                config.policy.rtm_beyond_rooms = rtm_beyond_rooms;
            })
        };
        let logs_in = |config: &Arc<Config>, claims: &[(&str, &str)]| {
            status(caller(config, claims).every_message_channel("user_id"))
        };
        let (limited, beyond) = (with(Some("rooms"), false), with(Some("rooms"), true));
        // Where a claim is configured, what it says makes no difference: `*` is refused, too.
        let callers: [&[(&str, &str)]; 4] = [
            &[("sub", "alice"), ("rooms", "[lobby team-*]")],
            &[("sub", "alice"), ("rooms", "[]")],
            &[("sub", "alice"), ("rooms", "*")],
            &[("sub", "alice")],
        ];
        for claims in callers {
            assert_eq!(logs_in(&limited, claims), 403, "{claims:?}");
            assert_eq!(logs_in(&beyond, claims), 200, "{claims:?}");
            // The setting is for RTM alone: what opens every ZEGO room stays refused.
            assert_eq!(status(caller(&beyond, claims).every_room("room_id")), 403, "{claims:?}");
        }
        for rtm_beyond_rooms in [false, true] {
            assert_eq!(logs_in(&with(None, rtm_beyond_rooms), &[("sub", "alice")]), 200);
        }
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
        let listed = Jwt {
            claims: BTreeMap::from([("sub".to_owned(), "alice".to_owned())]),
            scopes: Some(vec!["rooms/publish".to_owned()]),
        };
        let caller = verified(&config, Some(Authorizer::Jwt(listed)));
        assert_eq!(status(caller.expect("signed in").may_publish("role")), 200);
    }

    #[test]
    fn nobody_gets_a_006_token_where_they_are_refused() {
        let allowing = config(|_| ());
        let refusing = config(|config| config.policy.rtm_006 = false);
        let alice = |config: &Arc<Config>| caller(config, &[("sub", "alice")]);
        assert_eq!(alice(&allowing).rtm_version(Version::V006), Ok(Version::V006));
        assert_eq!(alice(&refusing).rtm_version(Version::V007), Ok(Version::V007));
        let problem = alice(&refusing).rtm_version(Version::V006).expect_err("refused");
        assert_eq!(problem.status(), 403);
        assert!(problem.detail().contains("ask for version 007"), "{problem:?}");
        // The tutorial's answer has no detail, so it says this in the token's place.
        assert_eq!(problem.tutorial_text(), problem.detail());
        let local = config(|config| {
            config.auth = Auth::None;
            config.policy.rtm_006 = false;
        });
        let anybody = verified(&local, None).expect("believed");
        assert_eq!(status(anybody.rtm_version(Version::V006)), 403);
        assert_eq!(status(anybody.rtm_version(Version::V007)), 200);
    }

    #[test]
    fn nobody_joins_rtc_as_somebody_else() {
        let config = config(|_| ());
        let uid = |uid: u32| Uid::new(uid.into()).expect("valid");
        let account = |name: &str| UserAccount::new(name).expect("valid");
        let alice = caller(&config, &[("sub", "alice")]);
        let own = Uid::of_user(APP_ID, "alice");
        assert_eq!(alice.rtc_user(None, None), Ok(RtcUser::Uid(own)));
        assert_eq!(status(alice.rtc_user(Some(own), None)), 200);
        assert_eq!(status(alice.rtc_user(Some(uid(42)), None)), 403);
        assert_eq!(status(alice.rtc_user(None, Some(account("alice")))), 200);
        assert_eq!(status(alice.rtc_user(None, Some(account("bob")))), 403);
        assert_eq!(status(alice.rtc_user(Some(own), Some(account("alice")))), 400);
        let claiming = config_with_uid_claim();
        let with_uid = |uid: &str| caller(&claiming, &[("sub", "42"), ("uid", uid)]);
        assert_eq!(status(with_uid("42").rtc_user(Some(uid(42)), None)), 200);
        assert_eq!(status(with_uid("42").rtc_user(None, Some(account("42")))), 200);
        assert_eq!(status(with_uid("42").rtc_user(Some(uid(43)), None)), 403);
        assert_eq!(with_uid("42").rtc_user(None, None), Ok(RtcUser::Uid(Uid::of_user(APP_ID, "42"))));
        for no_uid in ["0", "-1", "042", "[42 43]", "4294967296", ""] {
            assert_eq!(status(with_uid(no_uid).rtc_user(Some(uid(42)), None)), 403, "{no_uid:?}");
        }
        // Who can choose to be called like somebody's uid still doesn't get a token for it.
        let victim = own.to_string();
        let mallory = caller(&config, &[("sub", &victim)]);
        assert_eq!(status(mallory.rtc_user(None, Some(account(&victim)))), 403);
    }

    #[test]
    fn lifetimes_stay_below_the_configured_maximum() {
        let alice = caller(&config(|_| ()), &[("sub", "alice")]);
        let ttl = |seconds| Some(Ttl::from_seconds(seconds).expect("valid"));
        assert_eq!(alice.ttl(None).map(Ttl::as_seconds), Ok(3600));
        assert_eq!(alice.ttl(ttl(7200)).map(Ttl::as_seconds), Ok(7200));
        assert_eq!(status(alice.ttl(ttl(7201))), 400);
    }
}
