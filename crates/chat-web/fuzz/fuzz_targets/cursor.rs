//! Any text as a cursor: read or refused, never a panic; what is read is written back as it was.
#![no_main]

use chat_domain::{
    ids::{RoomId, UserId},
    ports::Reacted,
    words::Username,
};
use chat_web::pages::{Key, decode, encode};
use libfuzzer_sys::fuzz_target;

fn check<K: Key>(text: &str) {
    if let Some(key) = decode::<K>("list", text) {
        assert_eq!(encode("list", &key), text);
        assert!(decode::<K>("other", text).is_none());
    }
    // A true tag is never guessed, so keys are tried by themselves, too.
    if let Some(key) = K::from_bytes(text.as_bytes()) {
        assert_eq!(key.bytes(), text.as_bytes());
        let cursor = encode("list", &key);
        assert!(cursor.len() > 512 || decode::<K>("list", &cursor).is_some());
    }
}

fuzz_target!(|text: &str| {
    check::<RoomId>(text);
    check::<UserId>(text);
    check::<Username>(text);
    check::<Reacted>(text);
});
