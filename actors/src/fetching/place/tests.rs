use std::time::Duration;

use super::*;

fn place(url: &str) -> Place {
    Place::new(url).unwrap_or_else(|why| panic!("{url}: {why:?}"))
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// The only address of a URL whose host is one, whatever may be connected to.
async fn address(url: &str) -> String {
    let limits =
        FetchUrls { allow: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()], ..FetchUrls::default() };
    let found = place(url).addresses(&limits, soon()).await.unwrap();
    found.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn only_what_could_be_fetched_is_a_place() {
    for (url, why) in [
        ("", Why::Url),
        ("image.png", Why::Url),
        ("//a.example/b", Why::Url),
        ("http://", Why::Url),
        ("http://a b/", Why::Url),
        ("http://1.2.3.4.5/", Why::Url),
        ("http://0x100000000/", Why::Url),
        ("http://[fe80::1%25eth0]/", Why::Url),
        ("http://a.example:99999/", Why::Url),
        ("ftp://a.example/b", Why::Scheme),
        ("file:///etc/passwd", Why::Scheme),
        ("s3://bucket/key", Why::Scheme),
        ("gopher://127.0.0.1/", Why::Scheme),
        ("http://user@a.example/", Why::UserInfo),
        ("http://:word@a.example/", Why::UserInfo),
        ("http://a.example@127.0.0.1/", Why::UserInfo),
    ] {
        assert_eq!(Place::new(url).err(), Some(why), "{url}");
    }
    assert_eq!(Place::new(&format!("http://a.example/{}", "a".repeat(MAX_LENGTH))).err(), Some(Why::Url));
    let labels = |count| format!("http://{}/", "abc.".repeat(count));
    assert_eq!(Place::new(&labels(64)).err(), Some(Why::Url), "no name is so long");
    assert!(Place::new(&labels(63)).is_ok());
}

#[test]
fn a_place_knows_what_goes_into_the_request() {
    let at = place("HTTPS://A.Example:8443/x/../\u{e4} b?q=1#part");
    assert!(at.is_tls() && at.port() == 8443);
    assert_eq!((&*at.authority(), &*at.target()), ("a.example:8443", "/%C3%A4%20b?q=1"));
    let at = place("http://a.example");
    assert_eq!((&*at.authority(), &*at.target(), at.port(), at.is_tls()), ("a.example", "/", 80, false));
    assert_eq!(place("https://[2606:4700::1]:443/").authority(), "[2606:4700::1]");
    assert_eq!(place("http://a.example/\r\nhost: b").target(), "/host:%20b", "line ends are no part of a URL");
}

#[test]
fn a_redirect_is_judged_as_a_url_of_its_own() {
    let at = place("https://a.example/x/y?q");
    for (location, target) in [("z", "/x/z"), ("/z?r", "/z?r"), ("?r", "/x/y?r"), ("../../..", "/")] {
        let next = at.join(location).unwrap();
        assert_eq!((next.host(), &*next.target()), ("a.example", target), "{location}");
    }
    assert_eq!(at.join("//b.example/").unwrap().host(), "b.example");
    assert_eq!(at.join("http://b.example/").unwrap().port(), 80);
    assert_eq!(at.join("file:///etc/passwd").err(), Some(Why::Scheme));
    assert_eq!(at.join("https://u:p@b.example/").err(), Some(Why::UserInfo));
    assert_eq!(at.join("http://[").err(), Some(Why::Redirects));
}

#[actix::test]
async fn addresses_in_any_disguise_are_what_they_are() {
    for (url, is) in [
        ("http://127.0.0.1/", "127.0.0.1:80"),
        ("http://2130706433/", "127.0.0.1:80"),
        ("http://0x7f000001/", "127.0.0.1:80"),
        ("http://0177.0.0.1/", "127.0.0.1:80"),
        ("http://0x7f.1/", "127.0.0.1:80"),
        ("http://127.1/", "127.0.0.1:80"),
        ("http://127.0.0.1./", "127.0.0.1:80"),
        ("http://%31%32%37.0.0.1/", "127.0.0.1:80"),
        ("http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/", "127.0.0.1:80"),
        ("http://127\u{3002}0\u{3002}0\u{3002}1/", "127.0.0.1:80"),
        ("http:\\\\127.0.0.1\\", "127.0.0.1:80"),
        ("https://[::ffff:10.0.0.1]/", "10.0.0.1:443"),
        ("https://[::ffff:a00:1]/", "10.0.0.1:443"),
    ] {
        assert_eq!(address(url).await, is, "{url}");
        let refused = place(url).addresses(&FetchUrls::default(), soon()).await;
        assert_eq!(refused, Err(Why::Address), "{url}");
    }
}

#[actix::test]
async fn a_name_is_judged_by_its_addresses_and_an_unknown_one_is_told_the_same() {
    let only_v4 = FetchUrls { allow: vec!["127.0.0.0/8".parse().unwrap()], ..FetchUrls::default() };
    let found = place("http://localhost:8080/").addresses(&only_v4, soon()).await.unwrap();
    assert!(found.iter().all(|address| address.ip().is_ipv4() && address.port() == 8080), "{found:?}");
    for name in ["localhost", "no-such-name.invalid"] {
        let refused = place(&format!("http://{name}/")).addresses(&FetchUrls::default(), soon()).await;
        assert_eq!(refused, Err(Why::Address), "{name}");
        let refused = place(&format!("http://{name}:8080/")).addresses(&FetchUrls::default(), soon()).await;
        assert_eq!(refused, Err(Why::Port), "{name}");
    }
}
