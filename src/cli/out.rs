//! What a command says. A reader that has heard enough (`ai-proxy models | head`) is no failure and no panic, as `print!`
//! would have it: what is left is not said, and the command ends as it would have.

use std::io::{self, ErrorKind, Write};

use super::Exit;

/// One line on stdout; `exit` unless it could not be written for another reason than that nobody reads.
pub fn say(line: impl std::fmt::Display, exit: Exit) -> Exit {
    told(writeln!(io::stdout().lock(), "{line}"), exit)
}

/// All lines on stdout, at once.
pub fn say_all(lines: impl IntoIterator<Item = String>, exit: Exit) -> Exit {
    let mut text = lines.into_iter().collect::<Vec<_>>().join("\n");
    if !text.is_empty() {
        text.push('\n');
    }
    let mut out = io::stdout().lock();
    told(out.write_all(text.as_bytes()).and_then(|()| out.flush()), exit)
}

/// One line on stderr. The exit code says the rest where nobody reads.
pub fn complain(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn told(written: io::Result<()>, exit: Exit) -> Exit {
    match written {
        Ok(()) => exit,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit,
        Err(_) if exit == Exit::Ok => Exit::Failure,
        Err(_) => exit,
    }
}
