//! `/$ref`: relating records, and the opposite.

use serde_json::Value;

use crate::dynamics365::api::{Call, done, refuse_method};
use crate::dynamics365::environment::Environment;
use crate::dynamics365::refusal::{Outcome, Refusal};
use crate::dynamics365::schema::Table;
use crate::dynamics365::values::guid;
use crate::oauth::Answer;

pub(super) fn respond(
    env: &mut Environment,
    call: &Call<'_>,
    table: &Table,
    id: &str,
    navigation: &str,
) -> Outcome<Answer> {
    // A collection's member may stand in its parentheses: `contact_customer_accounts(guid)/$ref`.
    let (navigation, member) = match navigation.split_once('(') {
        Some((name, rest)) => (name, guid(rest.trim_end_matches(')'))),
        None => (navigation, None),
    };
    let named = |env: &Environment| -> Outcome<(String, String)> {
        let body = call.body(&table.set)?;
        let uri = body
            .get("@odata.id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        env.record_at(uri)
    };
    if let Some((column, targets)) = table.navigation(navigation) {
        let column = column.name.clone();
        return match call.method {
            "PUT" => {
                let (to, other) = named(env)?;
                if !targets.contains(&to.as_str()) {
                    return Err(Refusal::query(format!(
                        "'{navigation}' cannot refer to '{to}'."
                    )));
                }
                env.refer(table, id, &column, Some((to, other)))?;
                Ok(done())
            }
            "DELETE" => {
                env.refer(table, id, &column, None)?;
                Ok(done())
            }
            _ => refuse_method(call),
        };
    }
    let (target, column) = env
        .schema
        .collection(table, navigation)
        .map(|(target, column)| (target.clone(), column))
        .ok_or_else(|| Refusal::no_property(navigation, &table.name))?;
    match call.method {
        "POST" => {
            let (to, other) = named(env)?;
            if to != target.name {
                return Err(Refusal::query(format!(
                    "'{navigation}' does not take '{to}'."
                )));
            }
            env.refer(
                &target,
                &other,
                &column,
                Some((table.name.clone(), id.to_owned())),
            )?;
            Ok(done())
        }
        "DELETE" => {
            let asked = call.options.iter().find(|(name, _)| name == "$id");
            let other = match (member, asked) {
                (Some(member), _) => member,
                (None, Some((_, uri))) => env.record_at(uri)?.1,
                (None, None) => return refuse_method(call),
            };
            env.refer(&target, &other, &column, None)?;
            Ok(done())
        }
        _ => refuse_method(call),
    }
}
