//! The functions that mint tokens: what clients may ask for, and who may have it.
//!
//! [`ALL`] lists them. Each has a file of its own with its parameters (`Ask`), its decision (`grant`) and its routes.
//! In `bin/` each has a program of a few lines, which serves those routes in Lambda. Such a program names its own
//! routes and not [`ALL`]. So it links only one vendor's code.

pub mod agent;
pub mod apaas;
pub mod chat_app;
pub mod chat_user;
pub mod drop_in;
pub mod rtc;
pub mod rtm;
pub mod zego;
pub mod zim;

use service::{Route, RouteKey};
use tokens::{agora, zego as zego_tokens};

/// Every function that mints tokens. Rust code has no other list of them.
pub const ALL: [Function; 9] = [
    Function { name: "agent-token", routes: Routes::Agora(|| agent::routes().into()), examples: agent::EXAMPLES },
    Function { name: "apaas-token", routes: Routes::Agora(|| apaas::routes().into()), examples: apaas::EXAMPLES },
    Function {
        name: "chat-app-token",
        routes: Routes::Agora(|| chat_app::routes().into()),
        examples: chat_app::EXAMPLES,
    },
    Function {
        name: "chat-user-token",
        routes: Routes::Agora(|| chat_user::routes().into()),
        examples: chat_user::EXAMPLES,
    },
    Function { name: "drop-in", routes: Routes::Agora(|| drop_in::routes().into()), examples: drop_in::EXAMPLES },
    Function { name: "rtc-token", routes: Routes::Agora(|| rtc::routes().into()), examples: rtc::EXAMPLES },
    Function { name: "rtm-token", routes: Routes::Agora(|| rtm::routes().into()), examples: rtm::EXAMPLES },
    Function { name: "zego-token", routes: Routes::Zego(|| zego::routes().into()), examples: zego::EXAMPLES },
    Function { name: "zim-token", routes: Routes::Zego(|| zim::routes().into()), examples: zim::EXAMPLES },
];

/// The function that keeps the others warm. It mints nothing, so it is not in [`ALL`]. Its code is a crate of its own,
/// because only this function needs the SDK for Lambda's API.
pub const PREWARM: &str = "prewarm";

/// The function that verifies callers' JWTs for API Gateway, if the deployer wants it. It mints nothing, so it is not in
/// [`ALL`].
pub const JWT_AUTHORIZER: &str = "jwt-authorizer";

/// One function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name. Its program and its folder in `events/` have the same name.
    pub name: &'static str,
    /// Makes its routes.
    pub routes: Routes,
    /// One request for each route. A local run shows with them what the function does.
    pub examples: &'static [Example],
}

/// A request that gets a token if every caller is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// What the token is for, in a few words.
    pub what: &'static str,
    /// Path and query.
    pub path: &'static str,
    /// The JSON to POST. `None`: the request is a GET.
    pub body: Option<&'static str>,
    /// Whether it is for a drop-in route.
    pub drop_in: bool,
}

impl Example {
    /// The command with which a person sends it to a service at this URL.
    pub fn command(&self, url: &str) -> String {
        let body = self.body.map(|body| format!(" -H 'content-type: application/json' -d '{body}'"));
        format!("# {}\n  curl '{url}{}'{}", self.what, self.path, body.unwrap_or_default())
    }
}

/// Routes by the vendor whose key signs their tokens.
#[derive(Debug, Clone, Copy)]
pub enum Routes {
    /// Agora's.
    Agora(fn() -> Vec<Route<agora::Key>>),
    /// ZEGO's.
    Zego(fn() -> Vec<Route<zego_tokens::Key>>),
}

impl Function {
    /// Whose tokens it mints.
    pub fn vendor(&self) -> Vendor {
        match self.routes {
            Routes::Agora(_) => Vendor::Agora,
            Routes::Zego(_) => Vendor::Zego,
        }
    }

    /// Identifies each route, and says who may call it. Several routes may have the same method and path.
    pub fn route_keys(&self) -> Vec<RouteKey> {
        let mut keys: Vec<RouteKey> = match self.routes {
            Routes::Agora(routes) => routes().iter().map(Route::key).collect(),
            Routes::Zego(routes) => routes().iter().map(Route::key).collect(),
        };
        keys.dedup();
        keys
    }

    /// The second paths of routes in the template, for requests with a `/` at the end. Each has its route's key before it.
    pub fn paths_with_end(&self) -> Vec<(RouteKey, String)> {
        fn of<V: service::Vendor>(routes: &[Route<V>]) -> Vec<(RouteKey, String)> {
            routes.iter().filter_map(|route| Some((route.key(), route.path_with_end()?))).collect()
        }
        match self.routes {
            Routes::Agora(routes) => of(&routes()),
            Routes::Zego(routes) => of(&routes()),
        }
    }
}

/// A vendor, and how its credentials are handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// The vendor of RTC, RTM and Chat.
    Agora,
    /// The vendor of Express and ZIM.
    Zego,
}

impl Vendor {
    /// Both.
    pub const ALL: [Vendor; 2] = [Vendor::Agora, Vendor::Zego];

    /// How the vendor writes its name.
    pub fn name(self) -> &'static str {
        match self {
            Vendor::Agora => "Agora",
            Vendor::Zego => "ZEGO",
        }
    }

    /// The name of the vendor's part of a local credentials file.
    pub fn part(self) -> &'static str {
        match self {
            Vendor::Agora => "agora",
            Vendor::Zego => "zego",
        }
    }

    /// What such a part looks like.
    pub fn form(self) -> &'static str {
        match self {
            Vendor::Agora => r#"{"app_id":"...","app_certificate":"..."}"#,
            Vendor::Zego => r#"{"app_id":1234567890,"server_secret":"..."}"#,
        }
    }

    /// Says that a run has none of its tokens, because `source` lacks its part.
    pub fn left_out(self, source: &str) -> String {
        let (name, part, form) = (self.name(), self.part(), self.form());
        format!("No {name} tokens: {source} has no part \"{part}\". Add it at any time: \"{part}\":{form}")
    }

    /// The name of its secret in the documentation's examples.
    pub fn secret_id(self) -> &'static str {
        match self {
            Vendor::Agora => "tokenmint/agora",
            Vendor::Zego => "tokenmint/zego",
        }
    }

    /// The variable that gives a function the secret's id.
    pub fn variable(self) -> &'static str {
        match self {
            Vendor::Agora => "AGORA_SECRET_ID",
            Vendor::Zego => "ZEGO_SECRET_ID",
        }
    }
}
