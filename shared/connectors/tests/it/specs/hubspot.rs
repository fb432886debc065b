//! HubSpot: the OpenAPI files of version 2026-09, and the types of relations its client library knows.

use std::path::Path;

use hub_connectors::{Connector, Operation};
use hub_domain::{
    matching::{Candidate, Match},
    plan,
};
use serde_json::Value;

use super::{folder, session};
use crate::fixture::{Fixture, connection, connector};

const CRM: &str = "hubspot";

/// An OpenAPI file.
struct Spec(Value);

impl Spec {
    fn read(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("hubspot-{name}.json"));
        let text =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_slice(&text).unwrap())
    }

    /// The operation of a path; `{objectType}` stands for any object.
    fn operation(&self, method: &str, path: &str) -> &Value {
        let steps: Vec<&str> = path.split('/').collect();
        let fits = |known: &str| {
            let known: Vec<&str> = known.split('/').collect();
            known.len() == steps.len()
                && known
                    .iter()
                    .zip(&steps)
                    .all(|(a, b)| a == b || a.starts_with('{'))
        };
        let paths = self.0["paths"].as_object().unwrap();
        let (_, found) = paths
            .iter()
            .find(|(known, _)| fits(known))
            .unwrap_or_else(|| panic!("{path} is not in the specification"));
        &found[method.to_lowercase()]
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => self
                .0
                .pointer(name.trim_start_matches('#'))
                .unwrap_or_else(|| panic!("{name} is missing")),
            None => schema,
        }
    }

    /// Fails where a value is not as its schema says, or has what the schema does not know.
    fn check(&self, schema: &Value, value: &Value, at: &str) {
        let schema = self.resolve(schema);
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        if let Some(options) = schema["enum"].as_array() {
            assert!(
                options.contains(value),
                "{at}: {value} is none of {options:?}"
            );
        }
        match schema["type"].as_str() {
            Some("object") => {
                let fields = value
                    .as_object()
                    .unwrap_or_else(|| panic!("{at} is no object: {value}"));
                for name in schema["required"].as_array().into_iter().flatten() {
                    assert!(
                        fields.contains_key(name.as_str().unwrap()),
                        "{at} has no {name}"
                    );
                }
                for (name, value) in fields {
                    let known = &schema["properties"][name];
                    let others = &schema["additionalProperties"];
                    assert!(
                        known.is_object() || others.is_object(),
                        "{at}: nothing is known of {name}"
                    );
                    let schema = if known.is_object() { known } else { others };
                    self.check(schema, value, &format!("{at}/{name}"));
                }
            }
            Some("array") => {
                let items = value
                    .as_array()
                    .unwrap_or_else(|| panic!("{at} is no list: {value}"));
                for (index, item) in items.iter().enumerate() {
                    self.check(&schema["items"], item, &format!("{at}/{index}"));
                }
            }
            Some("string") => {
                assert!(value.is_string(), "{at} is no text: {value}");
                if schema["format"] == "date-time" {
                    let time = value.as_str().unwrap().parse::<jiff::Timestamp>();
                    assert!(time.is_ok(), "{at} is no time: {value}");
                }
            }
            Some("integer") => assert!(value.is_i64(), "{at} is no number: {value}"),
            Some("boolean") => assert!(value.is_boolean(), "{at} is no flag: {value}"),
            other => panic!("{at}: nothing is known of the type {other:?}"),
        }
    }
}

struct Specs {
    objects: Spec,
    contacts: Spec,
    meetings: Spec,
    properties: Spec,
}

impl Specs {
    fn read(folder: &Path) -> Self {
        Self {
            objects: Spec::read(folder, "crm-objects-2026-09"),
            contacts: Spec::read(folder, "contacts-2026-09"),
            meetings: Spec::read(folder, "meetings-2026-09"),
            properties: Spec::read(folder, "properties-2026-09"),
        }
    }

    /// The file that is about a path.
    fn of(&self, path: &str) -> &Spec {
        match path.split('/').nth(4) {
            _ if path.starts_with("/crm/properties/") => &self.properties,
            Some("contacts") => &self.contacts,
            Some("meetings") => &self.meetings,
            _ => &self.objects,
        }
    }
}

