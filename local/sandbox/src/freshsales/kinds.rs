//! The types of records, what a caller may say of each, and the lists of numbers that an account has.

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Contact,
    Account,
    Deal,
    Appointment,
    Task,
    Note,
    SalesActivity,
}

/// What a member of a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text(usize),
    Moment,
    Flag,
    Amount,
    /// 0 is open, 1 is completed.
    Status,
    Owner,
    /// The number of an entry of a list of the account; its label is refused.
    Choice(List),
    Of(Kind),
    /// With `targetable_type`: to which record it belongs.
    Target,
    TargetType,
    Emails,
    /// One address, as good as the only one of `emails`.
    Email,
    /// The accounts of a contact, one of them the primary one.
    Accounts,
    /// The ids of a deal's contacts.
    Contacts,
    Attendees,
    Custom,
}

/// A list of the account, whose entries have numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    ActivityTypes,
    Outcomes,
    Stages,
    Pipelines,
    Lifecycle,
    Statuses,
    Sources,
    Territories,
    Currencies,
}

use Shape::{
    Accounts, Amount, Attendees, Choice, Contacts, Custom, Email, Emails, Flag, Moment, Of, Owner,
    Status, Target, TargetType, Text,
};

const CONTACT: &[(&str, Shape)] = &[
    ("first_name", Text(255)),
    ("last_name", Text(255)),
    ("emails", Emails),
    ("email", Email),
    ("mobile_number", Text(60)),
    ("work_number", Text(60)),
    ("job_title", Text(255)),
    ("external_id", Text(255)),
    ("owner_id", Owner),
    ("lifecycle_stage_id", Choice(List::Lifecycle)),
    ("contact_status_id", Choice(List::Statuses)),
    ("lead_source_id", Choice(List::Sources)),
    ("territory_id", Choice(List::Territories)),
    ("sales_accounts", Accounts),
    ("custom_field", Custom),
];

const ACCOUNT: &[(&str, Shape)] = &[
    ("name", Text(255)),
    ("website", Text(255)),
    ("phone", Text(60)),
    ("owner_id", Owner),
    ("territory_id", Choice(List::Territories)),
    ("custom_field", Custom),
];

const DEAL: &[(&str, Shape)] = &[
    ("name", Text(255)),
    ("amount", Amount),
    ("sales_account_id", Of(Kind::Account)),
    ("contacts_added_list", Contacts),
    ("deal_stage_id", Choice(List::Stages)),
    ("deal_pipeline_id", Choice(List::Pipelines)),
    ("currency_id", Choice(List::Currencies)),
    ("expected_close", Moment),
    ("owner_id", Owner),
    ("custom_field", Custom),
];

const APPOINTMENT: &[(&str, Shape)] = &[
    ("title", Text(255)),
    ("description", Text(65_535)),
    ("from_date", Moment),
    ("end_date", Moment),
    ("time_zone", Text(100)),
    ("location", Text(255)),
    ("is_allday", Flag),
    ("outcome_id", Choice(List::Outcomes)),
    ("targetable_id", Target),
    ("targetable_type", TargetType),
    ("appointment_attendees_attributes", Attendees),
];

const TASK: &[(&str, Shape)] = &[
    ("title", Text(255)),
    ("description", Text(65_535)),
    ("due_date", Moment),
    ("owner_id", Owner),
    ("status", Status),
    ("targetable_id", Target),
    ("targetable_type", TargetType),
];

const NOTE: &[(&str, Shape)] = &[
    ("description", Text(65_535)),
    ("targetable_id", Target),
    ("targetable_type", TargetType),
];

