//! TLS to the broker: whom the unit trusts, and how it shows who it is.
//!
//! The files are read for every session: a renewed certificate counts without a restart.

mod ends;

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use gatepost_model::Wall;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem, pem::PemObject},
    server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
};

use crate::config::Tls;
pub use ends::BrokerEnds;

/// A certificate that ends within this is to be renewed.
pub const NEAR: Duration = Duration::from_secs(30 * 86_400);

/// Why the files do not do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It cannot be read, or is no PEM.
    #[error("{path}: cannot be read as PEM: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// There is no certificate in it.
    #[error("{path}: has no certificate")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A certificate or a key that cannot be used, or two that do not belong together.
    #[error("{path}: cannot be used: {source}")]
    Useless {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// There is nobody to be trusted.
    #[error("{path}: cannot be used: {source}")]
    NoTrust {
        /// The file.
        path: PathBuf,
        /// Why.
        source: VerifierBuilderError,
    },
}

/// How the unit's own certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Good for longer than [`NEAR`].
    Good,
    /// It ends within [`NEAR`].
    Near,
    /// It has ended.
    Expired,
    /// It begins later, by the unit's clock.
    Early,
}

/// What a session is encrypted with; where it is noted when the broker's certificate ends.
pub fn client(tls: &Tls, ends: &BrokerEnds) -> Result<Arc<ClientConfig>, TlsError> {
    let useless = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Useless { path, source }
    };
    let trusted = Arc::new(trusted(&tls.ca)?);
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(useless(&tls.ca))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ends::Noting {
            inner: WebPkiServerVerifier::builder_with_provider(trusted, provider())
                .build()
                .map_err(no_trust(&tls.ca))?,
            ends: ends.clone(),
        }));
    let Some(own) = &tls.own else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let key = PrivateKeyDer::from_pem_file(&own.key).map_err(|source| TlsError::File {
        path: own.key.clone(),
        source,
    })?;
    let config = builder
        .with_client_auth_cert(certificates(&own.certificate)?, key)
        .map_err(useless(&own.certificate))?;
    Ok(Arc::new(config))
}

/// How the unit's own certificate stands at `now`, if it has one.
pub fn own(tls: &Tls, now: Duration) -> Result<Option<Own>, TlsError> {
    let Some(shown) = Shown::read(tls)? else {
        return Ok(None);
    };
    let at = |now| match shown.verify(UnixTime::since_unix_epoch(now)) {
        Err(rustls::Error::InvalidCertificate(error)) => Some(error),
        // Whom the broker trusts may be others than whom the unit trusts.
        _ => None,
    };
    Ok(Some(match (at(now), at(now.saturating_add(NEAR))) {
        (Some(error), _) if is_over(&error) => Own::Expired,
        (Some(error), _) if is_early(&error) => Own::Early,
        (_, Some(error)) if is_over(&error) => Own::Near,
        _ => Own::Good,
    }))
}

/// When the unit's own certificate ends, if it has one that ends in this or the next century.
pub fn own_ends(tls: &Tls) -> Result<Option<Wall>, TlsError> {
    let shown = Shown::read(tls)?;
    Ok(shown.and_then(|shown| ends::first(|now| shown.verify(now))))
}

/// What the unit shows of itself.
struct Shown {
    first: CertificateDer<'static>,
    rest: Vec<CertificateDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Shown {
    /// None if the unit has nothing to show.
    fn read(tls: &Tls) -> Result<Option<Self>, TlsError> {
        let Some(own) = &tls.own else {
            return Ok(None);
        };
        let mut rest = certificates(&own.certificate)?;
        let first = rest.remove(0);
        let trusted = Arc::new(trusted(&tls.ca)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(trusted, provider())
            .build()
            .map_err(no_trust(&tls.ca))?;
        Ok(Some(Self {
            first,
            rest,
            verifier,
        }))
    }

    fn verify(&self, now: UnixTime) -> Result<(), rustls::Error> {
        let verified = self
            .verifier
            .verify_client_cert(&self.first, &self.rest, now);
        verified.map(drop)
    }
}

fn no_trust(path: &Path) -> impl FnOnce(VerifierBuilderError) -> TlsError {
    let path = path.to_owned();
    move |source| TlsError::NoTrust { path, source }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let path = || path.to_owned();
    let found = CertificateDer::pem_file_iter(path())
        .and_then(Iterator::collect)
        .map_err(|source| TlsError::File {
            path: path(),
            source,
        })?;
    match found {
        Vec { .. } if found.is_empty() => Err(TlsError::Empty { path: path() }),
        found => Ok(found),
    }
}

fn trusted(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut trusted = RootCertStore::empty();
    for certificate in certificates(path)? {
        trusted
            .add(certificate)
            .map_err(|source| TlsError::Useless {
                path: path.to_owned(),
                source,
            })?;
    }
    Ok(trusted)
}

fn is_over(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::Expired | CertificateError::ExpiredContext { .. }
    )
}

fn is_early(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }
    )
}

/// What is wrong and what to do about it, if it is the certificates that kept a session from
/// beginning.
pub fn verdict(error: &(dyn Error + 'static)) -> Option<&'static str> {
    use AlertDescription as Alert;
    use CertificateError as Wrong;
    let words = match cause(error)? {
        rustls::Error::InvalidCertificate(error) => match error {
            error if is_over(error) => {
                "the broker's certificate has expired: it needs a new one, or this clock is wrong"
            }
            error if is_early(error) => {
                "the broker's certificate is not valid yet: look at this unit's clock"
            }
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                "the broker's certificate is another host's: correct `address`, or the certificate"
            }
            _ => "the broker's certificate is not of `ca`: another broker, or another `ca`",
        },
        rustls::Error::AlertReceived(Alert::CertificateExpired) => {
            "the broker says that this unit's certificate has expired: it needs a new one"
        }
        rustls::Error::AlertReceived(Alert::CertificateRequired) => {
            "the broker wants a certificate of this unit: set `certificate` and `key`"
        }
        rustls::Error::AlertReceived(_) => {
            "the broker refuses this unit's certificate: it is revoked, or of another authority"
        }
        rustls::Error::InvalidMessage(_) => "the broker does not speak TLS at this `address`",
        _ => return None,
    };
    Some(words)
}

/// The error of TLS among all that led to another one.
fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error's source is that of what it wraps.
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}
