//! The Lambda function `rtc-token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::serve(functions::rtc::routes()).await
}
