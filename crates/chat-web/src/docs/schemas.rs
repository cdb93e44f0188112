//! The schemas that a document refers to, gathered while it is built.

use std::collections::BTreeMap;

use chat_domain::ids::MAX_SEQ;
use serde_json::{Value, json};

use crate::rest::endpoint::Shape;

/// Named schemas.
#[derive(Default)]
pub(super) struct Schemas(BTreeMap<String, Value>);

impl Schemas {
    /// Adds a type and those it refers to; the result is a reference to it.
    pub(super) fn reference(&mut self, shape: Shape) -> Value {
        let name = (shape.name)().into_owned();
        let mut others = Vec::new();
        (shape.others)(&mut others);
        for (other, schema) in others {
            self.0.entry(other).or_insert_with(|| json!(schema));
        }
        self.0.entry(name.clone()).or_insert_with(|| json!((shape.schema)()));
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// Adds a schema under a name; the result is a reference to it.
    pub(super) fn named(&mut self, name: &str, schema: Value) -> Value {
        self.0.insert(name.to_owned(), schema);
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// For `components`.
    pub(super) fn into_value(self) -> Value {
        json!(self.0)
    }
}

/// The document as it is served. A place in a log is an alias of `u64`, whose name says nothing to a reader.
pub(super) fn finished(mut document: Value) -> String {
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut)
        && schemas.remove("u64").is_some()
    {
        let about = "A place in a log";
        let seq = json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": MAX_SEQ, "description": about});
        schemas.insert("Seq".to_owned(), seq);
    }
    document.to_string().replace("\"#/components/schemas/u64\"", "\"#/components/schemas/Seq\"")
}
