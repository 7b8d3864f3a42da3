//! Which certificates are trusted: the system's, the bundled ones for images that have none, and the user's own.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// Certificates that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The text holds no certificate, or a broken one.
    #[error("the certificates of further authorities are not PEM: {detail}")]
    NotPem {
        /// What is wrong.
        detail: String,
    },
    /// The system's certificates cannot be loaded.
    #[error("certificates cannot be checked on this system: {detail}")]
    Verifier {
        /// What the library says.
        detail: String,
    },
}

/// TLS with ring and always with certificate checks.
pub(super) fn configuration(authorities_pem: &[u8]) -> Result<ClientConfig, CertificateError> {
    let own = authorities(authorities_pem)?;
    let unusable = |error: rustls::Error| CertificateError::Verifier { detail: error.to_string() };
    // Said now, not at the first question: the user's own are the only ones that can be wrong.
    let mut tried = RootCertStore::empty();
    own.iter().try_for_each(|authority| tried.add(authority.clone())).map_err(unusable)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = SystemVerifier { own, provider: Arc::clone(&provider), made: OnceLock::new() };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        // The library calls every verifier of one's own dangerous; this one is the platform's.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// The platform's verifier, made when the first server shows its certificate: reading the system's takes longer than a run from the cache
/// or of a model on this machine, which shows none.
#[derive(Debug)]
struct SystemVerifier {
    own: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    made: OnceLock<Result<Verifier, rustls::Error>>,
}

impl SystemVerifier {
    fn verifier(&self) -> Result<&Verifier, rustls::Error> {
        let make = || {
            let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
            let roots = bundled.chain(&self.own).cloned();
            Verifier::new_with_extra_roots(roots, Arc::clone(&self.provider))
        };
        self.made.get_or_init(make).as_ref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for SystemVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier()?.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    if pem.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| CertificateError::NotPem { detail: error.to_string() })?;
    if found.is_empty() {
        return Err(CertificateError::NotPem { detail: "there is no certificate in it".to_owned() });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_needs_no_file_of_the_user() {
        assert!(configuration(b"").is_ok());
    }

    #[test]
    fn the_systems_certificates_can_be_read() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = SystemVerifier { own: Vec::new(), provider, made: OnceLock::new() };
        assert_eq!(
            verifier.supported_verify_schemes(),
            verifier.verifier().unwrap().supported_verify_schemes()
        );
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert!(matches!(configuration(b"hello"), Err(CertificateError::NotPem { .. })));
        let cut = b"-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(configuration(cut), Err(CertificateError::NotPem { .. })));
        let other = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(configuration(other), Err(CertificateError::Verifier { .. })));
    }
}
