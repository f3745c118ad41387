//! The RTM2 token: RTM with permissions for single resources.

use super::{Key, Privilege, RtmUserId, ServiceType, access_token2};
use crate::name::{Rule, name, no_further_rule, printable_ascii};
use crate::{Moment, Signed, Stamp, Token, Ttl};
use serde::Serialize;
use std::collections::BTreeMap;
use thiserror::Error;

name!(
    /// The name of an RTM channel, server group or user in a permission: 1 to 64 bytes of printable ASCII. RTM takes
    /// no longer names for channels and users.
    ResourceName,
    Rule {
        what: "an RTM resource name",
        max_bytes: 64,
        characters: "printable ASCII characters",
        allows: printable_ascii,
        star_is_wildcard: true,
        also: no_further_rule,
    }
);

/// The kinds of resources that a permission can be about, with their numbers on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u16)]
#[allow(missing_docs, reason = "the vendor's words, and it gives no more")]
pub enum Resource {
    MessageChannels = 0,
    StreamChannels = 1,
    GroupChannels = 2,
    ServerGroups = 3,
    Users = 4,
}

/// What a user may do with a resource, with its number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u16)]
#[allow(missing_docs, reason = "the vendor's words, and it gives no more")]
pub enum Permission {
    Read = 0,
    Write = 1,
}

/// Which resources a user may read and write.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Permissions(BTreeMap<Resource, BTreeMap<Permission, Vec<ResourceName>>>);

impl Permissions {
    /// The most resources that one list may name. The format has room for more, but a client's request line does not.
    pub const MAX_RESOURCES: usize = 1024;

    /// Gives `permission` on these resources, in this order. They replace the resources given before for the same
    /// permission.
    ///
    /// # Errors
    /// Refuses more than [`Self::MAX_RESOURCES`] names.
    pub fn permit(
        &mut self,
        resource: Resource,
        permission: Permission,
        names: Vec<ResourceName>,
    ) -> Result<(), TooManyResourcesError> {
        if names.len() > Self::MAX_RESOURCES {
            return Err(TooManyResourcesError);
        }
        self.0.entry(resource).or_default().insert(permission, names);
        Ok(())
    }

    /// How many bytes they take in a token. A resource or a permission takes a number and a count, and a name its
    /// length.
    fn bytes(&self) -> usize {
        let names = |names: &Vec<ResourceName>| names.iter().map(|name| 2 + name.as_str().len()).sum::<usize>();
        let permissions =
            |permissions: &BTreeMap<_, _>| permissions.values().map(|listed| 4 + names(listed)).sum::<usize>();
        self.0.values().map(|resource| 4 + permissions(resource)).sum()
    }
}

/// A list of more resources than a permission may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a permission names at most {} resources", Permissions::MAX_RESOURCES)]
pub struct TooManyResourcesError;

/// Lets one user log in to RTM and use the named resources.
///
/// Agora's own builders say that this token needs Agora's assistance. We don't know in which projects Agora checks the
/// permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rtm2 {
    /// Who logs in.
    pub user: RtmUserId,
    /// To use what.
    pub permissions: Permissions,
    /// How long it lives.
    pub ttl: Ttl,
}

impl Token for Rtm2 {
    type Key = Key;

    fn kind(&self) -> &'static str {
        "agora-rtm2"
    }

    fn ttl(&self) -> Ttl {
        self.ttl
    }

    fn sign(&self, stamp: Stamp, key: &Key) -> Signed {
        access_token2::sign_list(key, stamp, self.ttl, self.permissions.bytes(), |services| {
            let mut body = services
                .add(ServiceType::Rtm2, [(Privilege::LOGIN.number, self.ttl.as_seconds())])
                .text(self.user.as_str())
                .count(self.permissions.0.len());
            for (resource, permissions) in &self.permissions.0 {
                body = body.number(*resource as u16).count(permissions.len());
                for (permission, names) in permissions {
                    body = body.number(*permission as u16).count(names.len());
                    body = names.iter().fold(body, |body, name| body.text(name.as_str()));
                }
            }
        })
    }

    fn facts(&self, _: Moment) -> impl Serialize {
        #[derive(Serialize)]
        struct Facts<'a> {
            user_id: &'a RtmUserId,
            permissions: &'a Permissions,
        }
        Facts { user_id: &self.user, permissions: &self.permissions }
    }
}
