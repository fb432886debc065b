//! The fields of each type, as the field endpoints show them, and the values of the custom ones.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::errors::{Outcome, Refusal};
use super::kinds::{Kind, Shape};
use super::times;
use crate::oauth::Noise;

/// The types of custom fields.
const TYPES: [&str; 16] = [
    "varchar",
    "text",
    "double",
    "phone",
    "date",
    "daterange",
    "time",
    "timerange",
    "set",
    "enum",
    "varchar_auto",
    "address",
    "monetary",
    "org",
    "people",
    "user",
];

/// Custom fields by type of record; those that come with the product follow from the members.
#[derive(Debug)]
pub(super) struct Fields {
    custom: BTreeMap<Kind, Vec<Field>>,
    noise: Noise,
    made: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) of: String,
    options: Vec<(u64, String)>,
}

impl Fields {
    pub(super) fn new(noise: &Noise) -> Self {
        Self {
            custom: BTreeMap::new(),
            // The codes are hashes, and other in every account.
            noise: Noise::new(noise.number("fields", 1 << 40)),
            made: 0,
        }
    }

    pub(super) fn of(&self, kind: Kind) -> &[Field] {
        self.custom.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// A custom field of a record that has none of them set.
    pub(super) fn empty(&self, kind: Kind) -> Value {
        let fields = self.of(kind).iter();
        Value::Object(fields.map(|f| (f.code.clone(), Value::Null)).collect())
    }

    /// Every field of a type, as the endpoint shows them.
    pub(super) fn shown(&self, kind: Kind, visibility: bool) -> Vec<Value> {
        let own = kind
            .members()
            .iter()
            .filter(|(name, _)| *name != "custom_fields");
        let own = own.map(|(name, shape)| {
            let (of, subfields) = described(kind, name, *shape);
            let words = name.replace('_', " ");
            let mut label = words.trim_end_matches(" id").to_owned();
            if let Some(head) = label.get_mut(..1) {
                head.make_ascii_uppercase();
            }
            json!({ "field_name": label, "field_code": name, "description": null, "field_type": of, "options": null,
                "subfields": subfields, "is_custom_field": false, "is_optional_response_field": *name == "attendees" })
        });
        let custom = self.of(kind).iter().map(Field::shown);
        let mut all: Vec<Value> = own.chain(custom).collect();
        for field in all.iter_mut().filter(|_| visibility) {
            if let Some(field) = field.as_object_mut() {
                let flags = json!({ "add_visible_flag": true, "details_visible_flag": true });
                field.insert("ui_visibility".to_owned(), flags);
            }
        }
        all
    }

    /// Makes a custom field.
    pub(super) fn create(&mut self, kind: Kind, body: &Map<String, Value>) -> Outcome<Value> {
        let text = |name: &str| {
            let text = body.get(name).and_then(Value::as_str);
            let text = text.filter(|text| !text.is_empty() && text.chars().count() <= 255);
            text.ok_or_else(|| Refusal::invalid(name, "This field is missing."))
        };
        let (name, of) = (text("field_name")?, text("field_type")?);
        if !TYPES.contains(&of) {
            let why = "The value you selected is not a valid choice.";
            return Err(Refusal::invalid("field_type", why));
        }
        let labels = body.get("options").and_then(Value::as_array);
        let labels = labels.into_iter().flatten();
        let labels = labels.filter_map(|option| option.get("label")?.as_str());
        let options: Vec<(u64, String)> = (1..).zip(labels.map(str::to_owned)).collect();
        if matches!(of, "enum" | "set") && options.is_empty() {
            return Err(Refusal::invalid("options", "This field is missing."));
        }
        self.made += 1;
        let field = Field {
            code: self.noise.hex(&format!("field/{}", self.made), 40),
            name: name.to_owned(),
            of: of.to_owned(),
            options,
        };
        let shown = field.shown();
        self.custom.entry(kind).or_default().push(field);
        Ok(shown)
    }

    /// Deletes a custom field, or renames it.
    pub(super) fn change(&mut self, kind: Kind, code: &str, name: Option<&str>) -> Outcome<Value> {
        let fields = self.custom.entry(kind).or_default();
        let place = fields.iter().position(|field| field.code == code);
        let Some(place) = place else {
            return Err(Refusal::not_found("Field"));
        };
        let field = match (name, fields.get_mut(place)) {
            (Some(name), Some(field)) => {
                name.clone_into(&mut field.name);
                field.clone()
            }
            _ => fields.remove(place),
        };
        Ok(field.shown())
    }

    /// The values of a body's `custom_fields`.
    pub(super) fn custom(&self, kind: Kind, value: &Value) -> Outcome<Value> {
        let values = value.as_object();
        let values = values
            .ok_or_else(|| Refusal::invalid("custom_fields", "This value should be an object."))?;
        for (code, value) in values {
            let name = format!("custom_fields.{code}");
            let field = self.of(kind).iter().find(|field| field.code == *code);
            let field =
                field.ok_or_else(|| Refusal::invalid(&name, "This field was not expected."))?;
            if !(value.is_null() || field.takes(value)) {
                let why = format!("This value does not fit the type {}.", field.of);
                return Err(Refusal::invalid(&name, &why));
            }
        }
        Ok(value.clone())
    }
}

impl Field {
    fn shown(&self) -> Value {
        let options: Vec<Value> = self
            .options
            .iter()
            .map(|(id, label)| json!({ "id": id, "label": label, "color": null }))
            .collect();
        let options = (!options.is_empty()).then_some(options);
        json!({ "field_name": self.name, "field_code": self.code, "description": null, "field_type": self.of,
            "options": options, "subfields": subfields(&self.of), "is_custom_field": true,
            "is_optional_response_field": false })
    }

