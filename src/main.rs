//! Arguments in, exit code out.

use std::process::ExitCode;

/// musl's own allocator costs twice the CPU of a request.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What is large is freed to the system at once, and not kept for ten seconds or, on a thread that has gone quiet, for
/// ever: `buffer_budget` counts what is held, and the memory limit of a container counts what was not given back. A body
/// or answer below this stays as cheap as ever.
// SAFETY: jemalloc declares this very symbol, as a pointer to a C string, and only reads it.
#[allow(non_upper_case_globals)]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static malloc_conf: Option<&'static std::ffi::c_char> = {
    const CONF: &std::ffi::CStr = c"oversize_threshold:262144";
    // SAFETY: a C string's first character is as long-lived as the string.
    Some(unsafe { &*CONF.as_ptr() })
};

fn main() -> ExitCode {
    ai_proxy::cli::main(std::env::args_os().skip(1))
}
