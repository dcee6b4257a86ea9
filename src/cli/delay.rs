//! A note on standard error when boundaries take long to compute.

use std::io::{self, IsTerminal};
use std::sync::Once;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::output::print_message;

/// Longest time without output before the note is printed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Computes something that has the boundaries of a scenario. If it takes longer than a second, prints a note
/// to a terminal, once per command, unless the user has asked for `quiet`.
pub fn announced<T>(quiet: bool, compute: impl FnOnce() -> T) -> T {
    static ANNOUNCED: Once = Once::new();
    // As with a progress bar, a file or another program has no use for it.
    if quiet || ANNOUNCED.is_completed() || !io::stderr().is_terminal() {
        return compute();
    }
    let (computing, finished) = mpsc::channel::<()>();
    thread::scope(|scope| {
        // Without a thread to spare there is no note, which is no reason to fail.
        let _ = thread::Builder::new().spawn_scoped(scope, move || {
            if finished.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                ANNOUNCED.call_once(|| print_message("note: computing the boundaries…\n"));
            }
        });
        let computed = compute();
        // Ends the wait of the other thread, as a panic does.
        drop(computing);
        computed
    })
}
