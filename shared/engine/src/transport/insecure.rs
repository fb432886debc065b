//! Why a server could not prove, over TLS, that it is the one that was meant: in words for whoever runs it.

use rustls::{AlertDescription, CertificateError, Error};

/// What is wrong with the other side's TLS. Nothing was sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Insecure {
    /// The certificate's time is over.
    #[error("its certificate has expired")]
    Expired,
    /// The certificate's time has not come.
    #[error("its certificate is not valid yet")]
    TooEarly,
    /// The certificate names other hosts.
    #[error("its certificate is for another host")]
    OtherHost,
    /// Nobody who is trusted signed the certificate.
    #[error("its certificate is signed by nobody whom browsers trust")]
    Untrusted,
    /// The certificate is not one for a server: the one of an authority, as self-signed ones mostly are, or broken.
    #[error("its certificate is none for a server, perhaps self-signed")]
    Unusable,
    /// There is no version of TLS, or no cipher, in common.
    #[error("it speaks no TLS 1.2 or later")]
    TooOld,
    /// What came was no TLS.
    #[error("it does not speak TLS")]
    NotTls,
}

impl Insecure {
    /// What somebody who runs the server should do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Expired => "Renew the certificate of the receiver.",
            Self::TooEarly => {
                "Look at the certificate of the receiver: its time has not come. Use one that is valid today."
            }
            Self::OtherHost => {
                "Enter the host name that the certificate is for, or get a certificate for this one."
            }
            Self::Untrusted => {
                "Use a certificate of an authority that browsers trust, and let the receiver send the intermediate certificates too."
            }
            Self::Unusable => {
                "Use a certificate that an authority whom browsers trust made for this host; one that signs itself will not do."
            }
            Self::TooOld => "Turn on TLS 1.2 or 1.3 at the receiver.",
            Self::NotTls => "See that what listens on port 443 speaks https.",
        }
    }

    /// What an error of a connection says of it, if it is one of TLS.
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut causes = std::iter::successors(Some(error), |cause| inner(*cause));
        causes
            .find_map(|cause| cause.downcast_ref::<Error>())
            .and_then(Self::said)
    }

    fn said(error: &Error) -> Option<Self> {
        Some(match error {
            Error::InvalidCertificate(why) => match why {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    Self::Expired
                }
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                    Self::TooEarly
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => Self::OtherHost,
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::Untrusted,
                _ => Self::Unusable,
            },
            Error::PeerIncompatible(_)
            | Error::AlertReceived(
                AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure,
            ) => Self::TooOld,
            Error::InvalidMessage(_) => Self::NotTls,
            // Of a server that is well and a network that is not.
            _ => return None,
        })
    }
}

/// The cause of an error. An I/O error that wraps another hides it: its source is that one's source.
fn inner<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}
