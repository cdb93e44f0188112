//! The socket as AsyncAPI 3.0, out of the lists of frames.

use serde_json::{Map, Value, json};

use super::{
    frames::{Frame, client_frames, server_frames},
    schemas::Schemas,
};

/// The document. Directions are the server's: it receives what clients say.
pub(super) fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut messages = Map::new();
    let mut channel = Map::new();
    let mut refer = |frames: Vec<Frame>, from: &str| -> Vec<Value> {
        frames
            .into_iter()
            .map(|frame| {
                let key = format!("{from}_{}", frame.key);
                messages.insert(key.clone(), message(&frame, &mut schemas));
                channel.insert(key.clone(), json!({"$ref": format!("#/components/messages/{key}")}));
                json!({"$ref": format!("#/channels/socket/messages/{key}")})
            })
            .collect()
    };
    let (received, sent) = (refer(client_frames(), "client"), refer(server_frames(), "server"));
    let socket = json!({"$ref": "#/channels/socket"});
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Realtime Chat, the socket",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "One socket carries all rooms: one JSON object per text message, subprotocol chat.v1.",
            "license": {"name": "AGPL-3.0-only"},
        },
        "defaultContentType": "application/json",
        "channels": {"socket": {"address": crate::rest::socket::PATH, "messages": channel}},
        "operations": {
            "receive": {"action": "receive", "channel": socket, "messages": received},
            "send": {"action": "send", "channel": socket, "messages": sent},
        },
        "components": {"messages": messages, "schemas": schemas.into_value()},
    })
}

/// The `type` of a frame stands beside what its struct has, where the struct does not have it.
fn message(frame: &Frame, schemas: &mut Schemas) -> Value {
    let body = schemas.reference(frame.shape);
    let kind = json!({"type": "object", "required": ["type"], "properties": {"type": {"const": frame.name}}});
    json!({"name": frame.name, "title": frame.name, "summary": frame.about, "payload": {"allOf": [kind, body]}})
}
