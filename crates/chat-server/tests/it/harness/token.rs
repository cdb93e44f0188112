//! Access tokens with a flaw: a good one taken apart, changed, and signed again with the server's own key.

use jsonwebtoken::{Algorithm, EncodingKey, Header, dangerous::insecure_decode, encode};
use serde_json::{Map, Value};

/// The secret of [`super::SECRET`].
pub(crate) const KEY: [u8; 32] = [b's'; 32];

/// A token in the making.
#[derive(Clone, Debug)]
pub(crate) struct Forge {
    pub(crate) header: Header,
    pub(crate) claims: Map<String, Value>,
}

impl Forge {
    /// What is in a good token.
    pub(crate) fn of(token: &str) -> Self {
        let decoded = insecure_decode::<Map<String, Value>>(token).unwrap();
        Self { header: decoded.header, claims: decoded.claims }
    }

    pub(crate) fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        assert!(self.claims.remove(name).is_some(), "a good token has {name}");
        self
    }

    pub(crate) fn kid(mut self, kid: Option<&str>) -> Self {
        self.header.kid = kid.map(str::to_owned);
        self
    }

    pub(crate) fn typ(mut self, typ: &str) -> Self {
        self.header.typ = Some(typ.to_owned());
        self
    }

    pub(crate) fn alg(mut self, algorithm: Algorithm) -> Self {
        self.header.alg = algorithm;
        self
    }

    /// Signed with the server's key.
    pub(crate) fn sign(&self) -> String {
        self.sign_with(&KEY)
    }

    pub(crate) fn sign_with(&self, key: &[u8]) -> String {
        encode(&self.header, &self.claims, &EncodingKey::from_secret(key)).unwrap()
    }
}
