//! Figures by key, the goals they are compared with, and how both are shown.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

/// A figure of a part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) key: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

/// A figure.
pub(crate) fn figure(key: impl Into<String>, value: f64, unit: &'static str) -> Figure {
    Figure {
        key: key.into(),
        value,
        unit,
    }
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// Not more.
    AtMost(f64),
    /// Not less.
    AtLeast(f64),
}

impl Goal {
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    pub(crate) fn words(self) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {most}"),
            Self::AtLeast(least) => format!("≥ {least}"),
        }
    }
}

/// The goals by key or pattern.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Goals(pub(crate) BTreeMap<String, Goal>);

impl Goals {
    /// The goal of a key. A goal that names the key itself goes before a pattern.
    pub(crate) fn of(&self, key: &str) -> Option<Goal> {
        let by_pattern = || self.0.iter().find(|(pattern, _)| fits(pattern, key));
        self.0
            .get(key)
            .copied()
            .or_else(|| by_pattern().map(|(_, goal)| *goal))
    }
}

/// Whether a key is one of a pattern, in which `*` stands for one part.
pub(crate) fn fits(pattern: &str, key: &str) -> bool {
    let mut key = key.split('.');
    pattern.split('.').all(|part| {
        let found = key.next();
        found.is_some_and(|found| part == "*" || part == found)
    }) && key.next().is_none()
}

/// One line of the table.
pub(crate) fn cells(figure: &Figure, goals: &Goals) -> Vec<String> {
    let goal = goals.of(&figure.key);
    let met = goal.map(|goal| {
        if goal.is_met(figure.value) {
            "met"
        } else {
            "NOT met"
        }
    });
    vec![
        figure.key.clone(),
        rounded(figure.value).to_string(),
        figure.unit.to_owned(),
        goal.map(Goal::words).unwrap_or_default(),
        met.unwrap_or_default().to_owned(),
    ]
}

/// One flat object with dotted keys.
pub(crate) fn json(figures: &[Figure]) -> anyhow::Result<Value> {
    let mut object = Map::new();
    for figure in figures {
        let number = Number::from_f64(rounded(figure.value))
            .with_context(|| format!("{} is no number: {}", figure.key, figure.value))?;
        if object.insert(figure.key.clone(), number.into()).is_some() {
            bail!("{} was measured twice", figure.key);
        }
    }
    Ok(object.into())
}

/// Four digits behind the point: what is counted is exact, what is timed is not that exact.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_one_part() {
        assert!(fits("limits.*.refused", "limits.10_1s.refused"));
        assert!(!fits("limits.*.refused", "limits.10_1s.refused.twice"));
        assert!(!fits("limits.*.refused", "limits.refused"));
        assert!(!fits("limits.*", "cost.batched"));
        assert!(fits("memory.peak_mb", "memory.peak_mb"));
    }

    #[test]
    fn the_key_itself_goes_before_a_pattern() {
        let goals = Goals(BTreeMap::from([
            ("a.*".to_owned(), Goal::AtMost(1.0)),
            ("a.b".to_owned(), Goal::AtLeast(2.0)),
        ]));
        assert_eq!(goals.of("a.b"), Some(Goal::AtLeast(2.0)));
        assert_eq!(goals.of("a.c"), Some(Goal::AtMost(1.0)));
        assert_eq!(goals.of("b.c"), None);
    }

    #[test]
    fn a_goal_is_met_at_its_border() {
        assert!(Goal::AtMost(0.35).is_met(0.35) && !Goal::AtMost(0.35).is_met(0.351));
        assert!(Goal::AtLeast(98.0).is_met(98.0) && !Goal::AtLeast(98.0).is_met(97.9));
    }

    #[test]
    fn the_json_is_flat_and_names_each_key_once() {
        let figures = [figure("a.b", 0.3, "calls"), figure("a.c", 2.0, "units")];
        assert_eq!(
            json(&figures).unwrap().to_string(),
            r#"{"a.b":0.3,"a.c":2.0}"#
        );
        let twice = [figure("a.b", 1.0, ""), figure("a.b", 2.0, "")];
        assert!(json(&twice).is_err());
        assert!(json(&[figure("a", f64::NAN, "")]).is_err());
    }
}
