//! Why there is no connection, or no answer over one, in words for the operator: down to what the resolver, the socket
//! or the certificate said.
//!
//! Always: nothing of what was sent, and no more of what came than the names in a certificate.

use std::error::Error;
use std::io;

use actix_http::error::ParseError;
use awc::error::{ConnectError, SendRequestError};
use rustls::{AlertDescription, CertificateError};

/// The words are short; what a library says may not be.
const MAX: usize = 300;

/// Why a request has no answer.
pub fn of_request(error: &SendRequestError) -> String {
    let text = match error {
        SendRequestError::Connect(ConnectError::Io(error)) => of_io(error),
        SendRequestError::Connect(ConnectError::Timeout) => "no connection in time".to_owned(),
        SendRequestError::Connect(ConnectError::Disconnected) => "closed before anything was sent".to_owned(),
        SendRequestError::Connect(error) => error.to_string(),
        SendRequestError::Send(error) => format!("while the request was sent: {}", of_io(error)),
        SendRequestError::Response(ParseError::Io(error)) => format!("before an answer: {}", of_io(error)),
        SendRequestError::Response(ParseError::Timeout) | SendRequestError::Timeout => "no answer in time".to_owned(),
        SendRequestError::Response(error) => format!("what came is not HTTP: {error}"),
        error => error.to_string(),
    };
    cut(text)
}

/// What a socket, a resolver or a certificate said.
pub fn of_io(error: &io::Error) -> String {
    if let Some(tls) = error.get_ref().and_then(<dyn Error + Send + Sync>::downcast_ref::<rustls::Error>) {
        return of_tls(tls);
    }
    let text = match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset => "connection reset",
        io::ErrorKind::ConnectionAborted => "connection aborted",
        io::ErrorKind::BrokenPipe => "the connection was closed at the other end",
        io::ErrorKind::HostUnreachable => "host unreachable",
        io::ErrorKind::NetworkUnreachable => "network unreachable",
        io::ErrorKind::TimedOut => "no answer from the address in time",
        io::ErrorKind::UnexpectedEof => "the connection was closed early",
        // The resolver's, whose kind says nothing.
        _ => {
            let text = error.to_string();
            return if text.contains("lookup address") { format!("name not found: {text}") } else { cut(text) };
        }
    };
    text.to_owned()
}

fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(fault) => format!("TLS: {}", of_certificate(fault)),
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            "TLS: the other end refused the handshake (no protocol or cipher in common, or it wants a client certificate)"
                .to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "TLS: the other end wants a client certificate; name one with client_cert_file".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!("TLS: the other end ended it with the alert {alert:?}"),
        rustls::Error::InvalidMessage(_) => format!("TLS: what came is not TLS; is the URL's scheme http? ({error})"),
        error => cut(format!("TLS: {error}")),
    }
}

fn of_certificate(fault: &CertificateError) -> String {
    use CertificateError as Fault;
    match fault {
        Fault::Expired | Fault::ExpiredContext { .. } => format!("its certificate has expired ({fault})"),
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => {
            format!("its certificate is not valid yet; is this machine's clock right? ({fault})")
        }
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => {
            format!("its certificate is for another host; one of your own may be named by cert_fingerprint ({fault})")
        }
        Fault::UnknownIssuer => {
            "its certificate is of an unknown issuer: self-signed, or of a private authority; name it with ca_file"
                .to_owned()
        }
        Fault::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is self-signed, and an authority's own; name it with ca_file".to_owned()
        }
        // Of rustls' own words for these only the debug form names them.
        Fault::Other(other) => format!("its certificate cannot be verified: {other}"),
        fault => format!("its certificate cannot be verified: {fault}"),
    }
}

fn cut(mut text: String) -> String {
    let mut end = text.len().min(MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_own_words() {
        let tls = |fault: CertificateError| io::Error::new(io::ErrorKind::InvalidData, rustls::Error::from(fault));
        for (error, words) in [
            (io::ErrorKind::ConnectionRefused.into(), "connection refused"),
            (io::ErrorKind::UnexpectedEof.into(), "closed early"),
            (io::Error::other("failed to lookup address information: Name or service not known"), "name not found"),
            (tls(CertificateError::Expired), "has expired"),
            (tls(CertificateError::NotValidYet), "not valid yet"),
            (tls(CertificateError::NotValidForName), "another host"),
            (tls(CertificateError::UnknownIssuer), "unknown issuer"),
            (
                io::Error::other(rustls::Error::AlertReceived(AlertDescription::HandshakeFailure)),
                "refused the handshake",
            ),
        ] {
            assert!(of_io(&error).contains(words), "{error}: {}", of_io(&error));
        }
        assert_eq!(of_io(&io::Error::other("é".repeat(MAX))).len(), MAX);
        let request = SendRequestError::Response(ParseError::Io(io::ErrorKind::ConnectionReset.into()));
        assert_eq!(of_request(&request), "before an answer: connection reset");
    }
}
