//! Who sent a request, if proxies stand between the client and this server.

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::IpAddr;

/// The header in which proxies list for whom they ask, the nearest one last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// The proxies whose `X-Forwarded-For` counts. Everybody else can write what they like into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Addresses and networks, separated by commas.
    ///
    /// # Errors
    /// Says what they must be.
    pub(super) fn parse(text: &str) -> Result<Proxies, &'static str> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let network = |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
        let networks: Result<Vec<IpNet>, _> = parts.map(network).collect();
        networks.map(Proxies).map_err(|_| "must be IP addresses or networks, such as 10.0.0.0/8, separated by commas")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The client of a request that came from this address. `None`: a trusted proxy does not say who it is.
    ///
    /// Each proxy adds the address that it sees. So the client is the last address that is no trusted proxy.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.trust(peer) {
            return Some(peer);
        }
        let listed: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().map(|it| it.to_str().unwrap_or("")).collect();
        for address in listed.iter().rev().flat_map(|list| list.rsplit(',')) {
            let address = address.trim().parse::<IpAddr>().ok()?.to_canonical();
            if !self.trust(address) {
                return Some(address);
            }
        }
        None
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn only_a_trusted_proxy_says_who_the_client_is() {
        let client = |trusted: &str, peer: &str, forwarded: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
            }
            let client = Proxies::parse(trusted).expect("good").client(peer.parse().expect("an address"), &headers);
            client.map(|address| address.to_string()).unwrap_or_default()
        };
        assert_eq!(client("", "192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "nobody is trusted");
        let proxies = "10.0.0.0/8, 2001:db8::1";
        assert_eq!(client(proxies, "192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "another one asks");
        assert_eq!(client(proxies, "10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(proxies, "::ffff:10.1.2.3", &["::ffff:198.51.100.7"]), "198.51.100.7", "IPv4 within IPv6");
        assert_eq!(
            client(proxies, "2001:db8::1", &["1.1.1.1, 198.51.100.7, 10.9.9.9"]),
            "198.51.100.7",
            "a forged one"
        );
        assert_eq!(client(proxies, "10.1.2.3", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7", "two headers");
        for unknown in [&[][..], &["unknown"], &["198.51.100.7, x"], &["198.51.100.7:80"], &["10.0.0.1"], &[""]] {
            assert_eq!(client(proxies, "10.1.2.3", unknown), "", "{unknown:?}");
        }
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        for wrong in ["proxy.example.com", "10.0.0.0/33", "10.0.0", "10.0.0.1:80", "*"] {
            assert!(Proxies::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Proxies::parse(" , ").is_ok_and(|proxies| proxies.is_empty()));
    }
}
