//! Lets the caller into ZEGO Express rooms, as themself. A token with a room opens that room. The basic token opens
//! every room.

use crate::Example;
use service::params::{Asked, Params, Sent};
use service::{Caller, Dialect, Problem, Route};
use tokens::Ttl;
use tokens::zego::{Basic, Express, Key, NamedExpress, Room, RoomId, RoomPrivileges, StreamIds, UserId, UserName};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[
    Example { what: "ZEGO Express", path: "/zego/alice/token", body: None, drop_in: false },
    Example {
        what: "ZEGO Express, one room",
        path: "/zego/alice/token",
        body: Some(r#"{"room_id":"demo","privileges":{"login":true,"publish":false}}"#),
        drop_in: false,
    },
    Example {
        what: "ZEGO Express, and the web UIKit's kit token",
        path: "/zego/alice/token?room_id=demo&user_name=Alice",
        body: None,
        drop_in: false,
    },
    Example {
        what: "ZEGO Express, as its demo server is asked",
        path: "/access_token?uid=alice",
        body: None,
        drop_in: true,
    },
    Example {
        what: "ZEGO Express, as its quick start asks",
        path: "/api/zego-token?userId=alice",
        body: None,
        drop_in: true,
    },
    Example {
        what: "ZEGO Express, as its older quick start asks",
        path: "/api/zegotoken?userId=alice",
        body: None,
        drop_in: true,
    },
];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 5] {
    [
        Route::get("/zego/{user_id}/token", Ask::parse_query, grant),
        Route::post("/zego/{user_id}/token", Ask::parse_body, grant),
        Route::get("/access_token", Ask::parse_as_demo_server, grant).drop_in(Dialect::ZegoDemo),
        Route::get("/api/zego-token", Ask::parse_as_quick_start, grant).drop_in(Dialect::ZegoQuickStart),
        Route::get("/api/zegotoken", Ask::parse_as_quick_start, grant).drop_in(Dialect::ZegoQuickStart),
    ]
}

struct Ask {
    user: Sent<Asked<UserId>>,
    user_name: Option<UserName>,
    room: Option<AskRoom>,
    /// If the token opens every room: the parameter that a refusal names.
    room_parameter: &'static str,
    expires_in: Option<Sent<Ttl>>,
}

/// A room, and what the caller wants to do there.
struct AskRoom {
    id: RoomId,
    privileges: RoomPrivileges,
    stream_ids: StreamIds,
}

/// The privileges in a request. `None`: the request doesn't name this one.
struct AskPrivileges {
    login: Option<bool>,
    publish: Option<bool>,
}

impl AskPrivileges {
    fn parse(params: &mut Params) -> Result<AskPrivileges, Problem> {
        Ok(AskPrivileges { login: params.take("login")?, publish: params.take("publish")? })
    }
}

impl Ask {
    fn parse_query(params: &mut Params) -> Result<Ask, Problem> {
        let privileges = AskPrivileges::parse(params)?;
        let named = privileges.login.is_some() || privileges.publish.is_some();
        Ask::parse(params, named.then_some(privileges), "stream_id")
    }

    fn parse_body(params: &mut Params) -> Result<Ask, Problem> {
        let privileges = params.take_object("privileges", AskPrivileges::parse)?;
        Ask::parse(params, privileges, "stream_ids")
    }

    fn parse(params: &mut Params, privileges: Option<AskPrivileges>, streams: &'static str) -> Result<Ask, Problem> {
        let stream_ids = params.take_list(streams)?;
        let room = match params.take("room_id")? {
            Some(id) => {
                // By default the token of a room allows login and no publishing.
                let (login, publish) = privileges.map_or((None, None), |asked| (asked.login, asked.publish));
                let privileges = RoomPrivileges { login: login.unwrap_or(true), publish: publish.unwrap_or(false) };
                let stream_ids = StreamIds::new(stream_ids.unwrap_or_default())
                    .map_err(|too_many| Problem::bad_parameter(streams, too_many))?;
                Some(AskRoom { id, privileges, stream_ids })
            }
            None if privileges.is_none() && stream_ids.is_none() => None,
            None => return Err(Problem::bad_parameter("room_id", "is required with privileges or stream ids")),
        };
        Ok(Ask {
            user: params.require_sent("user_id")?,
            user_name: params.take("user_name")?,
            room,
            room_parameter: "room_id",
            expires_in: params.take_sent("expires_in")?,
        })
    }

    fn parse_as_demo_server(params: &mut Params) -> Result<Ask, Problem> {
        let user = params.require_sent("uid")?;
        // The server and its documentation spell the lifetime in two ways.
        let expires_in = match (params.take_ttl_or_zero("expired_ts")?, params.take_ttl_or_zero("expiredTs")?) {
            (Some(_), Some(_)) => {
                return Err(Problem::bad_parameter("expiredTs", "must not be given together with expired_ts"));
            }
            (one, other) => one.or(other),
        };
        Ok(Ask { user, user_name: None, room: None, room_parameter: "uid", expires_in })
    }

    fn parse_as_quick_start(params: &mut Params) -> Result<Ask, Problem> {
        let user = params.require_sent("userId")?;
        Ok(Ask { user, user_name: None, room: None, room_parameter: "userId", expires_in: None })
    }
}

/// The caller needs the right to all that the token opens. A token without a room opens every room, and allows
/// publishing there.
fn grant(
    caller: &Caller,
    Ask { user, user_name, room, room_parameter, expires_in }: Ask,
) -> Result<NamedExpress, Problem> {
    let user = caller.user(user, UserId::new)?;
    let ttl = caller.ttl(expires_in)?;
    let express = match room {
        None => {
            caller.every_room(room_parameter)?;
            caller.may_publish(room_parameter)?;
            Express::Basic(Basic { user, ttl })
        }
        Some(AskRoom { id, privileges, stream_ids }) => {
            if privileges.publish {
                caller.may_publish("publish")?;
            }
            Express::Room(Room { user, room: caller.room("room_id", id)?, privileges, stream_ids, ttl })
        }
    };
    Ok(NamedExpress { express, user_name })
}
