//! The fields of a record as a CRM takes them, where records are not read before they are written.

use hub_domain::{Verdict, Write, mapping::Overwrite, plan::PlannedField};
use serde_json::{Map, Value};

/// What is wrong with a value of another form.
pub(crate) const UNFIT: &str = "has a value that it cannot hold";

/// What is written of a record's fields. `ours` says why a field cannot be mapped, if it cannot; `value` gives a
/// value as the CRM takes it, `None` for nothing.
///
/// # Errors
/// A mapping that cannot be carried out, with what is wrong with the field.
pub(crate) fn mapped(
    write: &Write,
    ours: impl Fn(&str) -> Option<&'static str>,
    value: impl Fn(&str, &PlannedField) -> Result<Option<Value>, &'static str>,
) -> Result<Map<String, Value>, Verdict> {
    let mut record = Map::new();
    for (name, field) in &write.fields {
        let fault = |why: &str| unfit(write, name, why);
        if let Some(why) = ours(name) {
            return Err(fault(why));
        }
        if is_left(field.overwrite, write).map_err(fault)? {
            continue;
        }
        if let Some(value) = value(name, field).map_err(fault)? {
            record.insert(name.clone(), value);
        }
    }
    Ok(record)
}

/// The verdict on a field that cannot be written so.
pub(crate) fn unfit(write: &Write, field: &str, why: &str) -> Verdict {
    Verdict::Misconfigured {
        reason: format!("the field {field} of {} {why}", write.object),
    }
}

/// Whether a field is left as it is.
///
/// # Errors
/// What is wrong with a policy that cannot be carried out.
pub(crate) fn is_left(overwrite: Overwrite, write: &Write) -> Result<bool, &'static str> {
    match overwrite {
        Overwrite::IfEmpty | Overwrite::Append | Overwrite::OnlyOurs => Err(
            "can only be overwritten always, or written on create: this CRM's records are not read before they are written",
        ),
        Overwrite::OnCreate => Ok(write.id.is_some()),
        Overwrite::Always => Ok(false),
    }
}
