//! Who may see what is the operator's where there is no ADMIN_TOKEN: whoever sits at this machine.
//!
//! That a connection comes from loopback says little. A page in the operator's browser calls from there too, by its own
//! name (DNS rebinding) or across origins, and so does a reverse proxy on the host, for everybody. Always: a name that
//! is not loopback's, an origin or a page before it that is not our own, or any header that an asker does not send of
//! itself, and the caller is a stranger. What no rule can see is a proxy that adds nothing, speaks HTTP/1.1 and names loopback: README says so.

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN, REFERER};
use actix_web::http::uri::Authority;

/// Whether the request comes from this machine, asked directly and by its own name.
pub fn is_here(request: &HttpRequest) -> bool {
    let peer = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    // nginx speaks HTTP/1.0 unless it is told otherwise, adds no header and names the address that it calls.
    let direct = !matches!(request.version(), Version::HTTP_09 | Version::HTTP_10);
    let headers = request.headers();
    peer && direct && headers.keys().all(is_of_asker) && is_own_page(headers, own_name(request).as_deref())
}

/// The name that the request calls us by, where every place that gives one gives a loopback address or `localhost`.
fn own_name(request: &HttpRequest) -> Option<String> {
    let mut named = None;
    let by_uri = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let by_header = request.headers().get_all(HOST).map(|value| value.as_bytes());
    for name in by_uri.into_iter().chain(by_header) {
        let name = str::from_utf8(name).ok().filter(|name| is_loopback(name))?.to_ascii_lowercase();
        if named.as_ref().is_some_and(|before| *before != name) {
            return None;
        }
        named = Some(name);
    }
    named
}

fn is_loopback(name: &str) -> bool {
    let Ok(authority) = name.parse::<Authority>() else { return false };
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let address = bare.parse::<std::net::IpAddr>();
    !name.contains('@')
        && (host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback()))
}

/// No page asks, or one that we served ourselves: by its origin, and by what its browser says of it.
fn is_own_page(headers: &HeaderMap, own: Option<&str>) -> bool {
    let Some(own) = own else { return false };
    let same = |origin: &[u8]| {
        let origin = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
        origin.is_some_and(|name| name.eq_ignore_ascii_case(own.as_bytes()))
    };
    let from = |page: &[u8]| {
        let path = page.iter().enumerate().filter(|(_, byte)| **byte == b'/').nth(2).map_or(page.len(), |(at, _)| at);
        same(page.get(..path).unwrap_or_default())
    };
    let site = |value: &[u8]| matches!(value, b"none" | b"same-origin");
    headers.get_all(REFERER).all(|value| from(value.as_bytes()))
        && headers.get_all(ORIGIN).all(|value| same(value.as_bytes()))
        && headers.get_all(HeaderName::from_static("sec-fetch-site")).all(|value| site(value.as_bytes()))
}

