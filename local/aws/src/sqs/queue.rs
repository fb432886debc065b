//! One standard queue: which message is visible, delayed or in flight, and which goes next.
//!
//! Groups make the queue fair, as on AWS: of the groups with a visible message the one with the fewest in flight is
//! served, of those the one served longest ago. A backlog of one tenant so delays no other. Messages without a group
//! are one group, served in order. No order is promised to anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Notify;

use super::message::{Message, Place};
use super::settings::Settings;

/// Between the ranks of two messages, so that another can be put between them.
const RANK_STEP: u64 = 16;

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) created_ms: i64,
    pub(crate) changed_ms: i64,
    pub(crate) purged_ms: Option<i64>,
    /// Wakes long polls: something arrived, or will be visible sooner than was thought.
    pub(crate) arrivals: Arc<Notify>,
    messages: BTreeMap<u64, Message>,
    groups: BTreeMap<Arc<str>, Group>,
    /// The groups with a visible message, next first.
    turns: BTreeSet<(usize, u64, u64, Arc<str>)>,
    /// Delayed and in flight, by when they become visible.
    hidden: BTreeSet<(i64, u64)>,
    expiries: BTreeSet<(i64, u64)>,
    in_flight: usize,
    next_serial: u64,
    next_rank: u64,
    next_turn: u64,
}

#[derive(Debug, Default)]
struct Group {
    visible: BTreeSet<(u64, u64)>,
    in_flight: usize,
    messages: usize,
    last_turn: u64,
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// Ready to be received.
    pub visible: usize,
    /// Received, neither deleted nor visible again.
    pub in_flight: usize,
    /// Sent with a delay that has not passed.
    pub delayed: usize,
}

impl QueueDepth {
    /// All of them.
    pub fn total(&self) -> usize {
        self.visible + self.in_flight + self.delayed
    }
}

impl Queue {
    pub(crate) fn new(name: &str, settings: Settings, now_ms: i64) -> Self {
        Self {
            name: name.to_owned(),
            settings,
            created_ms: now_ms,
            changed_ms: now_ms,
            purged_ms: None,
            arrivals: Arc::default(),
            messages: BTreeMap::new(),
            groups: BTreeMap::new(),
            turns: BTreeSet::new(),
            hidden: BTreeSet::new(),
            expiries: BTreeSet::new(),
            in_flight: 0,
            next_serial: 0,
            next_rank: 1 << 32,
            next_turn: 0,
        }
    }

    /// Adds a message, visible at `visible_ms`.
    pub(crate) fn add(&mut self, mut message: Message, visible_ms: i64) {
        let serial = self.next_serial;
        self.next_serial += 1;
        message.place = Place::Delayed {
            until_ms: visible_ms,
        };
        self.groups
            .entry(message.group.clone())
            .or_default()
            .messages += 1;
        self.expiries
            .insert((message.sent_ms + self.settings.retention_ms(), serial));
        self.hidden.insert((visible_ms, serial));
        self.messages.insert(serial, message);
        self.arrivals.notify_waiters();
    }

    /// Lets time pass: drops what is too old, and makes visible what is due.
    pub(crate) fn settle(&mut self, now_ms: i64) {
        while let Some(&(expires_ms, serial)) = self.expiries.first()
            && expires_ms <= now_ms
        {
            self.remove(serial);
        }
        while let Some(&(due_ms, serial)) = self.hidden.first()
            && due_ms <= now_ms
        {
            self.leave_place(serial);
            self.show(serial);
        }
    }

    fn show(&mut self, serial: u64) {
        let Some(message) = self.messages.get_mut(&serial) else {
            return;
        };
        self.next_rank += RANK_STEP;
        // Just before the message that is `jump` places ahead.
        let rank = match std::mem::take(&mut message.jump) {
            0 => self.next_rank,
            jump => self.next_rank - jump * RANK_STEP - 1,
        };
        message.place = Place::Visible { rank };
        let group = message.group.clone();
        self.in_group(&group, |group| {
            group.visible.insert((rank, serial));
        });
    }

    /// The next visible message, if there is one. It stays where it is.
    pub(crate) fn next(&self) -> Option<u64> {
        let (.., name) = self.turns.first()?;
        self.groups
            .get(name)?
            .visible
            .first()
            .map(|(_, serial)| *serial)
    }

