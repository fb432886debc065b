//! A document held against the schema, before anything of it is carried out: fields, arguments, variables,
//! fragments. What comes out has values for variables and no fragments.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Fault, Field,
    document::{Directive, Given, Operation, Selected, Type},
    schema::Schema,
};

struct Check<'a> {
    schema: &'a Schema,
    operation: &'a Operation,
    declared: BTreeMap<&'a str, &'a Type>,
    values: Map<String, Value>,
}

/// Checks an operation, and gives the fields it asks for.
pub(crate) fn checked(
    schema: &Schema,
    operation: &Operation,
    given: &Map<String, Value>,
) -> Result<Vec<Field>, Fault> {
    let mut check = Check {
        schema,
        operation,
        declared: BTreeMap::new(),
        values: Map::new(),
    };
    for variable in &operation.variables {
        let (name, of) = (&variable.name, &variable.of);
        let value = match (given.get(name), &variable.default) {
            (Some(value), _) => Some(value.clone()),
            (None, Some(default)) => check.value(default, of)?,
            (None, None) => None,
        };
        match value {
            None | Some(Value::Null) if of.is_needed() => {
                return Err(Fault::invalid(format!(
                    "Variable \"${name}\" of required type \"{of}\" was not provided."
                )));
            }
            None => {}
            Some(value) => {
                check.fits(&value, of, &format!("Variable \"${name}\""))?;
                check.values.insert(name.clone(), value);
            }
        }
        check.declared.insert(name, of);
    }
    let root = if operation.is_mutation {
        "Mutation"
    } else {
        "Query"
    };
    check.fields(&operation.of, root, &[], 0)
}

