//! A signed-in user, and what they may have.

use super::claims::{NoUser, SignedIn, rtm_channels};
use super::{Callers, Identity, Verified, ttl};
use crate::config::{Config, RtmBeyondRooms, Verifier};
use crate::mint_limit::CountedUser;
use crate::params::{Asked, Companion, ParamError, Sent};
use crate::problem::Problem;
use std::fmt::Display;
use std::sync::Arc;
use tokens::agora::{ApaasRole, Permission, Permissions, Resource, RtcUser, Uid, Version};
use tokens::{Moment, NameError, Ttl};

/// An end user, signed in with a JWT.
#[derive(Debug)]
pub struct Caller {
    config: Arc<Config>,
    app_id: String,
    /// No token of the caller may live longer.
    longest: Ttl,
    /// `None` in a local run with `IDENTITY=none`. Then every caller is believed.
    user: Option<SignedIn>,
}

/// The channels of RTM that a caller may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RtmChannels {
    /// Every channel.
    Every,
    /// The channels that these permissions name, and no other.
    Only(Permissions),
}

impl Identity for Caller {
    const CALLERS: Callers = Callers::Users;

    type Admitted = Option<SignedIn>;

    fn admit(config: &Config, verified: Option<&Verified>, now: Moment) -> Result<Option<SignedIn>, Problem> {
        match (&config.verifier, verified) {
            (Verifier::None, _) => Ok(None),
            (_, Some(Verified::Jwt(jwt))) => {
                let nobody = |why: NoUser| why.problem(&config.policy);
                let user = SignedIn::read(&config.policy, jwt).map_err(nobody)?;
                user.longest(now).map_err(nobody)?;
                Ok(Some(user))
            }
            (_, Some(Verified::Iam)) => {
                Err(Problem::forbidden("this token is for signed-in users; an IAM identity is not one"))
            }
            (_, Some(Verified::Backend(_))) => {
                Err(Problem::forbidden("this token is for signed-in users; a backend's JWT is not one"))
            }
            (Verifier::Jwt(_), None) => Err(Problem::no_token()),
            (Verifier::Gateway | Verifier::Authorizer, None) => {
                Err(Problem::no_identity("the request carries no verified JWT"))
            }
        }
    }

    fn for_app(user: Option<SignedIn>, config: &Arc<Config>, app_id: String, now: Moment) -> Result<Caller, Problem> {
        let longest = user.as_ref().map_or(Ok(Ttl::MAX), |user| user.longest(now));
        let longest = longest.map_err(|why| why.problem(&config.policy))?;
        Ok(Caller { config: Arc::clone(config), app_id, longest, user })
    }

    fn user_id(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.id.as_str())
    }

    fn counted(&self) -> Option<&CountedUser> {
        self.user.as_ref()?.counted.as_ref()
    }
}

impl Caller {
    /// The user that the token is for. It is the caller, by id or as `me`.
    ///
    /// # Errors
    /// The id is another user's. Or it is the caller's own, but this vendor doesn't take it.
    pub fn user<N: Display>(
        &self,
        Sent { name: parameter, value: asked }: Sent<Asked<N>>,
        check: fn(String) -> Result<N, NameError>,
    ) -> Result<N, Problem> {
        match (asked, &self.user) {
            (Asked::Named(name), None) => Ok(name),
            (Asked::Named(name), Some(user)) if name.to_string() == user.id => Ok(name),
            (Asked::Named(_), Some(_)) => {
                Err(Problem::forbidden(format!("{parameter}: must be the caller's own id, or me")))
            }
            (Asked::Me, Some(user)) => checked(parameter, &user.id, check),
            (Asked::Me, None) => Err(Problem::bad_parameter(parameter, "me needs an identity, which this run has not")),
        }
    }

    /// The user of a further service in the token of this RTC user. If the request names nobody, this is the caller. In a run
    /// without identities it is the user that joins RTC.
    ///
    /// # Errors
    /// Those of [`Self::user`].
    pub fn companion<N: Display>(
        &self,
        Sent { name, value }: Sent<Companion<N>>,
        rtc: &RtcUser,
        check: fn(String) -> Result<N, NameError>,
    ) -> Result<N, Problem> {
        match (value, &self.user) {
            (Companion::Asked(value), _) => self.user(Sent { name, value }, check),
            (Companion::Unnamed, Some(user)) => checked(name, &user.id, check),
            (Companion::Unnamed, None) => checked(name, &rtc.to_string(), check),
        }
    }

