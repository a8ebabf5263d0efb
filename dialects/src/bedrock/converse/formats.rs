//! Converse's names of formats, and the media types that they stand for.

use std::borrow::Cow;

const IMAGES: [(&str, &str); 4] =
    [("png", "image/png"), ("jpeg", "image/jpeg"), ("gif", "image/gif"), ("webp", "image/webp")];

const DOCUMENTS: [(&str, &str); 9] = [
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("html", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
];

const VIDEOS: [(&str, &str); 9] = [
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("webm", "video/webm"),
    ("flv", "video/x-flv"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpg"),
    ("wmv", "video/x-ms-wmv"),
    ("three_gp", "video/3gpp"),
];

/// What a block is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    Image,
    Document,
    Video,
    Audio,
}

impl Medium {
    const fn table(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Image => &IMAGES,
            Self::Document => &DOCUMENTS,
            Self::Video => &VIDEOS,
            Self::Audio => &[("mp3", "audio/mpeg")],
        }
    }

    /// The member that such a block is.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Document => "document",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    pub fn media_type(self, format: &str) -> Cow<'static, str> {
        match self.table().iter().find(|(word, _)| *word == format) {
            Some((_, media_type)) => Cow::Borrowed(media_type),
            None => Cow::Owned(format!("{}/{format}", self.kind())),
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Document => "application",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    /// What is none of Converse's formats goes by its own name; a text of any kind is a text.
    pub fn format(self, media_type: &str) -> &str {
        if let Some((word, _)) = self.table().iter().find(|(_, known)| *known == media_type) {
            return word;
        }
        let name = media_type.split_once('/').map_or(media_type, |(_, name)| name);
        match (self, name) {
            (Self::Image, "jpg") => "jpeg",
            (Self::Image, "") => "png",
            (Self::Video, "") => "mp4",
            (Self::Audio, "") => "mp3",
            (Self::Audio, "x-wav" | "wave") => "wav",
            (Self::Document, _) if media_type.is_empty() => "pdf",
            // What else is read as pages is text: source code, JSON.
            (Self::Document, _) => "txt",
            (Self::Image | Self::Video | Self::Audio, name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_lead_back() {
        for medium in [Medium::Image, Medium::Document, Medium::Video, Medium::Audio] {
            for (word, media_type) in medium.table() {
                assert_eq!((medium.format(media_type), &*medium.media_type(word)), (*word, *media_type));
            }
        }
        assert_eq!((Medium::Image.format("image/jpg"), Medium::Document.format("application/json")), ("jpeg", "txt"));
        assert_eq!((Medium::Audio.format("audio/wav"), &*Medium::Audio.media_type("wav")), ("wav", "audio/wav"));
    }
}
