//! How large an input may be, and why.
//!
//! Each limit is far above what a real conversation needs and below what would hurt a neighbour.

/// The largest request body or queue message in bytes: the size of one SQS message, so that both
/// doors take the same events.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Events in one request.
pub const MAX_EVENTS: usize = 100;
/// Characters of a title or a name. Longer ones are not titles; CRMs cut theirs at 255 or less.
pub const MAX_TITLE: usize = 500;
/// Characters of a summary, a description or a quote: above the largest text field of any of the
/// CRMs (131,072), so a text is cut by the mapping, never here.
pub const MAX_TEXT: usize = 200_000;
/// Characters of an e-mail address (RFC 5321, section 4.5.3.1).
pub const MAX_EMAIL: usize = 254;
/// Characters of a short text: phone, company, language, tag, format, status.
pub const MAX_SHORT: usize = 255;
/// Characters of a link.
pub const MAX_URL: usize = 2_048;
/// Participants of a session or meeting: a webinar's panel, not its audience.
pub const MAX_PARTICIPANTS: usize = 500;
/// Transcript segments of a session: ten hours at one a second and a half.
pub const MAX_SEGMENTS: usize = 25_000;
/// Action items, and insights, of one session. A write of all of them fits the smallest batch call
/// of the CRMs a few times over.
pub const MAX_ITEMS: usize = 100;
/// Segments one piece of evidence may name.
pub const MAX_EVIDENCE_SEGMENTS: usize = 50;
/// Sections of a summary.
pub const MAX_SECTIONS: usize = 50;
/// The longest session in seconds: 14 days, the longest activity a CRM takes.
pub const MAX_DURATION_SECONDS: u64 = 14 * 24 * 3600;
/// The first day a time may name, as seconds since 1970: 2000-01-01, before any recording.
pub const MIN_TIME_SECONDS: i64 = 946_684_800;
/// The last moment a time may name: 2100-01-01. Beyond it a unit was mistaken.
pub const MAX_TIME_SECONDS: i64 = 4_102_444_800;
