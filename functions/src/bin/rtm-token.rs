//! The Lambda function `rtm-token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::serve(functions::rtm::routes()).await
}
