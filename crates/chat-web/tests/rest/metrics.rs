//! L3: whatever clients make up, the number of series stays.

use std::{
    collections::BTreeSet,
    sync::{LazyLock, Mutex},
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use crate::house::House;

static SERIES: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);

/// Remembers which series there are.
struct Series;

impl Series {
    fn see(key: &Key) {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        SERIES.lock().unwrap().insert(format!("{}{{{}}}", key.name(), labels.join(",")));
    }
}

impl Recorder for Series {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Self::see(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Self::see(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Self::see(key);
        Histogram::noop()
    }
}

#[actix_web::test]
async fn l3_series_do_not_grow_with_what_clients_make_up() {
    let _other_tests_of_this_process_count_too = metrics::set_global_recorder(Series);
    let house = House::open().await;
    let ann = house.person("ann").await;
    let calls = async |from: usize, to: usize| {
        for n in from..to {
            house.get(&format!("/made/up/{n}?q={n}")).await.is(404, "not_found");
            house.call(&format!("METHOD{n}"), "/healthz", &[], b"").await.is(405, "method_not_allowed");
            ann.get(&format!("/rooms/0190a1b2-c3d4-7e5f-8a9b-{n:012x}")).await.is(404, "not_found");
            ann.get(&format!("/rooms/{n}/messages/{n}")).await.is(404, "not_found");
            ann.get(&format!("/users/{n}")).await.is(404, "not_found");
        }
    };
    // Other tests of this process add series of their own meanwhile, so only what this one could make grow is counted.
    let ours = || {
        let all = SERIES.lock().unwrap();
        all.iter().filter(|s| s.contains("unmatched") || s.contains("method=other")).count()
    };
    calls(0, 1).await;
    let before = ours();
    calls(1, 200).await;
    assert!(ours() < before + 20, "{:?}", SERIES.lock().unwrap());
    for made_up in ["made/up", "METHOD", "8a9b-"] {
        assert!(!SERIES.lock().unwrap().iter().any(|one| one.contains(made_up)), "{made_up} became a label");
    }
    let before = SERIES.lock().unwrap().clone();
    let series = |text: &str| before.iter().any(|one| one == text);
    assert!(series("chat_http_requests_total{route=unmatched,method=GET,status=404}"), "{before:?}");
    assert!(series("chat_http_requests_total{route=/healthz,method=other,status=405}"), "{before:?}");
    assert!(series("chat_http_request_duration_seconds{route=/api/v1/rooms/{r},method=GET}"), "{before:?}");
    assert!(SERIES.lock().unwrap().contains("chat_errors_total{code=not_found}"));
}

#[actix_web::test]
async fn l4_metrics_are_not_on_the_public_listener() {
    House::open().await.get("/metrics").await.is(404, "not_found");
}