    fn takes(&self, value: &Value) -> bool {
        let text = |most: usize| value.as_str().is_some_and(|t| t.chars().count() <= most);
        let is_option = |value: &Value| {
            let id = value.as_u64();
            self.options.iter().any(|(known, _)| Some(*known) == id)
        };
        match self.of.as_str() {
            "varchar" | "varchar_auto" | "phone" => text(255),
            "text" => text(65_535),
            "double" => value.is_number(),
            "date" => value.as_str().is_some_and(times::is_date),
            "enum" => is_option(value),
            // An empty list is refused: null clears.
            "set" => value
                .as_array()
                .is_some_and(|all| !all.is_empty() && all.iter().all(is_option)),
            "monetary" => {
                value.get("value").is_some_and(Value::is_number)
                    && value.get("currency").is_some_and(Value::is_string)
            }
            "user" | "org" | "people" => value.is_u64(),
            _ => value.is_object(),
        }
    }
}

fn subfields(of: &str) -> Value {
    let part = |code: &str, name: &str, of: &str| json!({ "field_code": code, "field_name": name, "field_type": of });
    match of {
        "monetary" => json!([
            part("value", "Value", "double"),
            part("currency", "Currency", "varchar")
        ]),
        "address" => json!([
            part("value", "Address", "varchar"),
            part("locality", "City", "varchar"),
            part("country", "Country", "varchar")
        ]),
        _ => Value::Null,
    }
}

/// The type of a field that comes with the product.
fn described(kind: Kind, name: &str, shape: Shape) -> (&'static str, Value) {
    let of = match shape {
        Shape::Channels if name == "phones" => "phone",
        Shape::Name | Shape::Text(_) | Shape::Synced | Shape::Channels => "varchar",
        Shape::Html => "text",
        Shape::Flag => "boolean",
        Shape::Whole => "int",
        Shape::Number if kind == Kind::Deal && name == "value" => "monetary",
        Shape::Number => "double",
        Shape::Date | Shape::Moment => "date",
        Shape::Time | Shape::Duration => "time",
        Shape::User => "user",
        Shape::Of(Kind::Deal) => "deal",
        Shape::Of(Kind::Person) | Shape::Participants | Shape::PrimaryPerson => "people",
        Shape::Of(Kind::Stage | Kind::Pipeline) => "stage",
        Shape::Of(_) => "org",
        Shape::ActivityType | Shape::Currency => "enum",
        Shape::Nowhere if name == "lead_id" => "lead",
        Shape::Nowhere => "project",
        Shape::Address => "address",
        Shape::Attendees | Shape::Custom => "json",
        Shape::Numbers => "set",
        Shape::Visible => "visible_to",
        Shape::Status => "status",
    };
    (of, subfields(of))
}
