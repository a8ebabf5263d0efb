//! The pause that a provider asks for a deployment (an error with `retry-after`), and who keeps it.
//!
//! What one request holds may be why a server asks for it: one that it has killed says 503 too. So it is kept by the
//! client alone that has met it, and by everybody once another has met it as well.

use std::time::Duration;

use super::breaker::Whose;
use super::cooldown::Cooldown;
use super::{Admission, Moment};

#[derive(Clone, Debug)]
pub struct Pause {
    cooldown: Cooldown,
    whose: Whose,
}

impl Pause {
    /// `lease`: as [`Cooldown::new`] has it.
    #[must_use]
    pub fn new(lease: Duration) -> Self {
        Self { cooldown: Cooldown::new(lease), whose: Whose::Nobodys }
    }

    pub fn set_lease(&mut self, lease: Duration) {
        self.cooldown.set_lease(lease);
    }

    /// Errors: there is a pause that this client keeps; the moment at which asking again makes sense.
    pub fn try_admit(&mut self, now: Moment, client: u64) -> Result<Admission, Moment> {
        if self.is_anothers(client) { Ok(self.cooldown.let_through()) } else { self.cooldown.try_admit(now) }
    }

    fn is_anothers(&self, client: u64) -> bool {
        matches!(self.whose, Whose::One(one) if one != client)
    }

    /// This client was asked for a pause, as [`Cooldown::cool`] has it.
    pub fn begin(&mut self, admission: Admission, now: Moment, client: u64, hint: Option<u64>, cap: Duration) {
        // One that is over does not say whose the next one is.
        let over = self.cooldown.ready_at().is_none_or(|until| until <= now);
        self.whose = if over || admission.is_canary() { Whose::of(client) } else { self.whose.and(client) };
        let _until = self.cooldown.cool(admission, now, hint, cap);
    }

    /// It worked.
    pub fn success(&mut self, admission: Admission) {
        self.cooldown.success(admission);
    }

    /// Never sent, or its end tells nothing of the deployment.
    pub fn give_back(&mut self, admission: Admission) {
        self.cooldown.give_back(admission);
    }

    /// When this client may ask; None: now.
    #[must_use]
    pub fn ready_at_for(&self, client: u64) -> Option<Moment> {
        if self.is_anothers(client) { None } else { self.cooldown.ready_at() }
    }

    /// The same of clients that have not met it.
    #[must_use]
    pub const fn ready_at(&self) -> Option<Moment> {
        match self.whose {
            Whose::One(_) => None,
            Whose::Nobodys | Whose::Everybodys => self.cooldown.ready_at(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Duration = Duration::from_secs(60);
    const HINT: Option<u64> = Some(30_000);

    fn asked(pause: &mut Pause, now: u64, client: u64) {
        let admission = pause.try_admit(Moment(now), client).unwrap();
        pause.begin(admission, Moment(now), client, HINT, CAP);
    }

    #[test]
    fn it_is_kept_by_whom_it_was_asked_of_until_another_has_met_it() {
        let mut pause = Pause::new(Duration::from_secs(600));
        asked(&mut pause, 1_000, 1);
        assert_eq!(pause.try_admit(Moment(2_000), 1), Err(Moment(31_000)));
        assert_eq!(
            (pause.ready_at(), pause.ready_at_for(1), pause.ready_at_for(2)),
            (None, Some(Moment(31_000)), None)
        );
        assert!(pause.try_admit(Moment(2_000), 3).is_ok());
        asked(&mut pause, 3_000, 2);
        assert_eq!(pause.try_admit(Moment(4_000), 3), Err(Moment(33_000)));
        assert_eq!(pause.ready_at(), Some(Moment(33_000)));
        // Then one canary goes, and opens it for all.
        let canary = pause.try_admit(Moment(33_000), 3).unwrap();
        assert!(canary.is_canary() && pause.try_admit(Moment(33_000), 1).is_err());
        pause.success(canary);
        assert_eq!(pause.ready_at_for(1), None);
    }

    #[test]
    fn one_that_is_over_says_nothing_of_the_next() {
        let mut pause = Pause::new(Duration::from_secs(600));
        asked(&mut pause, 1_000, 1);
        asked(&mut pause, 40_000, 2);
        assert_eq!(pause.try_admit(Moment(41_000), 2), Err(Moment(70_000)));
        assert!(pause.try_admit(Moment(41_000), 1).is_ok() && pause.try_admit(Moment(41_000), 3).is_ok());
    }

    #[test]
    fn what_fails_together_is_one_pause() {
        let mut pause = Pause::new(Duration::from_secs(600));
        let admissions = [(); 3].map(|()| pause.try_admit(Moment(1_000), 1).unwrap());
        for admission in admissions {
            pause.begin(admission, Moment(1_500), 1, HINT, CAP);
        }
        assert_eq!(pause.ready_at_for(1), Some(Moment(31_500)));
        assert!(pause.try_admit(Moment(1_600), 2).is_ok());
    }
}
