//! The Lambda function `zego-token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::serve(functions::zego::routes()).await
}
