//! The quota of one key, or of one model at a key: requests and tokens, a minute, an hour, a day.
//!
//! What is configured is counted here: sliding windows for minute and hour ([`ring`]), the vendor's own day for the day
//! ([`day`]). What the provider tells in its headers is kept beside it ([`learned`]) and can only tighten it.
//!
//! Always: a limit is never overrun by what was reserved; whoever is refused learns when to come again, and is then
//! admitted if nobody else took the room. Memory is fixed at construction, and a window that is not configured costs
//! an empty pointer. Tokens are reserved by estimate; an estimate larger than a whole limit counts as the limit (it is
//! an estimate: the provider has the last word, and refusing such a request for ever would help nobody).

mod day;
mod learned;
mod left;
mod ring;

use std::time::Duration;

use config::Limits;

use self::day::Day;
pub use self::day::DayUse;
use self::learned::Hint;
pub use self::learned::Learned;
use self::ring::Ring;
use super::Moment;
use super::moment::millis;

/// Milliseconds of a slot: 60 of them make the window.
const MINUTE_SLOT: u64 = 1_000;
const HOUR_SLOT: u64 = 60_000;

/// Room that was taken for one request. Hand it back unsent, or settle it; dropped, the estimate stays counted.
#[derive(Debug)]
#[must_use = "what is reserved stays counted until it is given back or settled"]
pub struct Reservation {
    at: Moment,
    /// Which day it was counted to.
    day: Moment,
    /// Counted tokens, after the clamp to each limit.
    minute_tokens: u64,
    day_tokens: u64,
    tokens: u64,
    /// The counters of all reservations ever, this one included: what was reserved after it.
    requests_at: u64,
    tokens_at: u64,
    generation: u32,
}

#[derive(Debug)]
pub struct Windows {
    minute: Option<Box<Ring>>,
    hour: Option<Box<Ring>>,
    minute_tokens: Option<Box<Ring>>,
    day: Option<Box<Day>>,
    requests: Option<Hint>,
    tokens: Option<Hint>,
    /// How long a provider's word that nothing is left is believed before one request may try. Milliseconds.
    patience: u64,
    requests_ever: u64,
    tokens_ever: u64,
    /// The latest `now` that was seen.
    latest: Moment,
    /// Reservations of another set of windows are not taken out of this one.
    generation: u32,
}

impl Windows {
    /// `patience`: how far a hint is believed (the provider's `max_retry_after`).
    #[must_use]
    pub fn new(limits: &Limits, patience: Duration) -> Self {
        let ring = |limit: Option<u64>, slot| limit.map(|limit| Box::new(Ring::new(limit, slot)));
        Self {
            minute: ring(limits.requests_per_minute.map(u64::from), MINUTE_SLOT),
            hour: ring(limits.requests_per_hour.map(u64::from), HOUR_SLOT),
            minute_tokens: ring(limits.tokens_per_minute, MINUTE_SLOT),
            day: Day::new(limits).map(Box::new),
            requests: None,
            tokens: None,
            patience: millis(patience).max(1),
            requests_ever: 0,
            tokens_ever: 0,
            latest: Moment::ZERO,
            generation: 0,
        }
    }

    /// Other limits from now on; what has been used stays counted in the windows that stay.
    ///
    /// Where the limits change, reservations that are out keep their estimate: they can no longer be told apart from
    /// those of a window that is new.
    pub fn reconfigure(&mut self, limits: &Limits, patience: Duration) {
        let mut next = Self::new(limits, patience);
        if self.has_limits_of(&next) {
            self.patience = next.patience;
            return;
        }
        let keep = |new: &mut Option<Box<Ring>>, old: Option<Box<Ring>>| {
            if let (Some(new), Some(mut old)) = (new.as_mut(), old) {
                old.set_limit(new.limit());
                *new = old;
            }
        };
        keep(&mut next.minute, self.minute.take());
        keep(&mut next.hour, self.hour.take());
        keep(&mut next.minute_tokens, self.minute_tokens.take());
        match (next.day.as_mut(), self.day.take()) {
            (Some(new), Some(old)) => new.inherit(&old, self.latest),
            // A limit that is out of the configuration for a moment.
            (None, Some(old)) => next.day = Some(Box::new(old.unlimited())),
            (_, None) => {}
        }
        next.requests = self.requests.take();
        next.tokens = self.tokens.take();
        next.requests_ever = self.requests_ever;
        next.tokens_ever = self.tokens_ever;
        next.latest = self.latest;
        next.generation = self.generation.wrapping_add(1);
        *self = next;
    }

