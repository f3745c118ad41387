//! Lets the caller into a classroom (APaaS, Agora's Flexible Classroom), as themself.

use crate::Example;
use service::params::{Asked, Params, Sent};
use service::{Caller, Dialect, Problem, Route};
use tokens::Ttl;
use tokens::agora::{ApaasRole, ApaasRoomUser, ApaasUser, Key, RoomUuid, UserUuid};

/// One request for each route of this function.
pub const EXAMPLES: &[Example] = &[
    Example {
        what: "a classroom, as a student",
        path: "/apaas/alice/rooms/demo/token?role=2",
        body: None,
        drop_in: false,
    },
    Example { what: "classrooms, outside of any room", path: "/apaas/alice/token", body: None, drop_in: false },
    Example {
        what: "a classroom, as Agora's documentation asks",
        path: "/fetch_education_token",
        body: Some(r#"{"roomUuid":"demo","userUuid":"alice","role":2}"#),
        drop_in: true,
    },
];

/// The routes that this function serves.
pub fn routes() -> [Route<Key>; 3] {
    [
        Route::get("/apaas/{user_uuid}/rooms/{room_uuid}/token", AskRoom::parse, grant_room),
        Route::get("/apaas/{user_uuid}/token", Ask::parse, grant),
        Route::post("/fetch_education_token", AskRoom::parse_as_in_the_docs, grant_room).drop_in(Dialect::AgoraDocs),
    ]
}

struct AskRoom {
    user: Sent<Asked<UserUuid>>,
    room: Sent<RoomUuid>,
    role: Sent<ApaasRole>,
    expires_in: Option<Sent<Ttl>>,
}

impl AskRoom {
    fn parse(params: &mut Params) -> Result<AskRoom, Problem> {
        AskRoom::of_names(params, "user_uuid", "room_uuid")
    }

    fn parse_as_in_the_docs(params: &mut Params) -> Result<AskRoom, Problem> {
        AskRoom::of_names(params, "userUuid", "roomUuid")
    }

    fn of_names(params: &mut Params, user: &'static str, room: &'static str) -> Result<AskRoom, Problem> {
        Ok(AskRoom {
            user: params.require_sent(user)?,
            room: params.require_sent(room)?,
            role: params.require_sent("role")?,
            expires_in: params.take_sent("expires_in")?,
        })
    }
}

struct Ask {
    user: Sent<Asked<UserUuid>>,
    expires_in: Option<Sent<Ttl>>,
}

impl Ask {
    fn parse(params: &mut Params) -> Result<Ask, Problem> {
        Ok(Ask { user: params.require_sent("user_uuid")?, expires_in: params.take_sent("expires_in")? })
    }
}

/// Every caller who may enter the room may be an observer there. A student must also be allowed to publish. Every other role
/// needs the scope to teach, too. The same token lets the caller log in to RTM, and there it opens every message channel.
fn grant_room(caller: &Caller, ask: AskRoom) -> Result<ApaasRoomUser, Problem> {
    let AskRoom { user, room, role, expires_in } = ask;
    let parameter = user.name;
    let user = caller.user(user, UserUuid::new)?;
    caller.every_message_channel(parameter)?;
    Ok(ApaasRoomUser {
        user,
        room: caller.room(room.name, room.value)?,
        role: caller.classroom_role(role)?,
        ttl: caller.ttl(expires_in)?,
    })
}

/// This token names no room and no role. So the caller needs the right to all rooms and roles.
fn grant(caller: &Caller, Ask { user, expires_in }: Ask) -> Result<ApaasUser, Problem> {
    let parameter = user.name;
    let user = caller.user(user, UserUuid::new)?;
    caller.every_room(parameter)?;
    caller.every_classroom_role(parameter)?;
    Ok(ApaasUser { user, ttl: caller.ttl(expires_in)? })
}
