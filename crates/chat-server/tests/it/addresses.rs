//! N1: whose address counts.

use serde_json::json;

use crate::harness::{App, Reply, Request, Upgrade};

async fn register(app: &App, from: u8, forwarded: &str) -> Reply {
    let name = format!("n{}", &uuid::Uuid::now_v7().simple().to_string()[12..]);
    let mut request = Request::new("POST", "/api/v1/accounts")
        .from(from)
        .json(&json!({"username": name, "password": "correct horse"}));
    if !forwarded.is_empty() {
        request = request.header("X-Forwarded-For", forwarded);
    }
    request.send(app.address()).await
}

#[tokio::test]
async fn n1_a_forwarded_address_from_an_untrusted_peer_is_ignored() {
    let app = App::usual().set("LIMITS__REGISTRATIONS_PER_ADDRESS_PER_HOUR", 2).spawn().await;
    register(&app, 1, "203.0.113.1").await.is(201);
    register(&app, 1, "203.0.113.2").await.is(201);
    register(&app, 1, "203.0.113.3").await.refuses(429, "rate_limited");
    register(&app, 1, "").await.refuses(429, "rate_limited");
    register(&app, 2, "").await.is(201);
}

#[tokio::test]
async fn n1_behind_a_trusted_proxy_the_rightmost_untrusted_address_counts() {
    let app = App::usual()
        .set("LIMITS__REGISTRATIONS_PER_ADDRESS_PER_HOUR", 2)
        .set("HTTP__TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")
        .spawn()
        .await;
    // What the client wrote itself stands on the left and is not believed.
    register(&app, 1, "198.51.100.1, 203.0.113.1").await.is(201);
    register(&app, 1, "198.51.100.2, 203.0.113.1, 10.1.2.3").await.is(201);
    register(&app, 1, "198.51.100.3, 203.0.113.1").await.refuses(429, "rate_limited");
    register(&app, 1, "203.0.113.2").await.is(201);
    // An IPv6 subscriber has a /64.
    register(&app, 1, "2001:db8:1:1::1").await.is(201);
    register(&app, 1, "2001:db8:1:1:ffff::2").await.is(201);
    register(&app, 1, "2001:db8:1:1:aaaa::3").await.refuses(429, "rate_limited");
    register(&app, 1, "2001:db8:1:2::1").await.is(201);
    // An IPv4 address in IPv6's clothes is the same address.
    register(&app, 1, "::ffff:203.0.113.2").await.is(201);
    register(&app, 1, "203.0.113.2").await.refuses(429, "rate_limited");
    // A peer that is no proxy is itself.
    register(&app, 2, "203.0.113.77").await.is(201);
    register(&app, 2, "203.0.113.78").await.is(201);
    register(&app, 2, "203.0.113.79").await.refuses(429, "rate_limited");
    // Nonsense is no address: the proxy itself counts then.
    for nonsense in ["nonsense", ",,,", "203.0.113.300", "<script>"] {
        assert!([201, 429].contains(&register(&app, 1, nonsense).await.status));
    }
}

#[tokio::test]
async fn n1_the_caps_of_sockets_go_by_the_same_address() {
    let app = App::usual()
        .set("LIMITS__UNAUTHENTICATED_PER_ADDRESS", 1)
        .set("HTTP__TRUSTED_PROXIES", "127.0.0.1")
        .spawn()
        .await;
    let open = |forwarded: &str| Upgrade::new(app.address()).header("X-Forwarded-For", forwarded).shake();
    let first = open("203.0.113.1").await.unwrap();
    open("203.0.113.1").await.unwrap_err().refuses(429, "rate_limited");
    let second = open("203.0.113.2").await.unwrap();
    drop((first, second));
}

#[tokio::test]
async fn loopback_is_under_the_same_limits() {
    let app = App::usual().with_default_rates().spawn().await;
    for _ in 0..5 {
        register(&app, 1, "").await.is(201);
    }
    register(&app, 1, "").await.refuses(429, "rate_limited");
}
