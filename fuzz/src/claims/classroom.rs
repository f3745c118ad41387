//! Requests for classrooms.

use super::{Asked, Input, ROOM, Text, has_route, present};
use crate::drop_in::DropIn;
use crate::function::Function;
use crate::judge::{Limits, Needs};
use crate::running::Running;
use arbitrary::Arbitrary;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// A request for a classroom.
#[derive(Debug, Clone, Arbitrary)]
pub(super) struct Request {
    route: Route,
    /// `None`: the caller.
    user: Option<Text>,
    /// `None`: the room of the simplest request.
    room: Option<Text>,
    role: Option<Asked>,
    expires_in: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
enum Route {
    Room,
    /// Outside of any room.
    User,
    /// The route in Agora's documentation.
    Fetch,
}

impl Input {
    pub(super) fn check_classroom(&self, request: &Request, limits: &Limits) {
        let running = Running::new(Function::Apaas, limits);
        let status = running.ask(self.classroom_event(request, limits).to_string().as_bytes());
        let is_empty = |text: &Option<Text>| text.as_ref().is_some_and(|text| text.text().is_empty());
        // In the emulator's path, an empty segment is no parameter.
        let in_path = request.route != Route::Fetch && (is_empty(&request.user) || is_empty(&request.room));
        let finds_no_route = (self.emulated && in_path) || !request.has_route(limits);
        assert!(status.is_some_and(|status| status != 404 || finds_no_route), "this event finds its route: {status:?}");
        self.check_plainest_classroom(limits, &running);
    }

    pub(super) fn check_plainest_classroom(&self, limits: &Limits, running: &Running) {
        let plain = |route, role: u64| Request {
            route,
            user: None,
            room: None,
            role: Some(Asked::Number(role)),
            expires_in: None,
        };
        let room = Needs { rtm: true, room: Some(ROOM), ..Needs::default() };
        let student = Needs { publish: true, ..room };
        let teacher = Needs { teach: true, ..student };
        for route in [Route::Room, Route::Fetch] {
            for (role, needs) in [(0, teacher), (1, teacher), (2, student), (3, teacher), (4, room), (5, teacher)] {
                let request = plain(route, role);
                let event = self.classroom_event(&request, limits);
                self.ask_plain(&event, &needs, limits, running, request.has_route(limits));
            }
        }
        let outside = Request { role: None, ..plain(Route::User, 0) };
        let needs = Needs { every_room: true, teach: true, ..Needs::default() };
        self.ask_plain(&self.classroom_event(&outside, limits), &needs, limits, running, true);
    }

    fn classroom_event(&self, request: &Request, limits: &Limits) -> Value {
        let text = |text: &Option<Text>, otherwise: &str| text.as_ref().map_or(otherwise.to_owned(), Text::text);
        let (user, room) = (text(&request.user, "me"), text(&request.room, ROOM));
        let in_path = |text: &String| match self.emulated {
            true => utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
            false => text.clone(),
        };
        let authorizer = self.authorizer(limits, None);
        if request.route == Route::Fetch {
            let mut event = self.with_identity("POST", "POST /fetch_education_token", authorizer);
            event["rawPath"] = "/fetch_education_token".into();
            event["rawQueryString"] = "".into();
            let body = present([
                ("userUuid", Some(user.into())),
                ("roomUuid", Some(room.into())),
                ("role", request.role.as_ref().map(Asked::in_body)),
                ("expires_in", request.expires_in.map(Value::from)),
            ]);
            event["body"] = body.to_string().into();
            return event;
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        for role in request.role.iter().flat_map(Asked::in_query) {
            query.append_pair("role", &role);
        }
        if let Some(seconds) = request.expires_in {
            query.append_pair("expires_in", &seconds.to_string());
        }
        let (user, room) = (in_path(&user), in_path(&room));
        let (route_key, path, parameters) = match request.route {
            Route::User => {
                ("GET /apaas/{user_uuid}/token", format!("/apaas/{user}/token"), json!({ "user_uuid": user }))
            }
            _ => (
                "GET /apaas/{user_uuid}/rooms/{room_uuid}/token",
                format!("/apaas/{user}/rooms/{room}/token"),
                json!({ "user_uuid": user, "room_uuid": room }),
            ),
        };
        let mut event = self.with_identity("GET", route_key, authorizer);
        event["rawPath"] = path.into();
        event["rawQueryString"] = query.finish().into();
        event["pathParameters"] = parameters;
        event
    }
}

impl Request {
    fn has_route(&self, limits: &Limits) -> bool {
        self.route != Route::Fetch || has_route(DropIn::FetchEducation, limits)
    }
}
