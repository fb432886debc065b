//! What one worker holds of a CRM account's limits.

use std::collections::VecDeque;

use super::{Ask, Chunk, Decision, Lane, Micros, Rule, SECOND, Seen, Terms, Want};

/// The longest wait of a crowd, in half seconds: the more often a worker came in vain, the later it
/// comes.
const CROWD: u32 = 12;

/// What a reply said of others is worth something for so long.
const FRESH: Micros = SECOND * 6 / 10;

/// Calls of one rule.
#[derive(Debug, Clone, Default)]
struct Stock {
    /// At these times.
    paced: VecDeque<Micros>,
    /// At any time until then.
    free: u32,
    free_until: Micros,
    /// When the last free one was made.
    spent: Option<Micros>,
    /// How many would be used, as far as can be told.
    appetite: u32,
    /// Made and lapsed since the last lease.
    made: u32,
    lapsed: u32,
    unused: u32,
    /// What a reply said last.
    seen: Option<Seen>,
    /// Whether it was passed on.
    told: bool,
    /// When the reply came by which calls were left out last.
    heeded: Micros,
    /// When the last call was made.
    made_at: Micros,
}

/// Whether a call can be made of what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// Now. It is taken.
    Now,
    /// Then, at the soonest: to be asked again.
    At(Micros),
    /// A lease is needed.
    Lease,
    /// Every place for a call at once is in use.
    Full,
}

/// What a worker holds.
#[derive(Debug, Clone)]
pub struct Book {
    worker: u32,
    stocks: Vec<Stock>,
    /// Places for calls at once, and until when.
    places: Option<(u32, Micros)>,
    under_way: u32,
    /// One call may try whether the CRM is back.
    probe: bool,
    /// Others use the limits too.
    shared: bool,
    /// How often in a row it came in vain.
    vain: u32,
}

impl Book {
    /// A worker without a lease, by its number: a random one.
    pub fn new(worker: u32) -> Self {
        Self {
            worker,
            stocks: Vec::new(),
            places: None,
            under_way: 0,
            probe: false,
            shared: false,
            vain: 0,
        }
    }

    /// A call that costs so much of each rule: whether it may be made now, and is then taken.
    pub fn take(&mut self, terms: &Terms, costs: &[u32], now: Micros) -> Take {
        self.stocks.resize_with(terms.rules.len(), Stock::default);
        if terms.at_once.is_some() {
            match self.places {
                Some((places, until)) if until > now + super::CALL => {
                    if self.under_way >= places {
                        return Take::Full;
                    }
                }
                _ => return Take::Lease,
            }
        }
        let mut at = now;
        // A call has one time; what lies before it by more than a call may be late has lapsed.
        loop {
            let before = at;
            for ((stock, cost), rule) in self.stocks.iter_mut().zip(costs).zip(&terms.rules) {
                if *cost == 0 || stock.has_free(*cost, at) {
                    continue;
                }
                stock.drop_before(at - terms.margin.late);
                if self.shared && at == now {
                    stock.yield_to_others(rule, self.under_way, now);
                }
                match stock.paced.front() {
                    Some(slot) => at = at.max(*slot),
                    None => return Take::Lease,
                }
            }
            if at == before {
                break;
            }
        }
        if at > now {
            return Take::At(at);
        }
        for (stock, cost) in self.stocks.iter_mut().zip(costs) {
            if *cost == 0 {
                continue;
            }
            stock.made += cost;
            stock.made_at = now;
            if stock.has_free(*cost, now) {
                stock.free -= cost;
                stock.spent = (stock.free == 0).then_some(now);
            } else {
                stock.paced.pop_front();
            }
        }
        self.under_way += 1;
        Take::Now
    }

    /// A call is over.
    pub fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// What a reply said of a rule, by its place.
    pub fn saw(&mut self, place: usize, seen: Seen) {
        if let Some(stock) = self.stocks.get_mut(place) {
            stock.seen = Some(seen);
            stock.told = false;
        }
    }

    /// Nothing that was leased holds any more: the CRM refused a call, or does not answer.
    pub fn drop_leases(&mut self) {
        for stock in &mut self.stocks {
            stock.paced.clear();
            if stock.free > 0 {
                stock.free = 0;
                stock.spent = None;
            }
        }
        self.probe = false;
    }

    /// The CRM refused a call for a limit: nothing before `until`.
    pub fn pause(&mut self, until: Micros) {
        for stock in &mut self.stocks {
            let before = stock.paced.len();
            stock.paced.retain(|slot| *slot >= until);
            stock.unused += u32::try_from(before - stock.paced.len()).unwrap_or(0);
            stock.free = 0;
            stock.spent = None;
        }
    }

