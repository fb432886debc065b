//! Finds what a path in a query means, and whether it may be filtered or compared that way.

use super::super::org::Org;
use super::super::schema::{Field, Object, Type};
use super::SoqlError;
use super::tree::{Literal, Path};

/// A path, understood: the references to follow and the field at the end.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Relationship name and reference field, from the queried object outwards.
    pub(super) steps: Vec<(String, String)>,
    pub(super) leaf: Leaf,
    pub(super) at: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Leaf {
    Field(Field),
    /// A field of whatever a polymorphic reference points at.
    Named(&'static str),
}

/// What the vendor's `Name` object has, which stands for any target of a polymorphic reference.
const NAMED: &[&str] = &[
    "Id",
    "Name",
    "Type",
    "FirstName",
    "LastName",
    "Email",
    "Phone",
    "Title",
    "Username",
    "Alias",
    "IsActive",
];

/// Understands a path that starts at an object.
pub(super) fn column(org: &Org, object: &Object, path: &Path) -> Result<Column, SoqlError> {
    if let Some(function) = &path.function {
        let message = format!("unexpected token: '{function}'");
        return Err(SoqlError::malformed(path.column, message));
    }
    let mut parts = path.parts.as_slice();
    if let [first, rest @ ..] = parts
        && !rest.is_empty()
        && first.eq_ignore_ascii_case(&object.name)
        && object.relationship(first).is_none()
    {
        parts = rest;
    }
    let Some((last, relations)) = parts.split_last() else {
        return Err(SoqlError::malformed(path.column, "unexpected token"));
    };
    let mut steps = Vec::new();
    let mut here = Some(object);
    for name in relations {
        let field = here
            .and_then(|here| here.relationship(name))
            .filter(|field| org.sees(field));
        let (Some(field), true) = (field, steps.len() < 5) else {
            let message = format!(
                "Didn't understand relationship '{name}' in field path. If you are attempting to use a custom \
                 relationship, be sure to append the '__r' after the custom relationship name. Please reference your \
                 WSDL or the describe call for the appropriate names."
            );
            return Err(SoqlError::field(path.column, message));
        };
        steps.push((
            field.via.clone().unwrap_or_else(|| name.clone()),
            field.name.clone(),
        ));
        here = match field.to.as_slice() {
            [one] => org.schema.object(one).map(AsRef::as_ref),
            _ => None,
        };
    }
    let leaf = match here {
        Some(object) => org
            .field(object, last)
            .map(|field| Leaf::Field(field.clone())),
        None => NAMED
            .iter()
            .find(|name| name.eq_ignore_ascii_case(last))
            .map(|name| Leaf::Named(name)),
    };
    let leaf = leaf.ok_or_else(|| {
        let entity = here.map_or("Name", |object| &object.name);
        let message = format!(
            "No such column '{last}' on entity '{entity}'. If you are attempting to use a custom field, be sure to \
             append the '__c' after the custom field name. Please reference your WSDL or the describe call for the \
             appropriate names."
        );
        SoqlError::field(path.column, message)
    })?;
    Ok(Column {
        steps,
        leaf,
        at: path.column,
    })
}

impl Column {
    pub(super) fn name(&self) -> &str {
        match &self.leaf {
            Leaf::Field(field) => &field.name,
            Leaf::Named(name) => name,
        }
    }

    /// The whole path, with the vendor's own spelling.
    pub(super) fn dotted(&self) -> String {
        let steps = self.steps.iter().map(|(via, _)| via.as_str());
        steps.chain([self.name()]).collect::<Vec<_>>().join(".")
    }

    pub(super) fn kind(&self) -> Type {
        match &self.leaf {
            Leaf::Field(field) => field.is,
            Leaf::Named("Id") => Type::Id,
            Leaf::Named("IsActive") => Type::Boolean,
            Leaf::Named(_) => Type::String,
        }
    }

    pub(super) fn case_sensitive(&self) -> bool {
        matches!(&self.leaf, Leaf::Field(field) if field.case_sensitive())
    }

    /// The field of the queried object itself, if it can be looked up by value.
    pub(super) fn index(&self) -> Option<&str> {
        match &self.leaf {
            Leaf::Field(field) if self.steps.is_empty() && field.indexed() => Some(&field.name),
            _ => None,
        }
    }

    pub(super) fn filterable(self) -> Result<Self, SoqlError> {
        match &self.leaf {
            Leaf::Field(field) if !field.filterable() => {
                let message = format!("field '{}' can not be filtered in a query call", field.name);
                Err(SoqlError::field(self.at, message))
            }
            _ => Ok(self),
        }
    }

    pub(super) fn sortable(self) -> Result<Self, SoqlError> {
        match &self.leaf {
            Leaf::Field(field) if !field.sortable() => {
                let message = format!("field '{}' can not be sorted in a query call", field.name);
                Err(SoqlError::field(self.at, message))
            }
            _ => Ok(self),
        }
    }

    /// Whether a literal can be compared with this column.
    pub(super) fn comparable(&self, literal: &Literal) -> Result<(), SoqlError> {
        let (needed, fits) = match self.kind() {
            Type::Boolean => (
                "boolean and should not be enclosed in quotes",
                matches!(literal, Literal::Boolean(_)),
            ),
            Type::Int => (
                "int and should not be enclosed in quotes",
                matches!(literal, Literal::Number(_)),
            ),
            Type::Double | Type::Currency | Type::Percent => (
                "double and should not be enclosed in quotes",
                matches!(literal, Literal::Number(_)),
            ),
            Type::Date => {
                let fits = matches!(literal, Literal::Date(_) | Literal::Days(..));
                ("date and should not be enclosed in quotes", fits)
            }
            Type::Datetime => {
                let fits = matches!(literal, Literal::DateTime(_) | Literal::Days(..));
                ("dateTime and should not be enclosed in quotes", fits)
            }
            _ => (
                "string and should be enclosed in quotes",
                matches!(literal, Literal::Text(_)),
            ),
        };
        if !fits && *literal != Literal::Null {
            let name = self.name();
            let message =
                format!("value of filter criterion for field '{name}' must be of type {needed}");
            return Err(SoqlError::field(self.at, message));
        }
        if let (Type::Id | Type::Reference, Literal::Text(text)) = (self.kind(), literal)
            && super::super::ids::normalise(text).is_none()
        {
            let message = format!("invalid ID field: {text}");
            return Err(SoqlError {
                column: self.at,
                code: "INVALID_QUERY_FILTER_OPERATOR",
                message,
            });
        }
        Ok(())
    }
}
