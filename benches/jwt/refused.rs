//! Tokens that attackers send. Each is measured beside a good one.

use crate::tokens::{Issuer, NOW, claims};
use benches::turns::Work;
use harness::issuer::{Algorithm, encoded};
use serde_json::json;

const EXPIRED: &str = "exp: must be in the future";
const SIGNATURE: &str = "signature: must be made with the issuer's key";
const PARTS: &str = "JWT: must have three parts";
const HEADER: &str = "header: must be a JSON object";
const TOO_LONG: &str = "JWT: must be at most 8192 bytes";

/// How long a JWT may be, in bytes.
const MOST: usize = 8192;

/// Each with its name and length.
pub(crate) fn all(issuer: &Issuer) -> Vec<(&'static str, usize, Work)> {
    let good = issuer.token(Algorithm::Rs256, &claims());
    let mut expired = claims();
    expired["exp"] = json!(NOW - 3600);
    let expired = issuer.token(Algorithm::Rs256, &expired);
    let forged = |token: &str| {
        let (signed, signature) = token.rsplit_once('.').expect("a JWT");
        // The first character counts with all its bits, so another one makes another signature.
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        format!("{signed}.{first}{}", &signature[1..])
    };
    let of_ecdsa = issuer.token(Algorithm::Es256, &claims());
    let [short, long] = [good.len(), MOST].map(|length| "Zm9v".repeat(length / 4));
    let parts = format!("{}.{}.{}", &long[..2724], &long[..4000], &long[..1360]);
    // As many short claims as a token has room for, each with a list: what is slowest to read.
    let many = |number: usize| {
        let mut many = claims();
        for claim in 0..number {
            many[format!("{claim:x}")] = json!([[]]);
        }
        forged(&issuer.token(Algorithm::Rs256, &many))
    };
    let most = (0..).map_while(|number| Some(many(number * 10)).filter(|token| token.len() <= MOST)).last();
    let tokens = [
        ("expired, RS256", expired, EXPIRED),
        ("wrong signature, RS256", forged(&good), SIGNATURE),
        ("wrong signature, ES256", forged(&of_ecdsa), SIGNATURE),
        ("garbage as long as a token", short, PARTS),
        ("8 KiB of garbage", long.clone(), PARTS),
        ("8 KiB of garbage in three parts", parts, HEADER),
        ("8 KiB of claims, wrong signature", most.expect("one without is short enough"), SIGNATURE),
        ("more than 8 KiB", format!("{long}{}", encoded("more")), TOO_LONG),
    ];
    tokens.map(|(name, token, rule)| (name, token.len(), issuer.refuses(&token, rule))).into()
}
