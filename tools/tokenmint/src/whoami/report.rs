//! What `whoami` found out about a JWT. `--json` prints this; `show` prints it for people.

use crate::report::{Reason, Signature, Verdict};
use serde::Serialize;

/// All findings about one JWT.
#[derive(Serialize)]
pub(super) struct Report {
    pub(super) verdict: Verdict,
    /// `service` or `gateway`.
    pub(super) verified_by: &'static str,
    /// The moment for which the JWT is explained, in Unix seconds.
    pub(super) now: i64,
    /// What the JWT says of itself, if it can be read.
    pub(super) jwt: Option<JwtView>,
    pub(super) signature: Signature,
    /// Who the caller is. If the verdict is `refused`: who it would be without the reasons.
    pub(super) caller: Option<CallerView>,
    /// What speaks against it. The most serious comes first.
    pub(super) reasons: Vec<Reason>,
    /// Whether the keys were wanted, and could not be had.
    #[serde(skip)]
    pub(super) keys_failed: bool,
}

/// What a JWT says of itself. Moments are Unix seconds.
#[derive(Serialize)]
pub(super) struct JwtView {
    pub(super) algorithm: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) audiences: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) issued_at: Option<i64>,
    pub(super) expires_at: Option<i64>,
    /// Negative after its end.
    pub(super) expires_in: Option<i64>,
}

/// Whose JWT it is.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum CallerView {
    User(UserView),
    Backend,
}

/// A user, as the service knows them.
#[derive(Serialize)]
pub(super) struct UserView {
    pub(super) user_id: String,
    /// Where the id comes from: `USER_ID_CLAIM`.
    pub(super) user_id_claim: String,
    /// What was made of it: `USER_ID_FORM`.
    pub(super) user_id_form: &'static str,
    /// The products that take this id.
    pub(super) accepted_by: Vec<&'static str>,
    pub(super) refused_by: Vec<&'static str>,
    /// Names, or beginnings that end in `*`. Null: every room.
    pub(super) rooms: Option<Vec<String>>,
    pub(super) may_publish: bool,
    /// Whether the user has the scopes for every role in a classroom: to teach, and to publish.
    pub(super) may_teach: bool,
    /// The user's own uid, beside the assigned one.
    pub(super) rtc_uid: Option<u64>,
    /// How many seconds a token may live, if the JWT's end limits it.
    pub(super) longest_lifetime: Option<u32>,
}
