//! The caller, as the gateway describes it in the event.

use super::limits::{APP_ID, Form, Limits, RtmBeyondRooms};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The fields of an object, unread. A field that nobody reads may be nested too deep for a [`Value`], or hold half a
/// surrogate pair. The service does not read such a field either.
pub(crate) type Fields = BTreeMap<String, Box<RawValue>>;

/// The fields of an object. Anything else has no fields.
pub(crate) fn fields(json: &[u8]) -> Fields {
    serde_json::from_slice(json).unwrap_or_default()
}

pub(super) fn object(fields: &Fields, name: &str) -> Fields {
    fields.get(name).map(|object| self::fields(object.get().as_bytes())).unwrap_or_default()
}

/// The value of a field. It is null if the field is missing or cannot be read.
pub(super) fn value(fields: &Fields, name: &str) -> Value {
    fields.get(name).and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
}

pub(super) fn method(event: &Fields) -> Value {
    value(&object(&object(event, "requestContext"), "http"), "method")
}

pub(super) fn is_post(event: &Fields) -> bool {
    method(event) == "POST"
}

/// The fields of the body.
pub(super) fn body(event: &Fields) -> Map<String, Value> {
    let body = value(event, "body");
    let body = body.as_str().unwrap_or_default();
    let bytes = match value(event, "isBase64Encoded") == true {
        true => BASE64_STANDARD.decode(body).unwrap_or_default(),
        false => body.as_bytes().to_vec(),
    };
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Who the gateway says is asking.
#[derive(Debug)]
pub(crate) enum Who {
    Nobody,
    Backend,
    User(User),
}

#[derive(Debug)]
pub(crate) struct User {
    pub(super) id: String,
    pub(super) uid: Option<u32>,
    pub(super) rooms: Option<Vec<String>>,
    pub(super) may_publish: bool,
    pub(super) may_teach: bool,
    /// Until when a token may live at most, in Unix seconds.
    pub(super) latest_end: Option<u64>,
    /// The issuer and the id in the JWT. The limit counts by both.
    pub(crate) counted: (String, String),
}

impl Who {
    pub(crate) fn of(event: &Fields, limits: &Limits) -> Who {
        // An event that the gateway cannot have written carries no identity.
        if value(event, "version") != "2.0" {
            return Who::Nobody;
        }
        // Where the front has no routes, there is no authorizer either.
        if value(&object(event, "requestContext"), "routeKey") == "$default" {
            return Who::Nobody;
        }
        let authorizer = value(&object(event, "requestContext"), "authorizer");
        let Some(authorizer) = authorizer.as_object() else { return Who::Nobody };
        match (authorizer.get("jwt"), authorizer.get("iam")) {
            (Some(jwt), None) => User::of(jwt, limits).map_or(Who::Nobody, Who::User),
            (None, Some(Value::Object(iam))) => {
                let named = |field: &str| matches!(iam.get(field), Some(Value::String(name)) if !name.is_empty());
                let pooled = !matches!(iam.get("cognitoIdentity"), None | Some(Value::Null));
                if named("userArn") && named("accountId") && !pooled { Who::Backend } else { Who::Nobody }
            }
            _ => Who::Nobody,
        }
    }
}

impl User {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The uid in the user's claim, or else the assigned one.
    pub(crate) fn own_uid(&self) -> u32 {
        self.uid.unwrap_or_else(|| assigned_uid(&self.id))
    }

    fn of(jwt: &Value, limits: &Limits) -> Option<User> {
        let claims = jwt.as_object()?.get("claims")?.as_object()?;
        claims.values().all(Value::is_string).then_some(())?;
        let claim = |name: &str| claims.get(name).and_then(Value::as_str);
        if let Some((name, value)) = &limits.refused_claim
            && claim(name).is_some_and(|claim| is_or_lists(claim, value))
        {
            return None;
        }
        let id = claim(&limits.user_id_claim).filter(|id| !id.is_empty())?;
        let counted = (claim("iss").unwrap_or_default().to_owned(), id.to_owned());
        let latest_end = match limits.max_seconds_beyond_jwt {
            None => None,
            Some(beyond) => {
                let end: f64 = claim("exp")?.parse().ok().filter(|end| (0.0..f64::INFINITY).contains(end))?;
                Some((end.floor() as u64).saturating_add(beyond.into()))
            }
        };
        let id = match limits.form {
            Form::Verbatim => id.to_owned(),
            Form::Lower => id.chars().map(|letter| letter.to_ascii_lowercase()).collect(),
            Form::Uuid => {
                let form = id.bytes().map(|byte| if byte.is_ascii_hexdigit() { b'x' } else { byte });
                form.eq(*b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx").then_some(())?;
                id.replace('-', "").to_ascii_lowercase()
            }
            Form::Hash => Sha256::digest(id)[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let uid = limits.rtc_uid_claim.as_deref().and_then(claim).and_then(number);
        let rooms = limits.rooms_claim.as_deref().map(|name| match claim(name) {
            None => Vec::new(),
            Some(claim) => rooms(claim),
        });
        let has_scope = |needed: &str| {
            let listed = jwt["scopes"].as_array().is_some_and(|scopes| scopes.iter().any(|scope| scope == needed));
            let said = |claim: &str| words(claim).any(|scope| scope == needed);
            match limits.scope_claim.as_deref() {
                Some(name) => claim(name).is_some_and(said),
                None => listed || claim("scope").is_some_and(said) || claim("scp").is_some_and(said),
            }
        };
        let may_publish = limits.publish_scope.as_deref().is_none_or(has_scope);
        let may_teach = limits.teacher_scope.as_deref().is_some_and(has_scope);
        Some(User { id, uid, rooms, may_publish, may_teach, latest_end, counted })
    }

    pub(super) fn may_enter(&self, room: &str) -> bool {
        let Some(rooms) = &self.rooms else { return true };
        rooms.iter().any(|listed| listed == room || beginning(listed).is_some_and(|start| room.starts_with(start)))
    }

    /// Whether the user may have an RTM token without permissions. It opens every message channel.
    pub(super) fn may_use_rtm(&self, limits: &Limits) -> bool {
        self.rooms.is_none() || limits.rtm_beyond_rooms == RtmBeyondRooms::Allowed
    }

    /// The channels that the user's RTM token must name, and no others. `None`: the user gets no token with permissions.
    pub(super) fn rtm_channels(&self, limits: &Limits) -> Option<BTreeSet<&str>> {
        let rooms = self.rooms.as_ref()?;
        (limits.rtm_beyond_rooms == RtmBeyondRooms::Permissions).then_some(())?;
        let in_channel = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'*';
        let is_channel = |room: &&str| (1..=64).contains(&room.len()) && room.bytes().all(in_channel);
        let channels: BTreeSet<&str> = rooms.iter().map(String::as_str).filter(is_channel).collect();
        (1..=1024).contains(&channels.len()).then_some(channels)
    }

    /// Whether the user gets RTM tokens of version 006.
    pub(super) fn may_use_rtm_006(&self, limits: &Limits) -> bool {
        limits.rtm_006 && (self.rooms.is_none() || limits.rtm_beyond_rooms != RtmBeyondRooms::Permissions)
    }

    /// Whether this name, as a uid or an account, is the user's own.
    pub(super) fn may_join_as(&self, name: &str) -> bool {
        match number(name) {
            Some(uid) => uid == assigned_uid(&self.id) || Some(uid) == self.uid,
            None => name == self.id,
        }
    }
}

/// The text before a final `*`. Such a name stands for all rooms that begin with this text.
fn beginning(room: &str) -> Option<&str> {
    room.ends_with('*').then(|| &room[..room.len() - 1])
}

/// The words of a claim. The gateway writes an array as `[a b c]`.
pub(super) fn words(claim: &str) -> impl Iterator<Item = &str> {
    let list = claim.len() >= 2 && claim.starts_with('[') && claim.ends_with(']');
    let inner = if list { &claim[1..claim.len() - 1] } else { claim };
    inner.split([' ', '\t', '\n', '\r', '\x0c']).filter(|word| !word.is_empty())
}

/// Whether the claim is this value, or an array in which the value's words stand side by side.
fn is_or_lists(claim: &str, value: &str) -> bool {
    let is_list = claim.len() >= 2 && claim.starts_with('[') && claim.ends_with(']');
    let value_words: Vec<&str> = value.split_ascii_whitespace().collect();
    let listed: Vec<&str> = words(claim).collect();
    let exponent = claim.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| !number.is_nan());
    let same_number = exponent && number(claim).is_some() && number(claim) == number(value);
    claim == value || same_number || (is_list && listed.windows(value_words.len()).any(|some| some == value_words))
}

fn rooms(claim: &str) -> Vec<String> {
    if !(claim.len() >= 2 && claim.starts_with('[') && claim.ends_with(']')) {
        return vec![claim.to_owned()];
    }
    let list: Vec<&str> = words(claim).collect();
    // In a list with other names, `*` is ignored.
    let alone = list.len() == 1;
    list.into_iter().filter(|room| alone || *room != "*").map(str::to_owned).collect()
}

/// A uid. It has only one spelling.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The uid that is assigned to a user without a uid: 31 bits of a digest of app and user, never 0.
pub(crate) fn assigned_uid(user_id: &str) -> u32 {
    let digest = Sha256::digest([APP_ID, user_id].join("\0"));
    let number = digest.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte));
    (number % (1 << 31)).max(1)
}
