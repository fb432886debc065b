//! Who depends on whom, and what every crate's manifest says.

use hub_tidy::{Offender, Tree, assert_none};
use toml::{Table, Value};

/// The edges of the crate graph: what each library may name among our own crates.
const EDGES: &[(&str, &[&str])] = &[
    ("shared/domain", &[]),
    ("shared/connectors", &["hub-domain"]),
    ("shared/aws", &["hub-domain"]),
    ("shared/lambda", &["hub-domain"]),
    (
        "shared/engine",
        &["hub-aws", "hub-connectors", "hub-domain"],
    ),
];
/// The same for every crate under `functions/`.
const FUNCTION_EDGES: &[&str] = &["hub-lambda", "hub-engine", "hub-domain"];

pub(crate) struct Crate<'a> {
    /// `shared/aws`
    pub(crate) folder: &'a str,
    pub(crate) manifest: Table,
    text: &'a str,
}

struct Dependency {
    /// The package's own name.
    name: String,
    is_dev: bool,
    line: usize,
}

impl<'a> Crate<'a> {
    fn path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    fn group(&self) -> &'a str {
        self.folder.split('/').next().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.manifest["package"]["name"].as_str().unwrap()
    }

    fn dependencies(&self, workspace: &Table) -> Vec<Dependency> {
        let targets = self.manifest.get("target").and_then(Value::as_table);
        let tables = targets
            .into_iter()
            .flatten()
            .filter_map(|(_, target)| target.as_table());
        let mut found = Vec::new();
        for table in std::iter::once(&self.manifest).chain(tables) {
            for section in ["dependencies", "build-dependencies", "dev-dependencies"] {
                for (key, value) in table
                    .get(section)
                    .and_then(Value::as_table)
                    .into_iter()
                    .flatten()
                {
                    let package = |value: &Value| Some(value.get("package")?.as_str()?.to_owned());
                    let shared = workspace.get(key).and_then(package);
                    found.push(Dependency {
                        name: package(value).or(shared).unwrap_or_else(|| key.clone()),
                        is_dev: section == "dev-dependencies",
                        line: line_of(self.text, section, key),
                    });
                }
            }
        }
        found
    }
}

/// The line on which a section names a key.
fn line_of(text: &str, section: &str, key: &str) -> usize {
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            inside = header == section || header.ends_with(&format!(".{section}"));
            if header.ends_with(&format!("{section}.{key}")) {
                return index + 1;
            }
        } else if inside
            && line
                .strip_prefix(key)
                .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        {
            return index + 1;
        }
    }
    0
}

/// Every crate of the workspace.
pub(crate) fn crates(tree: &Tree) -> Vec<Crate<'_>> {
    tree.files()
        .filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text)))
        .filter(|(folder, _)| folder.matches('/').count() == 1)
        .map(|(folder, text)| Crate {
            folder,
            manifest: text
                .parse()
                .unwrap_or_else(|error| panic!("{folder}/Cargo.toml: {error}")),
            text,
        })
        .collect()
}

fn shared_dependencies(tree: &Tree) -> Table {
    let root: Option<Table> = tree.get("Cargo.toml").and_then(|text| text.parse().ok());
    root.and_then(|root| {
        root.get("workspace")?
            .get("dependencies")?
            .as_table()
            .cloned()
    })
    .unwrap_or_default()
}

/// The dependencies that a rule forbids.
fn forbidden(
    tree: &Tree,
    why: impl Fn(&Crate<'_>, &Dependency) -> Option<String>,
) -> Vec<Offender> {
    let workspace = shared_dependencies(tree);
    let mut found = Vec::new();
    for member in crates(tree) {
        for dependency in member.dependencies(&workspace) {
            let why = why(&member, &dependency);
            found.extend(why.map(|why| Offender::new(member.path(), dependency.line, why)));
        }
    }
    found
}

fn sdk(tree: &Tree) -> Vec<Offender> {
    forbidden(tree, |member, Dependency { name, is_dev, .. }| {
        let is_sdk = name.starts_with("aws-sdk-") && !is_dev && member.folder != "shared/aws";
        is_sdk.then(|| format!("{name} is for shared/aws alone; elsewhere only for tests"))
    })
}

fn runtime(tree: &Tree) -> Vec<Offender> {
    forbidden(tree, |member, Dependency { name, .. }| {
        let is_runtime = name.starts_with("lambda_") || name == "aws_lambda_events";
        (is_runtime && member.folder != "shared/lambda")
            .then(|| format!("{name} is for shared/lambda alone"))
    })
}

fn http_client(tree: &Tree) -> Vec<Offender> {
    forbidden(tree, |member, Dependency { name, .. }| {
        (name == "reqwest" && member.folder != "shared/engine")
            .then(|| format!("{name} is for shared/engine alone"))
    })
}

fn local_in_production(tree: &Tree) -> Vec<Offender> {
    let ours = crates(tree);
    forbidden(tree, |member, Dependency { name, is_dev, .. }| {
        let of = ours.iter().find(|other| other.name() == name)?;
        let is_local = ["local", "tests"].contains(&of.group())
            && !is_dev
            && ["shared", "functions"].contains(&member.group());
        is_local.then(|| format!("{name} is in {}/ and never deployed", of.group()))
    })
}

fn edges(tree: &Tree) -> Vec<Offender> {
    let ours = crates(tree);
    let allowed = |member: &Crate<'_>| match member.group() {
        "functions" => Some(FUNCTION_EDGES),
        "shared" => Some(
            EDGES
                .iter()
                .find(|(folder, _)| *folder == member.folder)
                .map_or(&[][..], |(_, edges)| edges),
        ),
        _ => None,
    };
    forbidden(tree, |member, Dependency { name, is_dev, .. }| {
        let is_ours = ours.iter().any(|other| other.name() == name);
        let is_new = is_ours && !is_dev && !allowed(member)?.contains(&name.as_str());
        is_new.then(|| {
            format!(
                "{} -> {name} is no edge of the crate graph (EDGES in tests/tidy says which are)",
                member.folder
            )
        })
    })
}