    /// A channel or room that the caller may enter.
    ///
    /// # Errors
    /// The caller's claim doesn't list it.
    pub fn room<N: Display>(&self, parameter: &str, room: N) -> Result<N, Problem> {
        match &self.user {
            Some(user) if !user.may_enter(&room.to_string()) => {
                Err(Problem::forbidden(format!("{parameter}: the caller may not enter this one")))
            }
            _ => Ok(room),
        }
    }

    /// Checks that the caller may enter every room. A token that names no room opens every room.
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

    /// Checks that the caller may enter every room and publish there, as a ZIM token allows in Express of the same project.
    /// If ZIM has a project of its own, there are no such rooms.
    ///
    /// # Errors
    /// A claim lists the caller's rooms, or the caller lacks the scope to publish.
    pub fn every_room_of_zim(&self, parameter: &str) -> Result<(), Problem> {
        if self.config.policy.zim_own_project {
            return Ok(());
        }
        self.every_room(parameter)?;
        self.may_publish(parameter)
    }

    /// Which channels of RTM the caller may use, for a token that opens RTM alone. Only such a token can have permissions.
    ///
    /// # Errors
    /// A claim lists the caller's rooms, and the configuration refuses RTM. Or the configuration limits RTM by permissions, and
    /// the claim lists no channel by its full name, or more channels than a token may name.
    pub fn rtm_channels(&self, parameter: &str) -> Result<RtmChannels, Problem> {
        match self.rtm_within_rooms() {
            None | Some((RtmBeyondRooms::Allowed, _)) => Ok(RtmChannels::Every),
            Some((RtmBeyondRooms::Refused, _)) => Err(no_rtm(parameter)),
            Some((RtmBeyondRooms::Permissions, rooms)) => permissions(parameter, rooms).map(RtmChannels::Only),
        }
    }

    /// Checks that the caller may use every channel of RTM. A token that opens RTM beside another service has no
    /// permissions, so it opens every message channel.
    ///
    /// # Errors
    /// A claim lists the caller's rooms, and the configuration doesn't allow RTM beyond them.
    pub fn every_message_channel(&self, parameter: &str) -> Result<(), Problem> {
        match self.rtm_within_rooms() {
            None | Some((RtmBeyondRooms::Allowed, _)) => Ok(()),
            Some((RtmBeyondRooms::Refused, _)) => Err(no_rtm(parameter)),
            Some((RtmBeyondRooms::Permissions, _)) => Err(Problem::forbidden(format!(
                "{parameter}: the caller's rooms are limited, and a token for several services cannot limit RTM. A token for \
                 RTM alone can: GET /rtm/{{user_id}}/token"
            ))),
        }
    }

    /// What the configuration says about RTM, and the caller's rooms. `None`: no claim lists the caller's rooms.
    fn rtm_within_rooms(&self) -> Option<(RtmBeyondRooms, &[String])> {
        let rooms = self.user.as_ref()?.rooms.as_deref()?;
        Some((self.config.policy.rtm_beyond_rooms, rooms))
    }

    /// Checks that the caller may publish.
    ///
    /// # Errors
    /// The caller lacks the scope.
    pub fn may_publish(&self, parameter: &str) -> Result<(), Problem> {
        match &self.user {
            Some(user) if !user.may_publish => Err(Problem::forbidden(format!(
                "{parameter}: this token allows publishing, for which the caller lacks the scope"
            ))),
            _ => Ok(()),
        }
    }

    /// Checks that the caller may have this role in a classroom. A student and an observer need no scope to teach. In every
    /// role except observer a user can speak in class. So such a user must be allowed to publish.
    ///
    /// # Errors
    /// The caller lacks a scope.
    pub fn classroom_role(&self, Sent { name, value: role }: Sent<ApaasRole>) -> Result<ApaasRole, Problem> {
        if role != ApaasRole::OBSERVER {
            self.may_publish(name)?;
        }
        match &self.user {
            Some(user) if !user.may_teach && role != ApaasRole::STUDENT && role != ApaasRole::OBSERVER => {
                let why = match self.config.policy.teacher_scope {
                    Some(_) => "lacks the scope for other roles",
                    None => "this service has no TEACHER_SCOPE for other roles",
                };
                Err(Problem::forbidden(format!(
                    "{name}: the caller may be a student (2) or an observer (4), and {why}"
                )))
            }
            _ => Ok(role),
        }
    }

