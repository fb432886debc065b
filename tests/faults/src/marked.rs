//! A connector that says of each request what it is for, so that the seam need not guess it from an
//! address. It changes nothing else.

use std::sync::Arc;

use bytes::Bytes;
use hub_connectors::{Answer, Connector, Manifest, Operation, Reply};
use hub_domain::{Connection, Plan, Verdict};
use hub_engine::{CRMS, Registry};

/// What a call to a CRM is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Lookup,
    Write,
    Describe,
    ReadBack,
}

impl Purpose {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Write => "write",
            Self::Describe => "describe",
            Self::ReadBack => "read-back",
        }
    }

    fn of(operation: &Operation) -> Self {
        match operation {
            Operation::FindPeople { .. } => Self::Lookup,
            Operation::Write { .. } => Self::Write,
            Operation::Describe { .. } => Self::Describe,
            Operation::ReadBack { .. } => Self::ReadBack,
        }
    }
}

struct Marked(Arc<dyn Connector>);

impl Connector for Marked {
    fn manifest(&self) -> &Manifest {
        self.0.manifest()
    }

    fn steps(&self, plan: &mut Plan, link: &Connection) {
        self.0.steps(plan, link);
    }

    fn writes(&self, plans: Vec<Plan>) -> Vec<Operation> {
        self.0.writes(plans)
    }

    fn request(
        &self,
        operation: &Operation,
        link: &Connection,
    ) -> Result<http::Request<Bytes>, Verdict> {
        let mut request = self.0.request(operation, link)?;
        request.extensions_mut().insert(Purpose::of(operation));
        Ok(request)
    }

    fn written(&self, plans: &[Plan], reply: &Reply) -> Vec<Verdict> {
        self.0.written(plans, reply)
    }

    fn read(&self, operation: &Operation, reply: &Reply) -> Result<Answer, Verdict> {
        self.0.read(operation, reply)
    }

    fn failed(&self, reply: &Reply) -> bool {
        self.0.failed(reply)
    }

    fn next(&self, operation: &Operation, reply: &Reply) -> Option<Operation> {
        self.0.next(operation, reply)
    }
}

/// All connectors that are compiled in, marked, and one more or in the place of one.
pub(crate) fn registry(other: Option<(&str, Arc<dyn Connector>)>) -> Registry {
    let compiled_in = CRMS.iter().filter_map(|crm| {
        let connector = hub_connectors::connector(crm)?.ok()?;
        Some((*crm, connector))
    });
    compiled_in
        .chain(other)
        .fold(Registry::default(), |registry, (crm, connector)| {
            let crm = crm.parse().expect("a CRM's name");
            registry.with(&crm, Arc::new(Marked(connector)))
        })
}
