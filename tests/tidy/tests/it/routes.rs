//! A function's router and the template have the same routes.

use std::collections::BTreeMap;

use hub_tidy::{
    Offender, Tree, assert_none,
    rust::{Kind, Token, close, sequence},
    yaml::Node,
};

use crate::template::{TEMPLATE, Template, events};

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options"];

/// Function, method, path.
type Route = (String, String, String);

/// What `.route("/path", get(a).post(b))` serves, with where it stands.
fn served(tree: &Tree, found: &mut Vec<Offender>) -> BTreeMap<Route, (String, usize)> {
    let mut routes = BTreeMap::new();
    for source in tree.sources(&["functions"]) {
        let function = source.path.split('/').nth(1).unwrap_or_default();
        let code = source.code();
        for at in (0..code.len()).filter(|at| sequence(&code, *at, &[".", "route", "("])) {
            let line = code[at].line;
            let arguments = &code[at + 3..close(&code, at + 2)];
            let path = arguments
                .first()
                .filter(|token| token.kind == Kind::Literal)
                .and_then(Token::string);
            let methods = methods(arguments);
            let Some(path) = path.filter(|_| !methods.is_empty()) else {
                found.push(Offender::new(
                    source.path,
                    line,
                    "a route whose path or methods are not written out",
                ));
                continue;
            };
            for method in methods {
                routes.insert(
                    (function.to_owned(), method, path.to_owned()),
                    (source.path.to_owned(), line),
                );
            }
        }
    }
    routes
}

/// The methods called on no value of their own: not those within a handler's arguments.
fn methods(arguments: &[Token<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = arguments.get(at) {
        if ["(", "[", "{"].contains(&token.text) {
            at = close(arguments, at);
        } else if METHODS.contains(&token.text) && sequence(arguments, at + 1, &["("]) {
            found.push(token.text.to_ascii_uppercase());
        }
        at += 1;
    }
    found
}

fn deployed(template: &Template) -> BTreeMap<Route, usize> {
    let mut routes = BTreeMap::new();
    for (name, function) in template.functions() {
        for event in events(function)
            .filter(|event| event.get("Type").and_then(Node::text) == Some("HttpApi"))
        {
            let text = |key: &str| {
                event
                    .at(&["Properties", key])
                    .and_then(Node::text)
                    .unwrap_or_default()
                    .to_owned()
            };
            routes.insert(
                (
                    name.clone(),
                    text("Method").to_ascii_uppercase(),
                    text("Path"),
                ),
                event.line,
            );
        }
    }
    routes
}

fn unlike(tree: &Tree) -> Vec<Offender> {
    let mut found = Vec::new();
    let served = served(tree, &mut found);
    let deployed = deployed(&Template::of(tree));
    for (route, (path, line)) in &served {
        let (function, method, at) = route;
        if !deployed.contains_key(route) {
            found.push(Offender::new(
                path,
                *line,
                format!(
                    "{method} {at} is no event of {function} in the template: nobody reaches it"
                ),
            ));
        }
    }
    for (route, line) in &deployed {
        let (function, method, at) = route;
        if !served.contains_key(route) {
            found.push(Offender::new(
                TEMPLATE,
                *line,
                format!("{method} {at} leads to {function}, whose router has no such route"),
            ));
        }
    }
    found
}

#[test]
fn routers_and_the_template_have_the_same_routes() {
    assert_none(
        "every route of a router is an event of its function in template.yaml, and the other way round",
        &unlike(Tree::repository()),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let router = "fn r() {\n    Router::new()\n        .route(\"/a\", get(list).post(create(put(1))))\n        .route(\"/a/{id}\", axum::routing::delete(d))\n        .route(PATH, get(x))\n}\n#[cfg(test)]\nmod tests { fn t() { x.route(\"/t\", get(t)) } }\n";
    let template = "Resources:\n  AFunction:\n    Type: AWS::Serverless::Function\n    Properties:\n      Events:\n\
        \x20       List: { Type: HttpApi, Properties: { Method: GET, Path: /a } }\n\
        \x20       Create: { Type: HttpApi, Properties: { Method: post, Path: /a } }\n\
        \x20       Put: { Type: HttpApi, Properties: { Method: PUT, Path: /a } }\n";
    let tree = Tree::of(&[(TEMPLATE, template), ("functions/a/src/lib.rs", router)]);
    let places: Vec<String> = unlike(&tree)
        .iter()
        .map(|o| format!("{}:{}", o.path, o.line))
        .collect();
    assert_eq!(
        places,
        [
            "functions/a/src/lib.rs:5",
            "functions/a/src/lib.rs:4",
            "template.yaml:8"
        ]
    );
}
