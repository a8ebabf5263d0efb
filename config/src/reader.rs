//! The small vocabulary that the readers of the sections are written in: take a mapping apart, take
//! a scalar, judge it. Every function tells what is wrong and returns None, so that a reader goes on
//! to the next field and all mistakes are found at once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::expand::{ExpandError, expand, has_variable, only_variable};
use crate::finding::{Place, nearest, shown};
use crate::quantity;
use crate::shapes::Shape;
use crate::tree::{Key, Node, Value};
use crate::vars::{Var, Vars};
use crate::{BaseUrl, Finding, Secret, Seen, elsewhere, files, host, placeholder, quotes};

/// A node and how one gets there: `providers.groq.limits`.
#[derive(Clone)]
pub(crate) struct Spot<'t> {
    pub(crate) node: &'t Node,
    pub(crate) path: String,
}

/// A mapping whose keys were all checked.
#[derive(Default)]
pub(crate) struct Object<'t> {
    fields: BTreeMap<&'static str, Spot<'t>>,
    #[cfg(debug_assertions)]
    keys: &'static [&'static str],
}

impl<'t> Object<'t> {
    pub(crate) fn get(&self, key: &'static str) -> Option<&Spot<'t>> {
        #[cfg(debug_assertions)]
        debug_assert!(self.keys.is_empty() || self.keys.contains(&key), "{key} is in no shape");
        self.fields.get(key)
    }
}

/// A scalar with its variables resolved, from the YAML or from a variable.
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) place: Place,
    /// The variable that is all of it.
    variable: Option<String>,
    /// As a finding may quote it: unresolved; None where it came from the environment or `.env`.
    quote: Option<String>,
}

impl Given {
    /// What names it to the operator, who knows what stands there: its variable, or its place in the provider's entry.
    pub(crate) fn name(&self) -> String {
        let place = self.place.path.rsplit('.').next().unwrap_or_default();
        self.variable.as_deref().unwrap_or(place).to_owned()
    }

    /// "`x`", or "its value".
    pub(crate) fn quoted(&self) -> String {
        self.quote.as_deref().map_or_else(|| "its value".to_owned(), shown)
    }
}

impl From<Var> for Given {
    fn from(var: Var) -> Self {
        let variable = Some(var.place.path.clone());
        Self { text: var.value, place: var.place, variable, quote: None }
    }
}

/// What a finding says of a value with a `NAME=` in it.
pub(crate) const LINE_FOUND: &str = "the name of a variable and `=` stand in the value";
pub(crate) const LINE_FIX: &str = "write a variable a line, and its name once";