/// What browsers, scrapers and people with curl send of themselves. Whatever else stands there was added on the way, or may
/// have been: proxies, balancers, tunnels, meshes and content networks have more names for it than can be listed.
fn is_of_asker(name: &HeaderName) -> bool {
    const BEGIN: [&str; 2] = ["sec-", "x-prometheus-"];
    const WHOLE: [&str; 38] = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "access-control-request-headers",
        "access-control-request-method",
        "access-control-request-private-network",
        "api-key",
        "authorization",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "dnt",
        "expect",
        "from",
        "host",
        "http2-settings",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "keep-alive",
        "origin",
        "postman-token",
        "pragma",
        "priority",
        "purpose",
        "range",
        "referer",
        "save-data",
        "te",
        "upgrade",
        "upgrade-insecure-requests",
        "user-agent",
        "x-api-key",
        "x-goog-api-key",
        "x-requested-with",
    ];
    let name = name.as_str();
    WHOLE.contains(&name) || BEGIN.iter().any(|begin| name.starts_with(begin))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;

    use super::*;

    fn here_from(peer: &str, version: Version, headers: &[(&str, &str)]) -> bool {
        let mut request = TestRequest::with_uri("/metrics").version(version).peer_addr(peer.parse().unwrap());
        for header in headers {
            request = request.append_header(*header);
        }
        is_here(&request.to_http_request())
    }

    fn here(headers: &[(&str, &str)]) -> bool {
        here_from("127.0.0.1:1234", Version::HTTP_11, headers)
    }

    #[test]
    fn who_sits_at_the_machine_and_calls_it_by_its_name() {
        for host in
            ["127.0.0.1:8080", "127.0.0.1", "localhost", "LocalHost:1", "[::1]:8080", "[::1]", "[::ffff:127.0.0.1]:1"]
        {
            assert!(here(&[("host", host)]), "{host}");
            assert!(here_from("[::1]:5", Version::HTTP_11, &[("host", host)]), "{host}");
            assert!(here_from("[::ffff:127.0.0.1]:5", Version::HTTP_2, &[("host", host)]), "{host}");
        }
        let prometheus = [
            ("host", "localhost:8080"),
            ("user-agent", "Prometheus/3.5.0"),
            ("accept", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            ("accept-encoding", "gzip"),
            ("x-prometheus-scrape-timeout-seconds", "10"),
        ];
        assert!(here(&prometheus));
        let browser = [("host", "127.0.0.1:8080"), ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")];
        assert!(here(&browser));
        let page = [
            ("host", "127.0.0.1:8080"),
            ("origin", "http://127.0.0.1:8080"),
            ("referer", "http://127.0.0.1:8080/status?a=/b"),
            ("sec-fetch-site", "same-origin"),
            ("sec-ch-ua-platform", "Linux"),
            ("cookie", "a=b"),
        ];
        assert!(here(&page));
    }

    #[test]
    fn another_name_is_a_page_that_was_bound_to_us() {
        for host in [
            "rebind.example:8080",
            "127.0.0.1.nip.example",
            "localhost.example",
            "localhost.",
            "localhost@rebind.example",
            "rebind.example@localhost",
            "10.0.0.1",
            "0.0.0.0:8080",
            "[::]:8080",
            "192.168.1.2",
            "2130706433",
            "",
            "127.0.0.1, rebind.example",
        ] {
            assert!(!here(&[("host", host)]), "{host}");
        }
        assert!(!here(&[]), "no name at all");
        assert!(!here(&[("host", "localhost"), ("host", "rebind.example")]));
        let request = TestRequest::with_uri("http://rebind.example/metrics")
            .peer_addr("127.0.0.1:1".parse().unwrap())
            .append_header(("host", "localhost"));
        assert!(!is_here(&request.to_http_request()));
        assert!(!here_from("192.0.2.1:5", Version::HTTP_11, &[("host", "localhost")]));
    }

    #[test]
    fn another_page_is_a_stranger() {
        for (name, value) in [
            ("origin", "https://attacker.example"),
            ("origin", "http://127.0.0.1:3000"),
            ("origin", "http://localhost:8080"),
            ("origin", "null"),
            ("origin", ""),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "none, cross-site"),
            ("referer", "https://attacker.example/127.0.0.1:8080/"),
            ("referer", "http://127.0.0.1:80801/"),
        ] {
            assert!(!here(&[("host", "127.0.0.1:8080"), (name, value)]), "{name}: {value}");
        }
        assert!(!here(&[("host", "localhost"), ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn any_sign_of_a_proxy_is_one() {
        for name in [
            "via",
            "forwarded",
            "x-forwarded",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-port",
            "x-forwarded-prefix",
            "x-forwarded-server",
            "x-forwarded-ssl",
            "x-real-ip",
            "x-real-port",
            "x-client-ip",
            "x-cluster-client-ip",
            "client-ip",
            "true-client-ip",
            "fly-client-ip",
            "fly-forwarded-port",
            "cf-connecting-ip",
            "cf-ray",
            "cdn-loop",
            "fastly-client-ip",
            "x-original-url",
            "x-original-forwarded-for",
            "x-original-host",
            "x-rewrite-url",
            "x-envoy-external-address",
            "x-amzn-trace-id",
            "x-azure-clientip",
            "x-appengine-user-ip",
            "x-remote-ip",
            "x-remote-addr",
            "x-originating-ip",
            "wl-proxy-client-ip",
            "proxy-connection",
            "proxy-client-ip",
            "x-proxyuser-ip",
            "x-sucuri-clientip",
            "tailscale-user-login",
            "x-request-start",
            "x-host",
            "x-scheme",
            "x-arr-log-id",
            "ssl-client-verify",
            "x-vercel-forwarded-for",
            "do-connecting-ip",
            "incap-client-ip",
            "cloudfront-viewer-address",
            "remote-user",
            "x-auth-request-email",
            "x-varnish",
            "surrogate-capability",
            "x-ssl-client-verify",
            "x-goog-iap-jwt-assertion",
            "x-nf-client-connection-ip",
            "x-pomerium-jwt-assertion",
            "x-ms-client-principal-name",
            "x-authenticated-user",
            "x-replaced-path",
            "x-source-ip",
            "x-user-ip",
            "x-squid-error",
            "x-b3-traceid",
            "traceparent",
            "tracestate",
            "b3",
            "real-ip",
            "cf_connecting_ip",
            "x-cdn",
            "l5d-client-id",
            "x-istio-attributes",
            "x-railway-edge",
            "x-teleport-user",
            "gap-auth",
            "x-tls-client-cert",
            "max-forwards",
            "x-request-id",
            "x-of-a-proxy-nobody-knows",
        ] {
            assert!(!here(&[("host", "127.0.0.1:8080"), (name, "127.0.0.1")]), "{name}");
        }
        assert!(!here_from("127.0.0.1:1", Version::HTTP_10, &[("host", "127.0.0.1:8080")]), "nginx as it comes");
    }
}
