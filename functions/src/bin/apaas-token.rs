//! The Lambda function `apaas-token`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    service::serve(functions::apaas::routes()).await
}
