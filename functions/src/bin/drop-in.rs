//! The Lambda function `drop-in`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::serve(functions::drop_in::routes()).await
}
