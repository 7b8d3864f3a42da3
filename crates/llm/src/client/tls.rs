//! Which certificates are trusted: the system's, the bundled ones for images that have none, and the user's own.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
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
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
    let unusable = |error: rustls::Error| CertificateError::Verifier { detail: error.to_string() };
    let verifier =
        Verifier::new_with_extra_roots(bundled.chain(own), Arc::clone(&provider)).map_err(unusable)?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        // The library calls every verifier of one's own dangerous; this one is the platform's.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
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
    fn what_is_no_certificate_is_refused() {
        assert!(matches!(configuration(b"hello"), Err(CertificateError::NotPem { .. })));
        let cut = b"-----BEGIN CERTIFICATE-----\nAAAA\n";
        assert!(matches!(configuration(cut), Err(CertificateError::NotPem { .. })));
    }
}
