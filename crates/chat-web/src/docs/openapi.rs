//! The REST door as OpenAPI 3.1, out of the table of endpoints.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use crate::{
    json::FieldError,
    problem::ErrorCode,
    rest::{
        endpoint::{Endpoint, Gives, Shape, Who},
        endpoints, socket,
    },
};

/// The document.
pub(super) fn document() -> Value {
    let mut schemas = Schemas::default();
    let problem = problem_schema(&mut schemas);
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints() {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        paths.entry(endpoint.path).or_default().insert(method, operation(&endpoint, &mut schemas, &problem));
    }
    paths.entry(socket::PATH).or_default().insert("get".to_owned(), the_socket(&problem));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Realtime Chat",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Rooms are logs; changes are upserts of state. The live part is described by /asyncapi.json.",
            "license": {"name": "AGPL-3.0-only", "identifier": "AGPL-3.0-only"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.into_value(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas, problem: &Value) -> Value {
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": endpoint.about,
        "description": who(endpoint.who),
        "tags": [tag(endpoint.path)],
        "parameters": parameters(endpoint),
        "responses": responses(endpoint, schemas, problem),
    });
    if let Value::Object(members) = &mut operation {
        if endpoint.who != Who::Anyone {
            members.insert("security".to_owned(), json!([{"bearer": []}]));
        }
        if let Some(takes) = endpoint.takes {
            let content = json!({"application/json": {"schema": schemas.reference(takes.shape)}});
            members.insert("requestBody".to_owned(), json!({"required": takes.is_required, "content": content}));
        }
    }
    operation
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Anyone => "For anyone.",
        Who::User => "For anyone signed in.",
        Who::Member => "For members of the room.",
        Who::Admin => "For admins and owners of the room.",
        Who::Owner => "For owners of the room.",
    }
}

/// The first word of the path that tells one part from another.
fn tag(path: &str) -> &str {
    let path = path.strip_prefix("/api/v1/").unwrap_or("server");
    match path.strip_prefix("rooms/{r}/") {
        Some(inside) => inside.split('/').next().unwrap_or(inside),
        None => path.split('/').next().unwrap_or(path),
    }
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let segments = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = segments.map(|name| {
        let kind = if name == "seq" { "integer" } else { "string" };
        json!({"name": name, "in": "path", "required": true, "schema": {"type": kind}, "description": segment(name)})
    });
    let in_query = endpoint.query.iter().map(|query| {
        let schema = json!({"type": query.kind});
        json!({"name": query.name, "in": "query", "schema": schema, "description": query.about})
    });
    in_path.chain(in_query).collect()
}

fn segment(name: &str) -> &'static str {
    match name {
        "r" => "A room's id",
        "u" => "A user's id; `me` where members are meant",
        "seq" => "A message's number",
        "emoji" => "An emoji, percent-encoded",
        "id" => "Its id",
        "secret" => "Its secret",
        _ => "Its code",
    }
}

fn responses(endpoint: &Endpoint, schemas: &mut Schemas, problem: &Value) -> Value {
    let mut responses = Map::new();
    for (status, gives) in &endpoint.gives {
        responses.insert(status.to_string(), good(*status, *gives, schemas));
    }
    let mut codes = endpoint.refuses.clone();
    if endpoint.who != Who::Anyone {
        codes.extend([ErrorCode::Unauthenticated, ErrorCode::TokenExpired, ErrorCode::SessionRevoked]);
        codes.extend([ErrorCode::RateLimited, ErrorCode::Unavailable]);
    }
    if endpoint.takes.is_some() {
        codes.extend([ErrorCode::BadRequest, ErrorCode::InvalidField, ErrorCode::TooLarge]);
        codes.extend([ErrorCode::UnsupportedMedia, ErrorCode::Timeout]);
    }
    if !endpoint.query.is_empty() {
        codes.push(ErrorCode::BadRequest);
    }
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in codes {
        // Asked for one's own password again, a wrong one is 403.
        let again = code == ErrorCode::BadCredentials && endpoint.who != Who::Anyone;
        let names = by_status.entry(if again { 403 } else { code.http_status() }).or_default();
        if !names.contains(&code.as_str()) {
            names.push(code.as_str());
        }
    }
    for (status, codes) in by_status {
        responses.insert(status.to_string(), refusal(&codes.join(", "), problem));
    }
    responses.insert("default".to_owned(), refusal("Any other error", problem));
    Value::Object(responses)
}

fn refusal(description: &str, problem: &Value) -> Value {
    json!({"description": description, "content": {"application/problem+json": {"schema": problem}}})
}

fn good(status: u16, gives: Gives, schemas: &mut Schemas) -> Value {
    let description = match status {
        201 => "Made",
        204 => "Done",
        _ => "As it is",
    };
    match gives {
        Gives::Nothing => json!({"description": description}),
        Gives::One(shape) => {
            json!({"description": description, "content": {"application/json": {"schema": schemas.reference(shape)}}})
        }
        Gives::Page(shape) => {
            let schema = json!({
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": {"type": "array", "items": schemas.reference(shape)},
                    "next": {"type": ["string", "null"], "description": "For `cursor`; `null` at the end"},
                },
            });
            json!({"description": "A page", "content": {"application/json": {"schema": schema}}})
        }
        Gives::Document(media) => json!({"description": "The document", "content": {media: {}}}),
    }
}

fn problem_schema(schemas: &mut Schemas) -> Value {
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let errors = schemas.reference(Shape::of::<FieldError>());
    schemas.named(
        "Problem",
        json!({
            "type": "object",
            "description": "RFC 9457. `code` is the contract; `detail` is for people.",
            "required": ["type", "title", "status", "detail", "instance", "code"],
            "properties": {
                "type": {"type": "string", "description": "A page about the code"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "instance": {"type": "string", "description": "The request's id"},
                "code": {"type": "string", "enum": codes},
                "retry_ms": {"type": "integer", "description": "When to try again, in milliseconds"},
                "errors": {"type": "array", "items": errors},
                "reason": {"type": "string", "description": "`reset_required`: why"},
                "epoch": {"type": "string", "description": "`reset_required`: where the log stands"},
                "head": {"type": "integer", "description": "`reset_required`: where the log stands"},
                "floor": {"type": "integer", "description": "`reset_required`: where the log stands"},
            },
        }),
    )
}

/// The other door, which has a table of its own.
fn the_socket(problem: &Value) -> Value {
    json!({
        "operationId": "socket",
        "summary": "Opens the socket; its frames are described by /asyncapi.json",
        "description": "For anyone; the first frame says who it is.",
        "tags": ["ws"],
        "responses": {
            "101": {"description": "The socket is open"},
            "400": refusal("bad_request", problem),
            "403": refusal("forbidden", problem),
            "426": refusal("upgrade_required", problem),
            "429": refusal("rate_limited", problem),
            "503": refusal("unavailable", problem),
        },
    })
}
