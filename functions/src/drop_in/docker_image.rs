//! The image `agoracn/token`: its request has a switch for each service.

use super::{Ask, grant, no_app_token};
use crate::rtc::{AskPrivileges, With};
use crate::{chat_user, rtc, rtm};
use service::params::{Asked, Companion, Params, RoleWord, Sent};
use service::{Dialect, Problem, Route};
use tokens::agora::{ChatUserId, Key, Privileges, Role, Version};

pub(super) fn route() -> Route<Key> {
    Route::post("/token/generate", parse, grant)
        .if_body_has(&[
            "serviceRtc",
            "serviceRtm",
            "serviceFpa",
            "serviceChat",
            "serviceApaas",
            "tokenExpireTs",
            "privilegeExpireTs",
        ])
        .drop_in(Dialect::DockerImage)
}

fn parse(params: &mut Params) -> Result<Ask, Problem> {
    let rtc = params.take_object("serviceRtc", |service| {
        let role = service.take::<RoleWord>("role")?;
        Ok(service.take("enable")?.unwrap_or(false).then_some(role.map_or(Role::Subscriber, |RoleWord(role)| role)))
    })?;
    let rtm = params.take_object("serviceRtm", |service| service.take("enable"))?.flatten().unwrap_or(false);
    let chat = params.take_object("serviceChat", |service| {
        if service.take("enableApp")?.unwrap_or(false) {
            return Err(no_app_token("serviceChat.enableApp"));
        }
        let enabled = service.take("enableUser")?.unwrap_or(false);
        enabled.then(|| service.require::<Asked<ChatUserId>>("userUuid")).transpose()
    })?;
    refuse(params, "serviceFpa", &["enable"])?;
    refuse(params, "serviceApaas", &["enableUser", "enableApp"])?;
    let privileges = params.take_ttl_or_zero("privilegeExpireTs")?;
    let expires_in = params.take_ttl_or_zero("tokenExpireTs")?;
    let rtm_user = |value| Sent { name: "uid", value };
    match (rtc.flatten(), rtm, chat.flatten()) {
        (Some(role), rtm, chat) => Ok(Ask::Rtc(Box::new(rtc::Ask {
            channel: params.require_sent("channelName")?,
            user: Some(params.require_sent("uid")?),
            role,
            with: With {
                rtm: rtm.then_some(rtm_user(Companion::Unnamed)),
                chat: chat.map(|chat| Sent { name: "serviceChat.userUuid", value: Companion::Asked(chat) }),
            },
            expires_in,
            privileges: privileges.map_or(AskPrivileges::OfRole, |Sent { name, value }| {
                AskPrivileges::Listed(Sent { name, value: Privileges::of_role(role, value) })
            }),
        }))),
        (None, true, None) => {
            let user = params.require_sent("uid")?;
            Ok(Ask::Rtm(rtm::Ask { user, version: Version::V007, expires_in }))
        }
        (None, false, Some(chat)) => {
            let user = Sent { name: "serviceChat.userUuid", value: chat };
            Ok(Ask::Chat(chat_user::Ask { user, expires_in }))
        }
        (None, true, Some(_)) => {
            Err(Problem::bad_parameter("serviceRtc", "must be enabled if both serviceRtm and serviceChat are"))
        }
        (None, false, None) => Err(Problem::bad_parameter("serviceRtc", "this or another service must be enabled")),
    }
}

/// Takes a service for which nobody gets a token. The request may name it, but must not enable it.
fn refuse(params: &mut Params, service: &'static str, switches: &[&'static str]) -> Result<(), Problem> {
    let enabled = params.take_object(service, |fields| {
        let mut enabled = false;
        for switch in switches {
            enabled |= fields.take(switch)?.unwrap_or(false);
        }
        Ok(enabled)
    })?;
    match enabled {
        Some(true) => Err(Problem::forbidden(format!("{service}: nobody gets a token for this here"))),
        _ => Ok(()),
    }
}
