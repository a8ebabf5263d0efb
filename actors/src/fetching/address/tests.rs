use super::*;

fn limits(allow: &[&str]) -> FetchUrls {
    FetchUrls { allow: allow.iter().map(|network| network.parse().unwrap()).collect(), ..FetchUrls::default() }
}

fn may(address: &str, port: u16, allow: &[&str]) -> bool {
    may_connect(address.parse().unwrap(), port, &limits(allow))
}

const PUBLIC: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "203.0.112.255",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2000::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2001:db7:ffff::1",
    "2001:db9::1",
    "2003::1",
    "2606:4700:4700::1111",
    "3ffe:ffff::1",
    "3fff:1000::1",
];

const NOT_PUBLIC: &[&str] = &[
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "::1",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:192.168.1.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
];

/// Not even where they are allowed.
const NEVER: &[&str] = &[
    "0.0.0.0",
    "0.1.2.3",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a83f:8110",
    "64:ff9b::",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "ff02::1",
];

#[test]
fn only_public_addresses_are_connected_to() {
    for address in PUBLIC {
        assert!(may(address, 443, &[]), "{address}");
    }
    for address in NOT_PUBLIC.iter().chain(NEVER) {
        assert!(!may(address, 443, &[]), "{address}");
    }
}

#[test]
fn what_is_allowed_may_be_private_but_never_link_local_or_metadata() {
    for address in NOT_PUBLIC {
        assert!(may(address, 8080, &["0.0.0.0/0", "::/0"]), "{address}");
    }
    for address in NEVER {
        assert!(!may(address, 80, &["0.0.0.0/0", "::/0"]), "{address}");
    }
    assert!(may("10.1.2.3", 80, &["10.1.0.0/16"]));
    assert!(may("::ffff:10.1.2.3", 80, &["10.1.0.0/16"]), "mapped");
    assert!(!may("10.2.2.3", 80, &["10.1.0.0/16"]));
    assert!(!may("127.0.0.1", 80, &["10.1.0.0/16"]));
}

#[test]
fn a_nat64_that_is_allowed_leads_to_no_more_than_what_is_public_or_allowed() {
    let nat64 = "64:ff9b::/96";
    assert!(may("64:ff9b::8.8.8.8", 80, &[nat64]) && !may("64:ff9b::8.8.8.8", 80, &[]));
    assert!(!may("64:ff9b::8.8.8.8", 22, &[nat64]));
    for address in ["64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "64:ff9b::169.254.169.254"] {
        assert!(!may(address, 80, &[nat64]), "{address}");
    }
    assert!(may("64:ff9b::10.1.2.3", 80, &[nat64, "10.1.0.0/16"]));
    assert!(!may("64:ff9b::10.1.2.3", 80, &["10.1.0.0/16"]));
}

#[test]
fn a_port_of_its_own_only_where_the_address_is_allowed() {
    assert!(may("8.8.8.8", 80, &[]) && !may("8.8.8.8", 8080, &[]) && !may("8.8.8.8", 22, &["8.8.4.4"]));
    assert!(may("8.8.8.8", 22, &["8.8.8.8"]));
}
