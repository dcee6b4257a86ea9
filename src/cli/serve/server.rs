//! The server of the page: it listens on this computer alone, and each connection has a thread.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rescuesim::page::Surroundings;
use rescuesim::page::start::OpenedText;
use rescuesim::scenario::InputDocument;

use super::ServeArgs;
use super::guard::{self, Guard};
use super::http::{self, Refused};
use super::routes::Site;
use super::session::SimulationSlot;
use crate::cli::{Failure, output};

/// Connections that are served at once; others wait.
const MOST_CONNECTIONS: usize = 64;
/// Time after which a waiting connection looks for a place again.
const WAIT: Duration = Duration::from_millis(2);

/// Connections that are being served.
static CONNECTIONS: AtomicUsize = AtomicUsize::new(0);

/// Serves the page until the program is interrupted.
///
/// # Errors
/// When the scenario cannot be read, or the port is taken.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let site = args.site()?;
    let address = (Ipv4Addr::LOCALHOST, args.port.unwrap_or(0));
    let listener = TcpListener::bind(address).map_err(|error| match args.port {
        Some(port) => Failure::Usage(format!("--port {port}: {error}; allowed: a free port")),
        None => Failure::Running(format!("cannot listen on 127.0.0.1: {error}")),
    })?;
    let port = listener.local_addr().map_err(|error| Failure::Running(error.to_string()))?.port();
    let token = guard::token()?;
    let address = format!("http://127.0.0.1:{port}/{token}/");
    output::print(&format!(
        "Design your trial at {address}\nOnly this computer can open it. Press Ctrl-C to end.\n"
    ))?;
    if !args.no_open && !open(&address) {
        output::print_message("note: no browser could be opened; copy the address to one\n");
    }
    let guard = Guard::new(token, port);
    thread::scope(|scope| {
        for stream in listener.incoming() {
            // A connection that failed before it began is none.
            let Ok(stream) = stream else { continue };
            while CONNECTIONS.load(Ordering::Relaxed) >= MOST_CONNECTIONS {
                thread::sleep(WAIT);
            }
            // Before the thread starts, so that a burst of connections cannot pass the limit
            // together.
            CONNECTIONS.fetch_add(1, Ordering::Relaxed);
            let (site, guard) = (&site, &guard);
            let spawned = thread::Builder::new().spawn_scoped(scope, move || {
                let _connection = Connection;
                converse(stream, site, guard);
            });
            // Without a thread to spare the connection is closed.
            if spawned.is_err() {
                CONNECTIONS.fetch_sub(1, Ordering::Relaxed);
            }
        }
    });
    Ok(())
}

/// Counts a connection until it ends, also by a panic.
struct Connection;

impl Drop for Connection {
    fn drop(&mut self) {
        CONNECTIONS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Reads a request and answers it.
fn converse(mut stream: TcpStream, site: &Site, guard: &Guard) {
    // Small responses are sent at once.
    let _ = stream.set_nodelay(true);
    match http::read(&mut stream) {
        Ok(request) => match guard.admit(&request) {
            Ok(path) => site.answer(&mut stream, &request, path),
            Err(response) => {
                let _ = response.write(&mut stream);
            }
        },
        Err(Refused::With(status, text)) => {
            let _ = http::HttpResponse::text(status, text).write(&mut stream);
        }
        Err(Refused::Silently) => {}
    }
}

impl ServeArgs {
    /// Reads the scenario, with the evidence that it refers to.
    fn site(&self) -> Result<Site, Failure> {
        let Some(path) = &self.scenario else {
            return Ok(Site {
                opened: None,
                around: Surroundings::default(),
                session: SimulationSlot::default(),
            });
        };
        let document = InputDocument::read(path)?;
        // Evidence is read when the scenario is resolved; a scenario with errors can be corrected on the page.
        let _ = document.scenario(&[]);
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        // A scenario of the program is named without the ending that its download needs.
        let name = if name.ends_with(".toml") { name } else { format!("{name}.toml") };
        Ok(Site {
            opened: Some(OpenedText { name, text: document.text().to_owned() }),
            around: Surroundings {
                folder: document.folder().to_owned(),
                known: document.known_files(),
            },
            session: SimulationSlot::default(),
        })
    }
}

/// Opens the address in the user's browser; returns whether a program for it could be started.
fn open(address: &str) -> bool {
    let mut command = if cfg!(target_os = "windows") {
        // An empty title comes before the address.
        let mut command = Command::new("cmd");
        command.args(["/C", "start", ""]);
        command
    } else if cfg!(target_os = "macos") {
        Command::new("open")
    } else {
        Command::new("xdg-open")
    };
    let command = command.arg(address).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn().is_ok()
}
