//! Signals: Ctrl-C and requests to terminate cancel simulations, a second one ends the program at once.
//! Signals that the program was started to ignore, as by `nohup`, stay ignored.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, Once};

/// Whether Ctrl-C or a termination signal was received; one flag for all simulations of a command.
static CANCELLED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Returns the flag that Ctrl-C or a termination signal sets.
pub fn cancelled_by_signal() -> &'static AtomicBool {
    handle_signals();
    &CANCELLED
}

/// Makes signals set a flag, which cancels simulations, in place of ending the program. Call it before
/// creating files that an interrupted command has to remove.
pub fn handle_signals() {
    static HANDLER: Once = Once::new();
    HANDLER.call_once(|| {
        // Without a handler a signal ends the program; output files are only ever renamed into place.
        let _ = platform::handle(&CANCELLED);
    });
}

/// Makes a file that reaches the size limit of the process an error of the write, as on a full disk.
pub fn survive_size_limits() {
    // Without a handler the signal would end the program without a message.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::signal::SIGXFSZ, Arc::default());
}

#[cfg(unix)]
mod platform {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level;

    use crate::cli::clock::now;

    /// Time after the first signal in which others belong to it.
    // `timeout`, for one, sends two.
    const SAME: Duration = Duration::from_millis(300);

    /// Sets the flag at the first signal. Another ends the program at once, with no output.
    pub fn handle(cancelled: &Arc<AtomicBool>) -> io::Result<()> {
        let handled = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| is_handled(signal));
        let mut signals = Signals::new(handled)?;
        let cancelled = Arc::clone(cancelled);
        let thread = std::thread::Builder::new().name("signals".to_owned());
        // The thread is never joined: it waits as long as the program runs.
        thread
            .spawn(move || {
                let mut first = None;
                for _ in signals.forever() {
                    let first = first.get_or_insert_with(now);
                    if cancelled.swap(true, Ordering::Relaxed) && first.elapsed() > SAME {
                        low_level::exit(1);
                    }
                }
            })
            .map(|_| ())
    }

    /// Whether a signal was not to be ignored when the program was started.
    #[cfg(target_os = "linux")]
    fn is_handled(signal: i32) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        ignored.unwrap_or(0) >> (signal - 1) & 1 == 0
    }

    /// Whether to handle a signal, on systems that do not report which are ignored.
    // A hangup is what `nohup` ignores; its default action is right in both cases.
    #[cfg(not(target_os = "linux"))]
    fn is_handled(signal: i32) -> bool {
        signal != SIGHUP
    }
}

#[cfg(not(unix))]
mod platform {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use signal_hook::consts::SIGINT;
    use signal_hook::flag;

    /// Sets the flag at the first Ctrl-C. Another ends the program.
    pub fn handle(cancelled: &Arc<AtomicBool>) -> io::Result<()> {
        flag::register_conditional_shutdown(SIGINT, 1, Arc::clone(cancelled))?;
        flag::register(SIGINT, Arc::clone(cancelled)).map(|_| ())
    }
}