pub(crate) struct Reader<'a> {
    pub(crate) file: &'a Path,
    /// Relative paths in the YAML start here.
    pub(crate) dir: &'a Path,
    pub(crate) vars: &'a Vars<'a>,
    pub(crate) findings: Vec<Finding>,
    /// Files that the configuration names.
    pub(crate) files: Vec<Seen>,
    /// Where this gateway listens, once that is known: host and port.
    pub(crate) listens: Option<(String, u16)>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: &'a Path, dir: &'a Path, vars: &'a Vars<'a>) -> Self {
        Self { file, dir, vars, findings: Vec::new(), files: Vec::new(), listens: None }
    }

    pub(crate) fn place(&self, spot: &Spot<'_>) -> Place {
        Place { file: self.file.to_owned(), at: spot.node.at, path: spot.path.clone() }
    }

    pub(crate) fn error(&mut self, spot: &Spot<'_>, found: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(self.place(spot).error(found, fix));
    }

    pub(crate) fn warning(&mut self, spot: &Spot<'_>, found: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(self.place(spot).warning(found, fix));
    }

    /// Whether a URL leads to this gateway itself. Of names only those of this machine are known.
    pub(crate) fn is_own(&self, url: &BaseUrl) -> bool {
        let Some((host, port)) = &self.listens else { return false };
        let own = host.trim_start_matches('[').trim_end_matches(']');
        let everywhere = own.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        let by_name = |host: &str| host.parse::<IpAddr>().is_err();
        let same = own.eq_ignore_ascii_case(url.host())
            || host::is_loopback(url.host())
                && (everywhere || host::is_loopback(own) && (by_name(own) || by_name(url.host())));
        *port != 0 && *port == url.port() && same
    }

    fn key_error(&mut self, key: &Key, path: String, found: String, fix: &str) {
        let place = Place { file: self.file.to_owned(), at: key.at, path };
        self.findings.push(place.error(found, fix));
    }

    /// A mapping with the keys of `shape`. Nothing at all is an empty one.
    pub(crate) fn object<'t>(&mut self, spot: &Spot<'t>, shape: &'static Shape) -> Option<Object<'t>> {
        let mut fields = BTreeMap::new();
        for (key, field) in self.entries(spot)? {
            // The top level has room for anchors that several providers merge, as compose files have.
            let extension = shape.name == "File" && key.text.starts_with("x-");
            match shape.keys.iter().find(|known| **known == key.text) {
                Some(known) => {
                    fields.insert(*known, field);
                }
                None if extension => {}
                None => {
                    let near = || nearest(&key.text, shape.keys.iter().copied());
                    let fix = match elsewhere::fix(shape.name, &key.text).map(str::to_owned) {
                        Some(fix) => fix,
                        None => match near() {
                            Some(near) => format!("did you mean {near}?"),
                            None => format!("known here: {}", shape.keys.join(", ")),
                        },
                    };
                    self.key_error(key, field.path, format!("unknown key {}", shown(&key.text)), &fix);
                }
            }
        }
        Some(Object {
            fields,
            #[cfg(debug_assertions)]
            keys: shape.keys,
        })
    }

    /// A mapping whose keys are names of the user's own. A repeated key is told, and its first value kept.
    pub(crate) fn entries<'t>(&mut self, spot: &Spot<'t>) -> Option<Vec<(&'t Key, Spot<'t>)>> {
        let pairs = match &spot.node.value {
            Value::Null => return Some(Vec::new()),
            Value::Map(pairs) => pairs,
            Value::Scalar(_) | Value::Seq(_) => {
                self.wrong_type(spot, "a mapping (`key: value` lines)");
                return None;
            }
        };
        let mut first_at: BTreeMap<&str, usize> = BTreeMap::new();
        let mut out = Vec::with_capacity(pairs.len());
        for (key, node) in pairs {
            let path = joined(&spot.path, &key.text);
            if let Some(line) = first_at.get(key.text.as_str()) {
                let found = format!("{} stands here a second time (first on line {line})", shown(&key.text));
                self.key_error(key, path, found, "keep one of them");
            } else {
                first_at.insert(&key.text, key.at.line);
                out.push((key, Spot { node, path }));
            }
        }
        Some(out)
    }

    /// A list. Nothing at all is an empty one.
    pub(crate) fn items<'t>(&mut self, spot: &Spot<'t>) -> Option<Vec<Spot<'t>>> {
        match &spot.node.value {
            Value::Null => Some(Vec::new()),
            Value::Seq(nodes) => Some(
                nodes.iter().enumerate().map(|(n, node)| Spot { node, path: format!("{}[{n}]", spot.path) }).collect(),
            ),
            Value::Scalar(_) | Value::Map(_) => {
                self.wrong_type(spot, "a list (`[a, b]` or `- a` lines)");
                None
            }
        }
    }

    /// A scalar with its variables resolved; may be empty text, never nothing.
    pub(crate) fn scalar(&mut self, spot: &Spot<'_>) -> Option<Given> {
        let Value::Scalar(raw) = &spot.node.value else {
            match spot.node.value {
                Value::Null => self.error(spot, "nothing stands here", "give a value or remove the key"),
                _ => self.wrong_type(spot, "a single value"),
            }
            return None;
        };
        match expand(raw, |name| self.vars.get(name).map(|var| var.value)) {
            Ok(text) => {
                // What a variable or its default holds may be a secret: only what is written out is quoted.
                let quote = (!has_variable(raw)).then(|| raw.clone());
                let variable = only_variable(raw).map(str::to_owned);
                Some(Given { text, place: self.place(spot), variable, quote })
            }
            Err(ExpandError::Unset(name)) => {
                let fix = format!("set {name} in .env or the environment, or write ${{{name}:-default}}");
                self.error(spot, format!("${{{name}}} is not set"), fix);
                None
            }
            Err(ExpandError::Key) => {
                let fix = "write a key without `${` and `}`, or put it into .env and its variable's name here";
                self.error(spot, "`${...}` holds what looks like a key and is not shown, not a variable's name", fix);
                None
            }
            Err(ExpandError::Unclosed) => {
                self.error(spot, "`${` without its `}`", "close it, or write `$$` for a dollar sign");
                None
            }
            Err(ExpandError::Name) => {
                let fix = "write ${NAME} or ${NAME:-default} with letters, digits and _, or `$$` for a dollar sign";
                self.error(spot, "`${...}` does not name a variable", fix);
                None
            }
        }
    }

    pub(crate) fn wrong_type(&mut self, spot: &Spot<'_>, wanted: &str) {
        let is = match &spot.node.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        };
        self.error(spot, format!("{is} stands where {wanted} belongs"), format!("write {wanted}"));
    }

    /// A name from a spot as a finding may show it: not if a variable brought it there.
    pub(crate) fn quote(&self, spot: &Spot<'_>, name: &str, otherwise: &str) -> String {
        if holds_variable(spot.node) { otherwise.to_owned() } else { shown(name).trim_matches('`').to_owned() }
    }

    /// Text that is not empty.
    pub(crate) fn text(&mut self, spot: &Spot<'_>) -> Option<Given> {
        let given = self.scalar(spot)?;
        if given.text.trim().is_empty() {
            self.findings.push(given.place.error("the value is empty", "give a value or remove the key"));
            return None;
        }
        Some(given)
    }

    /// A secret that goes into a header: visible ASCII without blanks. Nothing of it is told.
    pub(crate) fn secret(&mut self, given: &Given) -> Option<Secret> {
        let text = given.text.trim();
        let text = match quotes::within(text) {
            Some(inner) => {
                self.findings.push(given.place.warning(quotes::FOUND, quotes::FIX));
                inner
            }
            None => text,
        };
        if quotes::at_an_end(text) {
            let fix = "remove it: it would be sent as a part of the key";
            self.findings.push(given.place.warning("a quotation mark at one end of the key", fix));
        }
        if placeholder::holds_a_line(text) {
            self.findings.push(given.place.warning(LINE_FOUND, LINE_FIX));
        }
        let found = if text.is_empty() {
            "an empty key"
        } else if text.len() > 8192 {
            "a key of more than 8192 characters"
        } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
            "a key with a blank, a control character or a letter beyond ASCII in it"
        } else {
            return Some(Secret::new(text));
        };
        self.findings.push(given.place.error(found, "copy it again from the provider, or remove it"));
        None
    }

    fn judge<T>(&mut self, given: &Given, value: Option<T>, wanted: &str, fix: &str) -> Option<T> {
        if value.is_none() {
            let found = format!("{} is not {wanted}", given.quoted());
            self.findings.push(given.place.error(found, fix));
        }
        value
    }

    pub(crate) fn number<T>(&mut self, given: &Given, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let plain = given.text.trim();
        let digits = plain.bytes().all(|b| b.is_ascii_digit());
        let value = plain.parse().ok().filter(|value| digits && range.contains(value));
        self.judge(given, value, &wanted, "give one in that range")
    }

    pub(crate) fn duration(&mut self, given: &Given, range: RangeInclusive<Duration>) -> Option<Duration> {
        let wanted = format!("a duration from {} to {}", told(*range.start()), told(*range.end()));
        let value = quantity::duration(&given.text).filter(|value| range.contains(value));
        self.judge(given, value, &wanted, "write it like 250ms, 5s or 10m")
    }

    /// Bytes.
    pub(crate) fn size(&mut self, given: &Given, range: RangeInclusive<u64>) -> Option<u64> {
        let wanted = format!("a size from {} to {}", quantity::told(*range.start()), quantity::told(*range.end()));
        let value = quantity::size(&given.text).filter(|value| range.contains(value));
        self.judge(given, value, &wanted, "write it like 32MiB or 1GiB")
    }

    pub(crate) fn share(&mut self, given: &Given) -> Option<f64> {
        self.judge(given, quantity::share(&given.text), "a share from 0 to 1", "write it like 0.2 or 20%")
    }

    pub(crate) fn flag(&mut self, given: &Given) -> Option<bool> {
        let value = match given.text.trim() {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        };
        self.judge(given, value, "true or false", "write true or false")
    }

    /// One of a closed set of words.
    pub(crate) fn choice<T: Copy>(&mut self, given: &Given, what: &str, known: &[(&str, T)]) -> Option<T> {
        let word = given.text.trim();
        if let Some((_, value)) = known.iter().find(|(name, _)| *name == word) {
            return Some(*value);
        }
        let names = known.iter().map(|(name, _)| *name);
        let fix = match nearest(word, names.clone()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("one of {}", names.collect::<Vec<_>>().join(", ")),
        };
        self.findings.push(given.place.error(format!("{} is not a known {what}", given.quoted()), fix));
        None
    }

    /// A setting that a variable may override, and where it was said: by the variable, else by the field. The field is
    /// read even when it is overridden: a mistake in it is a mistake wherever the variable is not set.
    pub(crate) fn setting<T>(
        &mut self,
        variable: &str,
        field: Option<&Spot<'_>>,
        read: impl Fn(&mut Self, &Given) -> Option<T>,
    ) -> Option<(T, Place)> {
        let told = |r: &mut Self, given: Given| Some((read(r, &given)?, given.place));
        let from_field = field.and_then(|spot| self.text(spot)).and_then(|given| told(self, given));
        match self.vars.get(variable) {
            Some(var) => told(self, Given::from(var)),
            None => from_field,
        }
    }

    /// A readable file; a relative path starts at the configuration directory. It is watched from now on.
    pub(crate) fn readable(&mut self, given: &Given) -> Option<(PathBuf, String)> {
        let path = self.dir.join(given.text.trim());
        match files::read_text(&path, &mut self.files) {
            Ok(text) => Some((path, text)),
            Err(why) => {
                self.findings.push(given.place.error(format!("the file {}", why.found), why.fix));
                None
            }
        }
    }

    /// A file of PEM certificates.
    pub(crate) fn certificates(&mut self, given: &Given) -> Option<PathBuf> {
        self.pem(given, "CERTIFICATE-----", "a certificate")
    }

    /// A file of PEM text that holds what its `BEGIN` line says.
    pub(crate) fn pem(&mut self, given: &Given, mark: &str, what: &str) -> Option<PathBuf> {
        let (path, text) = self.readable(given)?;
        let begins = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(mark);
        if text.lines().any(begins) {
            return Some(path);
        }
        let found = format!("the file holds no {} in PEM form", what.trim_start_matches("a "));
        self.findings.push(given.place.error(found, format!("name a PEM file with {what}")));
        None
    }

    /// A field of a mapping as a scalar that is not empty.
    pub(crate) fn given(&mut self, object: &Object<'_>, key: &'static str) -> Option<Given> {
        object.get(key).and_then(|spot| self.text(spot))
    }
}

pub(crate) fn holds_variable(node: &Node) -> bool {
    match &node.value {
        Value::Null => false,
        Value::Scalar(raw) => has_variable(raw),
        Value::Seq(nodes) => nodes.iter().any(holds_variable),
        Value::Map(pairs) => pairs.iter().any(|(_, node)| holds_variable(node)),
    }
}

/// `providers.groq.models."llama-3.3"`: a name with a dot, a blank or a bracket is quoted.
pub(crate) fn joined(path: &str, key: &str) -> String {
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-/:@+".contains(&b)) && !key.is_empty();
    let key =
        if !plain { format!("\"{}\"", shown(key).trim_matches('`')) } else { shown(key).trim_matches('`').to_owned() };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Debug prints an hour as `3600s`.
fn told(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{duration:?}"),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}
