//! A CRM that counts strictly: never more than the limit in any window.

use std::collections::VecDeque;

use hub_domain::limiter::Micros;

pub(super) struct Crm {
    requests: u32,
    window: Micros,
    /// When the calls of the current window arrived.
    arrived: VecDeque<Micros>,
}

impl Crm {
    pub(super) fn new(requests: u32, window: Micros) -> Self {
        Self {
            requests,
            window,
            arrived: VecDeque::new(),
        }
    }

    /// Whether a call is taken that arrives now.
    pub(super) fn admit(&mut self, now: Micros) -> bool {
        let gone = now - self.window;
        while self.arrived.front().is_some_and(|at| *at <= gone) {
            self.arrived.pop_front();
        }
        let room = self.left() > 0;
        if room {
            self.arrived.push_back(now);
        }
        room
    }

    /// What is left of the window, as the headers tell it.
    pub(super) fn left(&self) -> u32 {
        let used = u32::try_from(self.arrived.len()).unwrap_or(u32::MAX);
        self.requests.saturating_sub(used)
    }
}
