//! The field endpoints.

use serde_json::{Value, json};

use super::super::company::Company;
use super::super::errors::{Outcome, Refusal, success};
use super::super::kinds::Kind;
use super::{Call, Route, paged};
use crate::oauth::{Answer, get, words};

pub(super) fn answer(company: &mut Company, call: &Call) -> Outcome<Answer> {
    let included = words(get(&call.query, "include_fields"), &[',']);
    let visibility = included.iter().any(|name| name == "ui_visibility");
    match &call.route {
        Route::Fields(kind) => {
            let all = company.fields.shown(*kind, visibility);
            paged(&call.query, all, Value::Array)
        }
        Route::Field(kind, code) => {
            let all = company.fields.shown(*kind, visibility);
            let mut all = all.into_iter();
            let field = all.find(|field| field.get("field_code") == Some(&json!(code)));
            field
                .map(success)
                .ok_or_else(|| Refusal::not_found("Field"))
        }
        Route::CreateField(kind) => {
            let made = company.fields.create(*kind, &call.body)?;
            Ok(success(made))
        }
        Route::RenameField(kind, code) => {
            let name = call.body.get("field_name").and_then(Value::as_str);
            let name = name.filter(|name| !name.is_empty());
            let name =
                name.ok_or_else(|| Refusal::invalid("field_name", "This field is missing."))?;
            change(company, *kind, code, Some(name))
        }
        Route::DeleteField(kind, code) => change(company, *kind, code, None),
        _ => Err(Refusal::not_found("Field")),
    }
}

fn change(company: &mut Company, kind: Kind, code: &str, name: Option<&str>) -> Outcome<Answer> {
    company.fields.change(kind, code, name).map(success)
}
