//! Random bytes straight from the operating system.
//!
//! Not from a generator in process memory: a copied memory image (fork, snapshot, core dump) must not predict the next
//! secret. One system call costs a microsecond, and nobody asks more often than people sign in.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRng, rngs::SysRng};

/// `N` random bytes.
///
/// # Panics
/// When the operating system has no randomness. Linux never fails after boot, and without it no secret may be made.
#[expect(clippy::expect_used, reason = "going on without randomness would hand out guessable secrets")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// `N` random bytes as base64url without padding (RFC 4648 §5): safe in URLs, headers and JSON.
pub(crate) fn text<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<N>())
}
