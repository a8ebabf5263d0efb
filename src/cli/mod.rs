//! The command line: one that can be learnt from `--help`, and exit codes that say what kind of failure it was.

mod check;
mod health;
mod help;
mod models;
mod nothing;
pub(crate) mod out;

use std::ffi::OsString;
use std::process::ExitCode;

use config::{Finding, Sources};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok,
    /// The configuration has mistakes; `check` says only this one.
    Config,
    /// The command line is wrong.
    Usage,
    /// The address cannot be listened on, or TLS cannot be set up.
    Bind,
    /// `health`: the running one is not well or does not answer.
    Unhealthy,
    /// Anything else.
    Failure,
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Config | Self::Unhealthy => 1,
            Self::Usage => 2,
            Self::Bind => 3,
            Self::Failure => 4,
        }
    }
}

enum Command {
    Serve,
    Check,
    Health,
    Models,
    Help,
    Version,
}

struct Arguments {
    command: Command,
    sources: Sources,
    /// `health`: which one is asked.
    url: Option<String>,
}

/// Runs what the arguments (without the program's name) say.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let exit = match parse(arguments) {
        Ok(arguments) => run(arguments),
        Err(error) => {
            out::complain(format_args!("ai-proxy: {error}\n\n{}", help::USAGE));
            Exit::Usage
        }
    };
    ExitCode::from(exit.code())
}

fn run(Arguments { command, sources, url }: Arguments) -> Exit {
    match command {
        Command::Serve => crate::serve::run(sources),
        Command::Check => check::run(&sources),
        Command::Health => health::run(&sources, url.as_deref()),
        Command::Models => models::run(&sources),
        Command::Help => out::say(help::HELP, Exit::Ok),
        Command::Version => out::say(concat!("ai-proxy ", env!("CARGO_PKG_VERSION")), Exit::Ok),
    }
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Arguments, String> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut command = None;
    let mut sources = Sources::default();
    let mut url = None;
    while let Some(argument) = parser.next().map_err(told)? {
        match argument {
            Long("config") | Short('c') => sources.config = Some(parser.value().map_err(told)?.into()),
            Long("env-file") | Short('e') => sources.env_file = Some(parser.value().map_err(told)?.into()),
            Long("url") => url = Some(parser.value().and_then(|value| value.string()).map_err(told)?),
            Long("help") | Short('h') => command = Some(Command::Help),
            Long("version") | Short('V') => command = Some(Command::Version),
            Value(name) if command.is_none() => {
                command = Some(match name.to_str() {
                    Some("serve") => Command::Serve,
                    Some("check") => Command::Check,
                    Some("health") => Command::Health,
                    Some("models") => Command::Models,
                    Some("help") => Command::Help,
                    Some("version") => Command::Version,
                    _ => return Err(format!("no such command: {}", name.to_string_lossy())),
                });
            }
            // Help and version win over whatever else is there.
            Value(_) if matches!(command, Some(Command::Help | Command::Version)) => {}
            other => return Err(other.unexpected().to_string()),
        }
    }
    if url.is_some() && !matches!(command, Some(Command::Health | Command::Help | Command::Version)) {
        return Err("--url goes with `health`".to_owned());
    }
    Ok(Arguments { command: command.unwrap_or(Command::Serve), sources, url })
}

fn told(error: lexopt::Error) -> String {
    error.to_string()
}

/// Everything that is wrong with a configuration, one line each.
pub fn tell_findings(findings: &[Finding]) -> Exit {
    for finding in findings {
        out::complain(finding);
    }
    tell_count(findings.iter().filter(|finding| finding.is_error()).count())
}

fn tell_count(errors: usize) -> Exit {
    let mistakes = if errors == 1 { "mistake" } else { "mistakes" };
    out::complain(format_args!("ai-proxy: {errors} {mistakes} in the configuration"));
    Exit::Config
}
