//! What stands round every request.

use chat_domain::limits::{Limits, RateSettings, Refill};
use chat_web::WebSettings;

use crate::house::House;

#[actix_web::test]
async fn l1_request_ids_are_echoed_when_sane_and_made_when_not() {
    let house = House::open().await;
    let id = async |given: &str| {
        let answer = house.call("GET", "/healthz", &[("X-Request-Id", given)], b"").await;
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("Trace-1.a_b").await, "Trace-1.a_b");
    for odd in ["a b", "<script>", &"x".repeat(65)] {
        let made = id(odd).await;
        assert!(made != odd && made.len() == 32, "{made}");
    }
    assert!(house.get("/nothing").await.header("x-request-id").is_some());
    assert_eq!(house.get("/healthz").await.header("x-content-type-options"), Some("nosniff"));
}

#[actix_web::test]
async fn cors_is_off_by_default_and_exact_when_on() {
    let page = ("Origin", "https://app.example");
    let asks = ("Access-Control-Request-Method", "PUT");
    let house = House::open().await;
    let answer = house.call("GET", "/healthz", &[page], b"").await;
    assert!(answer.header("access-control-allow-origin").is_none() && answer.header("vary").is_none());
    house.call("OPTIONS", "/api/v1/me", &[page, asks], b"").await.is(405, "method_not_allowed");

    let allowed_origins = vec!["https://app.example".to_owned()];
    let house = House::set(WebSettings { allowed_origins, ..WebSettings::default() }).await;
    let preflight = house.call("OPTIONS", "/api/v1/me", &[page, asks], b"").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (204, Some("https://app.example")));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("PUT"));
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("Authorization"));
    let refused = house.call("GET", "/api/v1/me", &[page], b"").await;
    refused.is(401, "unauthenticated");
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!((refused.header("vary"), refused.header("access-control-allow-credentials")), (Some("Origin"), None));
    for foreign in
        ["https://app.example.evil", "http://app.example", "https://app.example:444", "null", "https://APP.example"]
    {
        let answer = house.call("GET", "/healthz", &[("Origin", foreign)], b"").await;
        assert!(answer.header("access-control-allow-origin").is_none(), "{foreign}");
        house.call("OPTIONS", "/api/v1/me", &[("Origin", foreign), asks], b"").await.is(405, "method_not_allowed");
    }
}

#[actix_web::test]
async fn requests_of_a_user_are_counted() {
    let rest = Refill::per(std::time::Duration::from_secs(3_600), 1, 2);
    let rates = RateSettings { rest, ..RateSettings::default() };
    let house = House::with(WebSettings::default(), rates, Limits::default()).await;
    let ann = house.person("ann").await;
    ann.get("/me").await.is(200, "");
    ann.get("/sync").await.is(200, "");
    let limited = ann.get("/me").await;
    limited.is(429, "rate_limited");
    let wait = limited.json()["retry_ms"].as_u64().unwrap();
    assert_eq!(limited.header("retry-after").unwrap().parse::<u64>().unwrap(), wait.div_ceil(1_000));
    house.get("/api/v1/meta").await.is(200, "");
}

#[actix_web::test]
async fn readiness_is_the_stores_and_the_lives() {
    let house = House::open().await;
    house.get("/healthz").await.is(200, "");
    house.get("/readyz").await.is(200, "");
    house.readiness.drain();
    house.get("/readyz").await.is(503, "unavailable");
    house.readiness.ready();
    house.get("/readyz").await.is(503, "unavailable");
    house.get("/healthz").await.is(200, "");
}

#[actix_web::test]
async fn n1_only_trusted_proxies_say_whose_request_it_is() {
    use chat_web::address::{Network, TrustedProxies};
    use serde_json::json;
    let rates = RateSettings {
        sign_in_per_name: Refill::per(std::time::Duration::from_secs(60), 100, 100),
        ..RateSettings::default()
    };
    let body = json!({"username": "nobody", "password": "wrong horse"}).to_string();
    for (trusted, last) in [("127.0.0.0/8", 401), ("10.0.0.0/8", 429)] {
        let trusted_proxies = TrustedProxies::new(vec![Network::parse(trusted).unwrap()]);
        let settings = WebSettings { trusted_proxies, ..WebSettings::default() };
        let house = House::with(settings, rates.clone(), Limits::default()).await;
        let mut status = 0;
        for n in 0..11 {
            let from = format!("198.51.100.{n}");
            let headers = [crate::house::JSON, ("X-Forwarded-For", from.as_str())];
            status = house.call("POST", "/api/v1/sessions", &headers, body.as_bytes()).await.status;
        }
        assert_eq!(status, last, "{trusted}");
    }
}
