//! What there is: the kinds of records, and what each member of a record takes.

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Person,
    Lead,
    Company,
    Opportunity,
    Project,
    Task,
    Activity,
}

/// What a member takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    /// Seconds since 1970.
    Unix,
    /// The same, or `mm/dd/yyyy`.
    Due,
    /// `mm/dd/yyyy`.
    Day,
    /// One of these.
    Choice(&'static [&'static str]),
    /// One address with its category.
    Email,
    Emails,
    Phones,
    /// Objects that nothing is known of.
    Objects,
    Address,
    Tags,
    Custom,
    User,
    /// Another record.
    Of(Kind),
    /// Any record, by type and id.
    Parent,
    ActivityType,
    /// The id of something that an admin sets up.
    Setup,
    /// What nobody may write.
    Locked,
}

type Members = &'static [(&'static str, Shape)];

const PERSON: Members = &[
    ("name", Shape::Text),
    ("prefix", Shape::Text),
    ("first_name", Shape::Text),
    ("middle_name", Shape::Text),
    ("last_name", Shape::Text),
    ("suffix", Shape::Text),
    ("title", Shape::Text),
    ("address", Shape::Address),
    ("assignee_id", Shape::User),
    ("company_id", Shape::Of(Kind::Company)),
    ("company_name", Shape::Text),
    ("contact_type_id", Shape::Setup),
    ("details", Shape::Text),
    ("emails", Shape::Emails),
    ("phone_numbers", Shape::Phones),
    ("socials", Shape::Objects),
    ("tags", Shape::Tags),
    ("websites", Shape::Objects),
    ("custom_fields", Shape::Custom),
    ("date_last_contacted", Shape::Locked),
    ("interaction_count", Shape::Locked),
];
const LEAD: Members = &[
    ("name", Shape::Text),
    ("prefix", Shape::Text),
    ("first_name", Shape::Text),
    ("last_name", Shape::Text),
    ("title", Shape::Text),
    ("address", Shape::Address),
    ("assignee_id", Shape::User),
    ("company_name", Shape::Text),
    ("customer_source_id", Shape::Setup),
    ("details", Shape::Text),
    ("email", Shape::Email),
    ("monetary_value", Shape::Number),
    ("phone_numbers", Shape::Phones),
    ("status_id", Shape::Setup),
    ("tags", Shape::Tags),
    ("custom_fields", Shape::Custom),
];
const COMPANY: Members = &[
    ("name", Shape::Text),
    ("address", Shape::Address),
    ("assignee_id", Shape::User),
    ("contact_type_id", Shape::Setup),
    ("details", Shape::Text),
    ("email_domain", Shape::Text),
    ("phone_numbers", Shape::Phones),
    ("socials", Shape::Objects),
    ("tags", Shape::Tags),
    ("websites", Shape::Objects),
    ("custom_fields", Shape::Custom),
];
const OPPORTUNITY: Members = &[
    ("name", Shape::Text),
    ("assignee_id", Shape::User),
    ("close_date", Shape::Day),
    ("company_id", Shape::Of(Kind::Company)),
    ("customer_source_id", Shape::Setup),
    ("details", Shape::Text),
    ("loss_reason_id", Shape::Setup),
    ("monetary_value", Shape::Number),
    ("pipeline_id", Shape::Setup),
    ("pipeline_stage_id", Shape::Setup),
    ("primary_contact_id", Shape::Of(Kind::Person)),
    (
        "priority",
        Shape::Choice(&["None", "Low", "Medium", "High"]),
    ),
    (
        "status",
        Shape::Choice(&["Open", "Won", "Lost", "Abandoned"]),
    ),
    ("tags", Shape::Tags),
    ("win_probability", Shape::Number),
    ("custom_fields", Shape::Custom),
];
const PROJECT: Members = &[
    ("name", Shape::Text),
    ("assignee_id", Shape::User),
    ("details", Shape::Text),
    ("status", Shape::Choice(&["Open", "Completed"])),
    ("tags", Shape::Tags),
    ("custom_fields", Shape::Custom),
];
const TASK: Members = &[
    ("name", Shape::Text),
    ("related_resource", Shape::Parent),
    ("assignee_id", Shape::User),
    ("due_date", Shape::Due),
    ("reminder_date", Shape::Due),
    ("completed_date", Shape::Locked),
    ("priority", Shape::Choice(&["None", "High"])),
    ("status", Shape::Choice(&["Open", "Completed"])),
    ("details", Shape::Text),
    ("tags", Shape::Tags),
    ("custom_fields", Shape::Custom),
];
const ACTIVITY: Members = &[
    ("parent", Shape::Parent),
    ("type", Shape::ActivityType),
    ("user_id", Shape::User),
    ("details", Shape::Text),
    ("activity_date", Shape::Unix),
    ("old_value", Shape::Locked),
    ("new_value", Shape::Locked),
];

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Person,
        Self::Lead,
        Self::Company,
        Self::Opportunity,
        Self::Project,
        Self::Task,
        Self::Activity,
    ];

    /// As it stands in paths.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Person => "people",
            Self::Lead => "leads",
            Self::Company => "companies",
            Self::Opportunity => "opportunities",
            Self::Project => "projects",
            Self::Task => "tasks",
            Self::Activity => "activities",
        }
    }

    /// As it stands where a record names another.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Lead => "lead",
            Self::Company => "company",
            Self::Opportunity => "opportunity",
            Self::Project => "project",
            Self::Task => "task",
            Self::Activity => "activity",
        }
    }

    pub(super) fn by_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == path)
    }

    /// What may be a parent.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == name && *kind != Self::Activity)
    }

    pub(super) const fn members(self) -> Members {
        match self {
            Self::Person => PERSON,
            Self::Lead => LEAD,
            Self::Company => COMPANY,
            Self::Opportunity => OPPORTUNITY,
            Self::Project => PROJECT,
            Self::Task => TASK,
            Self::Activity => ACTIVITY,
        }
    }

    pub(super) fn shape(self, name: &str) -> Option<Shape> {
        let mut members = self.members().iter();
        members
            .find(|(member, _)| *member == name)
            .map(|(_, shape)| *shape)
    }

    /// What a new record must have.
    pub(super) const fn needed(self) -> &'static [&'static str] {
        match self {
            Self::Opportunity => &["name", "primary_contact_id"],
            Self::Activity => &["parent", "type"],
            Self::Person | Self::Lead | Self::Company | Self::Project | Self::Task => &["name"],
        }
    }
}
