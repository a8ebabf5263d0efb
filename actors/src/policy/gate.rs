//! The gate that breaker and cooldown have in common: it passes everyone, or no one for a while, and then one canary
//! whose outcome decides.
//!
//! Always: at most one canary is out at a time. A canary that never reports blocks nobody for longer than its lease;
//! then the next one goes. The first has a short one, for a slow answer is no outage, and each that outlives its own
//! gives the next twice as long. Whoever was let through before the gate last closed or opened is late: what such a request
//! meets says nothing about the time since, and does not move the gate.

use super::Moment;

/// Names one admission period, or one canary. Opaque: it only comes back to the gate that made it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// How a request was let through. Hand it back with the outcome, to the same machine.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[must_use = "the machine waits for this admission's outcome, or to be given it back"]
pub enum Admission {
    Normal(Ticket),
    /// The one request that finds out whether things are well again.
    Canary(Ticket),
}

impl Admission {
    #[must_use]
    pub const fn is_canary(self) -> bool {
        matches!(self, Self::Canary(_))
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Passing,
    /// Nobody until then, one canary afterwards.
    Waiting {
        until: Moment,
    },
    /// The canary is out. `until` is what it waited for, kept in case it is given back unsent.
    Trying {
        until: Moment,
        ticket: u64,
        lease: Moment,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Gate {
    state: State,
    /// Milliseconds that a canary may stay silent at most.
    lease: u64,
    /// And that the next one may.
    patience: u64,
    /// Grows with every canary and every opening; 64 bits outlast the process.
    serial: u64,
    /// The serial when the gate last closed: canaries above it belong to this closure.
    closed_at: u64,
}

/// The lease of the first canary, in milliseconds.
pub(super) const PATIENCE: u64 = 1_000;

impl Gate {
    pub fn new(lease_ms: u64) -> Self {
        let lease = lease_ms.max(1);
        Self { state: State::Passing, lease, patience: PATIENCE.min(lease), serial: 0, closed_at: 0 }
    }

    pub fn set_lease(&mut self, lease_ms: u64) {
        self.lease = lease_ms.max(1);
        self.patience = self.patience.min(self.lease);
    }

    pub const fn state(&self) -> State {
        self.state
    }

    /// Errors: the moment at which asking again makes sense.
    pub fn try_admit(&mut self, now: Moment) -> Result<Admission, Moment> {
        self.check();
        let until = match self.state {
            State::Passing => return Ok(Admission::Normal(Ticket(self.serial))),
            State::Waiting { until } if now < until => return Err(until),
            State::Trying { lease, .. } if now < lease => return Err(lease),
            State::Waiting { until } => until,
            State::Trying { until, .. } => {
                self.patience = self.patience.saturating_mul(2).min(self.lease);
                until
            }
        };
        self.serial += 1;
        self.state = State::Trying { until, ticket: self.serial, lease: now.after_ms(self.patience) };
        self.check();
        Ok(Admission::Canary(Ticket(self.serial)))
    }

    /// Lets somebody through whom the gate is not closed to, whatever its state.
    pub const fn let_through(&self) -> Admission {
        Admission::Normal(Ticket(self.serial))
    }

    /// Whether somebody was let through so, since the gate last closed or shortly before.
    pub const fn is_of_closure(&self, admission: Admission) -> bool {
        match admission {
            Admission::Normal(Ticket(period)) => period >= self.closed_at,
            Admission::Canary(_) => false,
        }
    }

    /// Whether this admission's failure is news: of the present period, or of the canary that is out.
    pub fn is_current(&self, admission: Admission) -> bool {
        match (admission, self.state) {
            (Admission::Normal(Ticket(period)), State::Passing) => period == self.serial,
            (Admission::Canary(Ticket(number)), State::Trying { ticket, .. }) => number == ticket,
            (Admission::Normal(_), State::Waiting { .. } | State::Trying { .. })
            | (Admission::Canary(_), State::Passing | State::Waiting { .. }) => false,
        }
    }

    /// Opens for everyone if `admission` is a canary of the present closure; true if it did.
    ///
    /// A canary that outlived its lease counts too: an upstream that needs longer than the lease is slow, not dead.
    pub fn open_by(&mut self, admission: Admission) -> bool {
        let Admission::Canary(Ticket(number)) = admission else {
            return false;
        };
        if self.state == State::Passing || number <= self.closed_at {
            return false;
        }
        self.state = State::Passing;
        self.serial += 1;
        self.check();
        true
    }

    /// Nobody until then.
    pub fn close(&mut self, until: Moment) {
        if self.state == State::Passing {
            self.closed_at = self.serial;
            self.patience = PATIENCE.min(self.lease);
        }
        self.state = State::Waiting { until };
        self.check();
    }

    /// It should not have been closed: open again, unless a canary is out.
    pub fn reopen(&mut self) {
        if matches!(self.state, State::Waiting { .. }) {
            self.state = State::Passing;
            self.serial += 1;
        }
        self.check();
    }

    /// Opens for everyone if its wait is over and no canary is out; true if it did.
    pub fn open_after_wait(&mut self, now: Moment) -> bool {
        let over = matches!(self.state, State::Waiting { until } if until <= now);
        if over {
            self.reopen();
        }
        over
    }

    /// The request was never sent. A canary's place is free again, as if it had not been asked for.
    pub fn give_back(&mut self, admission: Admission) {
        if let State::Trying { until, .. } = self.state
            && admission.is_canary()
            && self.is_current(admission)
        {
            self.state = State::Waiting { until };
        }
        self.check();
    }

    /// None: now.
    pub const fn ready_at(&self) -> Option<Moment> {
        match self.state {
            State::Passing => None,
            State::Waiting { until } => Some(until),
            State::Trying { lease, .. } => Some(lease),
        }
    }

    fn check(&self) {
        debug_assert!(self.closed_at <= self.serial);
        debug_assert!((1..=self.lease).contains(&self.patience));
        if let State::Trying { ticket, .. } = self.state {
            debug_assert!(ticket == self.serial && ticket > self.closed_at);
        }
    }
}
