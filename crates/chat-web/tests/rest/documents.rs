//! What the server says about itself, and whether it is true.

use std::collections::BTreeSet;

use chat_web::problem::ErrorCode;
use serde_json::{Value, json};

use crate::house::House;

fn openapi() -> Value {
    serde_json::from_str(chat_web::docs::openapi_json()).unwrap()
}

fn asyncapi() -> Value {
    serde_json::from_str(chat_web::docs::asyncapi_json()).unwrap()
}

#[test]
fn the_document_has_exactly_what_is_served() {
    let document = openapi();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let mut served: BTreeSet<_> =
        chat_web::rest::served().into_iter().map(|(method, path)| (method, path.to_owned())).collect();
    served.insert(("GET".into(), "/api/v1/ws".into()));
    assert_eq!(described, served);
    // Every row of protocol.md §2, what stands at the root, and the files of the web client.
    assert_eq!(served.len(), 58, "{served:#?}");
}

#[actix_web::test]
async fn every_described_method_is_routed_and_no_other() {
    let house = House::open().await;
    for (path, methods) in openapi()["paths"].as_object().unwrap() {
        let filled = path.replace(['{', '}'], "");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = house.call(method, &filled, &[], b"").await;
            let is_described = methods.get(method.to_lowercase()).is_some();
            assert_eq!(answer.status != 405, is_described, "{method} {path}: {answer:?}");
            if answer.status >= 400 {
                answer.outcome();
            }
        }
    }
}

/// Every `$ref` leads somewhere.
fn check_references(document: &Value, at: &Value) {
    match at {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref") {
                let pointer = reference.as_str().unwrap().trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            members.values().for_each(|value| check_references(document, value));
        }
        Value::Array(items) => items.iter().for_each(|value| check_references(document, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn references_lead_somewhere() {
    for document in [openapi(), asyncapi()] {
        check_references(&document, &document);
    }
}

#[test]
fn every_frame_of_the_protocol_is_described() {
    let document = asyncapi();
    let names = |action: &str| -> BTreeSet<String> {
        let messages = document["operations"][action]["messages"].as_array().unwrap();
        let name = |message: &Value| {
            let key = message["$ref"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            document["components"]["messages"][key]["name"].as_str().unwrap().to_owned()
        };
        messages.iter().map(name).collect()
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    let client = "auth subscribe unsubscribe send edit delete react read typing presence watch ping";
    let server = "ready ok batch event error reset heartbeat typing presence evicted reauth bye pong";
    assert_eq!(names("receive"), words(client));
    assert_eq!(names("send"), words(server));
}

#[actix_web::test]
async fn c2_pages_carry_their_headers_and_nothing_inline() {
    let house = House::open().await;
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
    for path in ["/", "/docs", "/errors/rate_limited"] {
        let page = house.get(path).await;
        page.is(200, "");
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("content-security-policy"), Some(policy), "{path}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("cross-origin-opener-policy"), Some("same-origin"));
        assert!(!page.body.contains("style=") && !page.body.contains("onclick") && !page.body.contains("<style"));
        assert!(page.body.split("<script").skip(1).all(|script| script.starts_with(" src=\"/")), "{path}");
        assert!(!page.body.contains("http://") && !page.body.contains("https://"), "nothing from elsewhere: {path}");
        for link in page.body.split("href=\"").chain(page.body.split("src=\"")).skip(1) {
            let target = link.split('"').next().unwrap();
            if target.starts_with('/') {
                house.get(target).await.is(200, "");
            }
        }
    }
}

#[actix_web::test]
async fn every_error_has_a_page_and_others_have_none() {
    let house = House::open().await;
    for code in ErrorCode::ALL {
        let page = house.get(&format!("/errors/{}", code.as_str())).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains(code.facts().title) && page.body.contains("What to do"), "{}", code.as_str());
    }
    house.get("/errors/nonsense").await.is(404, "not_found");
    house.get("/errors/%3Cscript%3E").await.is(404, "not_found");
}

#[actix_web::test]
async fn documents_are_served_as_json() {
    let house = House::open().await;
    assert_eq!(house.get("/openapi.json").await.json()["openapi"], "3.1.0");
    assert_eq!(house.get("/asyncapi.json").await.json()["asyncapi"], "3.0.0");
    let meta = house.get("/api/v1/meta").await.json();
    assert_eq!((&meta["registration"], &meta["limits"]["text"]), (&json!("open"), &json!(4000)));
    assert!(meta["version"].is_string());
}

/// The part of JSON Schema that the documents use: enough to notice a member that is missing, unknown or of another type.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return fits(document, document.pointer(reference.trim_start_matches('#')).unwrap(), value, at);
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fits(document, part, value, at);
    }
    for how in ["oneOf", "anyOf"] {
        if let Some(parts) = schema[how].as_array() {
            let nullable = parts.iter().any(|part| part["type"] == "null");
            assert!(!value.is_null() || nullable, "{at} is null");
            if let (false, [one]) =
                (value.is_null(), parts.iter().filter(|p| p["type"] != "null").collect::<Vec<_>>().as_slice())
            {
                fits(document, one, value, at);
            }
        }
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(kinds.is_empty() || kinds.contains(&kind), "{at}: {value} is no {kinds:?}");
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at} lacks {name}: {value}");
    }
    if let (Some(properties), Some(members)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, member) in members {
            if let Some(schema) = properties.get(name) {
                fits(document, schema, member, &format!("{at}/{name}"));
            }
        }
    }
    for (n, item) in value.as_array().into_iter().flatten().enumerate() {
        fits(document, &schema["items"], item, &format!("{at}/{n}"));
    }
}

