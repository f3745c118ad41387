//! The Lambda function `zim-token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::serve(functions::zim::routes()).await
}
