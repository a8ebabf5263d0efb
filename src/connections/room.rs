//! How many connections there may be: in all, and from one address.
//!
//! Always: a place that was given is given back when its connection ends, whatever ends it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::refuse::LISTENERS;

/// The places of one listener.
#[derive(Debug)]
pub struct Room {
    most: usize,
    open: AtomicUsize,
    by_address: Option<ByAddress>,
}

#[derive(Debug)]
struct ByAddress {
    most: u32,
    /// Locked when a connection comes and when it goes.
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    InAll,
    OfAddress,
}

/// One connection's place.
#[derive(Debug)]
pub(super) struct Seat {
    room: Arc<Room>,
    address: Option<IpAddr>,
}

impl Room {
    pub fn new(most: usize, of_address: Option<u32>) -> Arc<Self> {
        let by_address = of_address.map(|most| ByAddress { most, open: Mutex::default() });
        Arc::new(Self { most: most.max(1), open: AtomicUsize::new(0), by_address })
    }

    /// How many connections may be held at one time: those that have a place, and those that are only told that there is
    /// none.
    pub fn held(&self) -> usize {
        self.most + 2 * LISTENERS
    }

    /// `peer`: None where it does not count for its address.
    pub(super) fn enter(self: &Arc<Self>, peer: Option<IpAddr>) -> Result<Seat, Full> {
        let seat = Seat { room: self.clone(), address: None };
        if self.open.fetch_add(1, Ordering::AcqRel) >= self.most {
            return Err(Full::InAll); // the seat gives it back
        }
        self.seated(seat, peer)
    }

    /// For a connection that comes in another's place, which is about to go.
    pub(super) fn replace(self: &Arc<Self>, peer: Option<IpAddr>) -> Result<Seat, Full> {
        self.open.fetch_add(1, Ordering::AcqRel);
        self.seated(Seat { room: self.clone(), address: None }, peer)
    }

    fn seated(&self, mut seat: Seat, peer: Option<IpAddr>) -> Result<Seat, Full> {
        if let (Some(by_address), Some(peer)) = (&self.by_address, peer) {
            let peer = block(peer);
            let mut open = by_address.open.lock().unwrap_or_else(PoisonError::into_inner);
            let count = open.entry(peer).or_default();
            if *count >= by_address.most {
                return Err(Full::OfAddress);
            }
            *count += 1;
            seat.address = Some(peer);
        }
        Ok(seat)
    }
}

/// Whoever has one IPv6 address has the 2^64 of its network.
fn block(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.open.fetch_sub(1, Ordering::AcqRel);
        if let (Some(by_address), Some(address)) = (&self.room.by_address, self.address) {
            let mut open = by_address.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = open.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    open.remove(&address);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_is_given_once_and_given_back() {
        let room = Room::new(2, None);
        let first = room.enter(None).unwrap();
        let _second = room.enter(None).unwrap();
        assert_eq!(room.enter(None).unwrap_err(), Full::InAll);
        drop(first);
        let _third = room.enter(None).unwrap();
        assert_eq!(room.enter(None).unwrap_err(), Full::InAll);
    }

    #[test]
    fn an_address_has_its_own_bound() {
        let room = Room::new(100, Some(2));
        let at = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        let held: Vec<Seat> = (0..2).map(|_| room.enter(at("192.0.2.1")).unwrap()).collect();
        assert_eq!(room.enter(at("192.0.2.1")).unwrap_err(), Full::OfAddress);
        assert_eq!(room.enter(at("::ffff:192.0.2.1")).unwrap_err(), Full::OfAddress);
        assert!(room.enter(at("192.0.2.2")).is_ok() && room.enter(None).is_ok());
        drop(held);
        assert!(room.enter(at("192.0.2.1")).is_ok());
        let _six: Vec<Seat> = ["2001:db8::1", "2001:db8::2"].map(|one| room.enter(at(one)).unwrap()).into();
        assert_eq!(room.enter(at("2001:db8::3")).unwrap_err(), Full::OfAddress, "its network is one address");
        assert!(room.enter(at("2001:db8:0:1::3")).is_ok());
    }
}
