//! Switches of a fake CRM that are a plain struct: shown and set by the names of its fields.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::FaultError;

/// The switches as JSON.
pub(crate) fn shown<S: Serialize>(settings: &S) -> Value {
    serde_json::to_value(settings).unwrap_or_else(|_| json!({}))
}

/// These switches with some of them set anew; names the one that is unknown or wrong.
pub(crate) fn with<S: Serialize + DeserializeOwned>(
    settings: &S,
    wanted: &Map<String, Value>,
) -> Result<S, FaultError> {
    let mut all = shown(settings);
    let mut last = String::new();
    let mut read = serde_json::from_value(all.clone());
    for (name, value) in wanted {
        let Some(place) = all.get_mut(name) else {
            return Err(FaultError::new(name.clone(), "no such setting"));
        };
        *place = value.clone();
        read = serde_json::from_value(all.clone());
        if read.is_err() {
            last.clone_from(name);
            break;
        }
    }
    read.map_err(|error: serde_json::Error| FaultError::new(last, error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Switches {
        loud: bool,
        most: u64,
        who: Option<String>,
    }

    fn set(wanted: &Value) -> Result<Switches, FaultError> {
        let switches = Switches {
            loud: false,
            most: 1,
            who: None,
        };
        with(&switches, wanted.as_object().unwrap())
    }

    #[test]
    fn some_are_set_and_the_wrong_one_is_named() {
        let changed = set(&json!({ "loud": true, "who": "x" })).unwrap();
        let expected = Switches {
            loud: true,
            most: 1,
            who: Some("x".to_owned()),
        };
        assert_eq!(changed, expected);
        assert_eq!(set(&json!({ "quiet": true })).unwrap_err().field, "quiet");
        assert_eq!(set(&json!({ "most": -1 })).unwrap_err().field, "most");
        assert_eq!(set(&json!({ "loud": null })).unwrap_err().field, "loud");
    }
}
