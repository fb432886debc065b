//! The pipelines of deals and tickets, as a new account has them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::kinds::Kind;

#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) id: &'static str,
    label: &'static str,
    stages: &'static [Stage],
}

/// Id, label, whether it ends the matter, and how likely it is won, in percent.
type Stage = (&'static str, &'static str, bool, u32);

const DEALS: &[Stage] = &[
    ("appointmentscheduled", "Appointment Scheduled", false, 20),
    ("qualifiedtobuy", "Qualified To Buy", false, 40),
    ("presentationscheduled", "Presentation Scheduled", false, 60),
    (
        "decisionmakerboughtin",
        "Decision Maker Bought-In",
        false,
        80,
    ),
    ("contractsent", "Contract Sent", false, 90),
    ("closedwon", "Closed Won", true, 100),
    ("closedlost", "Closed Lost", true, 0),
];
const TICKETS: &[Stage] = &[
    ("1", "New", false, 0),
    ("2", "Waiting on contact", false, 0),
    ("3", "Waiting on us", false, 0),
    ("4", "Closed", true, 0),
];
const MADE: &str = "2019-08-06T02:41:08.029Z";

pub(super) fn standard() -> BTreeMap<Kind, Vec<Pipeline>> {
    let deals = Pipeline {
        id: "default",
        label: "Sales Pipeline",
        stages: DEALS,
    };
    let tickets = Pipeline {
        id: "0",
        label: "Support Pipeline",
        stages: TICKETS,
    };
    BTreeMap::from([(Kind::Deal, vec![deals]), (Kind::Ticket, vec![tickets])])
}

impl Pipeline {
    /// Whether a stage ends the matter, and how likely it is won; `None` when there is no such
    /// stage.
    pub(super) fn stage(&self, id: &str) -> Option<(bool, u32)> {
        let stage = self.stages.iter().find(|(stage, ..)| *stage == id)?;
        Some((stage.2, stage.3))
    }

    pub(super) fn stage_ids(&self) -> impl Iterator<Item = &'static str> {
        self.stages.iter().map(|(id, ..)| *id)
    }

    pub(super) fn shown(&self, kind: Kind) -> Value {
        json!({
            "id": self.id,
            "label": self.label,
            "displayOrder": 0,
            "archived": false,
            "stages": self.stages_shown(kind),
            "createdAt": MADE,
            "updatedAt": MADE,
        })
    }

    pub(super) fn stages_shown(&self, kind: Kind) -> Vec<Value> {
        let stages = self.stages.iter().enumerate();
        stages
            .map(|(order, (id, label, closed, percent))| {
                let metadata = if kind == Kind::Deal {
                    let probability = format!("{}.{}", percent / 100, percent % 100 / 10);
                    json!({ "isClosed": closed.to_string(), "probability": probability })
                } else {
                    json!({ "ticketState": if *closed { "CLOSED" } else { "OPEN" } })
                };
                json!({
                    "id": id,
                    "label": label,
                    "displayOrder": order,
                    "metadata": metadata,
                    "archived": false,
                    "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
                    "createdAt": MADE,
                    "updatedAt": MADE,
                })
            })
            .collect()
    }
}