fn without_the_workspace_s_settings(tree: &Tree) -> Vec<Offender> {
    let wanted = [
        ("lints", None, "[lints] workspace = true"),
        ("package", Some("publish"), "publish.workspace = true"),
    ];
    let mut found = Vec::new();
    for member in crates(tree) {
        for (table, key, words) in wanted {
            let value = member
                .manifest
                .get(table)
                .and_then(|value| key.map_or(Some(value), |key| value.get(key)));
            if value
                .and_then(|value| value.get("workspace"))
                .and_then(Value::as_bool)
                != Some(true)
            {
                found.push(Offender::new(member.path(), 0, format!("has no `{words}`")));
            }
        }
    }
    found
}

#[test]
fn aws_sdk_is_named_only_by_shared_aws() {
    assert_none(
        "aws-sdk-* is a dependency of shared/aws only (tests may have it)",
        &sdk(Tree::repository()),
    );
}

#[test]
fn lambda_crates_are_named_only_by_shared_lambda() {
    assert_none(
        "lambda_* and aws_lambda_events are dependencies of shared/lambda only",
        &runtime(Tree::repository()),
    );
}

#[test]
fn reqwest_is_named_only_by_shared_engine() {
    assert_none(
        "reqwest is a dependency of shared/engine only",
        &http_client(Tree::repository()),
    );
}

#[test]
fn nothing_deployed_depends_on_local_or_tests() {
    assert_none(
        "nothing under shared/ or functions/ depends on local/ or tests/, its tests aside",
        &local_in_production(Tree::repository()),
    );
}

#[test]
fn the_crate_graph_has_only_its_edges() {
    assert_none(
        "dependencies point one way (docs/ARCHITECTURE.md)",
        &edges(Tree::repository()),
    );
}

#[test]
fn every_crate_has_the_workspace_s_lints_and_is_never_published() {
    assert_none(
        "every crate takes the workspace's lints and `publish`",
        &without_the_workspace_s_settings(Tree::repository()),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let root = "[workspace.dependencies]\nweb = { package = \"reqwest\", version = \"0\" }\n";
    let package = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}");
    let crates = [
        ("Cargo.toml", root.to_owned()),
        (
            "shared/aws/Cargo.toml",
            package(
                "hub-aws",
                "[dependencies]\naws-sdk-sqs.workspace = true\nhub-domain = \"1\"\nhub-sandbox = \"1\"\n",
            ),
        ),
        (
            "shared/domain/Cargo.toml",
            package(
                "hub-domain",
                "publish.workspace = true\n[lints]\nworkspace = true\n[dev-dependencies]\naws-sdk-sqs = \"1\"\nhub-sandbox = \"1\"\n",
            ),
        ),
        (
            "local/sandbox/Cargo.toml",
            package("hub-sandbox", "[dependencies.web]\nworkspace = true\n"),
        ),
        (
            "functions/api/Cargo.toml",
            package(
                "hub-api",
                "[target.'cfg(unix)'.dependencies]\naws-sdk-sqs = \"1\"\n[dependencies]\nlambda_http = \"1\"\nhub-aws = \"1\"\n",
            ),
        ),
    ];
    let files: Vec<(&str, &str)> = crates
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    let tree = Tree::of(&files);
    let places = |found: Vec<Offender>| -> Vec<String> {
        found
            .iter()
            .map(|o| format!("{}:{}", o.path, o.line))
            .collect()
    };
    assert_eq!(places(sdk(&tree)), ["functions/api/Cargo.toml:4"]);
    assert_eq!(places(runtime(&tree)), ["functions/api/Cargo.toml:6"]);
    assert_eq!(places(http_client(&tree)), ["local/sandbox/Cargo.toml:3"]);
    assert_eq!(
        places(local_in_production(&tree)),
        ["shared/aws/Cargo.toml:6"]
    );
    assert_eq!(
        places(edges(&tree)),
        ["functions/api/Cargo.toml:7", "shared/aws/Cargo.toml:6"]
    );
    assert_eq!(without_the_workspace_s_settings(&tree).len(), 6);
}