/// Members that an answer has and no part of the schema knows.
fn known<'a>(document: &'a Value, schema: &'a Value) -> BTreeSet<&'a str> {
    if let Some(reference) = schema["$ref"].as_str() {
        return known(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    let parts = schema["allOf"].as_array().into_iter().flatten().flat_map(|part| known(document, part));
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    parts.chain(own).collect()
}

#[actix_web::test]
async fn recorded_answers_are_as_described() {
    let house = House::open().await;
    let (ann, bob) = (house.person("ann").await, house.person("bob").await);
    let room = ann.makes("public", &[&bob]).await;
    let message = ann.says(&room, "nonce-0001", "@bob hi").await;
    let seq = message["seq"].as_u64().unwrap();
    bob.call("PUT", &format!("{room}/messages/{seq}/reactions/%F0%9F%91%8D"), &[], None).await.is(204, "");
    let invite = ann.post(&format!("{room}/invites"), json!({"max_uses": 2})).await.json();
    let hook = ann.post(&format!("{room}/webhooks"), json!({"name": "CI"})).await.json();
    let hook = hook["url"].as_str().unwrap().strip_prefix("/api/v1").unwrap();
    let document = openapi();
    let tried = [
        ("GET", "/me", "/me", None),
        ("GET", "/sessions", "/sessions", None),
        ("GET", "/users?q=a", "/users", None),
        ("GET", "/sync", "/sync", None),
        ("GET", "/rooms", "/rooms", None),
        ("GET", &room, "/rooms/{r}", None),
        ("GET", &format!("{room}/members"), "/rooms/{r}/members", None),
        ("GET", &format!("{room}/invites"), "/rooms/{r}/invites", None),
        ("POST", &format!("{room}/invites"), "/rooms/{r}/invites", Some(json!({}))),
        ("POST", &format!("/invites/{}", invite["code"].as_str().unwrap()), "/invites/{code}", None),
        ("POST", &format!("{room}/webhooks"), "/rooms/{r}/webhooks", Some(json!({"name": "more"}))),
        ("GET", &format!("{room}/webhooks"), "/rooms/{r}/webhooks", None),
        ("POST", hook, "/hooks/{id}/{secret}", Some(json!({"text": "x", "nonce": "nonce-0003"}))),
        ("POST", hook, "/hooks/{id}/{secret}", Some(json!({"text": "x", "nonce": "nonce-0003"}))),
        ("POST", "/hooks/nonsense/secret", "/hooks/{id}/{secret}", Some(json!({"text": "x"}))),
        ("GET", &format!("{room}/messages"), "/rooms/{r}/messages", None),
        ("GET", &format!("{room}/messages/{seq}"), "/rooms/{r}/messages/{seq}", None),
        ("POST", &format!("{room}/messages"), "/rooms/{r}/messages", Some(json!({"text": "x", "nonce": "nonce-0002"}))),
        ("GET", &format!("{room}/messages/{seq}/reactions"), "/rooms/{r}/messages/{seq}/reactions", None),
        ("GET", &format!("{room}/changes?after=0"), "/rooms/{r}/changes", None),
        ("GET", "/search?q=hi", "/search", None),
        ("GET", "/search?q=%20", "/search", None),
        ("GET", "/meta", "/meta", None),
        ("PUT", &format!("{room}/members/me"), "/rooms/{r}/members/{u}", Some(json!({}))),
        ("GET", "/rooms/nonsense", "/rooms/{r}", None),
        ("POST", &format!("{room}/messages"), "/rooms/{r}/messages", Some(json!({"text": ""}))),
    ];
    for (method, path, pattern, body) in tried {
        let answer = ann.call(method, path, &[], body).await;
        let operation = &document["paths"][format!("/api/v1{pattern}")][method.to_lowercase()];
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "{method} {pattern} answers {}", answer.status);
        let content = response["content"].as_object().unwrap();
        let (media, content) = content.iter().next().unwrap();
        assert_eq!(answer.header("content-type"), Some(media.as_str()));
        fits(&document, &content["schema"], &answer.json(), pattern);
        let known = known(&document, &content["schema"]);
        for name in answer.json().as_object().unwrap().keys() {
            assert!(known.contains(name.as_str()), "{method} {pattern}: {name} is not described");
        }
    }
}
