//! Any bytes as JSON: read or refused, never a panic or a hang; what is read is what serde_json reads.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = chat_web::json::parse(bytes) {
        let lax: serde_json::Value = serde_json::from_slice(bytes).expect("what the strict reader takes is JSON");
        assert_eq!(value, lax);
        assert!(chat_web::json::parse(value.to_string().as_bytes()).is_ok());
    }
});
