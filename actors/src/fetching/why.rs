//! Why something by URL could not be fetched, in words for the client: ours, and the same whatever the URL was.

use dialects::translate::Medium;

/// What went wrong.
///
/// That a name is unknown and that it leads into a private network is one and the same here, or a client could ask the
/// gateway which names there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Not a URL, or one too long.
    Url,
    /// Neither http nor https.
    Scheme,
    /// It holds a user or a password.
    UserInfo,
    /// Its host has no address that may be connected to.
    Address,
    Port,
    /// Nobody answers there, or not over TLS that can be trusted.
    Unreachable,
    /// What came is not HTTP, broke off, or came encoded.
    Broken,
    Status(u16),
    /// More redirects than are followed, or one that says not where to.
    Redirects,
    /// Larger than one may be.
    Large,
    /// All of the request's are larger than they may be together.
    LargeTogether,
    Many,
    Slow,
    /// Not of a kind that providers take.
    Media,
    /// All bodies that the gateway holds are as many as it may hold.
    NoRoom,
    /// Everybody together is fetching as much as the gateway may.
    Busy,
}

impl Why {
    /// Nothing is wrong with the URL, and in a moment it may be had.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::NoRoom | Self::Busy)
    }

    /// For the log, and the end of a sentence to the client.
    pub fn text(self) -> String {
        let words = match self {
            Self::Url => "its URL is not one that can be read",
            Self::Scheme => "its URL is neither http nor https",
            Self::UserInfo => "its URL holds a user or password",
            Self::Address => "its host has no public address",
            Self::Port => "its port is neither 80 nor 443",
            Self::Unreachable => "its host cannot be reached",
            Self::Broken => "its host gave no whole and plain answer",
            Self::Status(status) => return format!("its host answered with status {status}"),
            Self::Redirects => "it is redirected too often or nowhere",
            Self::Large => "it is larger than this gateway fetches",
            Self::LargeTogether => "with the others of the request it is larger than this gateway fetches",
            Self::Many => "the request has more of them than this gateway fetches",
            Self::Slow => "it did not come in time",
            Self::Media => "what came is not of a kind that the provider takes",
            Self::NoRoom => "the gateway holds as many request bodies as it may; try again in a moment",
            Self::Busy => "the gateway fetches as much at one time as it may; try again in a moment",
        };
        words.to_owned()
    }
}

/// What could not be fetched, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfetched {
    pub medium: Medium,
    pub why: Why,
}

impl Unfetched {
    pub(super) const fn name(medium: Medium) -> &'static str {
        match medium {
            Medium::Image => "an image",
            Medium::Document => "a document",
        }
    }

    /// For the client.
    pub fn text(self) -> String {
        format!("{} by URL could not be fetched: {}", Self::name(self.medium), self.why.text())
    }
}
