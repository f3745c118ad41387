//! The Lambda function `chat-app-token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::serve(functions::chat_app::routes()).await
}
