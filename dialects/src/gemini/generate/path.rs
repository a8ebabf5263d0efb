//! Unknown members by the path at which they stood.

use serde_json::value::RawValue;

use crate::conversation::{Extra, Str};
use crate::json::put::Object;

/// Keeps the unknown members of an object that stands at `path` (which ends with a dot).
pub fn keep<'a>(into: &mut Extra<'a>, path: &str, members: Extra<'a>) {
    into.extend(members.into_iter().map(|(key, value)| (Str::from(format!("{path}{}", &*key)), value)));
}

/// Those that stood right at `path`.
pub fn at<'e>(extra: &'e Extra<'_>, path: &'e str) -> impl Iterator<Item = (&'e str, &'e RawValue)> {
    extra.iter().filter_map(move |(key, value)| {
        key.strip_prefix(path).filter(|key| !key.contains('.')).map(|key| (key, *value))
    })
}

/// Writes them back.
pub fn put(object: &mut Object<'_>, extra: &Extra<'_>, path: &str) {
    for (key, value) in at(extra, path) {
        object.raw(key, value.get());
    }
}

/// Whether there are any at `path` or below.
pub fn any(extra: &Extra<'_>, path: &str) -> bool {
    extra.iter().any(|(key, _)| key.starts_with(path))
}
