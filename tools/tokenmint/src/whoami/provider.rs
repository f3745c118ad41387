//! The identity providers that are known by their issuer, and what goes wrong with each.

/// Who made a JWT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    Cognito,
    Firebase,
    Auth0,
    Supabase,
    Clerk,
    Keycloak,
    Zitadel,
    /// An unknown one, or a known one under a name of the customer's.
    Other,
}

impl Provider {
    /// Guesses by the issuer. The guess decides about advice alone.
    pub(super) fn of(issuer: &str) -> Provider {
        let rest = issuer.strip_prefix("https://").or_else(|| issuer.strip_prefix("http://")).unwrap_or(issuer);
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        if host.starts_with("cognito-idp.") {
            Provider::Cognito
        } else if host == "securetoken.google.com" {
            Provider::Firebase
        } else if host.ends_with(".auth0.com") {
            Provider::Auth0
        } else if rest.trim_end_matches('/').ends_with("/auth/v1") {
            Provider::Supabase
        } else if host.starts_with("clerk.") || host.ends_with(".clerk.accounts.dev") {
            Provider::Clerk
        } else if rest.contains("/realms/") {
            Provider::Keycloak
        } else if host.contains("zitadel") {
            Provider::Zitadel
        } else {
            Provider::Other
        }
    }

    /// How to get a JWT in place of an opaque token.
    pub(super) fn instead_of_opaque(self) -> &'static str {
        match self {
            Provider::Auth0 => {
                "Ask Auth0 for an `audience` when the user signs in: the identifier of an API that you made there. Without \
                 it, Auth0 gives an opaque token."
            }
            Provider::Zitadel => "In Zitadel, set the token type of the application to JWT.",
            Provider::Cognito => "Send Cognito's access token. Its refresh token and its codes are no JWTs.",
            Provider::Firebase => "Send Firebase's ID token (`getIdToken()`). Its refresh token is no JWT.",
            Provider::Supabase => {
                "Send `session.access_token` of Supabase. Its refresh token and its API keys are no JWTs of users."
            }
            Provider::Clerk => "Send what `getToken()` of Clerk's session gives.",
            Provider::Keycloak | Provider::Other => {
                "Ask your provider for access tokens that are JWTs. Auth0: ask for an `audience`. Zitadel: set the token \
                 type to JWT. If this is a refresh token or a code, send the access token."
            }
        }
    }

    /// How to get the right audience into the JWT.
    pub(super) fn audience(self) -> &'static str {
        match self {
            Provider::Cognito => "For Cognito it is the id of the app client.",
            Provider::Firebase => "For Firebase it is the id of the project.",
            Provider::Auth0 => {
                "Auth0: ask for your API's identifier as `audience` when the user signs in, and set the same here."
            }
            Provider::Supabase => "For Supabase it is `authenticated`.",
            Provider::Clerk => {
                "Clerk's JWTs have no `aud`. Add one in a JWT template. Or, where the service verifies itself, set the web \
                 origin that `azp` has."
            }
            Provider::Keycloak => {
                "Keycloak: add an audience mapper to a client scope of your app, and set its audience here. Do not accept \
                 `account`: the JWTs of other apps in the realm may have it, too."
            }
            Provider::Zitadel => {
                "Zitadel: ask for the scope urn:zitadel:iam:org:project:id:PROJECT:aud when the user signs in. Then the \
                 project's id is an audience."
            }
            Provider::Other => "Take an audience that stands for your API alone.",
        }
    }

    /// How to get an access token in place of an ID token.
    pub(super) fn instead_of_id_token(self) -> &'static str {
        match self {
            Provider::Cognito => "Send Cognito's access token (`AccessToken`), and not its `IdToken`.",
            Provider::Firebase => "Firebase has only ID tokens: set ID_TOKENS=allowed.",
            _ => {
                "Send the access token. The ID token is for the app that its user signed in to. If your provider has only \
                 ID tokens, set ID_TOKENS=allowed."
            }
        }
    }

    /// How to get another algorithm.
    pub(super) fn rsa(self) -> &'static str {
        match self {
            Provider::Supabase => "Supabase: make a signing key of RSA (RS256), and use it.",
            _ => "Let your provider sign with RS256.",
        }
    }
}