    fn has_limits_of(&self, other: &Self) -> bool {
        let ring = |ring: &Option<Box<Ring>>| ring.as_ref().map(|ring| ring.limit());
        let day = |day: &Option<Box<Day>>| day.as_ref().filter(|day| day.is_limited()).map(|day| day.limits());
        ring(&self.minute) == ring(&other.minute)
            && ring(&self.hour) == ring(&other.hour)
            && ring(&self.minute_tokens) == ring(&other.minute_tokens)
            && day(&self.day) == day(&other.day)
    }

    /// Takes room for one request of about `tokens`.
    ///
    /// Errors: the moment from which there is room again, if nobody else takes it.
    pub fn reserve(&mut self, now: Moment, tokens: u64) -> Result<Reservation, Moment> {
        match self.ready_at(now, tokens) {
            Some(moment) => Err(moment),
            None => Ok(self.take(tokens)),
        }
    }

    /// [`Windows::reserve`] in two sets at once (a key's and its model's): both or neither.
    pub fn reserve_both(
        &mut self,
        other: &mut Self,
        now: Moment,
        tokens: u64,
    ) -> Result<(Reservation, Reservation), Moment> {
        match self.ready_at(now, tokens).max(other.ready_at(now, tokens)) {
            Some(moment) => Err(moment),
            None => Ok((self.take(tokens), other.take(tokens))),
        }
    }

    /// From when [`Windows::reserve`] would succeed; None: now.
    pub fn ready_at(&mut self, now: Moment, tokens: u64) -> Option<Moment> {
        let now = self.advance(now);
        let ring = |ring: &Option<Box<Ring>>, amount| ring.as_ref().and_then(|ring| ring.ready_at(ring.fitted(amount)));
        let moment = ring(&self.minute, 1)
            .max(ring(&self.hour, 1))
            .max(ring(&self.minute_tokens, tokens))
            .max(self.day.as_ref().and_then(|day| day.ready_at(tokens)))
            .max(self.requests.as_ref().and_then(|hint| hint.ready_at(now, 1)))
            .max(self.tokens.as_ref().and_then(|hint| hint.ready_at(now, tokens)));
        debug_assert!(moment.is_none_or(|moment| moment > now));
        moment
    }

    /// Takes without asking: only after `ready_at` has said that there is room.
    fn take(&mut self, tokens: u64) -> Reservation {
        let now = self.latest;
        self.requests_ever = self.requests_ever.wrapping_add(1);
        self.tokens_ever = self.tokens_ever.wrapping_add(tokens);
        let put = |ring: &mut Option<Box<Ring>>, amount| {
            ring.as_mut().map_or(0, |ring| {
                let amount = ring.fitted(amount);
                ring.add(amount);
                debug_assert!(ring.used() <= ring.limit());
                amount
            })
        };
        put(&mut self.minute, 1);
        put(&mut self.hour, 1);
        let minute_tokens = put(&mut self.minute_tokens, tokens);
        let (day, day_tokens) = self.day.as_mut().map_or((Moment::ZERO, 0), |day| day.take(tokens));
        for (hint, amount) in [(&mut self.requests, 1), (&mut self.tokens, tokens)] {
            if let Some(hint) = hint {
                hint.take(now, amount, self.patience, self.requests_ever);
            }
        }
        Reservation {
            at: now,
            day,
            minute_tokens,
            day_tokens,
            tokens,
            requests_at: self.requests_ever,
            tokens_at: self.tokens_ever,
            generation: self.generation,
        }
    }

    /// Never sent: as if it had not been.
    pub fn give_back(&mut self, reservation: Reservation) {
        if reservation.generation != self.generation {
            return;
        }
        let at = reservation.at;
        for (ring, amount) in
            [(&mut self.minute, 1), (&mut self.hour, 1), (&mut self.minute_tokens, reservation.minute_tokens)]
        {
            if let Some(ring) = ring {
                ring.take_back(at, amount);
            }
        }
        if let Some(day) = &mut self.day {
            day.take_back(reservation.day, 1, reservation.day_tokens);
        }
        for (hint, amount) in [(&mut self.requests, 1), (&mut self.tokens, reservation.tokens)] {
            if let Some(hint) = hint {
                hint.give_back(reservation.requests_at, amount);
            }
        }
    }