impl Check<'_> {
    fn fields(
        &self,
        selected: &[Selected],
        of: &str,
        on: &[String],
        depth: usize,
    ) -> Result<Vec<Field>, Fault> {
        if depth > 20 {
            return Err(Fault::invalid("The query is nested too deeply"));
        }
        let mut found: Vec<Field> = Vec::new();
        for one in selected {
            match one {
                Selected::Field {
                    alias,
                    name,
                    args,
                    directives,
                    of: inner,
                } => {
                    if !self.is_wanted(directives)? {
                        continue;
                    }
                    let field = self.field((alias, name, args), inner, of, on, depth)?;
                    let twin = found
                        .iter_mut()
                        .find(|twin| twin.alias == field.alias && twin.on == field.on);
                    match twin {
                        None => found.push(field),
                        Some(twin) if twin.name == field.name && twin.args == field.args => {
                            twin.of.extend(field.of);
                        }
                        Some(_) => {
                            return Err(Fault::invalid(format!(
                                "Fields \"{alias}\" conflict because they are different fields or have differing arguments."
                            )));
                        }
                    }
                }
                Selected::Spread(name, directives) => {
                    let fragment = self.operation.fragments.get(name);
                    let (on_type, inner) = fragment
                        .ok_or_else(|| Fault::invalid(format!("Unknown fragment \"{name}\".")))?;
                    if self.is_wanted(directives)? {
                        found.extend(self.inside(on_type, inner, of, on, depth)?);
                    }
                }
                Selected::Inline(on_type, directives, inner) => {
                    if self.is_wanted(directives)? {
                        let on_type = on_type.as_deref().unwrap_or(of);
                        found.extend(self.inside(on_type, inner, of, on, depth)?);
                    }
                }
            }
        }
        Ok(found)
    }

    /// What a fragment selects.
    fn inside(
        &self,
        on_type: &str,
        inner: &[Selected],
        of: &str,
        on: &[String],
        depth: usize,
    ) -> Result<Vec<Field>, Fault> {
        if self.schema.members(on_type).is_none() {
            return Err(Fault::invalid(format!("Unknown type \"{on_type}\".")));
        }
        let mut on = on.to_vec();
        if on_type != of {
            on.push(on_type.to_owned());
        }
        self.fields(inner, on_type, &on, depth + 1)
    }

    fn field(
        &self,
        (alias, name, given): (&str, &str, &[(String, Given)]),
        inner: &[Selected],
        of: &str,
        on: &[String],
        depth: usize,
    ) -> Result<Field, Fault> {
        let mut field = Field {
            alias: alias.to_owned(),
            name: name.to_owned(),
            args: Map::new(),
            of: Vec::new(),
            on: on.to_vec(),
        };
        if name == "__typename" {
            return Ok(field);
        }
        let known = self.schema.field(of, name).ok_or_else(|| {
            Fault::invalid(format!("Cannot query field \"{name}\" on type \"{of}\"."))
        })?;
        for (arg, value) in given {
            let wanted = known.args.get(arg).ok_or_else(|| {
                Fault::invalid(format!(
                    "Unknown argument \"{arg}\" on field \"{of}.{name}\"."
                ))
            })?;
            if let Given::Variable(variable) = value {
                self.may_stand(variable, wanted.of.clone(), wanted.default.is_some())?;
            }
            if let Some(value) = self.value(value, &wanted.of)? {
                self.fits(&value, &wanted.of, &format!("Argument \"{arg}\""))?;
                field.args.insert(arg.clone(), value);
            }
        }
        for (arg, wanted) in &known.args {
            if field.args.contains_key(arg) {
                continue;
            }
            if let Some(default) = &wanted.default {
                let default = self.value(default, &wanted.of)?;
                field.args.extend(default.map(|value| (arg.clone(), value)));
            } else if wanted.of.is_needed() {
                let wanted = &wanted.of;
                return Err(Fault::invalid(format!(
                    "Field \"{name}\" argument \"{arg}\" of type \"{wanted}\" is required, but it was not provided."
                )));
            }
        }
        let inside = known.of.name();
        match (self.schema.members(inside), inner.is_empty()) {
            (Some(_), true) => Err(Fault::invalid(format!(
                "Field \"{name}\" of type \"{}\" must have a selection of subfields.",
                known.of
            ))),
            (None, false) => Err(Fault::invalid(format!(
                "Field \"{name}\" must not have a selection since type \"{}\" has no subfields.",
                known.of
            ))),
            _ => {
                field.of = self.fields(inner, inside, &[], depth + 1)?;
                Ok(field)
            }
        }
    }

    /// Whether a variable may stand where this type is wanted: what may be left out may not stand for what
    /// may not.
    fn may_stand(&self, variable: &str, wanted: Type, has_default: bool) -> Result<(), Fault> {
        let declared = self
            .declared
            .get(variable)
            .ok_or_else(|| Fault::invalid(format!("Variable \"${variable}\" is not defined.")))?;
        let has_own = self.operation.variables.iter();
        let has_own = has_own
            .filter(|own| own.name == variable)
            .any(|own| own.default.is_some());
        let wanted = match wanted {
            Type::Needed(inner) if has_default || has_own => *inner,
            other => other,
        };
        if is_at_least(declared, &wanted) {
            return Ok(());
        }
        Err(Fault::invalid(format!(
            "Variable \"${variable}\" of type \"{declared}\" used in position expecting type \"{wanted}\"."
        )))
    }

    /// The value of what stands in a document; `None` for a variable that has none.
    fn value(&self, given: &Given, of: &Type) -> Result<Option<Value>, Fault> {
        let inner = match of {
            Type::Needed(inner) | Type::List(inner) => inner,
            Type::Named(_) => of,
        };
        Ok(Some(match given {
            Given::Variable(name) => {
                if !self.declared.contains_key(name.as_str()) {
                    return Err(Fault::invalid(format!(
                        "Variable \"${name}\" is not defined."
                    )));
                }
                return Ok(self.values.get(name).cloned());
            }
            Given::Word(word) => Value::String(word.clone()),
            Given::Plain(value) => value.clone(),
            Given::List(list) => {
                let mut found = Vec::new();
                for one in list {
                    found.extend(self.value(one, inner)?);
                }
                Value::Array(found)
            }
            Given::Object(members) => {
                let mut found = Map::new();
                for (name, one) in members {
                    let member = self.schema.field(of.name(), name);
                    let of = member.map_or(of, |member| &member.of);
                    let value = self.value(one, of)?;
                    found.extend(value.map(|value| (name.clone(), value)));
                }
                Value::Object(found)
            }
        }))
    }

    /// Whether a value is of a type.
    fn fits(&self, value: &Value, of: &Type, what: &str) -> Result<(), Fault> {
        let wrong = || {
            Err(Fault::invalid(format!(
                "{what} got invalid value {value}; expected type \"{of}\"."
            )))
        };
        match (of, value) {
            (Type::Needed(_), Value::Null) => wrong(),
            (_, Value::Null) => Ok(()),
            (Type::Needed(inner), _) => self.fits(value, inner, what),
            (Type::List(inner), Value::Array(list)) => {
                list.iter().try_for_each(|one| self.fits(one, inner, what))
            }
            // One value counts as a list of it.
            (Type::List(inner), one) => self.fits(one, inner, what),
            (Type::Named(name), _) => {
                if let Some(members) = self.schema.members(name) {
                    let Value::Object(given) = value else {
                        return wrong();
                    };
                    for (name, member) in members {
                        let value = given.get(name).unwrap_or(&Value::Null);
                        self.fits(value, &member.of, &format!("{what}, member \"{name}\""))?;
                    }
                    return if given.keys().all(|name| members.contains_key(name)) {
                        Ok(())
                    } else {
                        wrong()
                    };
                }
                let fits = match name.as_str() {
                    "Int" => value.is_i64() || value.is_u64(),
                    "Float" => value.is_number(),
                    "Boolean" => value.is_boolean(),
                    "ID" => value.is_string() || value.is_i64() || value.is_u64(),
                    "JSON" => true,
                    _ => value.is_string(),
                };
                if fits { Ok(()) } else { wrong() }
            }
        }
    }

    /// Whether `@include` and `@skip` let a selection stand.
    fn is_wanted(&self, directives: &[Directive]) -> Result<bool, Fault> {
        let flag = Type::Needed(Box::new(Type::Named("Boolean".to_owned())));
        for (name, args) in directives {
            let given = args.iter().find(|(arg, _)| arg == "if");
            let value = match given {
                Some((_, value)) => self.value(value, &flag)?,
                None => None,
            };
            let Some(Value::Bool(value)) = value else {
                return Err(Fault::invalid(format!(
                    "Directive \"@{name}\" argument \"if\" is required."
                )));
            };
            match name.as_str() {
                "include" if !value => return Ok(false),
                "skip" if value => return Ok(false),
                "include" | "skip" => {}
                _ => return Err(Fault::invalid(format!("Unknown directive \"@{name}\"."))),
            }
        }
        Ok(true)
    }
}

