//! Host names and addresses: which are well formed, which are near, and which must never be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest host name, RFC 1035 section 2.3.4.
const LONGEST_NAME: usize = 253;

/// Lower case and without brackets, or None where it is neither an address nor a host name.
///
/// A name whose last label is a number is refused unless it is a dotted address: resolvers read
/// `2852039166` and `0x7f.1` as addresses, past every check made on the text.
pub(crate) fn normalise(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Some(ip.to_string());
    }
    let name = host.strip_suffix('.').unwrap_or(&host);
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next()?;
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    (name.len() <= LONGEST_NAME && name.split('.').all(label_ok) && !numeric).then(|| name.to_owned())
}

/// This machine only.
pub(crate) fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(ip) => canonical(ip).is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Plainly in a private network: loopback, RFC 1918, RFC 6598, RFC 4193, a name without dots (a
/// container's neighbour), or a name under a suffix that is never delegated.
pub(crate) fn is_private(host: &str) -> bool {
    const SUFFIXES: [&str; 7] = [".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".svc"];
    match host.parse::<IpAddr>() {
        Ok(ip) => match canonical(ip) {
            IpAddr::V4(ip) => {
                let [a, b, ..] = ip.octets();
                ip.is_loopback() || ip.is_private() || (a == 100 && (64..128).contains(&b))
            }
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
        },
        Err(_) => !host.contains('.') || SUFFIXES.iter().any(|suffix| host.ends_with(suffix)),
    }
}

/// Where no provider lives and a mistake hands out credentials: [`is_never_called`], and the names of such addresses.
pub(crate) fn is_forbidden(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(ip) => is_never_called(ip),
        Err(_) => matches!(host, "metadata.google.internal" | "metadata.goog" | "instance-data.ec2.internal"),
    }
}

/// Link-local addresses (the metadata service of most clouds), the clouds' other metadata addresses, those of no single
/// host. For what is called and for what is fetched alike.
#[must_use]
pub fn is_never_called(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(address) => {
            let [first, ..] = address.octets();
            // Of Azure, Alibaba and Oracle.
            const METADATA: [Ipv4Addr; 3] =
                [Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192)];
            first == 0 || first >= 224 || address.is_link_local() || METADATA.contains(&address)
        }
        IpAddr::V6(address) => {
            const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254); // AWS over IPv6
            address.is_unicast_link_local() || address.is_unspecified() || address.is_multicast() || address == METADATA
        }
    }
}

/// An IPv4 address in IPv6 clothes is judged as what it is.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}
