//! The modules there are and their fields.

use super::settings::{KeyField, Settings};

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text of so many characters.
    Text(usize),
    Area(usize),
    Email,
    Phone,
    Url,
    Pick(&'static [&'static str]),
    Flag,
    Whole,
    Money,
    Date,
    Moment,
    /// `mm:ss`.
    Minutes,
    /// A record of this module.
    Of(&'static str),
    /// A record of the module that `$se_module` names.
    Related,
    User,
    People,
    /// What the org itself notes.
    Noted,
}

use Kind::{
    Area, Date, Email, Flag, Minutes, Moment, Money, Noted, Of, People, Phone, Pick, Related, Text,
    Url, User, Whole,
};

/// A field of a module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) mandatory: bool,
    pub(super) custom: bool,
    pub(super) unique: bool,
    pub(super) external: bool,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        mandatory: false,
        custom: false,
        unique: false,
        external: false,
    }
}

const fn needed(name: &'static str, kind: Kind) -> Field {
    let mut needed = field(name, kind);
    needed.mandatory = true;
    needed
}

/// A module.
#[derive(Debug)]
pub(super) struct Module {
    /// As it stands in paths.
    pub(super) name: &'static str,
    pub(super) singular: &'static str,
    /// What it is called by default in an upsert's check for duplicates; none where there is no upsert.
    pub(super) check: Option<&'static str>,
    pub(super) fields: &'static [Field],
}

/// What every module has.
const COMMON: [Field; 6] = [
    field("id", Noted),
    field("Owner", User),
    field("Created_By", Noted),
    field("Modified_By", Noted),
    field("Created_Time", Noted),
    field("Modified_Time", Noted),
];
/// Our key, on what we write.
pub(super) const KEY: &str = "Liveprompt_Key";

const STAGES: &[&str] = &[
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
];

pub(super) const MODULES: &[Module] = &[
    Module {
        name: "Leads",
        singular: "Lead",
        check: Some("Email"),
        fields: &[
            field("First_Name", Text(40)),
            needed("Last_Name", Text(80)),
            field("Full_Name", Noted),
            field("Company", Text(200)),
            field("Email", Email),
            field("Secondary_Email", Email),
            field("Phone", Phone),
            field("Lead_Status", Pick(&["Not Contacted", "Contacted"])),
            field("Description", Area(32_000)),
        ],
    },
    Module {
        name: "Contacts",
        singular: "Contact",
        check: Some("Email"),
        fields: &[
            field("First_Name", Text(40)),
            needed("Last_Name", Text(80)),
            field("Full_Name", Noted),
            field("Account_Name", Of("Accounts")),
            field("Email", Email),
            field("Secondary_Email", Email),
            field("Phone", Phone),
            field("Title", Text(100)),
            field("Email_Opt_Out", Flag),
            field("Description", Area(32_000)),
        ],
    },
    Module {
        name: "Accounts",
        singular: "Account",
        check: Some("Account_Name"),
        fields: &[
            needed("Account_Name", Text(200)),
            field("Website", Url),
            field("Phone", Phone),
            field("Employees", Whole),
            field("Annual_Revenue", Money),
            field("Description", Area(32_000)),
        ],
    },
    Module {
        name: "Deals",
        singular: "Deal",
        check: Some("Deal_Name"),
        fields: &[
            needed("Deal_Name", Text(120)),
            needed("Stage", Pick(STAGES)),
            field("Amount", Money),
            field("Closing_Date", Date),
            field("Account_Name", Of("Accounts")),
            field("Contact_Name", Of("Contacts")),
            field("Description", Area(32_000)),
        ],
    },
    Module {
        name: "Events",
        singular: "Meeting",
        check: None,
        fields: &[
            needed("Event_Title", Text(255)),
            needed("Start_DateTime", Moment),
            needed("End_DateTime", Moment),
            field("All_day", Flag),
            field("Venue", Text(255)),
            field("Who_Id", Of("Contacts")),
            field("What_Id", Related),
            field("Participants", People),
            field("Description", Area(32_000)),
        ],
    },
    Module {
        name: "Calls",
        singular: "Call",
        check: None,
        fields: &[
            needed("Subject", Text(255)),
            needed("Call_Type", Pick(&["Outbound", "Inbound", "Missed"])),
            needed("Call_Start_Time", Moment),
            field("Call_Duration", Minutes),
            field("Call_Duration_in_seconds", Noted),
            field(
                "Call_Purpose",
                Pick(&["-None-", "Prospecting", "Negotiation", "Demo", "Desk"]),
            ),
            field(
                "Call_Result",
                Pick(&["-None-", "Interested", "Not interested", "No response"]),
            ),
            field("Call_Agenda", Text(255)),
            field("Who_Id", Of("Contacts")),
            field("What_Id", Related),
            field("Description", Area(32_000)),
        ],
    },
    Module {
        name: "Tasks",
        singular: "Task",
        check: None,
        fields: &[
            needed("Subject", Text(255)),
            field("Due_Date", Date),
            field(
                "Status",
                Pick(&[
                    "Not Started",
                    "Deferred",
                    "In Progress",
                    "Completed",
                    "Waiting for input",
                ]),
            ),
            field(
                "Priority",
                Pick(&["High", "Highest", "Low", "Lowest", "Normal"]),
            ),
            field("Closed_Time", Noted),
            field("Who_Id", Of("Contacts")),
            field("What_Id", Related),
            field("Description", Area(32_000)),
        ],
    },
];

/// A module by its name in a path.
pub(super) fn module(name: &str) -> Option<&'static Module> {
    MODULES.iter().find(|module| module.name == name)
}

impl Module {
    /// Whether it is a meeting, a call or a task.
    pub(super) fn is_activity(&self) -> bool {
        matches!(self.name, "Events" | "Calls" | "Tasks")
    }

    /// All its fields, the admin's own last.
    pub(super) fn fields(&self, settings: &Settings) -> Vec<Field> {
        let key = Field {
            custom: true,
            unique: matches!(settings.key_field, KeyField::Unique | KeyField::External),
            external: settings.key_field == KeyField::External,
            ..field(KEY, Text(255))
        };
        let has_key = self.is_activity() && settings.key_field != KeyField::Missing;
        let fields = COMMON.iter().chain(self.fields).copied();
        fields.chain(has_key.then_some(key)).collect()
    }

    pub(super) fn field(&self, name: &str, settings: &Settings) -> Option<Field> {
        let fields = self.fields(settings);
        fields.into_iter().find(|field| field.name == name)
    }
}

impl Kind {
    /// The vendor's names of it: `data_type`, `json_type`, and the longest value.
    pub(super) fn types(self) -> (&'static str, &'static str, usize) {
        match self {
            Text(most) => ("text", "string", most),
            Area(most) => ("textarea", "string", most),
            Email => ("email", "string", 100),
            Phone => ("phone", "string", 30),
            Url => ("website", "string", 450),
            Pick(_) => ("picklist", "string", 120),
            Flag => ("boolean", "boolean", 5),
            Whole => ("integer", "integer", 9),
            Money => ("currency", "double", 16),
            Date => ("date", "string", 20),
            Moment => ("datetime", "string", 120),
            Minutes => ("text", "string", 120),
            Of(_) | Related => ("lookup", "jsonobject", 120),
            User => ("ownerlookup", "jsonobject", 120),
            People => ("text", "jsonarray", 120),
            Noted => ("text", "string", 255),
        }
    }
}