    /// Checks that the caller may have every role in a classroom. A token that names no role may count for each of them.
    ///
    /// # Errors
    /// The caller lacks a scope.
    pub fn every_classroom_role(&self, parameter: &str) -> Result<(), Problem> {
        self.may_publish(parameter)?;
        match &self.user {
            Some(user) if !user.may_teach => Err(Problem::forbidden(format!(
                "{parameter}: this token may count for every role in a classroom, and the caller lacks the scope to teach"
            ))),
            _ => Ok(()),
        }
    }

    /// The version that was asked for.
    ///
    /// # Errors
    /// The version is `006`, and the configuration refuses it to everybody, also in a run without identities. Or this caller's
    /// token needs permissions, and a `006` token cannot have any.
    pub fn rtm_version(&self, asked: Version) -> Result<Version, Problem> {
        match (asked, self.rtm_within_rooms()) {
            (Version::V006, _) if !self.config.policy.rtm_006 => {
                Err(Problem::refused_version("version: this service gives no 006 tokens; ask for version 007"))
            }
            (Version::V006, Some((RtmBeyondRooms::Permissions, _))) => Err(Problem::refused_version(
                "version: the caller's rooms are limited, and a 006 token cannot limit RTM; ask for version 007",
            )),
            (asked, _) => Ok(asked),
        }
    }

    /// As whom the caller joins RTC. As a uid: the assigned one, or the one that a claim gives. Or as an account: the
    /// caller's user id.
    ///
    /// If an account is a number in decimal, it makes the same token as that uid. So the caller needs the right to that
    /// uid.
    ///
    /// # Errors
    /// The uid or account is another user's. Or, in a run without identities, neither is given.
    pub fn rtc_user(&self, asked: Option<Sent<RtcUser>>) -> Result<RtcUser, Problem> {
        let Some(user) = &self.user else {
            let rule = "uid or account is required in a run without identities";
            return asked.map(|asked| asked.value).ok_or_else(|| Problem::bad_parameter("uid", rule));
        };
        let own = Uid::of_user(&self.app_id, &user.id);
        let is_own = |uid| uid == own || Some(uid) == user.uid;
        let Some(Sent { name, value }) = asked else { return Ok(RtcUser::Uid(own)) };
        let refused = |rule| Err(Problem::forbidden(format!("{name}: {rule}")));
        match &value {
            RtcUser::Uid(uid) if !is_own(*uid) => {
                refused("must be the caller's own uid. GET /rtc/{channel}/token without uid tells it")
            }
            RtcUser::Account(account) if account.as_str() != user.id => refused(
                "an account must be the caller's own user id. Or join with the caller's own uid: GET /rtc/{channel}/token tells it",
            ),
            RtcUser::Account(account) if account.as_uid().is_some_and(|uid| !is_own(uid)) => refused(
                "the vendor takes a number in decimal as a uid, and this uid is not the caller's own. Join with the uid that GET /rtc/{channel}/token tells",
            ),
            _ => Ok(value),
        }
    }

    /// How long the token may live: the lifetime asked for, or the configured default. `MAX_SECONDS_BEYOND_JWT` may make it
    /// shorter.
    ///
    /// # Errors
    /// The lifetime is longer than the configured maximum.
    pub fn ttl(&self, asked: Option<Sent<Ttl>>) -> Result<Ttl, Problem> {
        Ok(self.ttl_regardless_of_jwt(asked)?.min(self.longest))
    }

    /// The lifetime asked for, or the configured default. Use it only to check what a client asked for: [`Self::ttl`] says
    /// how long the token may live.
    ///
    /// # Errors
    /// The lifetime is longer than the configured maximum.
    pub fn ttl_regardless_of_jwt(&self, asked: Option<Sent<Ttl>>) -> Result<Ttl, Problem> {
        ttl(&self.config.policy, asked)
    }
}

