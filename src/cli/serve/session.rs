//! One simulation at a time, streamed to the page, and ended when the page stops it or goes away.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rescuesim::page::simulation::{Flags, Listener, NoResult};
use rescuesim::report::grouped;
use serde_json::json;

use super::http::{begin_lines, is_gone};
use crate::cli::clock::now;

/// Longest time between two looks whether the client is still there.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Replicates of the first wave.
// Some milliseconds for most scenarios: the first power is seen at once.
const FIRST_WAVE: u64 = 128;
/// Seconds that a wave should take.
// Five updates a second are as many as a reader can follow.
const WAVE: f64 = 0.2;
/// Longest simulation, in seconds.
const LONGEST: f64 = 1200.0;
/// Seconds after which the time of the whole is estimated.
const ESTIMATED_AFTER: f64 = 1.0;

/// The simulation of a session, if one runs.
#[derive(Debug, Default)]
pub struct SimulationSlot {
    current: Mutex<Option<RunningFlags>>,
    /// Signalled when a simulation has ended.
    ended: Condvar,
}

/// Flags of the simulation that runs.
#[derive(Debug, Clone, Default)]
struct RunningFlags {
    stopped: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
}

impl RunningFlags {
    fn end_without_results(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// Frees the place of a simulation, also if it panics.
struct TakenSlot<'s>(&'s SimulationSlot);

impl Drop for TakenSlot<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
        self.0.ended.notify_all();
    }
}

impl SimulationSlot {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<RunningFlags>> {
        self.current.lock().expect("no thread panics while it has it")
    }

    /// Stops the current simulation, which then sends the results that it has.
    pub fn stop(&self) {
        if let Some(current) = &*self.lock() {
            current.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Ends the current simulation and takes its place.
    fn begin(&self) -> (TakenSlot<'_>, RunningFlags) {
        let mut slot = self.lock();
        // Again after each wait: of two that wait, the other may have taken the place first.
        while let Some(current) = &*slot {
            current.end_without_results();
            slot = self.ended.wait(slot).expect("no thread panics while it has it");
        }
        let own = RunningFlags::default();
        *slot = Some(own.clone());
        (TakenSlot(self), own)
    }

    /// Runs a simulation and sends its events to the client, a line each. Ends when the client is gone.
    pub fn stream<F>(&self, stream: &mut TcpStream, simulate: F)
    where
        F: FnOnce(Flags<'_>, &mut dyn Listener) -> Result<(), NoResult> + Send,
    {
        let (_place, current) = self.begin();
        // It may have waited for its place.
        if is_gone(stream) || begin_lines(stream).is_err() {
            return;
        }
        let (sender, events) = mpsc::channel();
        thread::scope(|scope| {
            let flags = current.clone();
            scope.spawn(move || run(&flags, sender, simulate));
            loop {
                let is_lost = match events.recv_timeout(HEARTBEAT) {
                    Ok(event) => writeln!(stream, "{event}").is_err(),
                    Err(RecvTimeoutError::Timeout) => is_gone(stream),
                    // The simulation has ended.
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                if is_lost {
                    current.end_without_results();
                    break;
                }
            }
        });
    }
}

/// Runs a simulation and sends how it ended, if it has no results.
fn run<F>(current: &RunningFlags, events: Sender<String>, simulate: F)
where
    F: FnOnce(Flags<'_>, &mut dyn Listener) -> Result<(), NoResult>,
{
    let mut paced = PacedListener { events, current, begun: now(), refusal: None };
    let flags = Flags { stopped: &current.stopped, gone: &current.gone };
    let ended = simulate(flags, &mut paced);
    let event = match (&paced.refusal, ended) {
        (Some(refusal), _) => json!({ "kind": "refused", "message": refusal }),
        (None, Err(no_result)) => json!({ "kind": "error", "message": no_result.to_string() }),
        (None, Ok(())) => return,
    };
    // Fails only if the client has disconnected, which ends the session anyway.
    let _ = paced.events.send(event.to_string());
}

/// Sends events to the thread of the connection, and sizes waves by the time they take.
struct PacedListener<'c> {
    events: Sender<String>,
    current: &'c RunningFlags,
    begun: Instant,
    /// Why the simulation was not continued.
    refusal: Option<String>,
}

impl Listener for PacedListener<'_> {
    fn next_wave(&mut self, done: u64, all: u64) -> u64 {
        if done == 0 {
            self.begun = now();
            return FIRST_WAVE;
        }
        let seconds = self.begun.elapsed().as_secs_f64().max(1e-6);
        let speed = done as f64 / seconds;
        let needed = all as f64 / speed;
        // The first replicates fill tables for later ones, so that an estimate after less would be
        // too long.
        if needed > LONGEST && seconds > ESTIMATED_AFTER {
            let possible = (speed * LONGEST) as u64;
            self.refusal = Some(refusal(all, needed, possible));
            self.current.end_without_results();
            return 1;
        }
        // No more than is done already, as the speed of a few is uncertain.
        ((speed * WAVE) as u64).clamp(1, done.max(FIRST_WAVE))
    }

    fn receive(&mut self, event: String) {
        // A client that is gone is seen by the thread of the connection.
        let _ = self.events.send(event);
    }
}

/// Explains that a simulation would take too long.
fn refusal(all: u64, seconds: f64, possible: u64) -> String {
    format!(
        "{} replicates would take about {} on this computer, more than the {} minutes of this page. Ask for \
         fewer under Simulation ({} fit), or use the command in a terminal.",
        grouped(all),
        duration(seconds),
        LONGEST / 60.0,
        grouped(possible.max(1))
    )
}

fn duration(seconds: f64) -> String {
    if seconds < 2.0 * 3600.0 {
        format!("{:.0} minutes", seconds / 60.0)
    } else if seconds < 72.0 * 3600.0 {
        format!("{:.0} hours", seconds / 3600.0)
    } else {
        format!("{:.0} days", seconds / 86_400.0)
    }
}
