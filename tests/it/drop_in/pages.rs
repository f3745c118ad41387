//! The pages for apps that leave another token server: each snippet of code is tried against the server.
//!
//! JavaScript runs in Node. From Kotlin, Swift and Dart the test takes the address. It puts the JWT and the id in, and asks
//! as the app would.

use super::reading::Answer;
use super::{AUDIENCE, Person, Stage, UIKIT_AUDIENCE};
use crate::said::{self, Handed};
use harness::http::{Request, Response};
use harness::project;
use harness::server::TokenServer;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

/// The token server in the pages.
const TOKENS: &str = "https://tokens.example.com";

/// The blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let page = fs::read_to_string(project::root().join("docs/how-to").join(page)).expect("a page");
    let begin = format!("\n```{language}\n");
    let blocks = page.split(&begin).skip(1);
    blocks.map(|rest| rest.split("\n```").next().expect("the block ends").to_owned()).collect()
}

/// Runs the page's JavaScript as one module, between what the app has and what its kit does. Returns what the kit prints.
fn run(page: &str, app: &str, kit: &str, server: &TokenServer, jwt: &str) -> Value {
    let snippets = blocks(page, "js");
    assert!(snippets.len() >= 2, "{page} has no JavaScript");
    let script = format!("{app}\n{}\n{kit}\n", snippets.join("\n")).replace(TOKENS, &server.url(""));
    let output = Command::new("node")
        .args(["--input-type=module", "--eval", &script])
        .env("JWT", jwt)
        .output()
        .expect("node is there");
    assert!(output.status.success(), "{page}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the kit prints JSON")
}

const APP: &str = "const accessToken = async () => process.env.JWT";

#[test]
fn the_pages_fetch_gives_the_web_kits_their_users_token() {
    let stage = Stage::new();
    let server = stage.server();
    let alice = Person::of("alice");
    // What the kit asks, with a tokenUrl and a uid, and what it reads. A server of others gets no JWT.
    let kit = r"
        const tokenUrl = tokens
        const rtc = await (await fetch(tokenUrl + '/rtc/demo/publisher/uid/' + uid + '/')).json()
        const screen = await (await fetch(`${tokenUrl}/rtc/demo/publisher/uid/77`)).json()
        const other = await (await fetch(new Request(tokenUrl + '/rtc/demo/publisher/uid/88/'))).json()
        const rtm = await (await fetch(tokenUrl + '/rtm/alice')).json()
        const elsewhere = await fetch('data:text/plain,elsewhere').then(answer => answer.text())
        console.log(JSON.stringify({ uid, rtc, screen, other, rtm, elsewhere }))";
    let printed = run("leave-agora-token-service.md", APP, kit, &server, &stage.jwt(alice, AUDIENCE));
    assert_eq!(printed["uid"], alice.uid(&stage.app_id));
    assert_eq!(printed["elsewhere"], "elsewhere");
    assert_eq!((&printed["other"]["status"], &printed["other"]["rtcToken"]), (&json!(403), &json!("")), "{printed}");
    let rtc = |uid: u32| {
        let privileges = json!({ "1": 3600, "2": 3600, "3": 3600, "4": 3600 });
        json!({ "type": 1, "channel_name": "demo", "uid": uid.to_string(), "privileges": privileges })
    };
    let token = |place: &str, service: Value| Handed {
        what: place.to_owned(),
        token: printed.pointer(place).and_then(Value::as_str).unwrap_or_else(|| panic!("{printed}")).to_owned(),
        says: json!({ "expire": 3600, "services": [service] }),
        issued_at: None,
    };
    let handed = [
        token("/rtc/rtcToken", rtc(alice.uid(&stage.app_id))),
        token("/screen/rtcToken", rtc(77)),
        token("/rtm/rtmToken", json!({ "type": 2, "user_id": "alice", "privileges": { "1": 3600 } })),
    ];
    said::verify(&said::credentials(), &handed);
}

#[test]
fn the_pages_code_gives_zegos_web_apps_their_users_token() {
    let stage = Stage::new();
    let server = stage.server();
    let kept = "const kept = {}\n\
                const localStorage = { setItem: (name, value) => { kept[name] = value } }\n\
                const ZegoUIKitPrebuilt = { create: kitToken => kitToken.split('#') }\n\
                const userID = 'alice'";
    let quick_start = "
        const sent = { headers: { Authorization: `Bearer ${kept.token}` } }
        const quickStart = await (await fetch(`${tokens}/api/zegotoken?userId=alice`, sent)).json()
        console.log(JSON.stringify({ token, quickStart, kit: [kit[0], JSON.parse(atob(kit[1]))] }))";
    let jwt = stage.jwt(Person::of("alice"), AUDIENCE);
    let printed = run("leave-zegos-demo-servers.md", &format!("{APP}\n{kept}"), quick_start, &server, &jwt);
    let user = &printed["kit"][1];
    assert_eq!((&user["userID"], &user["roomID"]), (&json!("alice"), &json!("demo")), "{printed}");
    assert_eq!(user["userName"], "%C3%86lfr%C4%93d", "{printed}");
    let app_id = &said::credentials()["zego"]["app_id"];
    assert_eq!(&user["appID"], app_id);
    let basic = |token: &Value| Handed {
        what: "a token of the page".to_owned(),
        token: token.as_str().unwrap_or_else(|| panic!("{printed}")).to_owned(),
        says: json!({ "app_id": app_id, "user_id": "alice", "payload": "" }),
        issued_at: None,
    };
    assert!(printed["kit"][0].as_str().is_some_and(said::holds_a_token), "{printed}");
    said::verify(&said::credentials(), &[basic(&printed["token"]), basic(&printed["quickStart"]["token"])]);
}