/// 403 for RTM: the caller's rooms are limited.
fn no_rtm(parameter: &str) -> Problem {
    Problem::forbidden(format!(
        "{parameter}: an RTM token opens every message channel, and the caller's rooms are limited"
    ))
}

/// Permissions for each room that is the full name of a channel: to read and write in the message channel and in the stream
/// channel of this name.
fn permissions(parameter: &str, rooms: &[String]) -> Result<Permissions, Problem> {
    let channels = rtm_channels(rooms);
    if channels.is_empty() {
        return Err(Problem::forbidden(format!(
            "{parameter}: the caller's claim lists no RTM channel by its full name, and an RTM token needs full names"
        )));
    }
    let mut permissions = Permissions::default();
    for resource in [Resource::MessageChannels, Resource::StreamChannels] {
        for permission in [Permission::Read, Permission::Write] {
            permissions.permit(resource, permission, channels.iter().cloned().collect()).map_err(|too_many| {
                Problem::forbidden(format!("{parameter}: the caller's claim lists too many channels: {too_many}"))
            })?;
        }
    }
    Ok(permissions)
}

/// Checks the caller's own id by this vendor's rule.
fn checked<N>(parameter: &str, id: &str, check: fn(String) -> Result<N, NameError>) -> Result<N, Problem> {
    check(id.to_owned()).map_err(|error| ParamError::from(error).of_the_callers_own_id().problem(parameter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::samples::{APP_ID, NOW, caller, caller_of, config, jwt, status};
    use tokens::agora::{RtmUserId, UserAccount};

    fn sent<T>(value: T) -> Sent<T> {
        Sent { name: "asked", value }
    }

    fn rtm(name: &str) -> Asked<RtmUserId> {
        Asked::Named(RtmUserId::new(name).expect("valid"))
    }

    #[test]
    fn a_caller_gets_their_own_token_only() {
        let alice = caller(&config(|_| ()), &[("sub", "alice")]);
        assert_eq!(alice.user(sent(Asked::Me), RtmUserId::new).map(|user| user.to_string()), Ok("alice".to_owned()));
        assert_eq!(status(alice.user(sent(rtm("alice")), RtmUserId::new)), 200);
        assert_eq!(status(alice.user(sent(rtm("bob")), RtmUserId::new)), 403);
        assert_eq!(status(alice.user(sent(rtm("Alice")), RtmUserId::new)), 403);
        // An identity provider may hand out ids that a vendor doesn't take, or that would be wildcards.
        let star = caller(&config(|_| ()), &[("sub", "*")]);
        assert_eq!(status(star.user(sent(Asked::Me), RtmUserId::new)), 403);
    }

    /// A configuration with the claim `rooms`, if rooms are limited.
    fn beyond_rooms(rooms: Option<&str>, rtm_beyond_rooms: RtmBeyondRooms) -> Arc<Config> {
        config(|config| {
            config.policy.rooms_claim = rooms.map(str::to_owned);
            config.policy.rtm_beyond_rooms = rtm_beyond_rooms;
        })
    }

    #[test]
    fn limited_rooms_refuse_rtm_unless_it_is_allowed_beyond_them() {
        use RtmBeyondRooms::{Allowed, Permissions, Refused};
        // Whether the caller gets a token for RTM, and one that opens RTM beside another service.
        let logs_in = |config: &Arc<Config>, claims: &[(&str, &str)]| {
            let caller = caller(config, claims);
            (status(caller.rtm_channels("user_id")), status(caller.every_message_channel("with")))
        };
        let [limited, beyond, within] =
            [Refused, Allowed, Permissions].map(|setting| beyond_rooms(Some("rooms"), setting));
        // If a rooms claim is configured, `refused` and `allowed` count whatever the claim says. Even `*` is refused.
        // With `permissions`, the claim must list a channel by its full name.
        let callers: [(&[(&str, &str)], u16); 5] = [
            (&[("sub", "alice"), ("rooms", "[lobby team-*]")], 200),
            (&[("sub", "alice"), ("rooms", "[team-*]")], 403),
            (&[("sub", "alice"), ("rooms", "[]")], 403),
            (&[("sub", "alice"), ("rooms", "*")], 403),
            (&[("sub", "alice")], 403),
        ];
        for (claims, with_permissions) in callers {
            assert_eq!(logs_in(&limited, claims), (403, 403), "{claims:?}");
            assert_eq!(logs_in(&beyond, claims), (200, 200), "{claims:?}");
            assert_eq!(logs_in(&within, claims), (with_permissions, 403), "{claims:?}");
            // The setting is only for RTM. A token that opens every ZEGO room stays refused.
            for config in [&beyond, &within] {
                assert_eq!(status(caller(config, claims).every_room("room_id")), 403, "{claims:?}");
            }
        }
        for setting in [Refused, Allowed, Permissions] {
            assert_eq!(logs_in(&beyond_rooms(None, setting), &[("sub", "alice")]), (200, 200));
            let local = config(|config| {
                config.verifier = Verifier::None;
                config.policy.rooms_claim = Some("rooms".to_owned());
                config.policy.rtm_beyond_rooms = setting;
            });
            let anybody = caller_of(&local, None).expect("believed");
            assert_eq!(anybody.rtm_channels("user_id"), Ok(RtmChannels::Every));
        }
    }

    #[test]
    fn only_a_teacher_gets_a_classroom_role_that_may_do_more_than_a_student() {
        let with = |teacher: Option<&str>, publish: Option<&str>| {
            config(|config| {
                config.policy.teacher_scope = teacher.map(str::to_owned);
                config.policy.publish_scope = publish.map(str::to_owned);
            })
        };
        // The roles from 0 to 5 that the caller gets, and whether they get a token for every role.
        let gets = |config: &Arc<Config>, claims: &[(&str, &str)]| {
            let caller = caller(config, claims);
            let role = |role: i16| Sent { name: "role", value: ApaasRole::new(role).expect("valid") };
            let roles = (0..=5).filter(|number| status(caller.classroom_role(role(*number))) == 200);
            (roles.collect::<Vec<_>>(), status(caller.every_classroom_role("user_uuid")))
        };
        let (alice, teacher) = ([("sub", "alice")], [("sub", "alice"), ("scope", "teach publish")]);
        // Without the setting nobody is a teacher.
        for claims in [&alice[..], &teacher] {
            assert_eq!(gets(&with(None, None), claims), (vec![2, 4], 403));
        }
        assert_eq!(gets(&with(Some("teach"), None), &alice), (vec![2, 4], 403));
        assert_eq!(gets(&with(Some("teach"), None), &teacher), (vec![0, 1, 2, 3, 4, 5], 200));
        // A caller who may not publish may only watch.
        assert_eq!(gets(&with(Some("teach"), Some("publish")), &alice), (vec![4], 403));
        assert_eq!(gets(&with(Some("teach"), Some("publish")), &teacher), (vec![0, 1, 2, 3, 4, 5], 200));
        assert_eq!(gets(&with(Some("teach"), Some("speak")), &teacher), (vec![4], 403));
        // Only the named claim counts.
        let by_permissions = config(|config| {
            config.policy.teacher_scope = Some("teach".to_owned());
            config.policy.scope_claim = Some("permissions".to_owned());
        });
        assert_eq!(gets(&by_permissions, &teacher), (vec![2, 4], 403));
        let permitted = [("sub", "alice"), ("permissions", "[teach]")];
        assert_eq!(gets(&by_permissions, &permitted), (vec![0, 1, 2, 3, 4, 5], 200));
        let local = config(|config| config.verifier = Verifier::None);
        let anybody = caller_of(&local, None).expect("believed");
        assert_eq!(status(anybody.every_classroom_role("user_uuid")), 200);
    }

    #[test]
    fn permissions_name_the_channels_that_the_claim_lists_in_full() {
        let within = beyond_rooms(Some("rooms"), RtmBeyondRooms::Permissions);
        let alice = |rooms: &str| caller(&within, &[("sub", "alice"), ("rooms", rooms)]);
        let named = |rooms: &str| match alice(rooms).rtm_channels("user_id").expect("channels") {
            RtmChannels::Only(permissions) => serde_json::to_value(permissions).expect("JSON"),
            RtmChannels::Every => panic!("every channel"),
        };
        let both = |names: &[&str]| {
            let both = serde_json::json!({ "read": names, "write": names });
            serde_json::json!({ "message_channels": both, "stream_channels": both })
        };
        assert_eq!(named("[lobby team-* demo]"), both(&["demo", "lobby"]));
        // A plain text is one name, which may contain spaces.
        assert_eq!(named("the lobby"), both(&["the lobby"]));
        assert_eq!(named("[demo demo]"), both(&["demo"]));
        // RTM takes only the first of these names. In the last two, Agora would read a wildcard.
        let longest = "x".repeat(64);
        let (long, accented) = ("x".repeat(65), "caf\u{e9}");
        assert_eq!(named(&format!("[{longest} {long} {accented} a*b **]")), both(&[&longest]));
        for none in [&*format!("[{long} {accented} a*b **]"), "a*b", "", "*", "[ ]", "[* team-*]"] {
            let problem = alice(none).rtm_channels("user_id").expect_err("no channel");
            assert_eq!(problem.status(), 403, "{none}");
            assert!(problem.detail().starts_with("user_id: the caller's claim lists no RTM channel"), "{problem:?}");
        }
        // A token that named fewer channels than the claim would lock the caller out of some, and nobody would know why.
        let many = |number: usize| format!("[{}]", (0..number).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
        assert_eq!(status(alice(&many(1024)).rtm_channels("user_id")), 200);
        let problem = alice(&many(1025)).rtm_channels("user_id").expect_err("too many");
        assert_eq!(problem.status(), 403);
        assert!(problem.detail().contains("at most 1024"), "{problem:?}");
    }

    #[test]
    fn a_token_that_cannot_have_permissions_is_refused_with_the_way_out() {
        let within = beyond_rooms(Some("rooms"), RtmBeyondRooms::Permissions);
        let alice = caller(&within, &[("sub", "alice"), ("rooms", "[lobby]")]);
        let beside = alice.every_message_channel("with").expect_err("several services");
        assert!(beside.detail().contains("GET /rtm/{user_id}/token"), "{beside:?}");
        let older = alice.rtm_version(Version::V006).expect_err("006");
        assert_eq!(older.status(), 403);
        assert!(older.detail().contains("ask for version 007"), "{older:?}");
        // The tutorial's answer has no detail, so it says this in the token's place.
        assert_eq!(older.tutorial_text(), older.detail());
        assert_eq!(alice.rtm_version(Version::V007), Ok(Version::V007));
        let unlimited = caller(&beyond_rooms(None, RtmBeyondRooms::Permissions), &[("sub", "alice")]);
        assert_eq!(unlimited.rtm_version(Version::V006), Ok(Version::V006));
        let plain = caller(&beyond_rooms(Some("rooms"), RtmBeyondRooms::Allowed), &[("sub", "alice")]);
        assert_eq!(plain.rtm_version(Version::V006), Ok(Version::V006));
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
            config.verifier = Verifier::None;
            config.policy.rtm_006 = false;
        });
        let anybody = caller_of(&local, None).expect("believed");
        assert_eq!(status(anybody.rtm_version(Version::V006)), 403);
        assert_eq!(status(anybody.rtm_version(Version::V007)), 200);
    }

    #[test]
    fn nobody_joins_rtc_as_somebody_else() {
        let alice = caller(&config(|_| ()), &[("sub", "alice")]);
        let uid = |uid: u32| Some(sent(RtcUser::Uid(Uid::new(uid.into()).expect("valid"))));
        let account = |name: &str| Some(sent(RtcUser::Account(UserAccount::new(name).expect("valid"))));
        let own = Uid::of_user(APP_ID, "alice");
        assert_eq!(alice.rtc_user(None), Ok(RtcUser::Uid(own)));
        assert_eq!(status(alice.rtc_user(uid(own.get()))), 200);
        assert_eq!(status(alice.rtc_user(uid(42))), 403);
        assert_eq!(status(alice.rtc_user(account("alice"))), 200);
        assert_eq!(status(alice.rtc_user(account("bob"))), 403);
        let claiming = config(|config| config.policy.rtc_uid_claim = Some("uid".to_owned()));
        let with_uid = |uid: &str| caller(&claiming, &[("sub", "42"), ("uid", uid)]);
        assert_eq!(status(with_uid("42").rtc_user(uid(42))), 200);
        assert_eq!(status(with_uid("42").rtc_user(account("42"))), 200);
        assert_eq!(status(with_uid("42").rtc_user(uid(43))), 403);
        assert_eq!(with_uid("42").rtc_user(None), Ok(RtcUser::Uid(Uid::of_user(APP_ID, "42"))));
        for no_uid in ["0", "-1", "042", "[42 43]", "4294967296", ""] {
            assert_eq!(status(with_uid(no_uid).rtc_user(uid(42))), 403, "{no_uid:?}");
        }
        // A user may choose another user's uid as a name. This gives no token for that uid.
        let victim = own.to_string();
        let mallory = caller(&config(|_| ()), &[("sub", &victim)]);
        assert_eq!(status(mallory.rtc_user(account(&victim))), 403);
    }

    #[test]
    fn lifetimes_stay_below_the_configured_maximum() {
        let alice = caller(&config(|_| ()), &[("sub", "alice")]);
        let ttl = |seconds| Some(sent(Ttl::from_seconds(seconds).expect("valid")));
        assert_eq!(alice.ttl(None).map(Ttl::as_seconds), Ok(3600));
        assert_eq!(alice.ttl(ttl(7200)).map(Ttl::as_seconds), Ok(7200));
        assert_eq!(status(alice.ttl(ttl(7201))), 400);
    }

    #[test]
    fn a_token_outlives_the_jwt_by_no_more_than_is_allowed() {
        let with = |beyond: u32| config(|config| config.policy.max_seconds_beyond_jwt = Some(beyond));
        let asked = |seconds: u64| Some(sent(Ttl::from_seconds(seconds).expect("valid")));
        // The lifetime that a caller gets for an hour, if the JWT ends in this many seconds.
        let gets = |beyond: u32, ends_in: i64| {
            let exp = (i64::try_from(NOW).expect("small") + ends_in).to_string();
            let caller = caller_of(&with(beyond), jwt(&[("sub", "alice"), ("exp", &exp)]).as_ref());
            caller.and_then(|it| it.ttl(asked(3600))).map(Ttl::as_seconds).map_err(|problem| problem.status())
        };
        assert_eq!(
            (gets(0, 600), gets(0, 1), gets(0, 3599), gets(0, 3600), gets(0, 3601)),
            (Ok(600), Ok(1), Ok(3599), Ok(3600), Ok(3600))
        );
        assert_eq!((gets(60, 600), gets(86_400, 600), gets(60, 0)), (Ok(660), Ok(3600), Ok(60)));
        // The verifier still takes a JWT that ended less than a minute ago.
        assert_eq!(
            (gets(60, -59), gets(60, -60), gets(0, 0), gets(0, -1), gets(0, -1000)),
            (Ok(1), Err(401), Err(401), Err(401), Err(401))
        );
        assert_eq!(gets(0, 1 << 40), Ok(3600));
        // A fraction of a second is not rounded up. The gateway may write a large number with an exponent.
        let ends = |exp: &str| {
            status(caller_of(&with(0), jwt(&[("sub", "alice"), ("exp", exp)]).as_ref()).and_then(|it| it.ttl(None)))
        };
        assert_eq!((ends("1800000000.9"), ends("1800000001.1"), ends("1.9E9")), (401, 200, 200));
        // A JWT without an end proves no user here.
        for unreadable in ["", "soon", "-1", "inf", "NaN", "[1900000000]"] {
            assert_eq!(ends(unreadable), 401, "{unreadable}");
        }
        assert_eq!(status(caller_of(&with(0), jwt(&[("sub", "alice")]).as_ref())), 401);
        // The rule for the lifetime that a client asks for stays the same.
        let alice = caller(&with(0), &[("sub", "alice"), ("exp", "1800000600")]);
        assert_eq!(status(alice.ttl(asked(7201))), 400);
        assert_eq!(alice.ttl(asked(60)).map(Ttl::as_seconds), Ok(60));
        assert_eq!(alice.ttl_regardless_of_jwt(asked(7200)).map(Ttl::as_seconds), Ok(7200));
    }
}
