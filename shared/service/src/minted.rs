//! A minted token, and what its response says about it.

use crate::problem::Problem;
use crate::system::System;
use crate::vendor::Vendor;
use serde_json::{Map, Value};
use tokens::renewal::renew_after;
use tokens::zego::KitToken;
use tokens::{Signed, Token};

/// A minted token, with all that its response says.
#[derive(Clone)]
pub(crate) struct Minted {
    pub(crate) kind: &'static str,
    pub(crate) app_id: Value,
    pub(crate) signed: Signed,
    /// The kit token for ZEGO's web UIKit.
    pub(crate) kit_token: Option<KitToken>,
    /// A second token for the same caller. Only some drop-in routes have two.
    pub(crate) second: Option<Signed>,
    /// How many seconds the token still lives. If it is handed out again, they are fewer than its lifetime.
    pub(crate) expires_in: u32,
    /// When the client should fetch the next token, in Unix seconds.
    pub(crate) renew_at: u32,
    /// What the client must know to use the token.
    pub(crate) facts: Map<String, Value>,
}

impl Minted {
    /// Signs the token of this description, now.
    pub(crate) fn new<V: Vendor, T: Token<Key = V>>(
        token: &T,
        key: &V,
        system: &dyn System,
    ) -> Result<Minted, Problem> {
        let fresh = system.fresh()?;
        let signed = token.sign(fresh.stamp, key);
        let issued_at = signed.issued_at();
        let Ok(Value::Object(facts)) = serde_json::to_value(token.facts(issued_at)) else {
            unreachable!("facts are fields of an object");
        };
        Ok(Minted {
            kind: token.kind(),
            app_id: serde_json::to_value(key.app_id()).expect("an id is plain data"),
            expires_in: signed.ttl().as_seconds(),
            renew_at: issued_at.as_unix_seconds() + renew_after(token.good_for(), fresh.spread),
            facts,
            kit_token: token.kit_token(&signed, key),
            second: None,
            signed,
        })
    }
}
