//! Whether `whoami` says who the sender of a JWT would be, and which setting to change. The JWTs have the shapes of the
//! providers', with their typical mistakes. Ids and names are made up.

use crate::program::{Explained, explain_with, program, run};
use crate::raw::{NOW, Token007};
use harness::issuer::{Algorithm, Issuer, SigningKey, Trouble, encoded, signed_with_hmac};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::LazyLock;

static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate("rsa", Algorithm::Rs256));
static PS: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate("ps", Algorithm::Ps256));
static EC: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate("ec", Algorithm::Es256));
/// An attacker's key that has the name of the issuer's.
static FORGED: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate("rsa", Algorithm::Rs256));

/// The issuer's keys in a file.
static KEYS: LazyLock<PathBuf> =
    LazyLock::new(|| file("whoami-keys.json", &json!({ "keys": [RSA.public(), PS.public(), EC.public()] })));

fn file(name: &str, content: &Value) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content.to_string()).expect("a folder for tests");
    path
}

const UUID: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const ISSUER: &str = "https://id.example.com/";
const OURS: &[(&str, &str)] = &[("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", "tokenmint")];

/// Asks without a network, at the moment of these tests.
fn whoami(text: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Explained {
    let (keys, now) = (KEYS.to_str().expect("a plain path"), NOW.to_string());
    explain_with("whoami", text, &[&["--keys", keys, "--now", &now], arguments].concat(), variables)
}

/// Claims with an issuer and a life of an hour, ten minutes of it gone.
fn claims(issuer: &str, more: Value) -> Value {
    let mut claims = json!({ "iss": issuer, "iat": NOW - 600, "exp": NOW + 3000 });
    for (name, value) in more.as_object().expect("claims") {
        claims[name] = value.clone();
    }
    claims
}

fn rs256(issuer: &str, more: Value) -> String {
    RSA.sign(&json!({}), &claims(issuer, more))
}

/// A good JWT, with these claims too.
fn good(more: Value) -> String {
    let mut all = json!({ "aud": "tokenmint", "sub": "alice" });
    for (name, value) in more.as_object().expect("claims") {
        all[name] = value.clone();
    }
    rs256(ISSUER, all)
}

/// A name for each number below 1296. The names are short, because a JWT has 8 KiB at most.
fn two_characters(number: u32) -> String {
    let character = |digit| char::from_digit(digit, 36).expect("a digit");
    [character(number / 36), character(number % 36)].into_iter().collect()
}

/// One JWT, and what must be said of it.
struct Case<'a> {
    what: &'a str,
    text: String,
    variables: &'a [(&'a str, &'a str)],
    arguments: &'a [&'a str],
    code: i32,
    /// The codes of the refusals, and of the warnings.
    refused: &'a [&'a str],
    warned: &'a [&'a str],
    /// What people must read, each of it.
    says: &'a [&'a str],
}

impl Case<'_> {
    fn check(&self) {
        let Case { what, text, variables, arguments, code, refused, warned, says } = self;
        let explained = whoami(text, arguments, variables);
        let verdict = match code {
            0 => "good",
            1 => "refused",
            _ => "unreadable",
        };
        assert_eq!((explained.code, &explained.report["verdict"]), (*code, &json!(verdict)), "{what}: {explained:#?}");
        assert_eq!(explained.codes("refused"), *refused, "{what}: {explained:#?}");
        assert_eq!(explained.codes("warning"), *warned, "{what}: {explained:#?}");
        // Lines break where the terminal ends.
        let people = explained.people.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in *says {
            assert!(people.contains(said), "{what}: no {said:?} in {}", explained.people);
        }
        assert_eq!(explained.stderr, "", "{what}");
    }
}

const COGNITO: &str = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example00";
const COGNITO_SETTINGS: &[(&str, &str)] =
    &[("JWT_ISSUER", COGNITO), ("JWT_AUDIENCE", "1example23456789"), ("USER_ID_FORM", "uuid")];

fn cognito_access() -> Value {
    json!({
        "sub": UUID, "client_id": "1example23456789", "token_use": "access", "username": UUID,
        "scope": "aws.cognito.signin.user.admin", "cognito:groups": ["teachers", "staff"],
    })
}

