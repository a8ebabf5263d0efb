//! The instant at which a provider's day quotas start anew, as its documentation gives it: a wall
//! clock time in a time zone. Vendors reset at their own midnight, so a day can last 23 or 25 hours.
//!
//! Pure: the clock is an argument, the zone data is in the binary.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Time, time};
use jiff::tz::TimeZone;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A time of day in a time zone: `"00:00 America/Los_Angeles"`. Midnight UTC by default.
#[derive(Clone)]
pub struct DayReset {
    at: Time,
    zone: TimeZone,
    zone_name: String,
}

/// Why a text is not a [`DayReset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayResetError {
    /// Not `HH:MM`, from 00:00 to 23:59.
    Time,
    /// Not a name of the IANA time zone database.
    Zone,
}

impl DayReset {
    /// `HH:MM`, then a space and an IANA time zone name; UTC where none is given.
    pub fn parse(text: &str) -> Result<Self, DayResetError> {
        let (clock, zone_name) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), "UTC"));
        let (hour, minute) = clock.split_once(':').ok_or(DayResetError::Time)?;
        let part = |digits: &str| {
            let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse::<i8>().ok()).flatten().ok_or(DayResetError::Time)
        };
        let at = Time::new(part(hour)?, part(minute)?, 0, 0).map_err(|_| DayResetError::Time)?;
        let zone_name = zone_name.trim();
        let zone = TimeZone::get(zone_name).map_err(|_| DayResetError::Zone)?;
        Ok(Self { at, zone, zone_name: zone_name.to_owned() })
    }

    /// The first reset strictly after `unix_ms` (milliseconds since 1970, UTC).
    ///
    /// A reset that the clock skips in spring happens as much later as the clock jumped; one that
    /// comes twice in autumn happens the first time.
    pub fn next_after(&self, unix_ms: u64) -> u64 {
        self.next_in_zone(unix_ms).unwrap_or_else(|| unix_ms.saturating_add(DAY_MS))
    }

    fn next_in_zone(&self, unix_ms: u64) -> Option<u64> {
        let now = Timestamp::from_millisecond(i64::try_from(unix_ms).ok()?).ok()?;
        let mut day = self.zone.to_datetime(now).date();
        // Today's, tomorrow's; a third where a zone jumped over a whole day (Samoa, 2011).
        for _ in 0..3 {
            let at = self.zone.to_ambiguous_timestamp(day.to_datetime(self.at)).compatible().ok()?;
            if at > now {
                return u64::try_from(at.as_millisecond()).ok();
            }
            day = day.tomorrow().ok()?;
        }
        None
    }
}

impl Default for DayReset {
    fn default() -> Self {
        Self { at: time(0, 0, 0, 0), zone: TimeZone::UTC, zone_name: "UTC".to_owned() }
    }
}

impl PartialEq for DayReset {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at && self.zone_name == other.zone_name
    }
}

impl fmt::Display for DayReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02} {}", self.at.hour(), self.at.minute(), self.zone_name)
    }
}

impl fmt::Debug for DayReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DayReset({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ms(text: &str) -> u64 {
        u64::try_from(text.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
    }

    #[test]
    fn midnight_utc_by_default() {
        let reset = DayReset::default();
        assert_eq!(reset.next_after(ms("2026-11-23T18:45:00Z")), ms("2026-11-24T00:00:00Z"));
        assert_eq!(reset.next_after(ms("2026-11-24T00:00:00Z")), ms("2026-11-25T00:00:00Z"), "strictly after");
        assert_eq!(reset, DayReset::parse("00:00").unwrap());
    }

    #[test]
    fn days_of_23_and_25_hours() {
        let pacific = DayReset::parse("00:00 America/Los_Angeles").unwrap();
        let spring = ms("2026-03-08T08:00:00Z");
        assert_eq!(pacific.next_after(spring - 1), spring);
        assert_eq!(pacific.next_after(spring), spring + 23 * 3_600_000);
        let autumn = ms("2026-11-01T07:00:00Z");
        assert_eq!(pacific.next_after(autumn), autumn + 25 * 3_600_000);
    }

    #[test]
    fn a_skipped_time_comes_later_and_a_doubled_one_first() {
        let berlin = DayReset::parse("02:30 Europe/Berlin").unwrap();
        assert_eq!(berlin.next_after(ms("2026-03-28T23:00:00Z")), ms("2026-03-29T01:30:00Z"), "03:30 summer time");
        assert_eq!(berlin.next_after(ms("2026-10-24T22:00:00Z")), ms("2026-10-25T00:30:00Z"), "02:30 summer time");
        assert_eq!(berlin.next_after(ms("2026-10-25T00:30:00Z")), ms("2026-10-26T01:30:00Z"), "not a second time");
    }

    #[test]
    fn what_is_no_time_of_day() {
        for text in ["", "24:00", "7:00", "12:60", "noon", "-1:00", "12:00:00", "00:00:00 UTC"] {
            assert_eq!(DayReset::parse(text), Err(DayResetError::Time), "{text}");
        }
        assert_eq!(DayReset::parse("00:00 Mars/Olympus"), Err(DayResetError::Zone));
    }

    #[test]
    fn an_absurd_clock_is_survived() {
        assert_eq!(DayReset::default().next_after(u64::MAX), u64::MAX);
    }
}