/// The address in a snippet of a native app, with what the app puts into it.
fn address(snippet: &str, server: &TokenServer, jwt: &str, user: &str) -> String {
    let start = snippet.find(TOKENS).unwrap_or_else(|| panic!("no address in {snippet}"));
    let end = snippet[start..].find(['"', '\'']).unwrap_or_else(|| panic!("the address does not end: {snippet}"));
    let mut address = snippet[start..start + end].replace(TOKENS, &server.url(""));
    for (name, value) in [("jwt", jwt), ("userID", user)] {
        for spelled in [format!("${name}"), format!("\\({name})")] {
            address = address.replace(&spelled, value);
        }
    }
    assert!(!address.contains(['$', '\\']), "{address}");
    address
}

#[test]
fn the_pages_addresses_give_native_apps_their_users_token() {
    let stage = Stage::new();
    let server = stage.server();
    let alice = Person::of("alice");
    let (uid, other) = (alice.uid(&stage.app_id), alice.other().uid(&stage.app_id));
    for language in ["kotlin", "swift", "dart"] {
        let kits = blocks("leave-agora-token-service.md", language);
        let [kit] = kits.as_slice() else { panic!("{language}: {kits:?}") };
        let ask =
            |jwt: &str, path: &str| Request::new("GET", &format!("{}{path}", address(kit, &server, jwt, ""))).send();
        let token = |response: &Response, key: &str| {
            let body = response.json();
            body[key].as_str().unwrap_or_else(|| panic!("{language}: {body}")).to_owned()
        };
        let jwt = stage.jwt(alice, UIKIT_AUDIENCE);
        for (path, key) in
            [(format!("/rtc/demo/publisher/uid/{uid}/"), "rtcToken"), ("/rtm/alice".to_owned(), "rtmToken")]
        {
            let response = ask(&jwt, &path);
            assert_eq!(response.status, 200, "{language}: {}", response.text());
            assert!(said::holds_a_token(&token(&response, key)), "{language} {path}");
        }
        // A JWT for the other routes, one that lives too long, no JWT, another user's uid, and uid 0.
        let mut long = stage.claims(alice, UIKIT_AUDIENCE);
        long["exp"] = json!(long["iat"].as_u64().expect("a moment") + 301);
        let long = stage.key.sign(&json!({}), &long);
        for (jwt, whose, status) in [
            (stage.jwt(alice, AUDIENCE), uid, 401),
            (long, uid, 401),
            (String::new(), uid, 401),
            (jwt.clone(), other, 403),
            (jwt, 0, 403),
        ] {
            let response = ask(&jwt, &format!("/rtc/demo/publisher/uid/{whose}/"));
            assert_eq!(response.status, status, "{language}: {}", response.text());
            assert_eq!(token(&response, "rtcToken"), "", "{language}: the kit finds its field");
        }

        let apps = blocks("leave-zegos-demo-servers.md", language);
        let [app] = apps.as_slice() else { panic!("{language}: {apps:?}") };
        assert!(app.contains("Authorization") && app.contains("Bearer "), "{app}");
        let jwt = format!("Bearer {}", stage.jwt(alice, AUDIENCE));
        for (user, status) in [("alice", 200), ("bob", 403)] {
            let asked = Request::new("GET", &address(app, &server, "", user)).header("authorization", &jwt).send();
            assert_eq!(asked.status, status, "{language}: {}", asked.text());
        }
    }
    // A JWT for the query opens no other route.
    let jwt = format!("Bearer {}", stage.jwt(alice, UIKIT_AUDIENCE));
    let asked = Request::new("GET", &server.url("/rtm/alice")).header("authorization", &jwt).send();
    assert_eq!(asked.status, 401, "{}", asked.text());
}

/// Behind API Gateway a request without a good JWT gets the gateway's own answer. The page says which clients crash at it.
#[test]
fn the_page_names_the_clients_that_crash_at_the_gateways_own_answer() {
    let gateways = Answer {
        status: 401,
        body: r#"{"message":"Unauthorized"}"#.to_owned(),
        cache_control: None,
        referrer_policy: None,
        has_length: true,
    };
    let crash: Vec<_> = super::clients().into_iter().filter(|client| client.crashes_at(&gateways)).collect();
    let names: Vec<_> = crash.iter().map(|client| client.client.as_str()).collect();
    assert_eq!(names, ["TEN's ESP32 client", "UI kit for Android", "UI kit for Android, RTM"]);
}
