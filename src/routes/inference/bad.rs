//! What is wrong with a request before any deployment was asked, and how its client is told.

use actix_web::HttpResponse;
use dialects::Dialect;
use dialects::envelope::EnvelopeError;
use dialects::error::ErrorKind;

use crate::body::{BodyError, Coding, Unread};
use crate::entry::Entry;
use crate::reply;
use crate::routes::named::Unnamed;
use crate::upload::UploadError;

pub(super) const ODD_FORM: &str = "the form of this upload can be read in more than one way; send one content-type `multipart/form-data` \
    with one plain boundary, CR LF at the ends of lines, nothing before the first boundary, no field behind the last one, and \
    a `model` field whose head says `name=\"model\"` and no other name";

pub(super) enum Bad {
    Body(BodyError),
    Envelope(EnvelopeError),
    Unread(Unread),
    CodedUpload,
    NotMultipart,
    /// Of an upload.
    NoModel,
    /// Of a JSON body.
    NoDefault,
    SeveralModels,
    OddForm,
}

impl From<UploadError> for Bad {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Body(error) => Self::Body(error),
            UploadError::SeveralModels => Self::SeveralModels,
            UploadError::Odd => Self::OddForm,
        }
    }
}

impl From<Unread> for Bad {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

impl From<Unnamed> for Bad {
    fn from(unnamed: Unnamed) -> Self {
        match unnamed {
            Unnamed::Body(error) => Self::Body(error),
            Unnamed::Envelope(error) => Self::Envelope(error),
            Unnamed::NoDefault => Self::NoDefault,
        }
    }
}

impl Bad {
    /// The word of the log.
    fn reason(&self) -> &'static str {
        match self {
            Self::Body(BodyError::TooLarge) => "too_large",
            Self::Body(BodyError::TooSlow) => "too_slow",
            Self::Body(BodyError::Broken) => "broken_body",
            Self::Body(BodyError::Undecodable) => "undecodable",
            Self::Body(BodyError::NoRoom) => "no_room",
            Self::Unread(_) | Self::CodedUpload => "content_encoding",
            Self::Envelope(error) => error.reason(),
            Self::NotMultipart => "multipart",
            Self::NoModel | Self::NoDefault => "no_model",
            Self::SeveralModels => "several_models",
            Self::OddForm => "odd_form",
        }
    }

    pub fn reply(self, mut entry: Entry, dialect: Dialect) -> HttpResponse {
        entry.record.reason = Some(self.reason());
        let told = |kind, message: &str| (kind, message.to_owned(), None);
        let (kind, message, param) = match self {
            Self::Body(BodyError::TooLarge) => told(ErrorKind::TooLarge, "the request body is larger than this gateway takes"),
            Self::Body(BodyError::TooSlow) => told(ErrorKind::RequestTimeout, "the request body did not come in time"),
            Self::Body(BodyError::Broken) => told(ErrorKind::InvalidRequest, "the request body broke off or its framing is wrong"),
            Self::Body(BodyError::Undecodable) => told(ErrorKind::InvalidRequest, "the request body is not what its content-encoding says, or it is cut short"),
            Self::Unread(Unread) => {
                let message = format!("this content-encoding is not read here; send the body as it is, or in one of {}", Coding::READ);
                return reply::unread(entry, dialect, &message, Coding::READ);
            }
            Self::CodedUpload => {
                return reply::unread(entry, dialect, "uploads are taken as they are, without a content-encoding", "identity");
            }
            Self::Body(BodyError::NoRoom) => {
                let message = "the gateway holds as many request bodies as it may; try again in a moment";
                return reply::refusal(entry, dialect, ErrorKind::Unavailable, message, None, Some(1));
            }
            Self::Envelope(error) => (ErrorKind::InvalidRequest, error.message(), error.param()),
            Self::NotMultipart => told(ErrorKind::UnsupportedMediaType, "this path takes a JSON body, not multipart/form-data"),
            Self::NoModel => (
                ErrorKind::InvalidRequest,
                "no model was found in the first 64 KiB of the upload; put the `model` field before the file, or name it in the header x-ai-proxy-model (or let the operator set default_model)".to_owned(),
                Some("model"),
            ),
            Self::NoDefault => (
                ErrorKind::InvalidRequest,
                format!("{} Requests without one are served where the operator sets default_model.", EnvelopeError::NoModel.message()),
                Some("model"),
            ),
            Self::SeveralModels => (
                ErrorKind::InvalidRequest,
                "the upload has more than one `model` field, or a file of that name; send one field".to_owned(),
                Some("model"),
            ),
            Self::OddForm => told(ErrorKind::InvalidRequest, ODD_FORM),
        };
        reply::refusal(entry, dialect, kind, &message, param, None)
    }
}
