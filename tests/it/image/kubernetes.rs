//! `deploy/kubernetes.yaml`: valid, and in agreement with the program, the image and the page about both.

use super::{dockerfile, instructions};
use crate::repository::output;
use crate::serve::demo;
use harness::server::TokenServer;
use harness::{CONFIGURATION, Env, free_port, http, project};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const FILE: &str = "deploy/kubernetes.yaml";

/// The object of this kind. There is one.
fn object(kind: &str) -> Value {
    let script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let objects = output(project::command(project::tool("python")).args(["-c", script, FILE]));
    let mut of_kind = objects.as_array().expect("a list").iter().filter(|object| object["kind"] == kind);
    let (Some(object), None) = (of_kind.next(), of_kind.next()) else { panic!("not one {kind}") };
    object.clone()
}

fn pod() -> Value {
    object("Deployment")["spec"]["template"]["spec"].clone()
}

fn container() -> Value {
    let pod = pod();
    let [container] = pod["containers"].as_array().expect("a list").as_slice() else { panic!("{pod}") };
    container.clone()
}

fn settings() -> Vec<(String, String)> {
    let data = object("ConfigMap")["data"].as_object().expect("a map").clone();
    data.into_iter().map(|(name, value)| (name, value.as_str().expect("a text").to_owned())).collect()
}

fn setting(name: &str) -> String {
    let found = settings().into_iter().find(|(other, _)| other == name);
    found.unwrap_or_else(|| panic!("{name} is not set")).1
}

/// The port of an address that the program listens on, and that every machine can reach.
fn port(setting_name: &str) -> u64 {
    let address = setting(setting_name);
    address.strip_prefix("0.0.0.0:").and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("{address}"))
}

