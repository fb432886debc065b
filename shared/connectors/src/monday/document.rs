//! A GraphQL document: names and values that we made stand in it, everything else is a variable.

use serde_json::{Map, Value, json};

/// A document that grows field by field.
pub(super) struct Document {
    kind: &'static str,
    declared: Vec<String>,
    fields: Vec<String>,
    values: Map<String, Value>,
}

impl Document {
    pub(super) fn query() -> Self {
        Self::of("query")
    }

    pub(super) fn mutation() -> Self {
        Self::of("mutation")
    }

    fn of(kind: &'static str) -> Self {
        Self {
            kind,
            declared: Vec::new(),
            fields: Vec::new(),
            values: Map::new(),
        }
    }

    /// A value of this type; the answer stands for it.
    pub(super) fn variable(&mut self, of: &str, value: Value) -> String {
        let name = format!("v{}", self.values.len());
        self.declared.push(format!("${name}:{of}"));
        self.values.insert(name.clone(), value);
        format!("${name}")
    }

    /// Asks for something more.
    pub(super) fn field(&mut self, field: String) {
        self.fields.push(field);
    }

    pub(super) fn body(&self) -> Value {
        let Self {
            kind,
            declared,
            fields,
            values,
        } = self;
        let declared = declared.join(",");
        let fields = fields.join(" ");
        let query = if declared.is_empty() {
            format!("{kind}{{{fields}}}")
        } else {
            format!("{kind}({declared}){{{fields}}}")
        };
        json!({ "query": query, "variables": values })
    }
}
