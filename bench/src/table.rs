//! The rows of the result, their verdicts, and how they are laid out.

use std::fmt;

/// What a figure has to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// The ratio to the peer may be at most this.
    Ratio(f64),
    /// The value itself may be at most this.
    Value(f64),
    /// The value itself must stay below this.
    Below(f64),
    /// Told, not judged.
    None,
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured, with its unit.
    pub figure: String,
    /// Whose value stands in the first column: the gateway's, if nothing else
    /// is said.
    pub ours: Option<f64>,
    /// The value it is held against.
    pub peer: Option<f64>,
    /// Whose that is.
    pub peer_name: &'static str,
    /// The paired ratio and its least and greatest round, or the plain one.
    pub ratio: Option<(f64, Option<(f64, f64)>)>,
    pub target: Target,
}

impl Row {
    /// A value that stands alone.
    #[must_use]
    pub fn value(figure: impl Into<String>, ours: Option<f64>, target: Target) -> Self {
        Self { figure: figure.into(), ours, peer: None, peer_name: "", ratio: None, target }
    }

    /// Beside it, the value of a peer and their plain ratio.
    #[must_use]
    pub fn beside(mut self, peer_name: &'static str, peer: Option<f64>) -> Self {
        self.peer = peer;
        self.peer_name = peer_name;
        self.ratio = match (self.ours, peer) {
            (Some(ours), Some(peer)) if peer > 0.0 => Some((ours / peer, None)),
            _ => None,
        };
        self
    }

    /// Whether the target is met; `None` where there is none to meet. What
    /// could not be measured is missed.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        let ratio = self.ratio.map(|(ratio, _)| ratio);
        match self.target {
            Target::Ratio(most) => Some(ratio.is_some_and(|ratio| ratio <= most)),
            Target::Value(most) => Some(self.ours.is_some_and(|ours| ours <= most)),
            Target::Below(bound) => Some(self.ours.is_some_and(|ours| ours < bound)),
            Target::None => None,
        }
    }

    fn cells(&self) -> [String; 6] {
        let peer = match self.peer {
            Some(peer) => format!("{} {}", number(peer), self.peer_name),
            None => "-".to_owned(),
        };
        let ratio = match self.ratio {
            Some((ratio, Some((least, most)))) => {
                format!("{ratio:.2} ({least:.2} to {most:.2})")
            }
            Some((ratio, None)) => format!("{ratio:.2}"),
            None => "-".to_owned(),
        };
        let target = match self.target {
            Target::Ratio(most) => format!("ratio <= {most}"),
            Target::Value(most) => format!("<= {most}"),
            Target::Below(bound) => format!("< {bound}"),
            Target::None => "-".to_owned(),
        };
        let verdict = match self.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        [self.figure.clone(), self.ours.map_or_else(|| "-".to_owned(), number), peer, ratio, target, verdict.to_owned()]
    }
}

/// Three digits that matter, thousands in full.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The whole table, laid out for a terminal and for Markdown alike.
pub struct Table<'a>(pub &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["figure", "proxy", "peer", "ratio", "target", ""].map(str::to_owned);
        let rule = head.clone().map(|_| "-".to_owned());
        let rows: Vec<[String; 6]> = self.0.iter().map(Row::cells).collect();
        let mut widths = head.clone().map(|cell| cell.len());
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.len());
            }
        }
        for (n, row) in [&head, &rule].into_iter().chain(&rows).enumerate() {
            f.write_str("|")?;
            for (cell, width) in row.iter().zip(widths) {
                if n == 1 {
                    write!(f, " {} |", "-".repeat(width.max(3)))?;
                } else {
                    write!(f, " {cell:width$} |", width = width.max(3))?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let row = |target| Row::value("x", Some(3.0), target).beside("nginx", Some(2.0));
        assert_eq!(row(Target::Ratio(1.5)).met(), Some(true));
        assert_eq!(row(Target::Ratio(1.4)).met(), Some(false));
        assert_eq!(row(Target::Value(3.0)).met(), Some(true));
        assert_eq!(row(Target::Below(3.0)).met(), Some(false));
        assert_eq!(row(Target::None).met(), None);
        let failed = Row::value("x", None, Target::Value(3.0));
        assert_eq!(failed.met(), Some(false));
    }

    #[test]
    fn every_line_is_as_wide_as_the_next() {
        let rows = [
            Row::value("CPU a request, us", Some(21.53), Target::Ratio(1.7)).beside("nginx", Some(12.0)),
            Row::value("size, MB", Some(7.0), Target::Value(12.0)),
        ];
        let text = Table(&rows).to_string();
        let widths: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(widths.len(), 4);
        assert!(widths.iter().all(|width| Some(width) == widths.first()));
        assert!(text.contains("12.0 nginx") && text.contains("MISSED"));
    }
}
