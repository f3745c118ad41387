//! The Lambda function `chat-user-token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::serve(functions::chat_user::routes()).await
}
