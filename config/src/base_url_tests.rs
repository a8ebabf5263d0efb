#![allow(clippy::unwrap_used)]
use super::*;

fn root(text: &str) -> String {
    BaseUrl::parse(text).unwrap().root("v1")
}

#[test]
fn with_or_without_its_version_segment_it_means_the_same() {
    for text in
        ["https://api.openai.com", "https://api.openai.com/", "https://api.openai.com/v1", "https://api.openai.com/v1/"]
    {
        assert_eq!(root(text), "/v1", "{text}");
        assert_eq!(BaseUrl::parse(text).unwrap().prefix(), "", "{text}");
    }
    assert_eq!(root("https://api.groq.com/openai"), "/openai/v1");
    assert_eq!(root("https://api.groq.com/openai/v1"), "/openai/v1");
}

#[test]
fn other_versions_and_what_stands_behind_them_are_kept() {
    assert_eq!(root("https://generativelanguage.googleapis.com/v1beta/openai/"), "/v1beta/openai");
    assert_eq!(root("https://open.bigmodel.cn/api/paas/v4"), "/api/paas/v4");
    assert_eq!(root("https://proxy.example/v2/team/v1"), "/v2/team/v1");
    assert_eq!(root("https://host.example/vllm"), "/vllm/v1", "a word that begins with v is no version");
    let url = BaseUrl::parse("https://api.perplexity.ai").unwrap().unversioned();
    assert_eq!(url.root("v1"), "");
}

#[test]
fn the_parts() {
    let url = BaseUrl::parse("HTTP://LocalHost:11434/v1").unwrap();
    assert_eq!((url.is_tls(), url.host(), url.port(), url.authority()), (false, "localhost", 11434, "localhost:11434"));
    assert_eq!(url.version(), Some("v1"));
    assert_eq!(BaseUrl::parse("https://a.example:443/x").unwrap().authority(), "a.example");
    let six = BaseUrl::parse("http://[::1]:8000").unwrap();
    assert_eq!((six.host(), six.authority()), ("::1", "[::1]:8000"));
    assert_eq!(url.to_string(), "http://localhost:11434/v1");
}

#[test]
fn azure_with_and_without_its_folder() {
    for text in
        ["https://r.openai.azure.com", "https://r.openai.azure.com/openai", "https://r.openai.azure.com/openai/v1/"]
    {
        assert_eq!(BaseUrl::parse(text).unwrap().without_azure_folder().prefix(), "", "{text}");
    }
}

#[test]
fn what_is_refused_and_why() {
    use BaseUrlError as E;
    for (text, why) in [
        ("", E::Scheme),
        ("api.openai.com/v1", E::Scheme),
        ("ftp://a.example", E::Scheme),
        ("file:///etc/passwd", E::Scheme),
        ("https://user:pw@a.example", E::UserInfo),
        ("https://sk-key@a.example", E::UserInfo),
        ("https://a.example/v1?x=1", E::QueryOrFragment),
        ("https://a.example/#top", E::QueryOrFragment),
        ("https://a.example/\r\nx: y", E::Character),
        ("https://a.example/ v1", E::Character),
        ("https://a.example/%zz", E::Character),
        ("https://b\u{fc}cher.example", E::Character),
        ("https://", E::Host),
        ("https:///v1", E::Host),
        ("https://-a.example", E::Host),
        ("https://a..example", E::Host),
        ("http://2852039166/", E::Host),
        ("http://0x7f.1/", E::Host),
        ("http://[::1", E::Host),
        ("http://[not-six]/", E::Host),
        ("https://a.example:0", E::Port),
        ("https://a.example:65536", E::Port),
        ("https://a.example:", E::Port),
        ("https://a.example:+80", E::Port),
        ("https://a.example/../admin", E::Path),
        ("https://a.example/%2e%2e/admin", E::Path),
        ("https://a.example//v1", E::Path),
        ("http://169.254.169.254/latest", E::Forbidden),
        ("http://[fe80::1]/", E::Forbidden),
        ("http://[fd00:ec2::254]/", E::Forbidden),
        ("http://[::ffff:169.254.169.254]/", E::Forbidden),
        ("http://metadata.google.internal/", E::Forbidden),
        ("http://100.100.100.200/", E::Forbidden),
        ("http://168.63.129.16/", E::Forbidden),
        ("http://0.0.0.0:8000", E::Forbidden),
        ("http://224.0.0.1/", E::Forbidden),
    ] {
        assert_eq!(BaseUrl::parse(text), Err(why), "{text}");
    }
}

#[test]
fn plain_http_is_for_private_networks() {
    for text in [
        "http://127.0.0.1:1",
        "http://10.1.2.3",
        "http://192.168.0.9:8000",
        "http://ollama:11434",
        "http://host.docker.internal",
        "http://[fd12::1]",
        "http://gpu.lan",
        "https://8.8.8.8",
    ] {
        assert!(!BaseUrl::parse(text).unwrap().is_exposed(), "{text}");
    }
    for text in ["http://api.openai.com", "http://8.8.8.8", "http://172.32.0.1"] {
        assert!(BaseUrl::parse(text).unwrap().is_exposed(), "{text}");
    }
}