/// What Kubernetes' schemas of this version say about a file.
fn validate(version: &str, file: &Path) -> Result<(), String> {
    let mut command = project::command(project::tool("kubernetes-validate"));
    let output = command.args(["--strict", "--kubernetes-version", version]).arg(file).output().expect("it was found");
    let said = [output.stdout, output.stderr].concat();
    output.status.success().then_some(()).ok_or_else(|| String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn kubernetes_knows_every_field() {
    let file = project::root().join(FILE);
    for version in ["1.30", "1.37"] {
        assert_eq!(validate(version, &file), Ok(()));
    }
    // The sleep of preStop came with 1.29, and is on by default since 1.30.
    assert!(validate("1.28", &file).is_err_and(|said| said.contains("sleep")));
    let text = fs::read_to_string(&file).expect("it is there");
    let misspelt = Path::new(env!("CARGO_TARGET_TMPDIR")).join("misspelt.yaml");
    for (right, wrong) in [
        ("readOnlyRootFilesystem", "readonlyRootFilesystem"),
        ("minReplicas: 2", "minReplicas: two"),
        ("maxSkew: 1", ""),
    ] {
        assert!(text.contains(right), "{right}");
        fs::write(&misspelt, text.replacen(right, wrong, 1)).expect("a folder of our own");
        assert!(validate("1.37", &misspelt).is_err(), "{wrong}");
    }
}

#[test]
fn probes_and_prometheus_ask_the_address_for_operators_and_clients_cannot() {
    let container = container();
    let (clients, admin) = (port("LISTEN"), port("ADMIN_LISTEN"));
    let ports = json!([{ "name": "http", "containerPort": clients }, { "name": "admin", "containerPort": admin }]);
    assert_eq!(container["ports"], ports);

    let operators = format!("127.0.0.1:{}", free_port());
    let _server = TokenServer::start(demo().and("ADMIN_LISTEN", &operators));
    let answer = |path: &Value| http::get(&format!("http://{operators}{}", path.as_str().expect("a path"))).status;
    for (probe, path) in
        [("startupProbe", "/health/live"), ("livenessProbe", "/health/live"), ("readinessProbe", "/health/ready")]
    {
        let ask = &container[probe]["httpGet"];
        assert_eq!(*ask, json!({ "path": path, "port": "admin" }), "{probe}");
        assert_eq!(answer(&ask["path"]), 204, "{probe}");
    }
    let annotations = object("Deployment")["spec"]["template"]["metadata"]["annotations"].clone();
    assert_eq!(annotations["prometheus.io/port"], admin.to_string());
    assert_eq!(answer(&annotations["prometheus.io/path"]), 200);

    let service = object("Service");
    assert_eq!(service["spec"]["ports"], json!([{ "name": "http", "port": 80, "targetPort": "http" }]));
    let rules = object("NetworkPolicy")["spec"]["ingress"].clone();
    let open: Vec<_> = rules.as_array().expect("a list").iter().map(|rule| rule["ports"].clone()).collect();
    assert_eq!(open, [json!([{ "port": clients }]), json!([{ "port": admin }])]);
    assert!(rules.as_array().is_some_and(|rules| rules.iter().all(|rule| rule["from"].is_array())), "{rules}");
}

#[test]
fn the_program_starts_with_these_settings() {
    for (name, _) in settings() {
        assert!(CONFIGURATION.contains(&name.as_str()), "{name} is no setting");
    }
    assert_eq!(setting("IDENTITY"), "jwt");
    // The issuer does not exist. Only the addresses and the path of the credentials are others here.
    let ours = demo();
    let credentials = ours.iter().find(|(name, _)| *name == "LOCAL_CREDENTIALS").expect("it is set").1;
    let listen = format!("127.0.0.1:{}", free_port());
    let env = settings().iter().fold(Env::default(), |env, (name, value)| match name.as_str() {
        "LISTEN" => env,
        "ADMIN_LISTEN" => env.and(name, &listen),
        "LOCAL_CREDENTIALS" => env.and(name, credentials),
        _ => env.and(name, value),
    });
    let server = TokenServer::start(env);
    assert_eq!(http::get(&server.url("/rtm/me/token")).status, 401);
}

#[test]
fn the_secret_is_mounted_where_the_program_reads_it() {
    let path = setting("LOCAL_CREDENTIALS");
    let (folder, file) = path.rsplit_once('/').expect("a folder");
    let container = container();
    let [mount] = container["volumeMounts"].as_array().expect("a list").as_slice() else { panic!("{container}") };
    // With a subPath the file would never change.
    assert_eq!(*mount, json!({ "name": "credentials", "mountPath": folder, "readOnly": true }));
    let pod = pod();
    let [volume] = pod["volumes"].as_array().expect("a list").as_slice() else { panic!("{pod}") };
    assert_eq!((&volume["name"], volume["secret"]["defaultMode"].as_u64()), (&json!("credentials"), Some(0o440)));
    let name = volume["secret"]["secretName"].as_str().expect("a text");
    let page = fs::read_to_string(project::root().join("docs/how-to/container.md")).expect("the page");
    assert!(page.contains(&format!("kubectl create secret generic {name} --from-file=secret/{file}")), "{name} {file}");
    let text = fs::read_to_string(project::root().join(FILE)).expect("it is there");
    assert!(!text.contains("kind: Secret\n"), "a secret in git is none");
}

#[test]
fn a_pod_has_no_rights_and_time_to_end() {
    let (pod, container) = (pod(), container());
    let dockerfile = dockerfile();
    let user = instructions(&dockerfile, "USER")[0];
    let (uid, gid) = user.split_once(':').expect("both");
    let [uid, gid] = [uid, gid].map(|id| id.parse::<u64>().expect("a number"));
    let of_pod = json!({
        "runAsNonRoot": true,
        "runAsUser": uid,
        "runAsGroup": gid,
        "fsGroup": gid,
        "seccompProfile": { "type": "RuntimeDefault" },
    });
    assert_eq!(pod["securityContext"], of_pod);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let of_container = json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    });
    assert_eq!(container["securityContext"], of_container);
    // After SIGTERM the server exits within 10 seconds.
    let pause = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().expect("a number");
    let patience = pod["terminationGracePeriodSeconds"].as_u64().expect("a number");
    assert!(pause > 0 && patience >= pause + 10, "{pause} {patience}");
    // The image's own command.
    assert!(container["command"].is_null() && container["args"].is_null(), "{container}");
}

/// Everything else finds the pods by their label.
#[test]
fn every_object_means_the_same_pods() {
    let deployment = object("Deployment");
    let label = json!({ "app.kubernetes.io/name": "tokenmint" });
    assert_eq!(deployment["spec"]["template"]["metadata"]["labels"], label);
    let selectors = [
        deployment["spec"]["selector"]["matchLabels"].clone(),
        object("Service")["spec"]["selector"].clone(),
        object("PodDisruptionBudget")["spec"]["selector"]["matchLabels"].clone(),
        object("NetworkPolicy")["spec"]["podSelector"]["matchLabels"].clone(),
    ];
    assert!(selectors.iter().all(|selector| *selector == label), "{selectors:?}");
    let scaled = object("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"].clone();
    assert_eq!(
        scaled,
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"] })
    );
    // Otherwise each `kubectl apply` would undo what the autoscaler has done.
    assert!(deployment["spec"]["replicas"].is_null());
    let from = container()["envFrom"].clone();
    assert_eq!(from, json!([{ "configMapRef": { "name": object("ConfigMap")["metadata"]["name"] } }]));
}
