//! Credentials from moto, which imitates the Secrets Manager API.

use crate::program::{Explained, explain, program, run};
use crate::raw::{APP_ID, CERTIFICATE, SECRET};
use harness::secrets::{Fault, SecretsManager, Vendor};
use serde_json::json;

#[test]
fn keys_come_from_secrets_manager() {
    let secrets = SecretsManager::start();
    secrets.put(Vendor::Agora.secret_id(), &json!({ "app_id": APP_ID, "app_certificate": CERTIFICATE }));
    secrets.put(Vendor::Zego.secret_id(), &json!({ "app_id": 1_234_567_890, "server_secret": SECRET }));
    secrets.put_text("broken", "not what it should be");
    let endpoint = secrets.endpoint();
    let aws = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "testing"),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint.as_str()),
    ];
    let ids = [("AGORA_SECRET_ID", Vendor::Agora.secret_id()), ("ZEGO_SECRET_ID", Vendor::Zego.secret_id())];
    let mint = |arguments: &[&str], more: &[(&str, &str)]| {
        run(program().arg("mint").args(arguments).envs(aws).envs(more.iter().copied()), b"")
    };
    let explain = |token: &str, arguments: &[&str], more: &[(&str, &str)]| -> Explained {
        explain(token, arguments, &[&aws, more].concat())
    };

    // By the variables that the functions have, and by name.
    let rtm = mint(&["rtm", "--user", "alice"], &ids);
    let zim = mint(&["zim", "--user", "alice", "--secret", Vendor::Zego.secret_id()], &[]);
    assert_eq!((rtm.code, zim.code), (0, 0), "{rtm:?} {zim:?}");
    for token in [&rtm.stdout, &zim.stdout] {
        let explained = explain(token, &["--user", "alice"], &ids);
        assert_eq!(
            (explained.code, &explained.report["signature"]["verdict"]),
            (0, &json!("genuine")),
            "{explained:#?}"
        );
    }
    assert_eq!(secrets.calls(), ["secretsmanager.GetSecretValue"; 6], "one call for each run, and no other");

    // What cannot be had is said, beside all that can be read without it.
    for (id, says) in [("nobody", "ResourceNotFoundException"), ("broken", "not JSON of the form")] {
        let explained = explain(&rtm.stdout, &["--user", "alice", "--secret", id], &[]);
        assert_eq!((explained.code, &explained.report["verdict"]), (4, &json!("good")), "{explained:#?}");
        let because = explained.report["signature"]["because"].as_str().expect("a text");
        assert!(because.contains(says) && !because.contains("what it should be"), "{because}");
        let minted = mint(&["rtm", "--user", "alice", "--secret", id], &[]);
        assert_eq!((minted.code, minted.stdout.as_str()), (4, ""), "{minted:?}");
        assert!(minted.stderr.contains(says), "{minted:?}");
    }
    secrets.break_with(Fault::Refuse(400, "AccessDeniedException"));
    let denied = mint(&["chat-app"], &ids);
    assert!(denied.code == 4 && denied.stderr.contains("AccessDeniedException"), "{denied:?}");

    // No region, no credentials: in words, at once.
    let nowhere = run(program().args(["mint", "chat-app", "--secret", "x"]), b"");
    assert!(nowhere.code == 4 && nowhere.stderr.contains("there is no AWS region"), "{nowhere:?}");
    let nobody = run(program().args(["mint", "chat-app", "--secret", "x"]).env("AWS_REGION", "eu-central-1"), b"");
    assert!(nobody.code == 4 && nobody.stderr.contains("there are no AWS credentials"), "{nobody:?}");
}

/// As on a developer's machine: a profile in the AWS CLI's files, and no variables.
#[test]
fn a_profile_gives_region_and_credentials() {
    let secrets = SecretsManager::start();
    secrets.put("tokenmint/agora", &json!({ "app_id": APP_ID, "app_certificate": CERTIFICATE }));
    let config = format!("{}/aws-config", env!("CARGO_TARGET_TMPDIR"));
    let text = format!(
        "[profile staging]\nregion = eu-central-1\naws_access_key_id = testing\naws_secret_access_key = testing\n\
         endpoint_url = {}\n",
        secrets.endpoint()
    );
    std::fs::write(&config, text).expect("the folder is there");
    let mut command = program();
    command.args(["mint", "chat-app", "--secret", "tokenmint/agora"]);
    let minted = run(command.env("AWS_CONFIG_FILE", &config).env("AWS_PROFILE", "staging"), b"");
    assert_eq!((minted.code, minted.stderr.as_str()), (0, ""), "{minted:?}");
}
