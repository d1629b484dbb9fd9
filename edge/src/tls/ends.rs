//! When certificates end: a chain as soon as the first of its certificates does.

use std::sync::{Arc, OnceLock};

use gatepost_model::Wall;
use rustls::{
    CertificateError, DigitallySignedStruct, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
};

/// When the chain ends that the broker of a session showed; it is known once the session has begun.
#[derive(Debug, Clone, Default)]
pub struct BrokerEnds(Arc<OnceLock<Option<Wall>>>);

impl BrokerEnds {
    /// The end; none if it is not known, or no time of this or the next century.
    pub fn get(&self) -> Option<Wall> {
        self.0.get().copied().flatten()
    }
}

/// When the first certificate of a chain ends, by what a verifier finds at a given time.
pub(super) fn first(verify: impl Fn(UnixTime) -> Result<(), rustls::Error>) -> Option<Wall> {
    let (mut at, mut ends) = (NEVER_S, None);
    // Each one found ends before the one found last.
    while let Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
        not_after,
        ..
    })) = verify(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        at,
    ))) && not_after.as_secs() < at
    {
        at = not_after.as_secs();
        ends = Some(at);
    }
    let micros = i64::try_from(ends?).ok()?.checked_mul(1_000_000)?;
    Wall::from_micros(micros)
}

/// 9999-12-31T23:59:59Z, with which a certificate says that it has no end (RFC 5280, 4.1.2.5).
const NEVER_S: u64 = 253_402_300_799;

/// Verifies as the library does, and notes when the chain ends.
#[derive(Debug)]
pub(super) struct Noting {
    pub(super) inner: Arc<WebPkiServerVerifier>,
    pub(super) ends: BrokerEnds,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let at = |now| {
            self.inner
                .verify_server_cert(end_entity, intermediates, name, ocsp, now)
        };
        let verified = at(now)?;
        // The first handshake of a session is its only one.
        let _ = self.ends.0.set(first(|now| at(now).map(drop)));
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
