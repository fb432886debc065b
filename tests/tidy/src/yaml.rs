//! YAML with its tags and lines, for the template.
//!
//! Every scalar stays text: `true` and `1000` are what stands there.

use saphyr_parser::{Event, Parser, Span, Tag};

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// The line it begins on, from 1.
    pub line: usize,
    /// Its short tag without the `!`.
    pub tag: Option<String>,
    /// What it holds.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A scalar.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in order.
    Map(Vec<(Node, Node)>),
}

impl Default for Value {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Node {
    /// Reads one document.
    ///
    /// # Errors
    /// It is no YAML, or has an alias, which CloudFormation does not know.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut open: Vec<Node> = Vec::new();
        let mut root = None;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| error.to_string())?;
            let done = match event {
                Event::Scalar(text, _, _, tag) => {
                    Some(node(&span, tag.as_deref(), Value::Text(text.into_owned())))
                }
                Event::SequenceStart(_, tag) | Event::MappingStart(_, tag) => {
                    open.push(node(&span, tag.as_deref(), Value::List(Vec::new())));
                    None
                }
                Event::SequenceEnd => open.pop(),
                Event::MappingEnd => open.pop().map(paired),
                Event::Alias(_) => return Err(format!("line {}: an alias", span.start.line())),
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd => None,
            };
            let Some(done) = done else { continue };
            match open.last_mut().map(|node| &mut node.value) {
                Some(Value::List(list)) => list.push(done),
                _ => root = Some(done),
            }
        }
        root.ok_or_else(|| "an empty document".to_owned())
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The items of a sequence; anything else is its own only item.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(list) => list,
            Value::Text(_) | Value::Map(_) => std::slice::from_ref(self),
        }
    }

    /// The texts of the items.
    pub fn texts(&self) -> Vec<&str> {
        self.items().iter().filter_map(Node::text).collect()
    }

    /// The entries of a mapping; anything else has none.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Text(_) | Value::List(_) => &[],
        }
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value)
    }

    /// The value under keys, one below the other.
    pub fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// This node and every one below it, keys included.
    pub fn all(&self) -> Vec<&Node> {
        let below: Vec<&Node> = match &self.value {
            Value::Text(_) => Vec::new(),
            Value::List(list) => list.iter().flat_map(Node::all).collect(),
            Value::Map(entries) => entries
                .iter()
                .flat_map(|(key, value)| key.all().into_iter().chain(value.all()))
                .collect(),
        };
        std::iter::once(self).chain(below).collect()
    }
}

fn node(span: &Span, tag: Option<&Tag>, value: Value) -> Node {
    Node {
        line: span.start.line(),
        tag: tag.map(|tag| tag.suffix.clone()),
        value,
    }
}

/// A mapping is gathered as a list of keys and values in turn.
fn paired(node: Node) -> Node {
    let Value::List(list) = node.value else {
        return node;
    };
    let mut entries = Vec::new();
    let mut list = list.into_iter();
    while let (Some(key), Some(value)) = (list.next(), list.next()) {
        entries.push((key, value));
    }
    Node {
        value: Value::Map(entries),
        ..node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_and_lines_are_kept() {
        let text = "A: !Sub \"${B}-x\"\nB:\n  - !GetAtt [C, Arn]\n  - { D: !Ref E, \"Null\": false }\nF: !If\n  - G\n  - !Ref H\n";
        let root = Node::parse(text).unwrap();
        let a = root.get("A").unwrap();
        assert_eq!(
            (a.tag.as_deref(), a.text(), a.line),
            (Some("Sub"), Some("${B}-x"), 1)
        );
        let b = root.get("B").unwrap().items();
        assert_eq!(
            (b[0].tag.as_deref(), b[0].texts(), b[0].line),
            (Some("GetAtt"), vec!["C", "Arn"], 3)
        );
        assert_eq!(b[1].get("Null").and_then(Node::text), Some("false"));
        assert_eq!(b[1].at(&["D"]).and_then(|d| d.tag.as_deref()), Some("Ref"));
        assert_eq!(root.get("F").unwrap().items()[1].line, 7);
        assert_eq!(root.all().len(), 17);
        assert!(Node::parse("a: &x 1\nb: *x\n").is_err());
    }
}