    /// What to ask for, for a call that costs so much.
    pub fn ask(&mut self, terms: &Terms, costs: &[u32], lane: Lane, now: Micros) -> Ask {
        self.stocks.resize_with(terms.rules.len(), Stock::default);
        let needed = self.stocks.iter().zip(costs).filter(|(_, cost)| **cost > 0);
        let begins = needed.filter_map(|(stock, _)| stock.paced.front().copied());
        let from = begins.fold(now, Micros::max);
        let mut wants = Vec::new();
        for (stock, cost) in self.stocks.iter_mut().zip(costs) {
            if stock.has_free(*cost, from) || !stock.paced.is_empty() {
                wants.push(Want::default());
                continue;
            }
            let up_to = stock.appetite().max(*cost);
            // Bulk work takes less at a time, so that live work never waits long for it.
            let up_to = match lane {
                Lane::Live => up_to,
                Lane::Bulk => up_to.div_ceil(2).max(*cost),
            };
            wants.push(Want { need: *cost, up_to });
        }
        let untold = |stock: &Stock| stock.seen.filter(|_| !stock.told);
        Ask {
            worker: self.worker,
            lane,
            wants,
            from,
            seen: self.stocks.iter().map(untold).collect(),
            spent: self.stocks.iter().map(|stock| stock.spent).collect(),
            unused: self.stocks.iter().map(|stock| stock.unused).collect(),
        }
    }

    /// Keeps a lease that was written. What is left of the one before is kept too.
    pub fn granted(&mut self, decision: &Decision, now: Micros) {
        let Decision::Granted {
            chunks,
            at_once,
            probe,
            shared,
        } = decision
        else {
            return;
        };
        self.vain = 0;
        self.probe = *probe;
        self.shared = *shared;
        if at_once.is_some() {
            self.places = *at_once;
        }
        for (stock, chunk) in self.stocks.iter_mut().zip(chunks) {
            stock.told = true;
            match *chunk {
                Chunk::None => continue,
                Chunk::Paced { first, step, count } => {
                    let slots = (0..i64::from(count)).map(|n| first + step * n);
                    stock.paced.extend(slots);
                }
                Chunk::Free { count, until } => {
                    let kept = if stock.free_until > now {
                        stock.free
                    } else {
                        0
                    };
                    let until = if kept > 0 {
                        until.min(stock.free_until)
                    } else {
                        until
                    };
                    stock.free = kept + count;
                    stock.free_until = until;
                }
            }
            stock.spent = None;
            stock.grow();
        }
    }

    /// What it knew was written, although it got no lease.
    pub fn told(&mut self) {
        for stock in &mut self.stocks {
            stock.told = true;
            stock.spent = None;
            stock.unused = 0;
        }
    }

    /// It came in vain: when to come again. Of a crowd not all come back at once.
    pub fn in_vain(&mut self, until: Micros, dice: u32) -> Micros {
        self.vain = (self.vain + 1).min(CROWD);
        let spread = i64::from(self.vain) * SECOND / 2;
        until + spread * i64::from(dice.min(999)) / 1_000
    }

    /// Whether the call that was just taken tries whether the CRM is back.
    pub fn is_probe(&mut self) -> bool {
        std::mem::take(&mut self.probe)
    }
}

impl Stock {
    fn drop_before(&mut self, oldest: Micros) {
        while self.paced.front().is_some_and(|slot| *slot < oldest) {
            self.paced.pop_front();
            self.lapsed += 1;
        }
    }

    fn has_free(&self, cost: u32, at: Micros) -> bool {
        self.free >= cost && self.free_until > at
    }

    /// Others use the limit too. A call is not made where the last reply said that hardly anything is
    /// left, nor where nothing is known and the call before it is yet to be answered.
    fn yield_to_others(&mut self, rule: &Rule, under_way: u32, now: Micros) {
        if self.paced.front().is_none_or(|slot| *slot > now) {
            return;
        }
        let wanted = (rule.requests / 25).max(1);
        let skipped = match self.seen.filter(|seen| now - seen.at < FRESH) {
            Some(seen) if self.heeded == seen.at => 0,
            Some(seen) => {
                self.heeded = seen.at;
                (wanted + under_way).saturating_sub(seen.left)
            }
            None => u32::from(now - self.made_at < FRESH / 2),
        };
        for _ in 0..skipped {
            if self.paced.pop_front().is_some() {
                self.unused += 1;
            }
        }
    }

    fn appetite(&self) -> u32 {
        self.appetite.max(2)
    }

    /// Twice as much next time if nothing lapsed, as much as was used if something did.
    fn grow(&mut self) {
        self.appetite = if self.lapsed > 0 {
            self.made.max(1)
        } else {
            (self.appetite() * 2).min(64)
        };
        self.made = 0;
        self.unused = 0;
        self.lapsed = 0;
    }
}