/// Whether whatever is of one type is of the other.
fn is_at_least(given: &Type, wanted: &Type) -> bool {
    match (given, wanted) {
        (Type::Needed(given), Type::Needed(wanted)) | (Type::List(given), Type::List(wanted)) => {
            is_at_least(given, wanted)
        }
        (Type::Needed(given), wanted) => is_at_least(given, wanted),
        (given, Type::List(wanted)) => is_at_least(given, wanted),
        (Type::Named(given), Type::Named(wanted)) => given == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::monday::{SCHEMA, graphql::parse};

    fn asked(text: &str, variables: &Value) -> Result<Vec<Field>, Fault> {
        let schema = Schema::read(SCHEMA)?;
        let none = Map::new();
        checked(
            &schema,
            &parse(text, None)?,
            variables.as_object().unwrap_or(&none),
        )
    }

    #[test]
    fn documents_are_held_against_the_schema() {
        for (text, variables, wrong) in [
            ("{ me { id name } }", json!({}), ""),
            ("{ me }", json!({}), "must have a selection"),
            (
                "{ me { id { x } } }",
                json!({}),
                "must not have a selection",
            ),
            ("{ me { password } }", json!({}), "Cannot query field"),
            ("{ boards(idz: 1) { id } }", json!({}), "Unknown argument"),
            ("{ timeline_item { id } }", json!({}), "is required"),
            (
                "query($i: ID!) { timeline_item(id: $i) { id } }",
                json!({}),
                "was not provided",
            ),
            (
                "query($i: ID!) { timeline_item(id: $i) { id } }",
                json!({ "i": 5 }),
                "",
            ),
            (
                "query($i: ID) { timeline_item(id: $i) { id } }",
                json!({ "i": 5 }),
                "used in position",
            ),
            (
                "query($i: String!) { timeline_item(id: $i) { id } }",
                json!({ "i": "5" }),
                "used in position",
            ),
            (
                "query($i: Int!) { boards(limit: $i) { id } }",
                json!({ "i": "5" }),
                "invalid value",
            ),
            (
                "{ timeline_item(id: $i) { id } }",
                json!({ "i": 5 }),
                "is not defined",
            ),
            (
                "{ items_page_by_column_values(board_id: 1, columns: [{column_id: \"a\"}]) { cursor } }",
                json!({}),
                "invalid value",
            ),
            (
                "{ items_page_by_column_values(board_id: 1, columns: {column_id: \"a\", column_values: [\"b\"]}) { cursor } }",
                json!({}),
                "",
            ),
            (
                "{ items(ids: 1) { column_values { ... on EmailValue { email } ...on Nothing { id } } } }",
                json!({}),
                "Unknown type",
            ),
            ("{ a: me { id } a: account { id } }", json!({}), "conflict"),
            (
                "mutation { create_item(board_id: 1) { id } }",
                json!({}),
                "is required",
            ),
        ] {
            let found = asked(text, &variables);
            match found {
                Ok(_) => assert_eq!(wrong, "", "{text}"),
                Err(fault) => assert!(
                    !wrong.is_empty() && fault.message.contains(wrong),
                    "{text}: {fault:?}"
                ),
            }
        }
    }
}
