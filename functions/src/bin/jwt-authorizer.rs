//! The Lambda function `jwt-authorizer`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::authorize().await
}