    /// Puts the message in flight, counts the receive, and lets its group's turn pass.
    pub(crate) fn deliver(
        &mut self,
        serial: u64,
        now_ms: i64,
        visibility_ms: i64,
    ) -> Option<&Message> {
        self.leave_place(serial);
        let message = self.messages.get_mut(&serial)?;
        message.receive_count += 1;
        message.first_received_ms.get_or_insert(now_ms);
        let until_ms = now_ms + visibility_ms;
        message.place = Place::InFlight {
            since_ms: now_ms,
            until_ms,
        };
        let group = message.group.clone();
        self.hidden.insert((until_ms, serial));
        self.in_flight += 1;
        self.next_turn += 1;
        let turn = self.next_turn;
        self.in_group(&group, |group| {
            group.in_flight += 1;
            group.last_turn = turn;
        });
        self.messages.get(&serial)
    }

    /// Changes when a message in flight becomes visible.
    pub(crate) fn hide_until(&mut self, serial: u64, visible_ms: i64) {
        let Some(message) = self.messages.get_mut(&serial) else {
            return;
        };
        if let Place::InFlight { until_ms, .. } = &mut message.place {
            self.hidden.remove(&(*until_ms, serial));
            *until_ms = visible_ms;
            self.hidden.insert((visible_ms, serial));
            self.arrivals.notify_waiters();
        }
    }

    pub(crate) fn get(&self, serial: u64) -> Option<&Message> {
        self.messages.get(&serial)
    }

    pub(crate) fn remove(&mut self, serial: u64) -> Option<Message> {
        self.leave_place(serial);
        let message = self.messages.remove(&serial)?;
        self.expiries
            .remove(&(message.sent_ms + self.settings.retention_ms(), serial));
        self.in_group(&message.group, |group| group.messages -= 1);
        Some(message)
    }

    pub(crate) fn clear(&mut self) {
        let serials: Vec<u64> = self.messages.keys().copied().collect();
        for serial in serials {
            self.remove(serial);
        }
    }

    /// New settings. Retention counts for the messages that are here, too.
    pub(crate) fn set_settings(&mut self, settings: Settings, now_ms: i64) {
        self.settings = settings;
        self.changed_ms = now_ms;
        let retention_ms = self.settings.retention_ms();
        let expiry =
            |(serial, message): (&u64, &Message)| (message.sent_ms + retention_ms, *serial);
        self.expiries = self.messages.iter().map(expiry).collect();
    }

    /// When the next message becomes visible; in the past or now, if one is.
    pub(crate) fn next_due_ms(&self, now_ms: i64) -> Option<i64> {
        if self.turns.is_empty() {
            self.hidden.first().map(|(due_ms, _)| *due_ms)
        } else {
            Some(now_ms)
        }
    }

    pub(crate) fn depth(&self) -> QueueDepth {
        let hidden = self.hidden.len();
        QueueDepth {
            visible: self.messages.len() - hidden,
            in_flight: self.in_flight,
            delayed: hidden - self.in_flight,
        }
    }

    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.values()
    }

    /// Takes the message out of the indexes of its place. The caller gives it another, or drops it.
    fn leave_place(&mut self, serial: u64) {
        let Some(message) = self.messages.get(&serial) else {
            return;
        };
        let (place, group) = (message.place, message.group.clone());
        match place {
            Place::Visible { rank } => self.in_group(&group, |group| {
                group.visible.remove(&(rank, serial));
            }),
            Place::Delayed { until_ms } => {
                self.hidden.remove(&(until_ms, serial));
            }
            Place::InFlight { until_ms, .. } => {
                if self.hidden.remove(&(until_ms, serial)) {
                    self.in_flight -= 1;
                    self.in_group(&group, |group| group.in_flight -= 1);
                }
            }
        }
    }

    /// Changes a group and keeps its turn in order. A group without messages is forgotten.
    fn in_group(&mut self, name: &Arc<str>, change: impl FnOnce(&mut Group)) {
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        if let Some(turn) = group.turn(name) {
            self.turns.remove(&turn);
        }
        change(group);
        if let Some(turn) = group.turn(name) {
            self.turns.insert(turn);
        }
        if group.messages == 0 {
            self.groups.remove(name);
        }
    }
}

impl Group {
    fn turn(&self, name: &Arc<str>) -> Option<(usize, u64, u64, Arc<str>)> {
        let (rank, _) = self.visible.first()?;
        Some((self.in_flight, self.last_turn, *rank, name.clone()))
    }
}
