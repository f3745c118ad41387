//! The Lambda function `agent-token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::serve(functions::agent::routes()).await
}
