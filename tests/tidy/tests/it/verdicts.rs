//! A new verdict is a decision wherever verdicts are told apart.

use hub_tidy::{Offender, Tree, assert_none, rust::matches};

/// The types whose `match` names every variant.
const WHOLE: &[&str] = &["Verdict", "RuleVerdict", "QueueAction"];

fn wildcards(tree: &Tree) -> Vec<Offender> {
    let mut found = Vec::new();
    for source in tree.sources(&["shared", "functions", "local", "tests"]) {
        for one in matches(&source.code()) {
            let of = WHOLE.iter().find(|name| {
                let is_self =
                    one.of == Some(**name) && one.arms.iter().any(|arm| arm.is_variant_of("Self"));
                is_self || one.arms.iter().any(|arm| arm.is_variant_of(name))
            });
            let Some(of) = of else { continue };
            let arms = one.arms.iter().filter(|arm| arm.takes_all());
            found.extend(arms.map(|arm| {
                Offender::new(
                    source.path,
                    arm.line,
                    format!(
                        "takes whatever else a {of} may be (match at line {})",
                        one.line
                    ),
                )
            }));
        }
    }
    found
}

#[test]
fn every_match_on_a_verdict_names_every_variant() {
    assert_none(
        "a `match` on a verdict has no `_` arm",
        &wildcards(Tree::repository()),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let text = "fn f(v: Verdict) -> u8 {\n    match v {\n        Verdict::Done { .. } => 1,\n        _ => 2,\n    }\n}\n\
        impl QueueAction {\n    fn g(&self) -> u8 {\n        match self {\n            Self::Delete => 1,\n            other => 2,\n        }\n    }\n}\n\
        fn h(e: Error) {\n    match e {\n        Error::Crm(v) => match v { Verdict::Done { .. } | Verdict::Bug { .. } => {} }\n        _ => {}\n    }\n}\n\
        #[cfg(test)]\nmod tests { fn i() { match v { Verdict::Refresh => {}, _ => {} } } }\n";
    let tree = Tree::of(&[("local/x/src/a.rs", text)]);
    let lines: Vec<usize> = wildcards(&tree)
        .iter()
        .map(|offender| offender.line)
        .collect();
    assert_eq!(lines, [4, 11]);
}
