//! Where charts may come from. Pure.
//!
//! A lock is written by whoever writes to the repository, and names any address: without bounds the fetcher would ask
//! its own neighbourhood for them.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Where charts may be fetched from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Egress {
    /// From anywhere: for a person who fetches for themselves.
    #[default]
    Anywhere,
    /// From public addresses, and from these hosts whatever their address is.
    Public(BTreeSet<String>),
}

impl Egress {
    /// The same, with one more host whose address does not matter.
    #[must_use]
    pub fn with(mut self, host: &str) -> Self {
        if let Self::Public(hosts) = &mut self {
            hosts.insert(host.to_ascii_lowercase());
        }
        self
    }

    /// Whether a host may be connected to at an address that it has.
    pub(super) fn allows(&self, host: &str, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Public(hosts) => hosts.contains(&host.to_ascii_lowercase()) || is_public(address),
        }
    }

    /// Whether a host may be asked for, as far as its name says.
    pub(super) fn allows_name(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        match host.trim_end_matches('.') {
            "localhost" => self.allows(&host, IpAddr::V4(Ipv4Addr::LOCALHOST)),
            name => name.parse().map_or(true, |address| self.allows(&host, address)),
        }
    }
}

/// Whether an address is one of the open internet. Source: IANA, Special-Purpose Address Registries.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match inner(address) {
            Some(inner) => is_public_v4(inner),
            // Global unicast, but for documentation.
            None => address.segments()[0] & 0xe000 == 0x2000 && address.segments()[..2] != [0x2001, 0xdb8],
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && b & 0xc0 == 64;
    let protocol = a == 192 && b == 0 && address.octets()[2] == 0;
    let benchmark = a == 198 && b & 0xfe == 18;
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || shared
        || protocol
        || benchmark
        || a == 0
        || a >= 224)
}

/// The address of version 4 that one of version 6 leads to: mapped, translated (NAT64) or tunnelled (6to4).
fn inner(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_open_internet_are_public() {
        for address in ["1.1.1.1", "192.0.1.1", "100.128.0.1", "2606:4700::1", "64:ff9b::101:101"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:db8::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn hosts_that_are_named_may_have_any_address() {
        let egress = Egress::Public(BTreeSet::new()).with("Charts.Corp");
        let inside: IpAddr = "10.0.0.7".parse().unwrap();
        assert!(egress.allows("charts.corp", inside) && !egress.allows("other.corp", inside));
        for name in ["localhost", "LocalHost.", "127.0.0.1", "::1", "169.254.169.254"] {
            assert!(!egress.allows_name(name), "{name}");
            assert!(Egress::Anywhere.allows_name(name), "{name}");
        }
        assert!(
            egress.allows_name("example.org") && egress.clone().with("localhost").allows_name("localhost")
        );
    }
}
