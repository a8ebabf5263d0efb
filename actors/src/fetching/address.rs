//! Which addresses may be fetched from. Pure.
//!
//! Sources: the special-purpose address registries of IANA
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>, `iana-ipv6-special-registry`) as of October 2025, and
//! what clouds serve to their own machines.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use config::FetchUrls;

/// The ports of public hosts: whatever else listens on one expects other visitors than ours.
pub const PORTS: [u16; 2] = [80, 443];

/// Whether a connection may be made. A link-local address is none, whatever the configuration allows.
pub fn may_connect(address: IpAddr, port: u16, limits: &FetchUrls) -> bool {
    // IPv4 in IPv6 clothes is what it is.
    let address = address.to_canonical();
    let is_allowed = limits.allow.iter().any(|network| network.contains(address));
    !is_never(address) && (is_allowed || PORTS.contains(&port) && is_public(address))
}

/// Link-local, multicast, unspecified, and where clouds hand out credentials: nobody's image is there.
fn is_never(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, ..] = address.octets();
            // Of Azure, Alibaba and Oracle; the one of most others is link-local.
            const METADATA: [Ipv4Addr; 3] =
                [Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
            first == 0 || first >= 224 || address.is_link_local() || METADATA.contains(&address)
        }
        IpAddr::V6(address) => {
            const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254); // AWS over IPv6
            address.is_unicast_link_local() || address.is_multicast() || address.is_unspecified() || address == METADATA
        }
    }
}

/// Reachable from anywhere, and nobody's own.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            !matches!(
                (a, b, c),
                (10 | 127, ..)                // private; this machine
                    | (100, 64..=127, _)      // behind a carrier's NAT
                    | (172, 16..=31, _)       // private
                    | (192, 168, _)           // private
                    | (192, 0, 0 | 2)         // protocols; documentation
                    | (192, 88, 99)           // the relay of 6to4
                    | (198, 18 | 19, _)       // measurements between networks
                    | (198, 51, 100)          // documentation
                    | (203, 0, 113) // documentation
            )
        }
        // Only 2000::/3 is global unicast: without ULA, mapped and compatible IPv4, and NAT64 (64:ff9b::/32).
        IpAddr::V6(address) => {
            let [a, b, ..] = address.segments();
            let is_global = a & 0xe000 == 0x2000;
            let is_special = matches!(
                (a, b),
                (0x2001, 0..=0x1ff)           // protocols; Teredo, which holds an IPv4 address
                    | (0x2001, 0xdb8)         // documentation
                    | (0x2002, _)             // 6to4: holds an IPv4 address
                    | (0x3fff, 0..=0xfff) // documentation
            );
            is_global && !is_special
        }
    }
}

#[cfg(test)]
mod tests;
