//! Any bytes, as the event of every function.

use crate::claims;
use crate::function::Function;
use crate::judge::{Form, Limits, RtmBeyondRooms};
use crate::running::Running;
use std::cell::OnceCell;

thread_local! {
    /// Every function, without limits, with all limits, and with those of a school.
    static FUNCTIONS: OnceCell<Vec<Running>> = const { OnceCell::new() };
}

fn functions() -> Vec<Running> {
    let query_audience = Some(claims::AUDIENCE.to_owned());
    let open = Limits { query_audience: query_audience.clone(), ..Limits::default() };
    let strict = Limits {
        form: Form::Hash,
        rooms_claim: Some("rooms".to_owned()),
        rtc_uid_claim: Some("uid".to_owned()),
        publish_scope: Some("rooms/publish".to_owned()),
        teacher_scope: Some("teach".to_owned()),
        scope_claim: Some("permissions".to_owned()),
        refused_claim: Some(("kind".to_owned(), "guest".to_owned())),
        rtm_beyond_rooms: RtmBeyondRooms::Permissions,
        rtm_006: false,
        max_ttl: 7200,
        max_seconds_beyond_jwt: Some(60),
        mints_per_minute: 1000,
        query_audience,
        ..Limits::default()
    };
    // Here a classroom's token is possible, and only with the scope to teach every role.
    let school = Limits {
        rtm_beyond_rooms: RtmBeyondRooms::Allowed,
        rooms_claim: Some("rooms".to_owned()),
        publish_scope: Some("rooms/publish".to_owned()),
        teacher_scope: Some("teach".to_owned()),
        rtm_006: false,
        max_ttl: 600,
        default_ttl: 600,
        max_seconds_beyond_jwt: Some(60),
        ..Limits::default()
    };
    let all = [open, strict, school];
    let all = all.iter().flat_map(|limits| Function::all().map(move |function| (function, limits)));
    all.map(|(function, limits)| {
        let running = Running::new(function, limits);
        claims::grants_what_it_must(function, limits, &running);
        running
    })
    .collect()
}

/// Sends the event to every function, and judges every answer.
///
/// # Panics
/// A function gave an answer that the caller may not get.
pub fn check(event: &[u8]) {
    FUNCTIONS.with(|all| {
        for function in all.get_or_init(functions) {
            function.ask(event);
        }
    });
}
