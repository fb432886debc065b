//! What a stage counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
};

use serde_json::{Value, json};

use crate::{Fault, Name, Outcome, Wrong};

/// Sums over many runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs.
    pub runs: usize,
    /// Of those, how many followed a seed.
    pub seeds: usize,
    /// How often each class of fault struck each call.
    pub struck: BTreeMap<(Fault, Name), usize>,
    /// Events that were accepted for a connection.
    pub deliveries: usize,
    /// Findings by kind.
    pub wrong: BTreeMap<Wrong, usize>,
    /// Deliveries that wait for a person because the CRM cannot tell whether it wrote.
    pub parked: usize,
    /// Every name that was called.
    pub called: BTreeSet<Name>,
    /// Calls that have no name.
    pub unnamed: BTreeSet<String>,
}

impl Tally {
    /// Counts a run.
    pub fn add(&mut self, outcome: &Outcome, has_seed: bool) {
        self.runs += 1;
        self.seeds += usize::from(has_seed);
        self.deliveries += outcome.deliveries;
        self.parked += outcome.parked;
        for finding in &outcome.findings {
            *self.wrong.entry(finding.wrong).or_default() += 1;
        }
        self.unnamed.extend(outcome.passed.unnamed.iter().cloned());
        for call in &outcome.passed.calls {
            self.called.insert(call.name);
            if let Some(fault) = call.fault {
                *self.struck.entry((fault, call.name)).or_default() += 1;
            }
        }
    }

    /// Counts what another counted.
    pub fn join(&mut self, other: &Self) {
        self.runs += other.runs;
        self.seeds += other.seeds;
        self.deliveries += other.deliveries;
        self.parked += other.parked;
        for (wrong, count) in &other.wrong {
            *self.wrong.entry(*wrong).or_default() += count;
        }
        for (point, count) in &other.struck {
            *self.struck.entry(*point).or_default() += count;
        }
        self.called.extend(&other.called);
        self.unnamed.extend(other.unnamed.iter().cloned());
    }

    /// How many faults struck.
    pub fn faults(&self) -> usize {
        self.struck.values().sum()
    }

    fn of(&self, wrong: Wrong) -> usize {
        self.wrong.get(&wrong).copied().unwrap_or_default()
    }

    /// Names that no run called.
    pub fn never_called(&self) -> Vec<Name> {
        let all = Name::ALL.iter().copied();
        all.filter(|name| !self.called.contains(name)).collect()
    }

    /// How often each class struck each call, as a table.
    pub fn table(&self) -> String {
        let mut text = format!("{:<58}", "");
        for fault in Fault::ALL {
            let _ = write!(text, "{:>15}", fault.name());
        }
        text.push('\n');
        for name in Name::ALL {
            let _ = write!(text, "{:<58}", name.text());
            for fault in Fault::ALL {
                let count = self
                    .struck
                    .get(&(fault, *name))
                    .copied()
                    .unwrap_or_default();
                let _ = write!(text, "{count:>15}");
            }
            text.push('\n');
        }
        text
    }

    /// The figures, to be kept until the rest of a nightly stage is done.
    pub fn to_json(&self) -> Value {
        let struck: Vec<Value> = self
            .struck
            .iter()
            .map(|((fault, name), count)| json!([fault.name(), name.text(), count]))
            .collect();
        let wrong: BTreeMap<&str, usize> = self
            .wrong
            .iter()
            .map(|(wrong, count)| (wrong.name(), *count))
            .collect();
        let called: Vec<&str> = self.called.iter().map(|name| name.text()).collect();
        json!({
            "runs": self.runs, "seeds": self.seeds, "deliveries": self.deliveries, "parked": self.parked,
            "struck": struck, "wrong": wrong, "called": called, "unnamed": self.unnamed,
        })
    }

    /// The figures as they were kept; `None` for what no tally wrote.
    pub fn from_json(value: &Value) -> Option<Self> {
        let number = |name: &str| usize::try_from(value[name].as_u64()?).ok();
        let mut tally = Self {
            runs: number("runs")?,
            seeds: number("seeds")?,
            deliveries: number("deliveries")?,
            parked: number("parked")?,
            ..Self::default()
        };
        for row in value["struck"].as_array()? {
            let fault = Fault::ALL
                .into_iter()
                .find(|fault| row[0] == fault.name())?;
            let name = Name::of(row[1].as_str()?)?;
            let count = usize::try_from(row[2].as_u64()?).ok()?;
            tally.struck.insert((fault, name), count);
        }
        for (name, count) in value["wrong"].as_object()? {
            let wrong = Wrong::ALL.into_iter().find(|wrong| wrong.name() == name)?;
            tally
                .wrong
                .insert(wrong, usize::try_from(count.as_u64()?).ok()?);
        }
        for name in value["called"].as_array()? {
            tally.called.insert(Name::of(name.as_str()?)?);
        }
        for text in value["unnamed"].as_array()? {
            tally.unnamed.insert(text.as_str()?.to_owned());
        }
        Some(tally)
    }
}

/// The line that closes a stage.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "faults injected {}, deliveries {}, lost {}, duplicated {}, stale {}, seeds {}",
            self.faults(),
            self.deliveries,
            self.of(Wrong::Lost),
            self.of(Wrong::Duplicated),
            self.of(Wrong::Stale),
            self.seeds
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let tally = Tally {
            runs: 3,
            seeds: 2,
            struck: BTreeMap::from([((Fault::Slow, Name::DeliverCrmWrite), 4)]),
            deliveries: 18,
            wrong: BTreeMap::from([(Wrong::Stale, 1)]),
            parked: 1,
            called: BTreeSet::from([Name::DeliverCrmWrite]),
            unnamed: BTreeSet::from(["deliver.new".to_owned()]),
        };
        assert_eq!(Tally::from_json(&tally.to_json()), Some(tally.clone()));
        assert_eq!(Tally::from_json(&Value::Null), None);
        let mut twice = tally.clone();
        twice.join(&tally);
        assert_eq!((twice.runs, twice.faults()), (6, 8));
        let line = "faults injected 8, deliveries 36, lost 0, duplicated 0, stale 2, seeds 4";
        assert_eq!(twice.to_string(), line);
    }
}