/// The path of a request, checked: its path, its body, and that our scopes allow it.
fn check(specs: &Specs, connector: &dyn Connector, operation: &Operation) -> (String, Value) {
    let request = connector.request(operation, &connection(CRM)).unwrap();
    let path = request.uri().path().to_owned();
    let spec = specs.of(&path);
    let known = spec.operation(request.method().as_str(), &path);
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let schema = &known["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(schema.is_object(), !body.is_null(), "{path}");
    if schema.is_object() {
        spec.check(schema, &body, &path);
    }
    let inputs = body["inputs"].as_array().map_or(0, Vec::len);
    assert!(inputs <= 100, "{path}: a batch takes 100 inputs");
    let scopes = &connector.manifest().oauth.as_ref().unwrap().scopes;
    let allowed = known["security"].as_array().unwrap().iter().any(|needed| {
        needed["oauth2"].as_array().is_some_and(|needed| {
            needed.iter().all(|scope| {
                scopes
                    .iter()
                    .any(|ours| scope == ours.as_str() && ours != "oauth")
            })
        })
    });
    assert!(allowed, "{path}: {:?}", known["security"]);
    (path, body)
}

#[test]
fn every_request_of_the_fixtures_is_one_the_specification_knows() {
    let Some(folder) = folder("hubspot every_request_of_the_fixtures") else {
        return;
    };
    let specs = Specs::read(&folder);
    let connector = connector(CRM);
    let mut replies = 0;
    for fixture in Fixture::all(CRM) {
        if fixture.json.get("request").is_none() {
            continue;
        }
        let (path, _) = check(&specs, connector.as_ref(), &fixture.operation());
        // The replies that are understood look as the specification says, too.
        let spec = specs.of(&path);
        let known = spec.operation(fixture.json["request"]["method"].as_str().unwrap(), &path);
        let schema = known["responses"]
            .as_object()
            .unwrap()
            .iter()
            .find(|(status, _)| status.starts_with('2'))
            .map(|(_, answer)| &answer["content"]["application/json"]["schema"])
            .unwrap();
        for reply in fixture.replies() {
            let is_understood = !reply["verdicts"].to_string().contains("bug:");
            if is_understood && matches!(reply["status"].as_u64(), Some(200 | 201 | 207)) {
                let at = format!("{}: {}", fixture.name, reply["about"]);
                spec.check(schema, &reply["body"], &at);
                replies += 1;
            }
        }
    }
    assert!(replies > 20, "{replies}");
}

fn person(id: &str, company: Option<&str>) -> Match {
    let email = format!("{id}@acme.example");
    let candidate = Candidate {
        object: "contacts".to_owned(),
        rank: 0,
        id: id.to_owned(),
        email: email.clone(),
        company: company.map(str::to_owned),
        modified_at: None,
    };
    Match {
        email,
        chosen: Some(candidate),
        rejected: Vec::new(),
    }
}

#[test]
fn every_session_becomes_requests_the_specification_knows() {
    let Some(folder) = folder("hubspot every_session_becomes_requests") else {
        return;
    };
    let specs = Specs::read(&folder);
    let types: Value = serde_json::from_slice(
        &std::fs::read(folder.join("hubspot-association-types.json")).unwrap(),
    )
    .unwrap();
    let connector = connector(CRM);
    let mapping = connector.manifest().default_mapping();
    let (mut records, mut related) = (0, 0);
    for kind in ["meeting", "call"] {
        for long in [false, true] {
            for matches in [
                vec![person("101", Some("900")), person("102", None)],
                vec![],
            ] {
                for written in [false, true] {
                    let record = session(kind, long);
                    let mut plan =
                        plan::make(&record, &connection(CRM), &mapping, &matches).unwrap();
                    for write in &mut plan.writes {
                        write.id = written.then(|| "512".to_owned());
                    }
                    let operations = connector.writes(vec![plan]);
                    assert_eq!(operations.len(), 2, "the activity, and the tasks");
                    for operation in operations {
                        let (path, body) = check(&specs, connector.as_ref(), &operation);
                        let object = path.split('/').nth(4).unwrap();
                        let ending = if written { "update" } else { "create" };
                        assert!(path.ends_with(ending), "{path}");
                        for input in body["inputs"].as_array().unwrap() {
                            let properties = input["properties"].as_object().unwrap();
                            assert!(properties.contains_key("hs_timestamp"), "{path}");
                            for (name, value) in properties {
                                let units = value.as_str().unwrap().encode_utf16().count();
                                assert!((1..=65_536).contains(&units), "{name} has {units}");
                            }
                            let one = object.trim_end_matches('s');
                            for relation in input["associations"].as_array().into_iter().flatten() {
                                let to = match relation["to"]["id"].as_str().unwrap() {
                                    "900" => "Company",
                                    _ => "Contact",
                                };
                                assert_eq!(
                                    relation["types"][0]["associationTypeId"],
                                    types["types"][format!("{one}To{to}")],
                                    "{path}"
                                );
                                related += 1;
                            }
                            records += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(
        (records, related),
        (2 * 2 * 2 * 2 * 4, 2 * 2 * 4 * 3),
        "an activity and three tasks, each related to two contacts and a company when it is made"
    );
}

#[test]
fn the_token_endpoints_are_those_of_the_specification() {
    let Some(folder) = folder("hubspot the_token_endpoints") else {
        return;
    };
    let spec = Spec::read(&folder, "oauth-2026-09");
    let connector = connector(CRM);
    let manifest = connector.manifest();
    let oauth = manifest.oauth.as_ref().unwrap();
    let urls = [
        Some(&oauth.token_url),
        oauth.revocation.as_ref().map(|revocation| &revocation.url),
    ];
    for url in urls.into_iter().flatten() {
        let base = manifest.api.base_url.as_deref().unwrap();
        let path = url.strip_prefix(base).unwrap();
        assert!(spec.operation("post", path).is_object(), "{path}");
    }
    let form = &spec.operation("post", "/oauth/2026-09/token")["requestBody"]["content"]["application/x-www-form-urlencoded"]
        ["schema"]["properties"];
    for field in [
        "client_id",
        "client_secret",
        "code",
        "code_verifier",
        "redirect_uri",
    ] {
        assert!(form[field].is_object(), "{field}");
    }
}
