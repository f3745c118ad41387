//! Which requests come from a program or a page of this machine. Without identities only these are answered.
//!
//! Only programs on this machine reach a server on loopback. But a browser on this machine runs pages from anywhere. The
//! browser tells where a request comes from: `Host` is the name in the address, `Origin` is the page's origin, and
//! `Sec-Fetch-Site` compares the two sites (Fetch Standard; Fetch Metadata).

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use http::uri::{Authority, Uri};

/// A proxy or tunnel adds one of these. Then the request is another machine's.
const OF_PROXIES: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

/// Whether a request is from this machine, as far as its headers tell. `allowed`: origins whose pages may ask, too.
pub(super) fn is_from(headers: &HeaderMap, target: &Uri, allowed: &[String]) -> bool {
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let mut hosts = headers.get_all(HOST).iter();
    // A name that was rebound to this machine is still the name in `Host`.
    let host_is_here = match (hosts.next(), hosts.next()) {
        (Some(host), None) => text(host).is_some_and(|host| is_here(&host)),
        _ => false,
    };
    let target_is_here = target.authority().is_none_or(|authority| is_here(authority.as_str()));
    let is_allowed = |origin: &str| {
        allowed.iter().any(|allowed| allowed == origin)
            || origin
                .split_once("://")
                .is_some_and(|(scheme, host)| ["http", "https"].contains(&scheme) && is_here(host))
    };
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin_is_allowed = origins.all(|origin| text(origin).is_some_and(|origin| is_allowed(&origin)));
    // Without CORS, a GET of another site's page has no `Origin`.
    let has_origin = headers.contains_key(ORIGIN);
    let mut sites = headers.get_all("sec-fetch-site").iter().map(|site| text(site).unwrap_or_default());
    let site_is_allowed = has_origin || sites.all(|site| ["same-origin", "none"].contains(&site.as_str()));
    let has_passed_a_proxy = OF_PROXIES.iter().any(|name| headers.contains_key(*name));
    !has_passed_a_proxy && host_is_here && target_is_here && origin_is_allowed && site_is_allowed
}

/// Whether a host, with or without a port, is this machine's loopback.
fn is_here(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().to_ascii_lowercase();
    // It must be the name alone, or the name with a port.
    let is_whole = host.len() == name.len() || authority.port_u16().is_some();
    is_whole && !host.contains('@') && ["localhost", "127.0.0.1", "[::1]"].contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn answered(headers: &[(&str, &str)]) -> bool {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).expect("a name");
            all.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        is_from(&all, &Uri::from_static("/rtm/alice/token"), &["https://app.example.com".to_owned()])
    }

    #[test]
    fn a_program_of_this_machine_is_answered() {
        for host in ["localhost", "localhost:9000", "LOCALHOST:9000", "127.0.0.1:9000", "[::1]:9000", "[::1]"] {
            assert!(answered(&[("host", host)]), "{host}");
        }
        assert!(answered(&[("host", "localhost:9000"), ("sec-fetch-site", "none")]), "an address that a person typed");
    }

    #[test]
    fn a_rebound_name_gets_nothing() {
        let others = [
            "evil.example.com",
            "evil.example.com:9000",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "127.0.0.2:9000",
            "0.0.0.0:9000",
            "localhost@evil.example.com",
            "evil.example.com@localhost",
            "192.168.0.7:9000",
            "[::2]:9000",
            "",
            "localhost:port",
            "localhost, evil.example.com",
        ];
        for host in others {
            assert!(!answered(&[("host", host)]), "{host}");
        }
        assert!(!answered(&[]), "no host");
        assert!(!answered(&[("host", "localhost"), ("host", "evil.example.com")]), "two hosts");
    }

    #[test]
    fn what_a_proxy_brings_gets_nothing() {
        for name in OF_PROXIES {
            assert!(!answered(&[("host", "127.0.0.1:9000"), (name, "127.0.0.1")]), "{name}");
        }
    }

    #[test]
    fn a_page_of_another_origin_gets_nothing() {
        let with = |name: &'static str, value: &'static str| answered(&[("host", "localhost:9000"), (name, value)]);
        for origin in ["http://localhost:5173", "http://127.0.0.1:5173", "http://[::1]:9000", "https://app.example.com"]
        {
            assert!(with("origin", origin), "{origin}");
        }
        let others = [
            "https://evil.example.com",
            "null",
            "",
            "https://app.example.com.evil.example",
            "https://app.example.com:444",
            "http://localhost.evil.example",
            "file://localhost",
            "httpx://localhost",
            "chrome-extension://abc",
        ];
        for origin in others {
            assert!(!with("origin", origin), "{origin}");
        }
        let two = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "https://evil.example.com")];
        assert!(!answered(&two), "two origins");
        let two = [("host", "localhost"), ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")];
        assert!(!answered(&two), "two sites");
        for site in ["cross-site", "same-site", "x", ""] {
            assert!(!with("sec-fetch-site", site), "{site}");
        }
        assert!(with("sec-fetch-site", "same-origin"));
        let allowed =
            [("host", "localhost:9000"), ("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")];
        assert!(answered(&allowed), "a page that the deployer allows");
    }
}
