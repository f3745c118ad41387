//! A JWT in the query of `/uikit`, for UI kits that send no headers.

use super::{AUDIENCE, BACKEND_AUDIENCE, BACKEND_SCOPE, ask, backend, settings};
use crate::front::{Front, Running};
use crate::said::{self, Handed};
use harness::http::Response;
use harness::issuer::{Algorithm, Issuer, SigningKey};
use serde_json::{Value, json};
use tokens::agora::Uid;

const UIKIT_AUDIENCE: &str = "uikit.example.com";

#[test]
fn a_short_lived_jwt_in_the_query_opens_this_route_alone() {
    let key = SigningKey::generate("current", Algorithm::Es256);
    let issuer = Issuer::start(&[&key]);
    let uikit = [("DROP_IN", "true"), ("UIKIT_JWT_IN_QUERY", "true"), ("UIKIT_JWT_AUDIENCE", UIKIT_AUDIENCE)];
    let running = Running::start(Front::Server, settings(&issuer).and_all(uikit).and_all(backend()));
    let jwt_for = |audiences: Value, lives: u64| {
        let mut claims = issuer.claims("alice", "");
        claims["aud"] = audiences;
        claims["scope"] = json!(BACKEND_SCOPE);
        claims["exp"] = json!(claims["iat"].as_u64().expect("a time") + lives);
        key.sign(&json!({}), &claims)
    };
    let jwt = |audience: &str, lives| jwt_for(json!(audience), lives);
    let uid = Uid::of_user(&"0".repeat(32), "alice");
    let path = format!("/rtc/demo/publisher/uid/{uid}/");
    let good = jwt(UIKIT_AUDIENCE, 300);
    let of_api = jwt(AUDIENCE, 300);
    // Some providers write one more audience into each JWT.
    let with_more = jwt_for(json!([UIKIT_AUDIENCE, "https://id.example.com/userinfo"]), 300);
    let of_api_too = jwt_for(json!([AUDIENCE, UIKIT_AUDIENCE]), 300);
    let of_backends_too = jwt_for(json!([BACKEND_AUDIENCE, UIKIT_AUDIENCE]), 300);
    let query = |query: &str| ask(&running, &format!("/uikit?{query}"), &[]);

    let answer = query(&format!("jwt={good}&path={path}"));
    assert_eq!((answer.status, answer.header("referrer-policy")), (200, Some("no-referrer")), "{}", answer.text());
    let publish = json!({ "1": 3600, "2": 3600, "3": 3600, "4": 3600 });
    let rtc = json!({ "type": 1, "channel_name": "demo", "uid": uid.to_string(), "privileges": publish });
    let rtm = |user: &str| json!({ "type": 2, "user_id": user, "privileges": { "1": 3600 } });
    let mut handed = vec![handed_of(&answer, "rtcToken", rtc.clone())];
    let both = query(&format!("path=/rte/demo/host/uid/{uid}&jwt={good}"));
    handed.extend([handed_of(&both, "rtcToken", rtc), handed_of(&both, "rtmToken", rtm("alice"))]);
    handed.push(handed_of(&query(&format!("jwt={good}&path=/rtm/me?expiry=3600")), "rtmToken", rtm("alice")));
    handed.push(handed_of(&query(&format!("jwt={with_more}&path=/rtm/me")), "rtmToken", rtm("alice")));
    said::verify(&said::credentials(), &handed);

    let long = jwt(UIKIT_AUDIENCE, 301);
    let ended = {
        let mut claims = issuer.claims("alice", UIKIT_AUDIENCE);
        claims["exp"] = json!(claims["iat"].as_u64().expect("a time") - 61);
        key.sign(&json!({}), &claims)
    };
    let no_iat = {
        let mut claims = issuer.claims("alice", UIKIT_AUDIENCE);
        claims.as_object_mut().expect("claims").remove("iat");
        key.sign(&json!({}), &claims)
    };
    for (what, sent, status) in [
        ("the API's audience", format!("jwt={of_api}&path={path}"), 401),
        ("the API's audience, too", format!("jwt={of_api_too}&path={path}"), 401),
        ("the backends' audience, too", format!("jwt={of_backends_too}&path={path}"), 401),
        ("a longer life", format!("jwt={long}&path={path}"), 401),
        ("an ended one", format!("jwt={ended}&path={path}"), 401),
        ("no iat", format!("jwt={no_iat}&path={path}"), 401),
        ("none", format!("path={path}"), 401),
        ("an empty one", format!("jwt=&path={path}"), 401),
        ("two", format!("jwt={good}&jwt={good}&path={path}"), 400),
        ("two paths", format!("jwt={good}&path={path}&path={path}"), 400),
        ("no path", format!("jwt={good}"), 400),
        ("more", format!("jwt={good}&path={path}&x=1"), 400),
        ("our own route", format!("jwt={good}&path=/rtm/me/token"), 400),
        ("ZEGO's route", format!("jwt={good}&path=/access_token?uid=alice"), 400),
        ("itself", format!("jwt={good}&path=/uikit"), 400),
        ("another user's uid", format!("jwt={good}&path=/rtc/demo/publisher/uid/7/"), 403),
        ("any user", format!("jwt={good}&path=/rtc/demo/publisher/uid/0/"), 403),
        ("any channel", format!("jwt={good}&path=/rtc/*/publisher/uid/{uid}/"), 403),
    ] {
        let answer = query(&sent);
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{what}");
        // A kit reads this field at any status.
        assert_eq!(answer.json()["rtcToken"], "", "{what}: {}", answer.text());
    }
    // A header does not count here, and this JWT counts nowhere else.
    let header = format!("Bearer {of_api}");
    assert_eq!(ask(&running, &format!("/uikit?path={path}"), &[&header]).status, 401);
    for other in ["/rtm/me/token", &path, "/access_token?uid=alice"] {
        let answer = ask(&running, other, &[&format!("Bearer {good}")]);
        assert_eq!(answer.status, 401, "{other}: {}", answer.text());
        let in_query = format!("{other}{}jwt={good}", if other.contains('?') { "&" } else { "?" });
        assert_eq!(ask(&running, &in_query, &[]).status, 401, "{other}");
    }
    let logs = running.end();
    said::check_logs("identity", &logs, &said::credentials());
    for jwt in [&good, &of_api, &long] {
        let signature = jwt.rsplit('.').next().expect("a part");
        assert!(!logs.contains(signature) && !logs.contains("jwt="), "a log line has a JWT");
    }
}

fn handed_of(answer: &Response, name: &str, service: Value) -> Handed {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let token = answer.json()[name].as_str().unwrap_or_else(|| panic!("{name}: {}", answer.text())).to_owned();
    let says = json!({ "expire": 3600, "services": [service] });
    Handed { what: name.to_owned(), token, says, issued_at: None }
}
