//! TLS towards the database: whose certificate is believed, by `sslmode`.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    OpenError,
    target::{Mode, Roots, Target, causes},
};

/// How to speak to the server of this URL; `None`: in the clear.
pub(crate) fn of(target: &Target) -> Result<Option<MakeRustlsConnect>, OpenError> {
    let verifier: Arc<dyn ServerCertVerifier> = match target.mode {
        Mode::Disable => return Ok(None),
        Mode::Prefer | Mode::Require => Arc::new(Lenient { signed: None }),
        Mode::VerifyCa => Arc::new(Lenient { signed: Some(strict(&target.roots)?) }),
        Mode::VerifyFull => strict(&target.roots)?,
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A known authority has signed, and it is this server.
fn strict(roots: &Roots) -> Result<Arc<WebPkiServerVerifier>, OpenError> {
    let store = match roots {
        Roots::System => system()?,
        Roots::File(path) => {
            let unreadable = |cause: String| OpenError::Tls(format!("sslrootcert {}: {cause}", path.display()));
            let found = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(causes(&error)))?;
            let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(causes(&error)))?;
            let mut store = RootCertStore::empty();
            for certificate in found {
                store.add(certificate).map_err(|error| unreadable(causes(&error)))?;
            }
            if store.is_empty() {
                return Err(unreadable("it holds no certificate".to_owned()));
            }
            store
        }
    };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider()).build();
    verifier.map_err(|error| OpenError::Tls(error.to_string()))
}

fn system() -> Result<RootCertStore, OpenError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        return Err(OpenError::Tls("this machine has no root certificates; name a file by sslrootcert".to_owned()));
    }
    Ok(store)
}

/// Believes any name; and any certificate, unless `signed` has to agree. The server must own its certificate in any case.
#[derive(Debug)]
struct Lenient {
    signed: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(signed) = &self.signed else { return Ok(ServerCertVerified::assertion()) };
        // The name is looked at last: whoever fails there has a good signature.
        match signed.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
