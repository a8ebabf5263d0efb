//! Which addresses may be fetched from. Pure.
//!
//! Sources: the special-purpose address registries of IANA
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>, `iana-ipv6-special-registry`) as of October 2025, and
//! what clouds serve to their own machines.

use std::net::{IpAddr, Ipv4Addr};

use config::{FetchUrls, is_never_called};

/// The ports of public hosts: whatever else listens on one expects other visitors than ours.
pub const PORTS: [u16; 2] = [80, 443];

/// Whether a connection may be made. A link-local address is none, whatever the configuration allows.
pub fn may_connect(address: IpAddr, port: u16, limits: &FetchUrls) -> bool {
    // IPv4 in IPv6 clothes is what it is.
    let address = address.to_canonical();
    let is_named = |address| limits.allow.iter().any(|network| network.contains(address));
    let is_open = |address| PORTS.contains(&port) && is_public(address);
    // That a translator is allowed says nothing of what lies behind it.
    let behind = translated(address);
    let is_allowed = is_named(address) && behind.is_none_or(|behind| is_named(behind) || is_open(behind));
    let is_never = is_never_called(address) || behind.is_some_and(is_never_called);
    !is_never && (is_allowed || is_open(address))
}

/// The IPv4 address that a NAT64 leads to by this one (64:ff9b::/96, RFC 6052).
fn translated(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let [a, b, 0, 0, 0, 0, high, low] = address.segments() else { return None };
    ((a, b) == (0x64, 0xff9b)).then(|| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into())
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