const SALES_ACTIVITY: &[(&str, Shape)] = &[
    ("sales_activity_type_id", Choice(List::ActivityTypes)),
    ("sales_activity_outcome_id", Choice(List::Outcomes)),
    ("title", Text(255)),
    ("notes", Text(65_535)),
    ("start_date", Moment),
    ("end_date", Moment),
    ("location", Text(255)),
    ("owner_id", Owner),
    ("targetable_id", Target),
    ("targetable_type", TargetType),
    ("custom_field", Custom),
];

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Contact,
        Self::Account,
        Self::Deal,
        Self::Appointment,
        Self::Task,
        Self::Note,
        Self::SalesActivity,
    ];

    /// As it stands in paths, and around lists.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Contact => "contacts",
            Self::Account => "sales_accounts",
            Self::Deal => "deals",
            Self::Appointment => "appointments",
            Self::Task => "tasks",
            Self::Note => "notes",
            Self::SalesActivity => "sales_activities",
        }
    }

    /// As it stands around one record.
    pub(super) const fn wrapper(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Account => "sales_account",
            Self::Deal => "deal",
            Self::Appointment => "appointment",
            Self::Task => "task",
            Self::Note => "note",
            Self::SalesActivity => "sales_activity",
        }
    }

    /// As `targetable_type` names it.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Contact => "Contact",
            Self::Account => "SalesAccount",
            Self::Deal => "Deal",
            Self::Appointment => "Appointment",
            Self::Task => "Task",
            Self::Note => "Note",
            Self::SalesActivity => "SalesActivity",
        }
    }

    pub(super) fn by_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == path)
    }

    pub(super) fn by_wrapper(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.wrapper() == name)
    }

    /// What something can belong to.
    pub(super) fn by_target(class: &str) -> Option<Self> {
        let kinds = [Self::Contact, Self::Account, Self::Deal];
        kinds.into_iter().find(|kind| kind.class() == class)
    }

    /// Whether the look-up and the searches know it.
    pub(super) const fn is_searched(self) -> bool {
        matches!(self, Self::Contact | Self::Account | Self::Deal)
    }

    /// What a caller may say of it.
    pub(super) const fn members(self) -> &'static [(&'static str, Shape)] {
        match self {
            Self::Contact => CONTACT,
            Self::Account => ACCOUNT,
            Self::Deal => DEAL,
            Self::Appointment => APPOINTMENT,
            Self::Task => TASK,
            Self::Note => NOTE,
            Self::SalesActivity => SALES_ACTIVITY,
        }
    }

    pub(super) fn shape(self, name: &str) -> Option<Shape> {
        let mut members = self.members().iter();
        members.find(|(known, _)| *known == name).map(|(_, s)| *s)
    }

    /// What a new one has to have.
    pub(super) const fn needed(self) -> &'static [&'static str] {
        match self {
            Self::Contact => &[],
            Self::Account | Self::Deal => &["name"],
            Self::Appointment => &["title", "from_date", "end_date"],
            Self::Task => &["title"],
            Self::Note => &["description", "targetable_id", "targetable_type"],
            Self::SalesActivity => &[
                "sales_activity_type_id",
                "title",
                "targetable_id",
                "targetable_type",
            ],
        }
    }

    /// The fields by which an upsert finds it, beside custom fields that are unique.
    pub(super) const fn identifiers(self) -> &'static [&'static str] {
        match self {
            Self::Contact => &["emails", "mobile_number", "external_id"],
            Self::Account | Self::Deal => &["name"],
            _ => &[],
        }
    }
}

/// The first number of every list.
const FIRST: u64 = 71_000_000_000;

impl List {
    const ALL: [Self; 9] = [
        Self::ActivityTypes,
        Self::Outcomes,
        Self::Stages,
        Self::Pipelines,
        Self::Lifecycle,
        Self::Statuses,
        Self::Sources,
        Self::Territories,
        Self::Currencies,
    ];

    /// As the selectors call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ActivityTypes => "sales_activity_types",
            Self::Outcomes => "sales_activity_outcomes",
            Self::Stages => "deal_stages",
            Self::Pipelines => "deal_pipelines",
            Self::Lifecycle => "lifecycle_stages",
            Self::Statuses => "contact_statuses",
            Self::Sources => "lead_sources",
            Self::Territories => "territories",
            Self::Currencies => "currencies",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }

    /// Its entries, with their numbers.
    pub(super) fn entries(self) -> impl Iterator<Item = (u64, &'static str)> {
        let names: &[&str] = match self {
            Self::ActivityTypes => &["Meeting", "Call", "Demo"],
            Self::Outcomes => &["Interested", "Left a message", "No response"],
            Self::Stages => &["New", "Discovery", "Proposal", "Won", "Lost"],
            Self::Pipelines => &["Default Pipeline"],
            Self::Lifecycle => &["Lead", "Sales Qualified Lead", "Customer"],
            Self::Statuses => &["New", "Contacted", "Qualified"],
            Self::Sources => &["Organic Search", "Referral", "Web"],
            Self::Territories => &["Europe"],
            Self::Currencies => &["EUR"],
        };
        let place = Self::ALL.iter().position(|list| *list == self);
        let first = FIRST + 100 * u64::try_from(place.unwrap_or_default()).unwrap_or_default();
        (first + 1..).zip(names.iter().copied())
    }
}