#[test]
fn cognito() {
    let cases = [
        Case {
            what: "the access token",
            text: rs256(COGNITO, cognito_access()),
            variables: &[COGNITO_SETTINGS, &[("ROOMS_CLAIM", "cognito:groups")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &[
                "signature made with the issuer's key",
                r#"user id "aaaaaaaabbbb4ccc8dddeeeeeeeeeeee" (claim "sub", uuid)"#,
                r#"rooms "teachers", "staff""#,
                "publishing allowed",
                "The service would accept this caller.",
            ],
        },
        Case {
            what: "the access token behind the gateway",
            text: rs256(COGNITO, cognito_access()),
            variables: &[("USER_ID_FORM", "uuid"), ("ROOMS_CLAIM", "cognito:groups")],
            arguments: &[
                "--gateway",
                "--issuer",
                COGNITO,
                "--audience",
                "1example23456789",
                "--scope",
                "aws.cognito.signin.user.admin",
            ],
            code: 0,
            refused: &[],
            warned: &[],
            says: &[r#"rooms "teachers", "staff""#, "API Gateway and the service would accept this caller."],
        },
        Case {
            what: "the ID token",
            text: rs256(
                COGNITO,
                json!({ "sub": UUID, "aud": "1example23456789", "token_use": "id", "at_hash": "x", "cognito:username": UUID }),
            ),
            variables: COGNITO_SETTINGS,
            arguments: &[],
            code: 1,
            refused: &["id-token"],
            warned: &[],
            says: &["Send Cognito's access token", "Setting: ID_TOKENS", "token_use, typ, at_hash", "(answer 401)"],
        },
        Case {
            what: "the ID token behind the gateway, which takes it without a scope",
            text: rs256(COGNITO, json!({ "sub": UUID, "aud": "1example23456789", "token_use": "id" })),
            variables: &[("IDENTITY", "gateway"), ("USER_ID_FORM", "uuid")],
            arguments: &["--issuer", COGNITO, "--audience", "1example23456789"],
            code: 0,
            refused: &[],
            warned: &["id-token"],
            says: &["Setting: JWT_SCOPE (stack: JwtScope), JWT_AUDIENCE (stack: JwtAudience)"],
        },
        Case {
            what: "the ID token behind the gateway with a scope",
            text: rs256(COGNITO, json!({ "sub": UUID, "aud": "1example23456789", "token_use": "id" })),
            variables: &[("USER_ID_FORM", "uuid")],
            arguments: &["--gateway", "--issuer", COGNITO, "--audience", "1example23456789", "--scope", "join"],
            code: 1,
            refused: &["missing-scope"],
            warned: &[],
            says: &[r#"It lacks the scope "join". It has no scopes. It is an ID token"#, "(answer 403)"],
        },
        Case {
            what: "a machine's token",
            text: rs256(
                COGNITO,
                json!({ "sub": "1example23456789", "client_id": "1example23456789", "token_use": "access", "scope": "tokens/mint" }),
            ),
            variables: &[("JWT_ISSUER", COGNITO), ("JWT_AUDIENCE", "1example23456789")],
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &["machine-token"],
            says: &["This JWT was given to a program, and to no user"],
        },
        Case {
            what: "a UUID where the form is verbatim: too long for ZIM",
            text: rs256(COGNITO, cognito_access()),
            variables: &COGNITO_SETTINGS[..2],
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &["id-refused"],
            says: &[
                "id refused by ZEGO ZIM",
                "ZEGO ZIM does not take this user id",
                "USER_ID_FORM=uuid or USER_ID_FORM=hash",
                "Setting: USER_ID_FORM (stack: UserIdForm)",
            ],
        },
        Case {
            what: "the refresh token",
            text: format!("{}.key.iv.text.tag", encoded(r#"{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}"#)),
            variables: COGNITO_SETTINGS,
            arguments: &[],
            code: 3,
            refused: &["encrypted-jwt"],
            warned: &[],
            says: &["This is Cognito's refresh token. Send the access token."],
        },
    ];
    cases.iter().for_each(Case::check);
}

const FIREBASE: &str = "https://securetoken.google.com/example-project";
const FIREBASE_SETTINGS: &[(&str, &str)] = &[("JWT_ISSUER", FIREBASE), ("JWT_AUDIENCE", "example-project")];

fn firebase(provider: &str) -> String {
    rs256(
        FIREBASE,
        json!({
            "aud": "example-project", "sub": "AbCdEfGhIjKlMnOpQrStUvWxYz01", "user_id": "AbCdEfGhIjKlMnOpQrStUvWxYz01",
            "auth_time": NOW - 600, "firebase": { "identities": {}, "sign_in_provider": provider },
        }),
    )
}

#[test]
fn firebase_ids_and_anonymous_users() {
    let cases = [
        Case {
            what: "upper case in the id",
            text: firebase("password"),
            variables: FIREBASE_SETTINGS,
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &["id-refused"],
            says: &[
                "id refused by Agora Chat",
                "Agora Chat does not take this user id",
                "If your app uses Agora Chat: USER_ID_FORM=lower or USER_ID_FORM=hash.",
            ],
        },
        Case {
            what: "the cure",
            text: firebase("password"),
            variables: &[FIREBASE_SETTINGS, &[("USER_ID_FORM", "hash")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &["id taken by Agora RTC (account), Agora RTM, Agora Chat, ZEGO Express, ZEGO ZIM"],
        },
        Case {
            what: "an anonymous user",
            text: firebase("anonymous"),
            variables: &[FIREBASE_SETTINGS, &[("USER_ID_FORM", "hash")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &["anonymous-user"],
            says: &["set firebase.sign_in_provider=anonymous", "Setting: REFUSED_CLAIMS (stack: RefusedClaims)"],
        },
        Case {
            what: "an anonymous user who is refused",
            text: firebase("anonymous"),
            variables: &[
                FIREBASE_SETTINGS,
                &[("USER_ID_FORM", "hash"), ("REFUSED_CLAIMS", "firebase.sign_in_provider=anonymous")],
            ]
            .concat(),
            arguments: &[],
            code: 1,
            refused: &["refused-claim"],
            warned: &[],
            says: &[r#"Its claim "firebase.sign_in_provider" is "anonymous""#, "(answer 401)"],
        },
        Case {
            what: "an anonymous user behind the gateway, which hides the claim",
            text: firebase("anonymous"),
            variables: &[("USER_ID_FORM", "hash")],
            arguments: &["--gateway", "--issuer", FIREBASE, "--audience", "example-project"],
            code: 0,
            refused: &[],
            warned: &["anonymous-user"],
            says: &["Switch anonymous sign-in off at your provider."],
        },
    ];
    cases.iter().for_each(Case::check);
}

const AUTH0: &str = "https://example.eu.auth0.com/";
const AUTH0_SETTINGS: &[(&str, &str)] = &[("JWT_ISSUER", AUTH0), ("JWT_AUDIENCE", "https://tokens.example")];

fn auth0(more: Value) -> String {
    let mut all = json!({
        "sub": "google-oauth2|103547991597142817347", "aud": ["https://tokens.example", "https://example.eu.auth0.com/userinfo"],
        "azp": "exampleapp", "scope": "openid profile", "permissions": ["rooms:publish"],
    });
    for (name, value) in more.as_object().expect("claims") {
        all[name] = value.clone();
    }
    rs256(AUTH0, all)
}

#[test]
fn auth0_opaque_tokens_ids_and_permissions() {
    let publishing = [("PUBLISH_SCOPE", "rooms:publish"), ("USER_ID_FORM", "hash")];
    let cases = [
        Case {
            what: "an opaque token, because no audience was asked for",
            text: "dGhpcyBpcyBvcGFxdWU_x4Qz9rT2mKpW".to_owned(),
            variables: AUTH0_SETTINGS,
            arguments: &[],
            code: 3,
            refused: &["opaque-token"],
            warned: &[],
            says: &["Ask Auth0 for an `audience` when the user signs in"],
        },
        Case {
            what: "an opaque token in the form of an encrypted JWT",
            text: format!(
                "{}..iv.text.tag",
                encoded(r#"{"alg":"dir","enc":"A256GCM","iss":"https://example.eu.auth0.com/"}"#)
            ),
            variables: AUTH0_SETTINGS,
            arguments: &[],
            code: 3,
            refused: &["encrypted-jwt"],
            warned: &[],
            says: &["Ask Auth0 for an `audience`"],
        },
        Case {
            what: "an id with a bar",
            text: auth0(json!({})),
            variables: AUTH0_SETTINGS,
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &["id-refused", "id-refused"],
            says: &["id refused by Agora Chat, ZEGO ZIM", "If your app uses Agora Chat: USER_ID_FORM=hash."],
        },
        Case {
            what: "the slash at the end of the issuer",
            text: auth0(json!({})),
            variables: &[
                ("JWT_ISSUER", "https://example.eu.auth0.com"),
                ("JWT_AUDIENCE", "https://tokens.example"),
                ("USER_ID_FORM", "hash"),
            ],
            arguments: &[],
            code: 1,
            refused: &["wrong-issuer"],
            warned: &[],
            says: &[
                "They differ only in the slash at the end.",
                "iss: must be the configured issuer",
                "Setting: JWT_ISSUER (stack: JwtIssuer)",
                // The keys are right all the same.
                "signature made with the issuer's key",
            ],
        },
        Case {
            what: "the ID token is for the app",
            text: auth0(json!({ "aud": "exampleapp", "nonce": "n" })),
            variables: &[AUTH0_SETTINGS, &[("USER_ID_FORM", "hash")]].concat(),
            arguments: &[],
            code: 1,
            refused: &["id-token", "wrong-audience"],
            warned: &[],
            says: &[
                r#"It is for "exampleapp" (aud), and not for "https://tokens.example"."#,
                "Setting: JWT_AUDIENCE (stack: JwtAudience)",
            ],
        },
        Case {
            what: "permissions, and no setting for them",
            text: auth0(json!({})),
            variables: &[AUTH0_SETTINGS, &publishing].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &["publishing not allowed", "note publish-denied", "SCOPE_CLAIM (stack: ScopeClaim)"],
        },
        Case {
            what: "permissions",
            text: auth0(json!({})),
            variables: &[AUTH0_SETTINGS, &publishing, &[("SCOPE_CLAIM", "permissions")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &["publishing allowed"],
        },
        Case {
            what: "a student, in classrooms",
            text: auth0(json!({})),
            variables: &[AUTH0_SETTINGS, &[("TEACHER_SCOPE", "teach"), ("USER_ID_FORM", "hash")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &["note teach-denied", "TEACHER_SCOPE (stack: TeacherScope)"],
        },
        Case {
            what: "a teacher",
            text: auth0(json!({ "scope": "openid teach" })),
            variables: &[AUTH0_SETTINGS, &[("TEACHER_SCOPE", "teach"), ("USER_ID_FORM", "hash")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &["teaching allowed"],
        },
        Case {
            what: "a machine's token",
            text: auth0(json!({ "sub": "exampleapp@clients", "gty": "client-credentials" })),
            variables: &[AUTH0_SETTINGS, &[("USER_ID_FORM", "hash")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &["machine-token"],
            says: &["BACKEND_AUDIENCE (the stack has no parameter for it)"],
        },
    ];
    cases.iter().for_each(Case::check);
}

const SUPABASE: &str = "https://example.supabase.co/auth/v1";
const SUPABASE_SETTINGS: &[(&str, &str)] =
    &[("JWT_ISSUER", SUPABASE), ("JWT_AUDIENCE", "authenticated"), ("USER_ID_FORM", "uuid")];

fn supabase(anonymous: bool) -> Value {
    claims(
        SUPABASE,
        json!({
            "sub": UUID, "aud": "authenticated", "role": "authenticated", "is_anonymous": anonymous,
            "app_metadata": { "provider": "email", "rooms": ["lobby", "team-*"] }, "user_metadata": {},
        }),
    )
}

#[test]
fn supabase_algorithms_and_nested_claims() {
    let gateway = ["--gateway", "--issuer", SUPABASE, "--audience", "authenticated"];
    let cases = [
        Case {
            what: "ES256 and nested rooms, where the service verifies",
            text: EC.sign(&json!({}), &supabase(false)),
            variables: &[SUPABASE_SETTINGS, &[("ROOMS_CLAIM", "app_metadata.rooms")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &[r#"rooms "lobby", "team-*""#, "note gateway-algorithm", "API Gateway verifies only RSA signatures"],
        },
        Case {
            what: "ES256 behind the gateway",
            text: EC.sign(&json!({}), &supabase(false)),
            variables: &[("USER_ID_FORM", "uuid")],
            arguments: &gateway,
            code: 1,
            refused: &["gateway-algorithm"],
            warned: &[],
            says: &["It is signed with \"ES256\"", "Supabase: make a signing key of RSA", "Setting: IDENTITY"],
        },
        Case {
            what: "HS256 of an old project",
            text: signed_with_hmac(b"secret", &json!({ "alg": "HS256", "typ": "JWT" }), &supabase(false)),
            variables: SUPABASE_SETTINGS,
            arguments: &[],
            code: 1,
            refused: &["wrong-algorithm"],
            warned: &[],
            says: &[
                "It is signed with HS256. That is a shared secret",
                "move the project from the JWT secret to signing keys",
            ],
        },
        Case {
            what: "HS256 behind the gateway",
            text: signed_with_hmac(b"secret", &json!({ "alg": "HS256", "typ": "JWT" }), &supabase(false)),
            variables: &[("USER_ID_FORM", "uuid")],
            arguments: &gateway,
            code: 1,
            refused: &["gateway-algorithm"],
            warned: &[],
            says: &["move the project from the JWT secret to signing keys"],
        },
        Case {
            what: "an API key",
            text: signed_with_hmac(
                b"secret",
                &json!({ "alg": "HS256", "typ": "JWT" }),
                &json!({ "iss": "supabase", "ref": "example", "role": "anon", "iat": NOW, "exp": NOW + 3000 }),
            ),
            variables: SUPABASE_SETTINGS,
            arguments: &[],
            code: 1,
            refused: &["wrong-algorithm"],
            warned: &[],
            says: &["This is an API key of a Supabase project, and no user's."],
        },
        Case {
            what: "an anonymous user",
            text: EC.sign(&json!({}), &supabase(true)),
            variables: SUPABASE_SETTINGS,
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &["anonymous-user"],
            says: &["set is_anonymous=true"],
        },
        Case {
            what: "an anonymous user who is refused, behind the gateway with RS256",
            text: RSA.sign(&json!({}), &supabase(true)),
            variables: &[("USER_ID_FORM", "uuid"), ("REFUSED_CLAIMS", "is_anonymous=true")],
            arguments: &gateway,
            code: 1,
            refused: &["refused-claim"],
            warned: &[],
            says: &["Setting: REFUSED_CLAIMS (stack: RefusedClaims)"],
        },
    ];
    cases.iter().for_each(Case::check);
}

const CLERK: &str = "https://clerk.app.example";

fn clerk(more: Value) -> String {
    let mut all =
        json!({ "azp": "https://app.example", "sid": "sess_example", "sub": "user_example", "nbf": NOW - 10 });
    for (name, value) in more.as_object().expect("claims") {
        all[name] = value.clone();
    }
    rs256(CLERK, all)
}

#[test]
fn clerk_without_an_audience() {
    let ours: &[(&str, &str)] = &[("JWT_ISSUER", CLERK), ("JWT_AUDIENCE", "https://app.example")];
    let cases = [
        Case {
            what: "azp is the audience where the service verifies",
            text: clerk(json!({})),
            variables: &[ours, &[("USER_ID_FORM", "hash")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &[r#"audience "https://app.example""#],
        },
        Case {
            what: "behind the gateway azp does not count",
            text: clerk(json!({})),
            variables: &[("USER_ID_FORM", "hash")],
            arguments: &["--gateway", "--issuer", CLERK, "--audience", "https://app.example"],
            code: 1,
            refused: &["wrong-audience"],
            warned: &[],
            says: &["API Gateway does not look at azp.", "Add one in a JWT template."],
        },
        Case {
            what: "neither aud nor azp",
            text: clerk(json!({ "azp": null })),
            variables: ours,
            arguments: &[],
            code: 1,
            refused: &["wrong-audience"],
            warned: &[],
            says: &["Clerk's JWTs have no `aud`"],
        },
        Case {
            what: "somebody of the support is signed in as the user",
            text: clerk(json!({ "act": { "iss": "https://dashboard.example", "sub": "user_support" } })),
            variables: ours,
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &["note impersonated"],
        },
    ];
    cases.iter().for_each(Case::check);
}

const KEYCLOAK: &str = "https://id.example/realms/main";

fn keycloak(more: Value) -> String {
    let mut all = json!({
        "sub": UUID, "aud": "account", "typ": "Bearer", "azp": "web", "scope": "profile email",
        "realm_access": { "roles": ["offline_access", "teacher"] }, "resource_access": {},
    });
    for (name, value) in more.as_object().expect("claims") {
        all[name] = value.clone();
    }
    rs256(KEYCLOAK, all)
}

#[test]
fn keycloak_audiences_and_nested_roles() {
    let ours: &[(&str, &str)] = &[("JWT_ISSUER", KEYCLOAK), ("JWT_AUDIENCE", "tokenmint"), ("USER_ID_FORM", "uuid")];
    let roles = [("PUBLISH_SCOPE", "teacher"), ("SCOPE_CLAIM", "realm_access.roles")];
    let cases = [
        Case {
            what: "aud is account",
            text: keycloak(json!({})),
            variables: ours,
            arguments: &[],
            code: 1,
            refused: &["wrong-audience"],
            warned: &[],
            says: &[
                r#"It is for "account" (aud), and not for "tokenmint"."#,
                "Keycloak: add an audience mapper",
                // Who it would be is said all the same.
                "The caller, if nothing were wrong",
                r#"user id "aaaaaaaabbbb4ccc8dddeeeeeeeeeeee""#,
            ],
        },
        Case {
            what: "nested roles, where the service verifies",
            text: keycloak(json!({ "aud": ["tokenmint", "account"] })),
            variables: &[ours, &roles].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &["publishing allowed"],
        },
        Case {
            what: "the refresh token",
            text: signed_with_hmac(
                b"secret",
                &json!({ "alg": "HS512", "typ": "JWT", "kid": "k" }),
                &claims(KEYCLOAK, json!({ "sub": UUID, "aud": KEYCLOAK, "typ": "Refresh" })),
            ),
            variables: ours,
            arguments: &[],
            code: 1,
            refused: &["wrong-algorithm"],
            warned: &[],
            says: &["This is Keycloak's refresh token. Send the access token."],
        },
        Case {
            what: "the ID token",
            text: keycloak(json!({ "typ": "ID", "aud": "web", "at_hash": "x" })),
            variables: ours,
            arguments: &[],
            code: 1,
            refused: &["id-token", "wrong-audience"],
            warned: &[],
            says: &["Send the access token."],
        },
    ];
    cases.iter().for_each(Case::check);
    // A path cannot work behind the gateway. So a function would not start with it.
    let arguments = ["whoami", "--gateway", "--issuer", KEYCLOAK, "--audience", "tokenmint"];
    let wrong = run(program().args(arguments).envs(roles), keycloak(json!({})).as_bytes());
    assert_eq!((wrong.code, wrong.stdout.as_str()), (2, ""), "{wrong:?}");
    assert!(wrong.stderr.contains("SCOPE_CLAIM must not name a nested claim"), "{wrong:?}");
}

#[test]
fn zitadel() {
    let issuer = "https://example.zitadel.cloud";
    let ours: &[(&str, &str)] = &[("JWT_ISSUER", issuer), ("JWT_AUDIENCE", "200000000000000002")];
    let jwt = |audiences: Value| {
        rs256(
            issuer,
            json!({
                "sub": "400000000000000004", "aud": audiences, "client_id": "500000000000000005", "nbf": NOW,
                "urn:zitadel:iam:org:project:roles": { "publisher": { "1": "org.zitadel.example" } },
            }),
        )
    };
    let cases = [
        Case {
            what: "an opaque token",
            text: "Qm9yaW5nIG9wYXF1ZSB0b2tlbg-4Rz7tWqPx2_LmNk0".to_owned(),
            variables: ours,
            arguments: &[],
            code: 3,
            refused: &["opaque-token"],
            warned: &[],
            says: &["In Zitadel, set the token type of the application to JWT."],
        },
        Case {
            what: "good",
            text: jwt(json!(["500000000000000005", "200000000000000002"])),
            variables: ours,
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &[],
            says: &[r#"user id "400000000000000004""#],
        },
        Case {
            what: "for the app alone",
            text: jwt(json!(["500000000000000005"])),
            variables: ours,
            arguments: &[],
            code: 1,
            refused: &["wrong-audience"],
            warned: &[],
            says: &["ask for the scope urn:zitadel:iam:org:project:id:PROJECT:aud"],
        },
        Case {
            what: "roles are an object, which lists no rooms",
            text: jwt(json!(["200000000000000002"])),
            variables: &[ours, &[("ROOMS_CLAIM", "urn:zitadel:iam:org:project:roles")]].concat(),
            arguments: &[],
            code: 0,
            refused: &[],
            warned: &["no-rooms"],
            says: &["rooms no room", "Setting: ROOMS_CLAIM (stack: RoomsClaim)"],
        },
    ];
    cases.iter().for_each(Case::check);
}

/// What is wrong with the JWTs of any provider.
#[test]
fn any_provider() {
    let backend = [("BACKEND_AUDIENCE", "backends"), ("BACKEND_SCOPE", "mint")];
    let forged = FORGED.sign(&json!({}), &claims(ISSUER, json!({ "aud": "tokenmint", "sub": "alice" })));
    let unknown = RSA.sign(&json!({ "kid": "newer" }), &claims(ISSUER, json!({ "aud": "tokenmint", "sub": "alice" })));
    let ps = PS.sign(&json!({}), &claims(ISSUER, json!({ "aud": "tokenmint", "sub": "alice" })));
    let other = FORGED.sign(&json!({}), &claims("https://other.example", json!({ "aud": "x", "sub": "alice" })));
    let gateway = ["--gateway", "--issuer", ISSUER, "--audience", "tokenmint"];
    type Row<'a> =
        (&'a str, String, &'a [(&'a str, &'a str)], &'a [&'a str], i32, &'a [&'a str], &'a [&'a str], &'a [&'a str]);
    let rows: &[Row<'_>] = &[
        ("expired", good(json!({ "exp": NOW - 61 })), &[], &[], 1, &["expired"], &[], &["It expired 1m 1s ago"]),
        ("not begun", good(json!({ "nbf": NOW + 61 })), &[], &[], 1, &["not-yet-issued"], &[], &["It begins in 1m 1s"]),
        ("no end", good(json!({ "exp": null })), &[], &[], 1, &["wrong-date"], &[], &["exp: must be a number"]),
        (
            "forged",
            forged.clone(),
            &[],
            &[],
            1,
            &["wrong-signature"],
            &[],
            &["signature not made with a key of the issuer"],
        ),
        ("a new key", unknown, &[], &[], 1, &["unknown-key"], &[], &["Sign in again", "JWT_KEYS_URL"]),
        (
            "another issuer's, for another audience",
            other,
            &[],
            &[],
            1,
            &["wrong-issuer", "wrong-audience"],
            &[],
            &["not checked: these are the keys of another issuer"],
        ),
        (
            "everything at once",
            good(json!({ "aud": "x", "exp": NOW - 100, "iat": NOW - 200, "nonce": "n", "sub": "" })),
            &[("JWT_SCOPE", "join")],
            &[],
            1,
            &["expired", "id-token", "wrong-audience", "missing-scope", "no-user-id"],
            &[],
            &[],
        ),
        (
            "no user id",
            good(json!({ "sub": null, "uid": "alice" })),
            &[],
            &[],
            1,
            &["no-user-id"],
            &[],
            &[
                r#"The JWT has the claims "aud", "exp", "iat", "iss", "sub", "uid"."#,
                "Setting: USER_ID_CLAIM (stack: UserIdClaim)",
            ],
        ),
        (
            "another claim",
            good(json!({ "sub": null, "uid": "alice" })),
            &[("USER_ID_CLAIM", "uid")],
            &[],
            0,
            &[],
            &[],
            &[r#"user id "alice" (claim "uid", verbatim)"#],
        ),
        (
            "not a UUID",
            good(json!({})),
            &[("USER_ID_FORM", "uuid")],
            &[],
            1,
            &["not-a-uuid"],
            &[],
            &["`hash` takes every id"],
        ),
        (
            "a backend",
            good(json!({ "aud": "backends", "scope": "mint" })),
            &backend,
            &[],
            0,
            &[],
            &[],
            &["kind a backend: it gets Chat's app token and agents' tokens, and no user's token"],
        ),
        (
            "a backend without its scope",
            good(json!({ "aud": "backends", "scope": "read" })),
            &backend,
            &[],
            1,
            &["backend-scope"],
            &[],
            &[r#"It has "read"."#, "BACKEND_SCOPE"],
        ),
        ("no rooms", good(json!({})), &[("ROOMS_CLAIM", "rooms")], &[], 0, &[], &["no-rooms"], &["rooms no room"]),
        (
            "every room",
            good(json!({ "rooms": "*" })),
            &[("ROOMS_CLAIM", "rooms")],
            &[],
            0,
            &[],
            &[],
            &["rooms every room (*)"],
        ),
        (
            "RTM with permissions for one room of two",
            good(json!({ "rooms": ["lobby", "team-*"] })),
            &[("ROOMS_CLAIM", "rooms"), ("RTM_BEYOND_ROOMS", "permissions")],
            &[],
            0,
            &[],
            &[],
            &["note limited-rooms", "by their full names: 1 here", "ask Agora", "RTM_BEYOND_ROOMS"],
        ),
        (
            "RTM with permissions, and no room for them",
            good(json!({ "rooms": "*" })),
            &[("ROOMS_CLAIM", "rooms"), ("RTM_BEYOND_ROOMS", "permissions")],
            &[],
            0,
            &[],
            &["limited-rooms"],
            &["The user gets no RTM token", "list the full names"],
        ),
        (
            "RTM with permissions, and too many rooms for them",
            good(json!({ "rooms": (0..1025).map(two_characters).collect::<Vec<_>>() })),
            &[("ROOMS_CLAIM", "rooms"), ("RTM_BEYOND_ROOMS", "permissions")],
            &[],
            0,
            &[],
            &["limited-rooms"],
            &["1025 channels", "1024 at most"],
        ),
        (
            "a uid",
            good(json!({ "uid": 7 })),
            &[("RTC_UID_CLAIM", "uid")],
            &[],
            0,
            &[],
            &[],
            &["RTC uid 7, or the assigned one"],
        ),
        (
            "no uid",
            good(json!({ "uid": 0 })),
            &[("RTC_UID_CLAIM", "uid")],
            &[],
            0,
            &[],
            &["no-uid"],
            &["RTC uid the assigned one"],
        ),
        (
            "bound to the JWT",
            good(json!({})),
            &[("MAX_SECONDS_BEYOND_JWT", "60")],
            &[],
            0,
            &[],
            &[],
            &["tokens live 51m at most"],
        ),
        ("PS256", ps.clone(), &[], &[], 0, &[], &[], &["note gateway-algorithm"]),
        ("PS256 behind the gateway", ps, &[], &gateway, 0, &[], &["gateway-algorithm"], &["AWS does not say"]),
        (
            "a name with a space behind the gateway",
            good(json!({ "rooms": ["vip lounge", "lobby"] })),
            &[("ROOMS_CLAIM", "rooms")],
            &gateway,
            0,
            &[],
            &["flat-claims"],
            &[r#"rooms "vip", "lounge", "lobby""#],
        ),
        ("a number as an id", good(json!({ "sub": 7 })), &[], &[], 1, &["no-user-id"], &[], &[]),
        (
            "the algorithm none",
            format!("{}.{}.", encoded(r#"{"alg":"none"}"#), encoded("{}")),
            &[],
            &[],
            1,
            &["wrong-algorithm"],
            &[],
            &[],
        ),
    ];
    for (what, text, variables, arguments, code, refused, warned, says) in rows {
        let text = text.clone();
        let with_issuer = if arguments.is_empty() { [OURS, variables].concat() } else { variables.to_vec() };
        Case { what, text, variables: &with_issuer, arguments, code: *code, refused, warned, says }.check();
    }
    // API Gateway finds the key by kid alone.
    let nameless =
        RSA.sign_text(r#"{"alg":"RS256"}"#, &claims(ISSUER, json!({ "aud": "tokenmint", "sub": "a" })).to_string());
    assert_eq!(whoami(&nameless, &gateway, &[]).codes("refused"), ["no-key-id"]);
}

/// What people paste, and what is not a JWT at all.
#[test]
fn what_people_paste() {
    let jwt = good(json!({}));
    let wrapped: Vec<_> = jwt.as_bytes().chunks(60).map(|line| String::from_utf8_lossy(line)).collect();
    let answer = json!({ "access_token": jwt, "id_token": good(json!({ "nonce": "n" })), "token_type": "Bearer" });
    for (text, code, severity) in [
        (format!("{jwt}\r\n"), None, ""),
        (format!("Bearer {jwt}"), Some("bearer"), "note"),
        (format!("authorization: bearer {jwt}"), Some("bearer"), "note"),
        (format!("\"{jwt}\""), Some("quoted"), "warning"),
        (format!("'{jwt}',"), Some("quoted"), "warning"),
        (format!("\u{feff}{}", jwt.replace('.', ".\u{200b}")), Some("invisible-characters"), "warning"),
        (wrapped.join("\n"), Some("line-breaks"), "warning"),
        (answer.to_string(), Some("inside-json"), "note"),
        (format!("curl -H \"Authorization: Bearer {jwt}\" https://x.example"), Some("surrounded"), "warning"),
    ] {
        let explained = whoami(&text, &[], OURS);
        assert_eq!(explained.code, 0, "{code:?}: {explained:#?}");
        let codes = explained.codes(if severity.is_empty() { "warning" } else { severity });
        assert_eq!(codes, Vec::from_iter(code), "{explained:#?}");
    }
    for (text, code) in [
        (String::new(), "empty"),
        ("undefined".to_owned(), "placeholder"),
        ("eyJhbGciOi...".to_owned(), "shortened"),
        (jwt.rsplit_once('.').expect("three parts").0.split_once('.').expect("two parts").0.to_owned(), "cut-at-end"),
        (format!("{jwt} {}", good(json!({ "sub": "bob" }))), "several-jwts"),
        (Token007::good().write(), "vendor-token"),
        ("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----".to_owned(), "key-instead-of-token"),
        ("https://id.example.com/token".to_owned(), "web"),
        (r#"{"error":"invalid_grant"}"#.to_owned(), "error-answer"),
        (r#"{"sub":"alice"}"#.to_owned(), "json-without-token"),
        ("where is my token?".to_owned(), "not-a-token"),
        ("x".repeat(70_000), "too-long"),
    ] {
        let explained = whoami(&text, &[], OURS);
        assert_eq!((explained.code, explained.codes("refused")), (3, vec![code]), "{code}: {explained:#?}");
    }
    for (text, code) in [
        (format!("{}.x", jwt.rsplit_once('.').expect("three parts").0), "malformed-jwt"),
        (format!("{jwt}="), "malformed-jwt"),
        (format!("{}.{}", jwt, "x.y.z"), "malformed-jwt"),
        (good(json!({ "much": "x".repeat(9000) })), "too-long"),
    ] {
        let explained = whoami(&text, &[], OURS);
        assert_eq!((explained.code, explained.codes("refused")), (1, vec![code]), "{code}: {explained:#?}");
    }
}

/// A name in a JWT steers no terminal, and cannot look like our own words.
#[test]
fn names_stay_in_their_quotes() {
    let evil = "alice\"\u{1b}[2J\u{202e}\nThe service would accept this caller.";
    let explained = whoami(&good(json!({ "sub": evil, "scope": evil, evil: 1 })), &[], OURS);
    assert_eq!(explained.report["caller"]["user_id"], evil);
    for steering in ['\u{1b}', '\u{202e}'] {
        assert!(!explained.people.contains(steering), "{explained:#?}");
    }
    assert!(explained.people.contains(r#""alice\"\u{1b}[2J\u{202e}\u{a}The service"#), "{explained:#?}");
}

/// Without a file of keys they come from the issuer, as the service loads them.
#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_the_issuer() {
    let issuer = Issuer::start(&[&*RSA]);
    let url = issuer.url();
    let ask = |token: String, more: &[&str]| {
        let (url, more) = (url.clone(), more.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        tokio::task::spawn_blocking(move || {
            let more: Vec<&str> = more.iter().map(String::as_str).collect();
            let arguments = [&["--issuer", &url, "--audience", "tokenmint"], &more[..]].concat();
            explain_with("whoami", &token, &arguments, &[])
        })
    };
    let (claims, header) = (issuer.claims("alice", "tokenmint"), json!({}));
    let genuine = ask(RSA.sign(&header, &claims), &[]).await.expect("it ran");
    assert_eq!((genuine.code, &genuine.report["signature"]["verdict"]), (0, &json!("genuine")), "{genuine:#?}");
    assert_eq!(issuer.asked(), 2, "once for people, once in JSON");
    let forged = ask(FORGED.sign(&header, &claims), &[]).await.expect("it ran");
    assert_eq!((forged.code, forged.codes("refused")), (1, vec!["wrong-signature"]), "{forged:#?}");
    // Offline nobody is asked, and the signature is unchecked.
    let asked = issuer.asked();
    let offline = ask(FORGED.sign(&header, &claims), &["--offline"]).await.expect("it ran");
    assert_eq!((offline.code, &offline.report["signature"]["verdict"]), (0, &json!("unchecked")), "{offline:#?}");
    assert!(offline.people.contains("We could not check that."), "{offline:#?}");
    assert_eq!(issuer.asked(), asked);
    // If there are no keys, that is said, and the exit code differs. A JWT that is refused anyway is refused.
    issuer.trouble(Trouble::Status(500));
    let failed = ask(RSA.sign(&header, &claims), &[]).await.expect("it ran");
    assert_eq!((failed.code, &failed.report["verdict"]), (4, &json!("good")), "{failed:#?}");
    assert!(failed.people.contains("the issuer's keys cannot be loaded: it answers 500"), "{failed:#?}");
    let mut expired = claims.clone();
    expired["exp"] = json!(NOW - 100_000_000);
    assert_eq!(ask(RSA.sign(&header, &expired), &[]).await.expect("it ran").code, 1);
}

#[test]
fn the_exit_code_alone_says_it() {
    let (jwt, now, keys) = (good(json!({})), NOW.to_string(), KEYS.to_str().expect("a plain path"));
    let quiet = |text: &str, more: &[&str], variables: &[(&str, &str)]| {
        let mut command = program();
        command.args(["whoami", "--quiet", "--now", &now]).args(more).envs(variables.iter().copied());
        let outcome = run(&mut command, text.as_bytes());
        assert!(!outcome.all().contains(&jwt[..20]), "{outcome:?}");
        (outcome.code, outcome.stdout, outcome.stderr)
    };
    let silent = |code| (code, String::new(), String::new());
    assert_eq!(quiet(&jwt, &["--keys", keys], OURS), silent(0));
    assert_eq!(quiet(&jwt, &["--keys", keys, "--audience", "other"], OURS), silent(1));
    assert_eq!(quiet("nonsense", &["--keys", keys], OURS), silent(3));
    assert_eq!(quiet(&jwt, &["--keys", "/nowhere"], OURS), silent(4));
    assert_eq!(quiet(&jwt, &["--keys", file("no-keys.json", &json!({})).to_str().expect("plain")], OURS), silent(4));
    for (wrong, variables, said) in [
        (
            &[][..],
            &[][..],
            "JWT_ISSUER must be the issuer of the JWTs. Set what the service has, or give it here: --issuer",
        ),
        (&["--issuer", ISSUER], &[], "JWT_AUDIENCE must name the audiences"),
        (&["--issuer", "http://id.example.com"], OURS, "JWT_ISSUER must be an https address"),
        (&[], &[("IDENTITY", "none")], "IDENTITY must be jwt or gateway here"),
        (&[], &[("IDENTITY", "gateway"), ("JWT_ISSUER", ISSUER)], "JWT_ISSUER needs IDENTITY=jwt"),
        (&[], &[("AUTH", "jwt"), ("JWT_ISSUER", ISSUER), ("JWT_AUDIENCE", "x")], "AUTH is called IDENTITY now"),
        (&["--offline", "--keys", keys], OURS, "cannot be used with"),
        // A JWT in the wrong place is not repeated.
        (&[&*jwt], OURS, "because it may be a JWT"),
        (&["--token", &jwt], OURS, "because it may be a JWT"),
        (&[&format!("--token={jwt}")], OURS, "because it may be a JWT"),
        (&[&format!("-{jwt}")], OURS, "because it may be a JWT"),
    ] {
        let (code, stdout, stderr) = quiet(&jwt, wrong, variables);
        assert_eq!((code, stdout), (2, String::new()), "{said}: {stderr}");
        assert!(stderr.contains(said), "{said}: {stderr}");
    }
}

/// The form of the JSON, which scripts rely on.
#[test]
fn json_has_every_field() {
    let variables = [
        OURS,
        &[
            ("ROOMS_CLAIM", "rooms"),
            ("RTM_BEYOND_ROOMS", "allowed"),
            ("MAX_SECONDS_BEYOND_JWT", "0"),
            ("JWT_SCOPE", "join"),
        ],
    ]
    .concat();
    let explained = whoami(&good(json!({ "rooms": ["lobby"], "scope": "openid" })), &[], &variables);
    let expected = json!({
        "verdict": "refused",
        "verified_by": "service",
        "now": NOW,
        "jwt": {
            "algorithm": "RS256", "issuer": ISSUER, "audiences": ["tokenmint"], "scopes": ["openid"],
            "issued_at": NOW - 600, "expires_at": NOW + 3000, "expires_in": 3000,
        },
        "signature": { "verdict": "genuine" },
        "caller": {
            "kind": "user", "user_id": "alice", "user_id_claim": "sub", "user_id_form": "verbatim",
            "accepted_by": ["Agora RTC (account)", "Agora RTM", "Agora Chat", "ZEGO Express", "ZEGO ZIM"],
            "refused_by": [], "rooms": ["lobby"], "may_publish": true, "may_teach": false, "rtc_uid": null, "longest_lifetime": 3000,
        },
        "reasons": [{
            "code": "missing-scope",
            "severity": "refused",
            "message": "It lacks the scope \"join\". It has \"openid\".",
            "advice": "Ask your provider for this scope when the user signs in. Or change the setting.",
            "rule": "scope: must contain the configured scope",
            "status": 403,
            "settings": [{ "variable": "JWT_SCOPE", "parameter": "JwtScope" }],
            "errors": [],
        }],
    });
    assert_eq!(explained.report, expected);
}

#[test]
fn help_says_where_the_jwt_comes_from() {
    let help = run(program().args(["whoami", "--help"]), b"");
    assert_eq!(help.code, 0);
    let words = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in ["standard input", "never an argument", "pbpaste", "--gateway", "JwtIssuer", "--keys", "Exit codes"] {
        assert!(words.contains(word), "{word}: {}", help.stdout);
    }
}
