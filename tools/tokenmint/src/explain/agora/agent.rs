//! Whether a token is an agent's.

use tokens::agora::ServiceType;
use tokens::read::AccessToken2;

/// The product of an agent's token.
pub(super) fn agent_product(token: &AccessToken2) -> Option<&'static str> {
    token.services.iter().find_map(|service| match service.service_type {
        ServiceType::ConvoAi => Some("Conversational AI"),
        ServiceType::Stt => Some("speech to text"),
        _ => None,
    })
}
