//! The part of the schema that the fake has, against the vendor's whole.

use std::collections::BTreeMap;
use std::path::PathBuf;

use graphql_parser::schema::{Definition, Field, InputValue, TypeDefinition, parse_schema};

const OURS: &str = include_str!("../../../src/monday/schema.graphql");

/// Each type with its fields, and each input with its members, as texts.
fn told(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let document = parse_schema::<String>(text).unwrap();
    let arg = |arg: &InputValue<'_, String>| format!("{}:{}", arg.name, arg.value_type);
    let fields = |fields: &[Field<'_, String>]| -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for field in fields {
            found.insert(field.name.clone(), field.field_type.to_string());
            for one in &field.arguments {
                found.insert(format!("{}({})", field.name, arg(one)), String::new());
                let needed =
                    one.value_type.to_string().ends_with('!') && one.default_value.is_none();
                if needed {
                    found.insert(format!("{} needs {}", field.name, one.name), String::new());
                }
            }
        }
        found
    };
    let types = document.definitions.iter().filter_map(|one| match one {
        Definition::TypeDefinition(TypeDefinition::Object(one)) => {
            Some((one.name.clone(), fields(&one.fields)))
        }
        Definition::TypeDefinition(TypeDefinition::Interface(one)) => {
            Some((one.name.clone(), fields(&one.fields)))
        }
        Definition::TypeDefinition(TypeDefinition::InputObject(one)) => {
            let members = one.fields.iter().map(|member| (arg(member), String::new()));
            Some((one.name.clone(), members.collect()))
        }
        _ => None,
    });
    types.collect()
}

#[test]
fn whatever_the_fake_has_is_the_vendors() {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/crm/specs");
    let folder = std::env::var_os("CRM_SPECS").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("monday-schema-2026-10.graphql")) else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "no specifications"
        );
        eprintln!("SKIPPED monday::spec: CRM_SPECS not found");
        return;
    };
    let (ours, theirs) = (told(OURS), told(&text));
    assert!(ours.len() > 20);
    for (name, fields) in &ours {
        let known = theirs
            .get(name)
            .unwrap_or_else(|| panic!("they have no {name}"));
        for (field, of) in fields {
            assert_eq!(known.get(field), Some(of), "{name}.{field}");
        }
        // What they need, ours needs.
        for (field, _) in known.iter().filter(|(field, _)| field.contains(" needs ")) {
            let of = field.split(' ').next().unwrap();
            assert!(
                !fields.contains_key(of) || fields.contains_key(field),
                "{name}.{field}"
            );
        }
    }
}
