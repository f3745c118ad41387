//! An RTM token function that was written without regard to its cost. Our own function is compared with it.

mod token;

use aws_config::BehaviorVersion;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn, tracing};
use serde_json::{Value, json};
use std::env;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let client = aws_sdk_secretsmanager::Client::new(&config);
    let secret = client.get_secret_value().secret_id(env::var("AGORA_SECRET_ID")?).send().await?;
    let secret: Value = serde_json::from_str(secret.secret_string().unwrap_or_default())?;
    let app_id = secret["app_id"].as_str().ok_or("no app_id")?.to_owned();
    let certificate = secret["app_certificate"].as_str().ok_or("no app_certificate")?.to_owned();
    run(service_fn(|request| answer(request, &app_id, &certificate))).await
}

async fn answer(request: Request, app_id: &str, certificate: &str) -> Result<Response<Body>, Error> {
    let Some(caller) = caller(&request) else {
        return Ok(Response::builder().status(401).body(Body::Empty)?);
    };
    let token = token::rtm(app_id, certificate, &caller, 3600)?;
    tracing::info!(user = %"withheld", "minted");
    let body = json!({ "token": token, "kind": "agora-rtm", "app_id": app_id, "user_id": caller, "expires_in": 3600 });
    Ok(Response::builder().status(200).header("content-type", "application/json").body(body.to_string().into())?)
}

/// The user whom the gateway's authorizer has verified.
fn caller(request: &Request) -> Option<String> {
    match request.request_context() {
        RequestContext::ApiGatewayV2(context) => {
            context.authorizer.and_then(|authorizer| authorizer.jwt).and_then(|jwt| jwt.claims.get("sub").cloned())
        }
        _ => None,
    }
}
