//! Access tokens against security rows J1 – J6, R3 and L2: forged ones are signed here with the true key, so that only
//! the checks can refuse them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chat_auth::{JwtTokens, SigningKeys};
use chat_domain::{
    ids::{SessionId, UserId},
    ports::{Secret, TokenRefused, Tokens},
    timestamp::Timestamp,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const SECRET: [u8; 32] = [7; 32];
const TTL_S: u64 = 900;

fn now() -> Timestamp {
    Timestamp::from_millis(1_769_851_800_000)
}

fn now_s() -> u64 {
    1_769_851_800
}

fn keys(list: &[(&str, [u8; 32])]) -> SigningKeys {
    let text: Vec<_> = list.iter().map(|(kid, secret)| format!("{kid}:{}", URL_SAFE_NO_PAD.encode(secret))).collect();
    SigningKeys::parse(&text.join(",")).unwrap()
}

fn tokens() -> JwtTokens {
    JwtTokens::new(&keys(&[("k1", SECRET)]), TTL_S).unwrap()
}

fn somebody() -> (UserId, SessionId) {
    (UserId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)))
}

fn issued() -> Secret {
    let (user, session) = somebody();
    tokens().issue(user, session, now())
}

fn part(token: &str, index: usize) -> Map<String, Value> {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn true_claims() -> Map<String, Value> {
    part(issued().expose(), 1)
}

/// Signed with the true key, under a header of the test's choice.
fn signed(claims: &Map<String, Value>, change: impl FnOnce(&mut Header)) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some("at+jwt".into());
    header.kid = Some("k1".into());
    change(&mut header);
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&SECRET)).unwrap()
}

fn with(name: &str, value: Value) -> String {
    let mut claims = true_claims();
    claims.insert(name.into(), value);
    signed(&claims, |_| ())
}

#[track_caller]
fn assert_invalid(token: &str, why: &str) {
    assert_eq!(tokens().verify(token, now()), Err(TokenRefused::Invalid), "{why}");
}

#[test]
fn an_issued_token_says_who_and_until_when() {
    let (user, session) = somebody();
    let claims = tokens().verify(issued().expose(), now()).unwrap();
    assert_eq!((claims.user, claims.session), (user, session));
    assert_eq!(claims.issued_at, now());
    assert_eq!(claims.expires_at, now().plus_millis(900_000));
    let header = part(issued().expose(), 0);
    assert_eq!(Value::Object(header), json!({"typ": "at+jwt", "alg": "HS256", "kid": "k1"}));
    assert_eq!(true_claims().keys().collect::<HashSet<_>>().len(), 8);
    assert_ne!(true_claims()["jti"], true_claims()["jti"]);
    // The forger below is honest when it changes nothing: what it signs is accepted.
    assert!(tokens().verify(&signed(&true_claims(), |_| ()), now()).is_ok());
}

#[test]
fn j1_other_algorithms_and_unknown_keys_are_refused() {
    let claims = true_claims();
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
    for (alg, signature) in [("none", ""), ("None", ""), ("RS256", "AAAA"), ("ES256", "AAAA")] {
        let header = URL_SAFE_NO_PAD.encode(json!({"typ": "at+jwt", "alg": alg, "kid": "k1"}).to_string());
        assert_invalid(&format!("{header}.{payload}.{signature}"), alg);
    }
    assert_invalid(&signed(&claims, |h| h.alg = Algorithm::HS512), "HS512 with the right key");
    assert_invalid(&signed(&claims, |h| h.kid = Some("k2".into())), "another kid");
    assert_invalid(&signed(&claims, |h| h.kid = None), "no kid");
    assert_invalid(&signed(&claims, |h| h.crit = Some(vec!["b64".into()])), "a critical extension");
    let foreign = JwtTokens::new(&keys(&[("k1", [8; 32])]), TTL_S).unwrap();
    let (user, session) = somebody();
    assert_invalid(foreign.issue(user, session, now()).expose(), "another key under the same kid");
}

#[test]
fn j1_a_flipped_bit_anywhere_is_refused() {
    let token = issued().expose().to_owned();
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(flipped) = String::from_utf8(bytes) else { continue };
        assert_invalid(&flipped, &format!("byte {at}"));
    }
}

#[test]
fn j1_what_is_no_token_is_refused() {
    for text in ["", ".", "..", "...", "a.b.c", "abc", "é.é.é", " ", &"a".repeat(100_000)] {
        assert_invalid(text, text.get(..9).unwrap_or(text));
    }
    assert_invalid(&format!("{} ", issued().expose()), "a trailing space");
    assert_invalid(&format!("{}.x", issued().expose()), "a fourth part");
}

