//! The guard over hostile bytes: it never panics, never hangs, and a split of the bytes never changes its verdict.
//!
//! The first byte of the input chooses the split, the second the limits; the rest is what a client sent.

#![no_main]

use chat_web::ws::transport::{Guard, Limits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [split, limit, bytes @ ..] = input else {
        return;
    };
    let limits = Limits { max_message: u64::from(*limit) * 64, max_first_message: u64::from(*limit) * 8 };
    let whole = Guard::new(limits).feed(bytes);

    let mut guard = Guard::new(limits);
    let pieces = bytes.chunks(usize::from(*split).max(1)).try_for_each(|piece| guard.feed(piece));
    assert_eq!(whole, pieces, "split at every {split} bytes");

    let mut guard = Guard::new(limits);
    let mut rest = bytes;
    while !rest.is_empty() {
        let Ok(step) = guard.step(rest) else {
            assert!(whole.is_err(), "steps refuse what the whole was allowed");
            return;
        };
        assert!(step.len > 0, "a step goes forward");
        rest = &rest[step.len..];
    }
    assert_eq!(whole, Ok(()), "steps allow what the whole was refused");
});