    /// Sent, and over: what it really used takes the place of the estimate. The request itself stays counted, however
    /// it ended, as the provider counts it too.
    ///
    /// Less than estimated leaves the slot where it was reserved; more is counted to `now`, which is the safe side.
    pub fn settle(&mut self, reservation: Reservation, tokens: u64, now: Moment) {
        let now = self.advance(now);
        if reservation.generation != self.generation {
            return;
        }
        if let Some(ring) = &mut self.minute_tokens {
            ring.settle(reservation.at, reservation.minute_tokens, tokens);
        }
        if let Some(day) = &mut self.day {
            day.settle(reservation.day, reservation.day_tokens, tokens);
        }
        let number = reservation.requests_at;
        for hint in [&mut self.requests, &mut self.tokens] {
            // The one that tried whether the provider's word still holds came through, and nothing new was said.
            if hint.as_ref().is_some_and(|hint| hint.is_probe(number)) {
                *hint = None;
            }
        }
        if let Some(hint) = &mut self.tokens {
            hint.settle(number, reservation.tokens, tokens);
        }
        debug_assert!(now >= reservation.at);
    }

    /// What the provider's headers say of requests and of tokens in its answer to this reservation's request.
    ///
    /// Its numbers do not know what we have reserved since: that is taken off. An answer to an older request than the
    /// last one learned from is no news.
    pub fn learn(&mut self, reservation: &Reservation, requests: Learned, tokens: Learned, now: Moment) {
        let now = self.advance(now);
        if reservation.generation != self.generation {
            return;
        }
        let number = reservation.requests_at;
        let requests_since = self.requests_ever.wrapping_sub(number);
        let tokens_since = self.tokens_ever.wrapping_sub(reservation.tokens_at);
        learned::learn(&mut self.requests, requests, number, requests_since, now, self.patience);
        learned::learn(&mut self.tokens, tokens, number, tokens_since, now, self.patience);
    }

    /// The share that is left of the scarcest window: 0 nothing, 1 all of it or no limit known.
    pub fn room(&mut self, now: Moment) -> f32 {
        self.advance(now);
        let rings = [&self.minute, &self.hour, &self.minute_tokens];
        let room = rings
            .into_iter()
            .flatten()
            .map(|ring| share(ring.limit().saturating_sub(ring.used()), ring.limit()))
            .chain(self.day.as_ref().map(|day| day.room()))
            .chain([&self.requests, &self.tokens].into_iter().flatten().map(Hint::room))
            .fold(1.0, f32::min);
        debug_assert!((0.0..=1.0).contains(&room));
        room
    }

    /// What was used of the present day, to be kept over a restart; None where none is or was limited.
    pub fn day_counts(&mut self, now: Moment) -> Option<DayUse> {
        self.advance(now);
        self.day.as_ref().map(|day| day.counts())
    }

    /// What an earlier process had used, or this one before the key left the configuration. Of another day, or from no
    /// sensible one, it is nothing. What was counted here meanwhile is kept if it is more.
    pub fn restore(&mut self, counts: DayUse, now: Moment) {
        let now = self.advance(now);
        match &mut self.day {
            Some(day) => day.restore(counts, now),
            None => self.day = Day::known(counts, now).map(Box::new),
        }
    }

    /// Moves every window up to `now`, or to the latest moment seen: time does not run backwards here.
    fn advance(&mut self, now: Moment) -> Moment {
        let now = now.max(self.latest);
        self.latest = now;
        for ring in [&mut self.minute, &mut self.hour, &mut self.minute_tokens].into_iter().flatten() {
            ring.advance(now);
        }
        if self.day.as_ref().is_some_and(|day| !day.is_limited() && day.is_over(now)) {
            self.day = None;
        }
        if let Some(day) = &mut self.day {
            day.advance(now);
        }
        for hint in [&mut self.requests, &mut self.tokens] {
            if hint.as_ref().is_some_and(|hint| hint.is_over(now)) {
                *hint = None;
            }
        }
        now
    }
}

/// `part` of `whole`, 0 to 1; nothing of nothing is nothing.
fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 {
        return 0.0;
    }
    (part as f32 / whole as f32).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
