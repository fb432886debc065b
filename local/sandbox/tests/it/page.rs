//! What `docs/SANDBOX.md` says of faults and settings is what the code takes: every name of the code stands
//! there, and every name that stands there is one of the code's.
//!
//! A CRM's section is the one that names the README beside its code. Its tables are known by their first
//! column: `setting` (with `default`) and `fault` (with `parameters`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hub_sandbox::Sandbox;
use jiff::Timestamp;
use serde_json::Value;

const PAGE: &str = include_str!("../../../../docs/SANDBOX.md");
const COMMON: &str = "Faults that every CRM has";

fn sandbox(crm: &str) -> Sandbox {
    let clock = Arc::new(|| Timestamp::from_second(1_795_189_560).unwrap());
    Sandbox::new(crm, "http://127.0.0.1", clock, 1).unwrap()
}

/// The page's sections of the second level, by heading.
fn sections(page: &str) -> BTreeMap<&str, &str> {
    let parts = page.split("\n## ").skip(1);
    parts.filter_map(|part| part.split_once('\n')).collect()
}

fn section_of<'a>(page: &'a str, crm: &str) -> &'a str {
    let readme = format!("`local/sandbox/src/{crm}/README.md`");
    let found: Vec<_> = sections(page)
        .into_values()
        .filter(|text| text.contains(&readme))
        .collect();
    assert_eq!(found.len(), 1, "sections that name {readme}");
    found[0]
}

/// The rows of all tables whose first column has this heading: first cell, second cell.
fn rows<'a>(section: &'a str, heading: &str) -> Vec<(&'a str, &'a str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in section.lines() {
        let Some(row) = line.strip_prefix("| ") else {
            inside &= line.starts_with("|--");
            continue;
        };
        let mut cells = row.split(" |").map(str::trim);
        let (first, second) = (cells.next().unwrap(), cells.next().unwrap_or_default());
        let second = second.trim_start_matches('|').trim();
        if first == heading {
            inside = true;
        } else if inside {
            found.push((first, second));
        }
    }
    found
}

/// What stands in backticks.
fn quoted(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn names<'a>(rows: &[(&'a str, &'a str)]) -> BTreeSet<&'a str> {
    rows.iter().flat_map(|(first, _)| quoted(first)).collect()
}

/// A fault's parameters as the page writes them: `a`, `b`?
fn parameters(fault: &Value) -> String {
    let written = fault["parameters"].as_array().unwrap().iter().map(|one| {
        let mark = if one["required"] == true { "" } else { "?" };
        format!("`{}`{mark}", one["name"].as_str().unwrap())
    });
    written.collect::<Vec<_>>().join(", ")
}

/// What is wrong with a table of faults.
fn wrong_faults(rows: &[(&str, &str)], known: &[Value], section: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let code: BTreeMap<&str, &Value> = known
        .iter()
        .map(|one| (one["fault"].as_str().unwrap(), one))
        .collect();
    let everywhere = quoted(section);
    for name in code.keys().filter(|name| !everywhere.contains(*name)) {
        wrong.push(format!("the page is silent about the fault {name}"));
    }
    for (first, second) in rows {
        for name in quoted(first) {
            let Some(fault) = code.get(name) else {
                wrong.push(format!("there is no fault {name}"));
                continue;
            };
            // `seconds`? (3600) has its default behind it.
            let said: String = second
                .split(['(', ')'])
                .step_by(2)
                .collect::<String>()
                .trim()
                .to_owned();
            if said != parameters(fault) {
                wrong.push(format!("{name} takes {}, not {said}", parameters(fault)));
            }
        }
    }
    wrong
}

/// What is wrong with a table of settings. Defaults that are words of ours are left to people.
fn wrong_settings(rows: &[(&str, &str)], known: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let known = known.as_object().unwrap();
    for name in known.keys() {
        if !names(rows).contains(name.as_str()) {
            wrong.push(format!("the page is silent about the setting {name}"));
        }
    }
    for (first, second) in rows {
        for name in quoted(first) {
            let Some(value) = known.get(name) else {
                wrong.push(format!("there is no setting {name}"));
                continue;
            };
            let shown = match value {
                Value::Bool(_) | Value::Number(_) | Value::Null => value.to_string(),
                Value::String(text) => format!("`{text}`"),
                _ => continue,
            };
            if quoted(first).len() == 1 && *second != shown {
                wrong.push(format!("{name} is {shown} by default, not {second}"));
            }
        }
    }
    wrong
}

#[test]
fn every_fault_and_setting_stands_in_the_page_and_the_reverse() {
    let mut wrong = Vec::new();
    let common = sections(PAGE)[COMMON];
    for crm in Sandbox::crms() {
        let sandbox = sandbox(crm);
        let section = section_of(PAGE, crm);
        let all: Vec<Value> = sandbox.faults().as_array().unwrap().clone();
        let shared = names(&rows(common, "fault"));
        let (of_all, own): (Vec<Value>, Vec<Value>) = all
            .into_iter()
            .partition(|one| shared.contains(one["fault"].as_str().unwrap()));
        let said = [
            wrong_faults(&rows(common, "fault"), &of_all, common),
            wrong_faults(&rows(section, "fault"), &own, section),
            wrong_settings(&rows(section, "setting"), &sandbox.settings()),
        ];
        wrong.extend(said.concat().into_iter().map(|one| format!("{crm}: {one}")));
    }
    assert!(wrong.is_empty(), "docs/SANDBOX.md:\n{}", wrong.join("\n"));
}

#[test]
fn the_settings_of_quotas_are_settings() {
    let quotas = sections(PAGE)["Quotas"];
    let lines: Vec<&str> = quotas
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(!lines.is_empty());
    for line in lines {
        let cells: Vec<&str> = line.split('|').collect();
        let crm = *quoted(cells[1]).first().unwrap();
        let settings = sandbox(crm).settings();
        for name in quoted(cells[3]) {
            assert!(settings.get(name).is_some(), "{crm} has no setting {name}");
        }
    }
}

#[test]
fn every_crm_has_its_row() {
    let table = PAGE.split("\n## ").next().unwrap();
    for crm in Sandbox::crms() {
        let row = format!("| `{crm}` | {} |", Sandbox::default_port(crm));
        assert_eq!(table.matches(&row).count(), 1, "{row}");
    }
}

#[test]
fn what_is_wrong_is_found() {
    let section = "x\n\n| setting | default | what |\n|---|---|---|\n| `a` | true | it |\n| `c` | 1 | it |\n\n\
        | fault | parameters | what |\n|---|---|---|\n| `f` | `x`? (3) | it |\n| `h` | | it |\n";
    let settings = serde_json::json!({ "a": false, "b": 1 });
    assert_eq!(
        wrong_settings(&rows(section, "setting"), &settings),
        [
            "the page is silent about the setting b",
            "a is false by default, not true",
            "there is no setting c"
        ]
    );
    let fault = |name: &str, required: bool| serde_json::json!({ "fault": name, "parameters": [{ "name": "x", "required": required }] });
    let known = [fault("f", false), fault("g", false)];
    assert_eq!(
        wrong_faults(&rows(section, "fault"), &known, section),
        [
            "the page is silent about the fault g",
            "there is no fault h"
        ]
    );
    assert_eq!(
        wrong_faults(&[("`f`", "`x`?")], &[fault("f", true)], "`f`"),
        ["f takes `x`, not `x`?"]
    );
}
