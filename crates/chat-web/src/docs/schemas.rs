//! The schemas that a document refers to, gathered while it is built.

use std::collections::BTreeMap;

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
