//! The types of records, and what a caller may say of each.

/// A type of record. Pipelines and stages are read only here; notes are of v1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Activity,
    Person,
    Organization,
    Deal,
    Pipeline,
    Stage,
    Note,
}

/// What a member of a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text of so many characters; never empty where it names the record.
    Text(usize),
    Name,
    Html,
    Flag,
    Whole,
    Number,
    Date,
    /// `HH:MM` or `HH:MM:SS`.
    Time,
    /// The same, and more than a day.
    Duration,
    Moment,
    User,
    Of(Kind),
    ActivityType,
    /// Something that this company has none of: leads, projects.
    Nowhere,
    Address,
    Channels,
    Participants,
    Attendees,
    Numbers,
    Visible,
    Status,
    Currency,
    Custom,
    /// Only there with contact sync.
    Synced,
    /// Follows from the participants.
    PrimaryPerson,
}

use Shape::{
    ActivityType, Address, Attendees, Channels, Currency, Custom, Date, Duration, Flag, Html,
    Moment, Name, Nowhere, Number, Numbers, Of, Participants, PrimaryPerson, Status, Synced, Text,
    Time, User, Visible, Whole,
};

const ACTIVITY: &[(&str, Shape)] = &[
    ("subject", Name),
    ("type", ActivityType),
    ("owner_id", User),
    ("deal_id", Of(Kind::Deal)),
    ("lead_id", Nowhere),
    ("person_id", PrimaryPerson),
    ("org_id", Of(Kind::Organization)),
    ("project_id", Nowhere),
    ("due_date", Date),
    ("due_time", Time),
    ("duration", Duration),
    ("busy", Flag),
    ("done", Flag),
    ("location", Address),
    ("participants", Participants),
    ("attendees", Attendees),
    ("public_description", Text(10_000)),
    ("priority", Whole),
    ("note", Html),
];

const PERSON: &[(&str, Shape)] = &[
    ("name", Name),
    ("owner_id", User),
    ("org_id", Of(Kind::Organization)),
    ("add_time", Moment),
    ("emails", Channels),
    ("phones", Channels),
    ("visible_to", Visible),
    ("label_ids", Numbers),
    ("postal_address", Synced),
    ("notes", Synced),
    ("im", Synced),
    ("birthday", Synced),
    ("job_title", Synced),
    ("custom_fields", Custom),
];

const ORGANIZATION: &[(&str, Shape)] = &[
    ("name", Name),
    ("owner_id", User),
    ("add_time", Moment),
    ("visible_to", Visible),
    ("label_ids", Numbers),
    ("address", Address),
    ("website", Text(255)),
    ("linkedin", Text(255)),
    ("industry", Whole),
    ("annual_revenue", Whole),
    ("employee_count", Whole),
    ("custom_fields", Custom),
];

const DEAL: &[(&str, Shape)] = &[
    ("title", Name),
    ("owner_id", User),
    ("person_id", Of(Kind::Person)),
    ("org_id", Of(Kind::Organization)),
    ("pipeline_id", Of(Kind::Pipeline)),
    ("stage_id", Of(Kind::Stage)),
    ("value", Number),
    ("currency", Currency),
    ("is_archived", Flag),
    ("status", Status),
    ("probability", Number),
    ("lost_reason", Text(150)),
    ("visible_to", Visible),
    ("expected_close_date", Date),
    ("label_ids", Numbers),
    ("custom_fields", Custom),
];

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Activity,
        Self::Person,
        Self::Organization,
        Self::Deal,
        Self::Pipeline,
        Self::Stage,
        Self::Note,
    ];

    /// As it stands in paths.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Activity => "activities",
            Self::Person => "persons",
            Self::Organization => "organizations",
            Self::Deal => "deals",
            Self::Pipeline => "pipelines",
            Self::Stage => "stages",
            Self::Note => "notes",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Person => "person",
            Self::Organization => "organization",
            Self::Deal => "deal",
            Self::Pipeline => "pipeline",
            Self::Stage => "stage",
            Self::Note => "note",
        }
    }

    /// As errors say it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Activity => "Activity",
            Self::Person => "Person",
            Self::Organization => "Organization",
            Self::Deal => "Deal",
            Self::Pipeline => "Pipeline",
            Self::Stage => "Stage",
            Self::Note => "Note",
        }
    }

    /// A type of v2 by its path.
    pub(super) fn by_path(path: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.plural() == path && *kind != Self::Note)
    }

    /// Whether the search knows it. It does not know activities.
    pub(super) const fn is_searched(self) -> bool {
        matches!(self, Self::Person | Self::Organization | Self::Deal)
    }

    /// The company's own set-up, in contrast to records.
    pub(super) const fn is_setup(self) -> bool {
        matches!(self, Self::Pipeline | Self::Stage)
    }

    /// What a body may have, for those that can be written.
    pub(super) const fn members(self) -> &'static [(&'static str, Shape)] {
        match self {
            Self::Activity => ACTIVITY,
            Self::Person => PERSON,
            Self::Organization => ORGANIZATION,
            Self::Deal => DEAL,
            Self::Pipeline | Self::Stage | Self::Note => &[],
        }
    }

    /// The member that a new one must have. An activity without subject is named after its type.
    pub(super) const fn needed(self) -> Option<&'static str> {
        match self {
            Self::Person | Self::Organization => Some("name"),
            Self::Deal => Some("title"),
            Self::Activity | Self::Pipeline | Self::Stage | Self::Note => None,
        }
    }

    pub(super) fn shape(self, member: &str) -> Option<Shape> {
        let mut members = self.members().iter();
        members
            .find(|(name, _)| *name == member)
            .map(|(_, shape)| *shape)
    }
}
