//! How a verified JWT's claims become a user, under the deployer's policy.

use crate::config::{Policy, UserIdForm};
use crate::problem::Problem;
use std::collections::BTreeMap;
use tokens::agora::{Uid, UserAccount};

/// What a verified JWT says. The gateway sends every claim as a string. It sends an array as `[a b c]`.
#[derive(Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Jwt {
    pub(crate) claims: BTreeMap<String, String>,
    /// The JWT's scopes, if the route asks for some.
    pub(crate) scopes: Option<Vec<String>>,
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
}

impl SignedIn {
    pub(super) fn read(policy: &Policy, jwt: &Jwt) -> Result<SignedIn, Problem> {
        let claim = |name: &str| jwt.claims.get(name).map(String::as_str);
        let id = claim(&policy.user_id_claim).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Problem::no_identity("the JWT lacks the claim that is the user id"))?;
        let may_publish = policy.publish_scope.as_deref().is_none_or(|needed| {
            // `scope` (RFC 8693) has spaces between scopes. Some issuers call it `scp`, and some send an array.
            let claimed = ["scope", "scp"].into_iter().filter_map(claim);
            let mut claimed = claimed.flat_map(|text| entries(text).unwrap_or(text).split_ascii_whitespace());
            let mut listed = jwt.scopes.iter().flatten();
            listed.any(|scope| scope == needed) || claimed.any(|scope| scope == needed)
        });
        let rooms = policy.rooms_claim.as_deref().map(|name| match claim(name) {
            None => Vec::new(),
            Some(text) => match entries(text).map(|list| list.split_ascii_whitespace().collect::<Vec<_>>()) {
                // Ignore a `*` in a list with other names. It may be the end of a name with a space in it.
                Some(list) if list.len() > 1 => {
                    list.into_iter().filter(|room| *room != "*").map(str::to_owned).collect()
                }
                Some(list) => list.into_iter().map(str::to_owned).collect(),
                // Not an array: one room. Its name may contain spaces.
                None => vec![text.to_owned()],
            },
        });
        // If the claim is not a uid, the user has only the assigned one.
        let uid = policy.rtc_uid_claim.as_deref().and_then(claim);
        let uid = uid.and_then(|uid| UserAccount::new(uid).ok()?.as_uid());
        Ok(SignedIn { id: in_form(policy.user_id_form, id)?, uid, rooms, may_publish })
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

/// The text between the brackets, if the claim is an array. API Gateway writes an array as `[a b c]`.
fn entries(claim: &str) -> Option<&str> {
    claim.strip_prefix('[')?.strip_suffix(']')
}

/// Turns the claim into the vendors' user id.
fn in_form(form: UserIdForm, id: &str) -> Result<String, Problem> {
    match form {
        UserIdForm::Verbatim => Ok(id.to_owned()),
        // ASCII only. Unicode has other letters that become a plain k or s. So the id could become another user's.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::samples::{caller, caller_of, channel, config, jwt, status};
    use crate::identity::{Identity, Verified};

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
        let listed = Jwt {
            claims: BTreeMap::from([("sub".to_owned(), "alice".to_owned())]),
            scopes: Some(vec!["rooms/publish".to_owned()]),
        };
        let caller = caller_of(&config, Some(&Verified::Jwt(listed)));
        assert_eq!(status(caller.expect("signed in").may_publish("role")), 200);
    }
}
