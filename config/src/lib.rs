//! What `.env` and `provider-config.yaml` may say, read, checked whole and made ready to use.
//!
//! One call does it: [`load()`]. It returns a [`Config`], which is valid by construction, or every
//! [`Finding`] at once. What always holds: secrets are [`Secret`] from the moment they are read, no
//! finding shows one, and nothing here opens a socket, keeps a file open or sets a variable.

mod address;
mod aws;
mod base_url;
mod catalogue;
mod cloud;
mod cloud_keys;
mod day_reset;
mod default_model;
mod elsewhere;
mod env_file;
mod environment;
mod expand;
mod fetch_urls;
mod files;
mod finding;
mod fingerprint;
mod header_secrets;
mod headers;
mod host;
mod keys;
mod limits;
mod links;
mod load;
mod locate;
mod log_filter;
mod memory;
mod mend;
mod model;
mod names;
mod network;
mod origin;
mod placeholder;
mod process;
mod provider;
mod quantity;
mod quotes;
mod reader;
mod routes;
#[cfg(feature = "schema")]
mod schema;
mod secret;
mod server;
mod service_account;
mod shapes;
#[cfg(test)]
#[allow(clippy::expect_used)]
mod testing;
mod tree;
mod tried;
mod upstream_tls;
mod vars;
mod written;

pub use aws::AwsKey;
pub use base_url::{BaseUrl, BaseUrlError};
pub use day_reset::{DayReset, DayResetError};
pub use environment::{Environment, ProcessEnvironment};
pub use files::{Content, Seen, look, read_bytes};
pub use finding::{Finding, Severity};
pub use fingerprint::Sha256;
pub use host::is_never_called;
pub use links::{MAX_FALLBACK_DEPTH, MAX_FOLLOWS};
pub use load::{Loaded, load, load_seen};
pub use locate::{Located, Sources, locate};
pub use model::*;
pub use network::{Network, NetworkError};
pub use origin::Origin;
pub use secret::Secret;
pub use server::BUFFER_BUDGET;
pub use service_account::ServiceAccount;
pub use written::Written;