#[test]
fn j2_every_claim_is_needed() {
    for name in ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"] {
        let mut claims = true_claims();
        assert!(claims.remove(name).is_some(), "{name} is set");
        assert_invalid(&signed(&claims, |_| ()), name);
        for value in [Value::Null, json!([]), json!({}), json!(true), json!(-1), json!(1.5), json!("")] {
            assert_invalid(&with(name, value.clone()), &format!("{name} = {value}"));
        }
    }
    for name in ["iat", "nbf", "exp"] {
        assert_invalid(&with(name, json!(now_s().to_string())), name);
        assert_invalid(&with(name, json!(u64::MAX)), name);
        assert_invalid(&with(name, json!(1e300)), name);
    }
    for name in ["sub", "sid"] {
        assert_invalid(&with(name, json!("alice")), name);
        assert_invalid(&with(name, json!(7)), name);
    }
    assert_invalid(&with("iss", json!("somebody-else")), "another issuer");
    assert_invalid(&with("aud", json!(["realtime-chat/v1"])), "a list of audiences");
}

#[test]
fn j2_a_token_from_the_future_is_refused() {
    assert_invalid(&with("nbf", json!(now_s() + 6)), "nbf beyond the leeway");
    assert_invalid(&with("iat", json!(now_s() + 6)), "iat beyond the leeway");
    assert_invalid(&with("exp", json!(now_s())), "no life at all");
    assert!(tokens().verify(&with("nbf", json!(now_s() + 5)), now()).is_ok());
    assert!(tokens().verify(&with("iat", json!(now_s() + 5)), now()).is_ok());
}

#[test]
fn j3_a_token_for_another_purpose_is_refused() {
    let tokens = tokens();
    assert_invalid(tokens.fresh_secret().expose(), "a refresh token");
    assert_invalid(&with("aud", json!("another-api")), "another audience");
    for typ in [None, Some("JWT"), Some("rt+jwt"), Some("at+jwt ")] {
        assert_invalid(&signed(&true_claims(), |h| h.typ = typ.map(Into::into)), &format!("{typ:?}"));
    }
}

#[test]
fn j4_a_token_lives_its_time_and_a_leeway_of_five_seconds() {
    let (tokens, token) = (tokens(), issued());
    assert_eq!(tokens.access_ttl_s(), 900);
    assert!(tokens.verify(token.expose(), now().plus_millis(905_000)).is_ok());
    assert_eq!(tokens.verify(token.expose(), now().plus_millis(905_001)), Err(TokenRefused::Expired));
    assert_eq!(tokens.verify(token.expose(), now().plus_millis(906_000)), Err(TokenRefused::Expired));
    let foreign = JwtTokens::new(&keys(&[("k1", [8; 32])]), TTL_S).unwrap();
    let (user, session) = somebody();
    let forged = foreign.issue(user, session, now());
    assert_eq!(
        tokens.verify(forged.expose(), now().plus_millis(906_000)),
        Err(TokenRefused::Invalid),
        "forged and old"
    );
    assert!(tokens.verify(token.expose(), now().plus_millis(-5_000)).is_ok());
    assert_eq!(tokens.verify(token.expose(), now().plus_millis(-5_001)), Err(TokenRefused::Invalid));
}

#[test]
fn j6_an_old_key_is_accepted_while_it_is_listed_and_the_first_signs() {
    let old = issued();
    let (user, session) = somebody();
    let overlap = JwtTokens::new(&keys(&[("k2", [9; 32]), ("k1", SECRET)]), TTL_S).unwrap();
    assert!(overlap.verify(old.expose(), now()).is_ok());
    let new = overlap.issue(user, session, now());
    assert_eq!(part(new.expose(), 0)["kid"], "k2");
    let after = JwtTokens::new(&keys(&[("k2", [9; 32])]), TTL_S).unwrap();
    assert_eq!(after.verify(old.expose(), now()), Err(TokenRefused::Invalid));
    assert!(after.verify(new.expose(), now()).is_ok());
}

#[test]
fn r3_secrets_are_256_random_bits_and_stored_as_sha_256() {
    let tokens = tokens();
    let many: HashSet<String> = (0..1_000).map(|_| tokens.fresh_secret().expose().to_owned()).collect();
    assert_eq!(many.len(), 1_000);
    // Every bit of the 256 is one about half the time: 1,000 draws stray from 500 by less than 100 (six sigma).
    let mut ones = [0_u32; 256];
    for secret in &many {
        assert_eq!(secret.len(), 43);
        let bytes = URL_SAFE_NO_PAD.decode(secret).unwrap();
        assert_eq!(bytes.len(), 32);
        for (bit, count) in ones.iter_mut().enumerate() {
            *count += u32::from(bytes[bit / 8] >> (bit % 8) & 1);
        }
    }
    assert!(ones.iter().all(|count| (400..=600).contains(count)));
    // FIPS 180-4's own example.
    let abc = tokens.digest("abc").0;
    assert_eq!(&abc[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert_eq!(&abc[28..], [0xf2, 0x00, 0x15, 0xad]);
}

#[test]
fn l2_tokens_and_keys_do_not_print() {
    let shown = format!("{:?} {:?}", tokens(), issued());
    assert!(shown.contains("k1") && shown.contains("[redacted]"));
    assert!(!shown.contains(issued().expose()) && !shown.contains("BwcH") && !shown.contains("7, 7"));
}
