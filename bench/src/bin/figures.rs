//! The run: measures what it is told to and prints the table. `bench/run`
//! builds everything and calls it; its arguments are that script's.

use std::error::Error;
use std::process::ExitCode;

use bench::figures;
use bench::plan::{self, Figure, Plan};
use lexopt::prelude::*;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let outcome = figures::run(&arguments()?)?;
    println!("{outcome}");
    Ok(if outcome.met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn arguments() -> Result<Plan, Box<dyn Error>> {
    let mut plan = Plan {
        figures: Figure::ALL.into(),
        rounds: 5,
        quick: false,
        proxy: "target/release/ai-proxy".into(),
        programs: "target/release".into(),
        tree: ".".into(),
        out: "target/bench".into(),
        command: "bench/run".into(),
    };
    plan.figures.remove(&Figure::Soak);
    let (mut rounds, mut soak) = (None, false);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("quick") => plan.quick = true,
            Long("soak") => soak = true,
            Long("rounds") => rounds = Some(args.value()?.parse::<usize>()?.max(1)),
            Long("only") => plan.figures = plan::figures(&args.value()?.string()?)?,
            Long("proxy") => plan.proxy = args.value()?.into(),
            Long("programs") => plan.programs = args.value()?.into(),
            Long("tree") => plan.tree = args.value()?.into(),
            Long("out") => plan.out = args.value()?.into(),
            Long("command") => plan.command = args.value()?.string()?,
            other => return Err(other.unexpected().into()),
        }
    }
    plan.rounds = rounds.unwrap_or(if plan.quick { 2 } else { 5 });
    if soak {
        plan.figures.insert(Figure::Soak);
    }
    // The sides run with folders of their own in their arguments.
    plan.tree = plan.tree.canonicalize()?;
    std::fs::create_dir_all(&plan.out)?;
    plan.out = plan.out.canonicalize()?;
    Ok(plan)
}
