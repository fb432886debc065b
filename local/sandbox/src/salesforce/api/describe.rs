//! What the org's objects and fields are, as this user sees them.

use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::errors::Outcome;
use super::super::schema::{CHILDREN, Field, Object, Type};
use super::super::times;
use super::{Api, Call};

impl Api {
    pub(super) fn describe_global(&self, version: u32) -> Answer {
        let visible = self
            .org
            .schema
            .objects
            .iter()
            .filter(|object| self.org.object(&object.name).is_ok());
        let objects: Vec<Value> = visible.map(|object| summary(object, version)).collect();
        Answer::json(
            200,
            json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects }),
        )
    }

    /// `GET /sobjects/{Type}`: the summary and what was used last.
    pub(super) fn basic(&self, object: &Object, version: u32) -> Answer {
        let recent = self.written_last(&[&object.name], 200, version);
        Answer::json(
            200,
            json!({ "objectDescribe": summary(object, version), "recentItems": recent }),
        )
    }

    pub(super) fn describe(&self, call: &Call, name: &str) -> Outcome<Answer> {
        let object = self.org.object(name)?;
        // The schema never changes on its own, so any earlier answer is still good unless a field
        // was added since.
        let since = call.header("if-modified-since").and_then(times::http_date);
        if since.is_some_and(|since| since.as_second() >= self.org.schema_changed.as_second()) {
            return Ok(Answer::empty(304));
        }
        let mut body = summary(object, call.version);
        let plain = object
            .fields
            .iter()
            .filter(|field| field.is != Type::JunctionIdList && self.org.sees(field));
        let fields: Vec<Value> = plain.map(describe_field).collect();
        if let Some(body) = body.as_object_mut() {
            body.insert("fields".to_owned(), json!(fields));
            body.insert(
                "childRelationships".to_owned(),
                json!(self.children(object)),
            );
            body.insert("recordTypeInfos".to_owned(), json!([{ "active": true, "available": true,
                "defaultRecordTypeMapping": true, "developerName": "Master", "master": true, "name": "Master",
                "recordTypeId": "012000000000000AAA" }]));
        }
        let modified = self
            .org
            .schema_changed
            .strftime("%a, %d %b %Y %H:%M:%S GMT")
            .to_string();
        Ok(Answer::json(200, body).with_header("Last-Modified", modified))
    }

    /// The junction id lists are not among the fields: they hang on a child relationship.
    fn children(&self, object: &Object) -> Vec<Value> {
        let relation = |child: &str, field: &str, name: &str, lists: &[&str], targets: &[&str]| {
            json!({ "cascadeDelete": child.ends_with("Relation"), "childSObject": child, "deprecatedAndHidden": false,
                "field": field, "junctionIdListNames": lists, "junctionReferenceTo": targets,
                "relationshipName": name, "restrictedDelete": false })
        };
        let ours = CHILDREN.iter().filter(|(parent, _, child, _)| {
            *parent == object.name && self.org.object(child).is_ok()
        });
        let mut children: Vec<Value> = ours
            .map(|(_, name, child, field)| relation(child, field, name, &[], &[]))
            .collect();
        if let Some(list) = object
            .fields
            .iter()
            .find(|f| f.is == Type::JunctionIdList && self.org.sees(f))
        {
            let (name, key) = (&object.name, format!("{}Id", object.name));
            let child = format!("{name}WhoRelation");
            children.push(relation(
                &child,
                &key,
                &format!("{child}s"),
                &[&list.name],
                &["Contact", "Lead"],
            ));
        }
        children
    }
}

fn summary(object: &Object, version: u32) -> Value {
    let base = format!("/services/data/v{version}.0/sobjects/{}", object.name);
    let creatable = object.fields.iter().any(Field::createable);
    let updatable = object.fields.iter().any(Field::updateable);
    let prefix = Some(&object.prefix).filter(|_| !object.name.ends_with("Relation"));
    json!({
        "name": object.name,
        "label": object.label,
        "labelPlural": object.plural,
        "keyPrefix": prefix,
        "custom": false,
        "customSetting": false,
        "createable": creatable,
        "updateable": updatable,
        "deletable": !matches!(object.name.as_str(), "User" | "Organization"),
        "undeletable": object.name != "User",
        "queryable": true,
        "retrieveable": true,
        "searchable": matches!(object.name.as_str(), "Account" | "Contact" | "Lead" | "Opportunity" | "Case"),
        "replicateable": true,
        "layoutable": true,
        "mergeable": matches!(object.name.as_str(), "Account" | "Contact" | "Lead"),
        "activateable": false,
        "deprecatedAndHidden": false,
        "feedEnabled": false,
        "triggerable": true,
        "hasSubtypes": false,
        "isSubtype": false,
        "isInterface": false,
        "urls": {
            "sobject": base,
            "describe": format!("{base}/describe"),
            "rowTemplate": format!("{base}/{{ID}}"),
        },
    })
}

fn describe_field(field: &Field) -> Value {
    let (kind, soap) = field.is.names();
    let picklist: Vec<Value> = field
        .values
        .iter()
        .map(|value| {
            json!({ "active": true, "defaultValue": field.default.as_ref() == Some(value), "label": value,
                "validFor": null, "value": value })
        })
        .collect();
    let name_field = matches!(field.name.as_str(), "Name" | "Subject" | "CaseNumber");
    let default = match (&field.default, field.is) {
        (Some(default), _) => json!(default),
        (None, Type::Boolean) => json!(false),
        _ => Value::Null,
    };
    let mut out = Map::new();
    let mut set = |name: &str, value: Value| out.insert(name.to_owned(), value);
    set("name", json!(field.name));
    set("label", json!(field.label));
    set("type", json!(kind));
    set("soapType", json!(soap));
    set("length", json!(field.length));
    set("byteLength", json!(field.length * 3));
    set("precision", json!(field.precision));
    set("scale", json!(field.scale));
    set("digits", json!(field.digits));
    set("nillable", json!(field.nillable()));
    set("createable", json!(field.createable()));
    set("updateable", json!(field.updateable()));
    set("filterable", json!(field.filterable()));
    set("sortable", json!(field.sortable()));
    set("groupable", json!(field.filterable()));
    set("aggregatable", json!(field.filterable()));
    set("defaultedOnCreate", json!(field.defaulted()));
    set("defaultValue", default);
    set("defaultValueFormula", Value::Null);
    set("custom", json!(field.custom()));
    set("externalId", json!(field.external_id()));
    set("unique", json!(field.unique()));
    set("caseSensitive", json!(field.case_sensitive()));
    set("idLookup", json!(field.id_lookup()));
    set("nameField", json!(name_field));
    set("namePointing", json!(field.to.len() > 1));
    set("polymorphicForeignKey", json!(field.to.len() > 1));
    set("picklistValues", json!(picklist));
    set("restrictedPicklist", json!(field.restricted()));
    set("dependentPicklist", json!(false));
    set("controllerName", Value::Null);
    set("referenceTo", json!(field.to));
    set("relationshipName", json!(field.via));
    set("relationshipOrder", Value::Null);
    set("referenceTargetField", Value::Null);
    set("calculated", json!(false));
    set("calculatedFormula", Value::Null);
    set("autoNumber", json!(false));
    set("compoundFieldName", Value::Null);
    set("inlineHelpText", Value::Null);
    set("htmlFormatted", json!(false));
    set("encrypted", json!(false));
    set("permissionable", json!(field.custom()));
    set("deprecatedAndHidden", json!(false));
    set("restrictedDelete", json!(false));
    set("cascadeDelete", json!(false));
    Value::Object(out)
}
