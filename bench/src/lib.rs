//! The parts that the figures are measured with.
//!
//! The small programs under `bin/` are thin: [`upstream`] answers, [`load`]
//! asks and checks every answer, `relay` is the bare yardstick, and
//! [`figures`] starts them all, alternates between them and prints the table.
//! Nothing here is part of the gateway, and the gateway knows nothing of it:
//! it is measured as it ships, as a process of its own.

pub mod figures;
pub mod http;
pub mod load;
pub mod machine;
pub mod plan;
pub mod process;
pub mod sides;
pub mod stats;
pub mod table;
pub mod upstream;
pub mod wire;
