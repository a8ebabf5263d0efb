//! Lists that may become very long: read element by element, and grown by little.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Appends. A list that doubles holds, while it moves, three times what is in it: a long one grows by a quarter.
pub fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() && list.len() >= LONG {
        list.reserve_exact(list.len() / 4);
    }
    list.push(item);
}

const LONG: usize = 256;

/// What each comes to, in a list of just that length.
pub fn map<T, U>(list: Vec<T>, mut to: impl FnMut(T) -> U) -> Vec<U> {
    let mut made = Vec::with_capacity(list.len());
    list.into_iter().for_each(|item| made.push(to(item)));
    made
}

/// The same, until one fails.
pub fn try_map<T, U, E>(list: Vec<T>, mut to: impl FnMut(T) -> Result<U, E>) -> Result<Vec<U>, E> {
    let mut made = Vec::with_capacity(list.len());
    for item in list {
        made.push(to(item)?);
    }
    Ok(made)
}

/// Pieces of JSON as they stand in a list.
#[derive(Debug, Default)]
pub struct Raws<'a>(pub Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Raws<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = each(deserializer, Ok::<&'de RawValue, std::convert::Infallible>)?;
        let Ok(list) = read;
        Ok(Self(list))
    }
}

/// Reads a list and turns each of it into what was meant before the next is read. After one that fails the others are
/// passed over: that they are JSON has the last word.
pub fn each<'de, D, T, U, E>(deserializer: D, to: impl FnMut(T) -> Result<U, E>) -> Result<Result<Vec<U>, E>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Look<T, F>(F, PhantomData<T>);
    impl<'de, T, U, E, F> Visitor<'de> for Look<T, F>
    where
        T: Deserialize<'de>,
        F: FnMut(T) -> Result<U, E>,
    {
        type Value = Result<Vec<U>, E>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a sequence")
        }
        fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = seq.next_element::<T>()? {
                match (self.0)(item) {
                    Ok(item) => push(&mut list, item),
                    Err(error) => {
                        while seq.next_element::<IgnoredAny>()?.is_some() {}
                        return Ok(Err(error));
                    }
                }
            }
            Ok(Ok(list))
        }
    }
    deserializer.deserialize_seq(Look(to, PhantomData))
}
