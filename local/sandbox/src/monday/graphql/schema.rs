//! The part of the vendor's schema that the fake has, read from `schema.graphql`.

use std::collections::BTreeMap;

use super::{
    Fault,
    document::{Given, Type, Words},
};

/// A field of a type, or a member of an input.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) of: Type,
    pub(super) args: BTreeMap<String, Arg>,
}

#[derive(Debug)]
pub(super) struct Arg {
    pub(super) of: Type,
    pub(super) default: Option<Given>,
}

/// Types with their fields; what is not among them is a scalar or an enum.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    types: BTreeMap<String, BTreeMap<String, Known>>,
}

impl Schema {
    /// Reads it.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        let mut words = Words::of(text)?;
        let mut types = BTreeMap::new();
        while !words.is_done() {
            // `type`, `interface`, `input`.
            words.name()?;
            let name = words.name()?;
            if words.is_word("implements") {
                words.name()?;
            }
            words.wants('{')?;
            let mut fields = BTreeMap::new();
            while !words.is('}') {
                words.text();
                let field = words.name()?;
                let mut args = BTreeMap::new();
                if words.is('(') {
                    while !words.is(')') {
                        let arg = words.name()?;
                        words.wants(':')?;
                        let of = words.of_type()?;
                        let default = if words.is('=') {
                            Some(words.value()?)
                        } else {
                            None
                        };
                        args.insert(arg, Arg { of, default });
                    }
                }
                words.wants(':')?;
                let of = words.of_type()?;
                fields.insert(field, Known { of, args });
            }
            types.insert(name, fields);
        }
        Ok(Self { types })
    }

    pub(super) fn field(&self, of: &str, name: &str) -> Option<&Known> {
        self.types.get(of)?.get(name)
    }

    /// The members of a type; `None` for a scalar or an enum.
    pub(super) fn members(&self, of: &str) -> Option<&BTreeMap<String, Known>> {
        self.types.get(of)
    }
}

impl Type {
    /// The name within.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::List(inner) | Self::Needed(inner) => inner.name(),
        }
    }

    pub(super) fn is_needed(&self) -> bool {
        matches!(self, Self::Needed(_))
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Named(name) => write!(f, "{name}"),
            Self::List(inner) => write!(f, "[{inner}]"),
            Self::Needed(inner) => write!(f, "{inner}!"),
        }
    }
}
