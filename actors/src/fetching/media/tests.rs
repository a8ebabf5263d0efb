use super::*;

fn judged(medium: Medium, content_type: &str, bytes: &[u8]) -> Option<&'static str> {
    judge(medium, content_type, bytes.to_vec()).map(|(media_type, _)| media_type)
}

#[test]
fn an_image_is_what_its_bytes_say() {
    for (bytes, is) in [
        (&b"\x89PNG\r\n\x1a\nrest"[..], Some("image/png")),
        (b"\xff\xd8\xff\xe0rest", Some("image/jpeg")),
        (b"GIF87arest", Some("image/gif")),
        (b"GIF89arest", Some("image/gif")),
        (b"RIFF\0\0\0\0WEBPVP8 rest", Some("image/webp")),
        (b"RIFF\0\0\0\0WAVEfmt ", None),
        (b"%PDF-1.7", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"<!doctype html>", None),
        (b"\x89PN", None),
        (b"", None),
    ] {
        for content_type in ["image/png", "application/octet-stream", ""] {
            assert_eq!(judged(Medium::Image, content_type, bytes), is, "{bytes:?} as {content_type}");
        }
    }
}

#[test]
fn a_document_is_a_pdf_by_its_bytes_or_what_its_server_says() {
    let judged = |content_type: &str, bytes: &[u8]| judged(Medium::Document, content_type, bytes);
    assert_eq!(judged("application/octet-stream", b"%PDF-1.7"), Some("application/pdf"));
    assert_eq!(judged("text/plain", b"%PDF-1.7"), Some("application/pdf"));
    assert_eq!(judged("Text/Plain; charset=utf-8", "w\u{f6}rter".as_bytes()), Some("text/plain"));
    assert_eq!(judged("text/csv", b"a,b"), Some("text/plain"));
    assert_eq!(judged("text/plain", b"\xff\xfe\x00"), None, "no text");
    assert_eq!(judged("application/msword", b"\xd0\xcf\x11\xe0"), Some("application/msword"));
    assert_eq!(judged("application/pdf", b"\xef\xbb\xbf\r\n%PDF-1.7"), Some("application/pdf"), "as readers take it");
    assert_eq!(judged("", b"\x89PNG\r\n\x1a\n"), Some("image/png"), "it was not said to be an image");
    for (content_type, bytes) in [
        ("text/html", &b"<!doctype html>"[..]),
        ("application/pdf", b"<!doctype html>"),
        ("application/zip", b"PK\x03\x04"),
        ("", b"words"),
        ("application/octet-stream", b"\r\n%PDF-1.7"),
        ("application/pdf", &[&[b' '; 1020][..], b"%PDF-1.7"].concat()),
    ] {
        assert_eq!(judged(content_type, bytes), None, "{content_type}");
    }
}

#[test]
fn text_goes_on_as_text_and_the_rest_in_base64() {
    let (_, data) = judge(Medium::Document, "text/plain", b"words".to_vec()).unwrap();
    assert_eq!(data, "words");
    let (_, data) = judge(Medium::Image, "", b"GIF89a".to_vec()).unwrap();
    assert_eq!(data, "R0lGODlh");
}
