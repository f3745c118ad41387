//! The authorizer function: API Gateway asks it about each request of a user, in place of its own JWT authorizer. It
//! verifies as a token function with `IDENTITY=jwt` does, so it takes algorithms that the gateway does not know.
//!
//! It answers in the simple form of payload format 2.0. To the client, the gateway turns a refusal into 403, and an
//! invocation that fails into 500. If the client sends no `Authorization` at all, the gateway answers 401 without asking.

use crate::config::JwtSettings;
use crate::front::event::{by_gateway, headers};
use crate::front::lambda::{ExecutionEnvironment, InvocationError, cannot_start, run};
use crate::front::warm::WarmUp;
use crate::identity::authorized::Context;
use crate::identity::issuer::Issuer;
use crate::json::{object, parse_object};
use crate::problem::Problem;
use crate::request::Authorization;
use crate::system::{OperatingSystem, System};
use crate::telemetry;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use monostate::MustBe;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::time::Instant;

/// Serves the authorizer function until Lambda ends the process.
///
/// It reads its settings and loads the issuer's keys before the first event. If a setting is wrong, the process logs one
/// line that names it, and ends.
pub async fn authorize() -> ExitCode {
    telemetry::start();
    let settings = match JwtSettings::of_authorizer() {
        Ok(settings) => settings,
        Err(wrong) => return cannot_start(&wrong),
    };
    let system: Arc<dyn System> = Arc::new(OperatingSystem);
    let authorizer = Authorizer::new(&settings, &system);
    authorizer.issuer.start().await;
    let authorizer = Arc::new(authorizer);
    run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let authorizer = Arc::clone(&authorizer);
        async move { authorizer.invoke(event.payload.get(), &event.context.request_id).await.map_err(Diagnostic::from) }
    }))
    .await
}

struct Authorizer {
    issuer: Issuer,
    environment: ExecutionEnvironment,
}

/// Whether the gateway may pass a request on, and what it tells the token function.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    is_authorized: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Context>,
}

/// What the gateway asks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    #[serde(rename = "version")]
    _version: MustBe!("2.0"),
    #[serde(rename = "type")]
    _type: MustBe!("REQUEST"),
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "object")]
    request_context: RequestContext,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    request_id: String,
}

impl Authorizer {
    fn new(settings: &JwtSettings, system: &Arc<dyn System>) -> Authorizer {
        Authorizer { issuer: Issuer::with(settings, system), environment: ExecutionEnvironment::new(&**system) }
    }

    /// Answers any event: a warm-up, or the gateway's question.
    ///
    /// # Errors
    /// The service cannot verify JWTs now. Or the event is neither.
    async fn invoke(&self, event: &str, request_id: &str) -> Result<Value, InvocationError> {
        let arrived = Instant::now();
        let cold = self.environment.begin();
        if let Some(warm_up) = WarmUp::parse(event) {
            return Ok(self.environment.warm_up(warm_up, cold, request_id, self.issuer.refresh()).await.into());
        }
        let (gateway_request_id, authorized) = match parse_object::<Question>(event) {
            Err(_) => (None, Err(Problem::bad_event())),
            Ok(Question { headers: sent, request_context, .. }) => {
                let (_, authorization) = headers(sent);
                (by_gateway(request_context.request_id), self.authorize(&authorization).await)
            }
        };
        let request_id = gateway_request_id.as_deref().unwrap_or(request_id);
        telemetry::authorization_answered(request_id, authorized.as_ref().err(), arrived.elapsed());
        let answer = match authorized {
            Ok(context) => Answer { is_authorized: true, context: Some(context) },
            Err(problem) if problem.is_ours() => {
                return Err(InvocationError { name: problem.name(), words: problem.detail().to_owned() });
            }
            Err(_) => Answer { is_authorized: false, context: None },
        };
        Ok(serde_json::to_value(answer).expect("an answer is plain data"))
    }

    async fn authorize(&self, authorization: &Authorization) -> Result<Context, Problem> {
        let claims = self.issuer.claims_of_user(authorization).await?.ok_or_else(Problem::no_token)?;
        Ok(Context::of(&claims))
    }
}
