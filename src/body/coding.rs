//! What `content-encoding` says of a body: none, one that is read here, or something else.
//!
//! Codex compresses its requests with zstd, some SDKs and proxies with gzip (RFC 9110, 8.4; RFC 9659 for zstd).

use actix_web::http::header::{CONTENT_ENCODING, HeaderMap};

/// A coding that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Zstd,
    Brotli,
}

/// A coding that is not read, or several at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread;

impl Coding {
    /// Those that are read, as `accept-encoding` lists them.
    pub const READ: &str = "gzip, deflate, br, zstd";

    /// None: the body is as it is.
    ///
    /// # Errors
    /// When it is coded in a way that is not read.
    #[inline]
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Unread> {
        if headers.contains_key(CONTENT_ENCODING) { Self::told(headers) } else { Ok(None) }
    }

    #[cold]
    fn told(headers: &HeaderMap) -> Result<Option<Self>, Unread> {
        let mut found = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            for word in value.to_str().map_err(|_| Unread)?.split(',') {
                let coding = match word.trim().to_ascii_lowercase().as_str() {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Self::Gzip,
                    "deflate" => Self::Deflate,
                    "zstd" => Self::Zstd,
                    "br" => Self::Brotli,
                    _ => return Err(Unread),
                };
                if found.replace(coding).is_some() {
                    return Err(Unread);
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn one_coding_is_read_and_no_other() {
        let of = |values: &[&str]| {
            let mut request = TestRequest::default();
            for value in values {
                request = request.append_header(("content-encoding", *value));
            }
            Coding::of(request.to_http_request().headers())
        };
        assert_eq!(of(&[]), Ok(None));
        for none in ["", "identity", " Identity , "] {
            assert_eq!(of(&[none]), Ok(None), "{none}");
        }
        assert_eq!(of(&["GZIP"]), Ok(Some(Coding::Gzip)));
        assert_eq!(of(&["x-gzip"]), Ok(Some(Coding::Gzip)));
        assert_eq!(of(&["identity, zstd"]), Ok(Some(Coding::Zstd)));
        assert_eq!((of(&["br"]), of(&["deflate"])), (Ok(Some(Coding::Brotli)), Ok(Some(Coding::Deflate))));
        for unread in ["compress", "gzip, gzip", "gzip,br", "aws-chunked", "zstd;q=1", "g\u{e9}"] {
            assert_eq!(of(&[unread]), Err(Unread), "{unread}");
        }
        assert_eq!(of(&["gzip", "zstd"]), Err(Unread));
    }
}
