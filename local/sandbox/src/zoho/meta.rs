//! What the org says of its modules and fields.

use serde_json::{Value, json};

use super::modules::{Field, Kind, MODULES, Module};
use super::org::Org;
use super::refusal::{Outcome, Refusal};

/// The list of all modules.
pub(super) fn modules() -> Value {
    let shown = (1_u64..).zip(MODULES).map(|(number, module)| {
        json!({ "id": format!("5545974000000{:06}", number * 1_000), "api_name": module.name, "module_name": module.name,
            "singular_label": module.singular, "plural_label": format!("{}s", module.singular),
            "generated_type": "default", "api_supported": true, "creatable": true, "editable": true,
            "deletable": true, "viewable": true, "visibility": 1, "status": "visible" })
    });
    json!({ "modules": shown.collect::<Vec<Value>>() })
}

/// The fields of a module.
pub(super) fn fields(org: &Org, module: &Module) -> Value {
    let all = module.fields(&org.settings);
    let shown: Vec<Value> = (1..)
        .zip(&all)
        .map(|(number, f)| field(number, f))
        .collect();
    json!({ "fields": shown })
}

/// One field, by its name or id.
pub(super) fn one(org: &Org, module: &Module, wanted: &str) -> Outcome<Option<Value>> {
    let Value::Object(mut all) = fields(org, module) else {
        return Err(Refusal::no_url());
    };
    let all = all.get_mut("fields").and_then(Value::as_array_mut);
    let found = all.into_iter().flatten().find(|field| {
        let is = |member: &str| field.get(member).and_then(Value::as_str) == Some(wanted);
        is("api_name") || is("id")
    });
    Ok(found.map(|field| json!({ "fields": [field.take()] })))
}

fn field(number: u64, field: &Field) -> Value {
    let (data, json_type, length) = field.kind.types();
    let (data, json_type) = match (field.name, field.kind) {
        ("id", _) => ("bigint", "string"),
        ("Created_By" | "Modified_By", _) => ("ownerlookup", "jsonobject"),
        ("Created_Time" | "Modified_Time" | "Closed_Time", _) => ("datetime", "string"),
        ("Call_Duration_in_seconds", _) => ("integer", "integer"),
        _ => (data, json_type),
    };
    let writes = field.kind != Kind::Noted;
    let label = field.name.replace('_', " ");
    let options: Vec<Value> = match field.kind {
        Kind::Pick(options) => (1..)
            .zip(options)
            .map(|(place, option): (u64, _)| {
                json!({ "id": format!("554597400000{:03}{place:03}", number), "display_value": option,
                    "actual_value": option, "reference_value": option, "sequence_number": place, "type": "used" })
            })
            .collect(),
        _ => Vec::new(),
    };
    let lookup = match field.kind {
        Kind::Of(module) => json!({ "module": { "api_name": module } }),
        Kind::Related => json!({ "module": { "api_name": "se_module" } }),
        _ => json!({}),
    };
    let unique = if field.unique {
        json!({ "casesensitive": false })
    } else {
        json!({})
    };
    let external = field
        .external
        .then(|| json!({ "type": "org", "show": true }));
    json!({
        "id": format!("5545974000000{:06}", number + 500), "api_name": field.name, "field_label": label,
        "display_label": label, "data_type": data, "json_type": json_type, "length": length,
        "custom_field": field.custom, "system_mandatory": field.mandatory, "read_only": !writes,
        "field_read_only": !writes, "visible": true, "unique": unique, "external": external,
        "pick_list_values": options, "lookup": lookup, "multiselectlookup": {}, "formula": {}, "currency": {},
        "auto_number": {}, "decimal_place": if data == "currency" { json!(2) } else { Value::Null },
        "operation_type": { "web_view": true, "web_update": writes, "web_create": writes,
            "api_create": writes, "api_update": writes },
        "virtual_field": false, "searchable": true, "sortable": true, "filterable": true,
    })
}
