//! Arguments in, exit code out.

use std::process::ExitCode;

/// musl's own allocator costs twice the CPU of a request.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    ai_proxy::cli::main(std::env::args_os().skip(1))
}
