//! What was fetched: which media type it is, and whether it is one that providers take. Pure.
//!
//! The bytes decide wherever they can: servers say `application/octet-stream` of anything, and providers refuse an image
//! whose type is not the one that was said. Only what bears no mark of its own is what its server says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dialects::translate::Medium;
use memchr::memmem;

/// The type of what goes on as text and not as a file.
pub const TEXT: &str = "text/plain";

const PDF: &str = "application/pdf";

/// Documents without a mark of their own (the newer ones of Office are archives like any other).
const BY_NAME: [&str; 4] = [
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
];

/// Media type and data: the text of a plain text, base64 of everything else. None: no provider takes it.
///
/// `content_type`: as the server says it, parameters included.
pub fn judge(medium: Medium, content_type: &str, bytes: Vec<u8>) -> Option<(&'static str, String)> {
    let media_type = match (medium, marked(&bytes)) {
        (Medium::Image, marked) => marked.filter(|media_type| *media_type != PDF)?,
        // An image too: not every client can say which it is.
        (Medium::Document, Some(marked)) => marked,
        (Medium::Document, None) => {
            let named = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            if named == PDF && is_late_pdf(&bytes) {
                return Some((PDF, STANDARD.encode(bytes)));
            }
            // A page is most often an error or a log-in where a document was meant.
            if matches!(&*named, TEXT | "text/csv" | "text/markdown") {
                return Some((TEXT, String::from_utf8(bytes).ok()?));
            }
            BY_NAME.into_iter().find(|known| *known == named)?
        }
    };
    Some((media_type, STANDARD.encode(bytes)))
}

/// What the first bytes say (<https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern>).
fn marked(bytes: &[u8]) -> Option<&'static str> {
    const MARKS: [(&[u8], &str); 5] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"%PDF-", PDF),
    ];
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..).is_some_and(|rest| rest.starts_with(b"WEBPVP"));
    let mark = || MARKS.into_iter().find(|(mark, _)| bytes.starts_with(mark));
    if is_webp { Some("image/webp") } else { mark().map(|(_, media_type)| media_type) }
}

/// Readers of PDF look for its mark so far (ISO 32000-1, Annex H, implementation note 13).
fn is_late_pdf(bytes: &[u8]) -> bool {
    memmem::find(bytes.get(..1024).unwrap_or(bytes), b"%PDF-").is_some()
}

#[cfg(test)]
mod tests;
