//! As process 1 of a container: whoever outlives its parent there becomes our child, and stays a zombie until we ask
//! how it ended.
//!
//! We start no processes of our own, so whatever ends is such an orphan: a shell's or a probe's of `docker exec`.

use std::io;

use actix_web::rt::signal::unix::{SignalKind, signal};
use rustix::process::{WaitOptions, wait};

/// From here on orphans are laid to rest. Elsewhere than as process 1 there are none.
pub fn adopt() -> io::Result<()> {
    if std::process::id() != 1 {
        return Ok(());
    }
    let mut ended = signal(SignalKind::child())?;
    actix_web::rt::spawn(async move {
        while ended.recv().await.is_some() {
            // One signal may stand for several; without a child left it is an error, which ends the round as well.
            while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        }
    });
    Ok(())
}
