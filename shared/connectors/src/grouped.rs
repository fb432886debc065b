//! Writes in calls that take one object, and either make records or change them.

use hub_domain::{FieldFault, Plan, Verdict, Write};

use crate::{manifest, operation::Operation};

/// The writes of these plans in as few calls as there are objects, makes and changes, each as full as it may
/// be: that may depend on the object.
pub(crate) fn grouped(
    plans: Vec<Plan>,
    limit: impl Fn(&Write) -> manifest::Batch,
) -> Vec<Operation> {
    let mut batches: Vec<Batch> = Vec::new();
    for plan in plans {
        let Plan { writes, .. } = &plan;
        for write in writes {
            let open = batches
                .iter_mut()
                .rfind(|batch| batch.is_of(write))
                .filter(|batch| batch.takes(&plan, limit(write)));
            match open {
                Some(batch) => batch.push(&plan, write),
                None => batches.push(Batch::of(&plan, write)),
            }
        }
    }
    let operation = |batch: Batch| Operation::Write { plans: batch.plans };
    batches.into_iter().map(operation).collect()
}

/// Writes that go in one call.
struct Batch {
    plans: Vec<Plan>,
    first: Write,
    writes: usize,
}

impl Batch {
    fn of(plan: &Plan, write: &Write) -> Self {
        let mut batch = Self {
            plans: Vec::new(),
            first: write.clone(),
            writes: 0,
        };
        batch.push(plan, write);
        batch
    }

    fn is_of(&self, write: &Write) -> bool {
        goes_with(&self.first, write)
    }

    /// Whether it has room for one more write of this plan.
    fn takes(&self, plan: &Plan, limit: manifest::Batch) -> bool {
        let is_new = !self.holds(plan);
        self.writes < limit.writes && self.plans.len() + usize::from(is_new) <= limit.plans
    }

    /// Plans come one after the other, so it is the last or none.
    fn holds(&self, plan: &Plan) -> bool {
        self.plans
            .last()
            .is_some_and(|last| last.delivery == plan.delivery)
    }

    fn push(&mut self, plan: &Plan, write: &Write) {
        if !self.holds(plan) {
            self.plans.push(Plan {
                writes: Vec::new(),
                ..plan.clone()
            });
        }
        if let Some(last) = self.plans.last_mut() {
            last.writes.push(write.clone());
        }
        self.writes += 1;
    }
}

/// Whether two writes can go in one call.
fn goes_with(one: &Write, other: &Write) -> bool {
    one.object == other.object && one.id.is_some() == other.id.is_some()
}

/// The writes of a call that takes so many.
///
/// # Errors
/// There are more.
pub(crate) fn within(plans: &[Plan], limit: manifest::Batch) -> Result<Vec<&Write>, Verdict> {
    let writes: Vec<&Write> = plans.iter().flat_map(|plan| &plan.writes).collect();
    if plans.len() <= limit.plans && writes.len() <= limit.writes {
        return Ok(writes);
    }
    Err(Verdict::Reject(vec![FieldFault {
        field: String::new(),
        code: "TOO_MANY_RECORDS".to_owned(),
        message: format!(
            "one call takes {} sessions and {} records; this has {} and {}",
            limit.plans,
            limit.writes,
            plans.len(),
            writes.len()
        ),
    }]))
}

/// The writes of a call that takes one object, and either makes records or changes them; the first of them
/// tells which.
///
/// # Errors
/// There are more than the limit, others, or none.
pub(crate) fn of_one_kind(
    plans: &[Plan],
    limit: impl Fn(&Write) -> manifest::Batch,
) -> Result<(&Write, Vec<&Write>), Verdict> {
    let bug = |reason: &str| Verdict::Bug {
        reason: reason.to_owned(),
    };
    let first = plans.iter().find_map(|plan| plan.writes.first());
    let first = first.ok_or_else(|| bug("a call that writes nothing"))?;
    let writes = within(plans, limit(first))?;
    if writes.iter().any(|write| !goes_with(first, write)) {
        return Err(bug(
            "a call takes one object, and either creates or updates",
        ));
    }
    Ok((first, writes))
}

/// The one write of a call that takes no other.
///
/// # Errors
/// There are more, or none.
pub(crate) fn only_one(plans: &[Plan]) -> Result<&Write, Verdict> {
    let one = manifest::Batch {
        plans: 1,
        writes: 1,
        lookup: 1,
    };
    of_one_kind(plans, |_| one).map(|(write, _)| write)
}
