//! Who may ask: the token in the address, the names of the host, the page that asks, and how often.

use std::sync::Mutex;
use std::time::Instant;

use super::http::{HttpMethod, HttpRequest, HttpResponse, HttpStatus};
use crate::cli::Failure;
use crate::cli::clock::now;

/// Bytes of a token: 128 bits cannot be guessed.
const TOKEN_BYTES: usize = 16;
/// Requests at once.
// To open the page takes about ten.
const BURST: f64 = 300.0;
/// Requests per second thereafter.
// A person who types causes ten a second.
const RATE: f64 = 60.0;

/// Checks of every request.
#[derive(Debug)]
pub struct Guard {
    token: String,
    /// Values of `Host` that name this server.
    hosts: Vec<String>,
    allowance: Mutex<Allowance>,
}

/// Requests that are allowed at present.
#[derive(Debug)]
struct Allowance {
    left: f64,
    at: Instant,
}

/// Makes a random token.
///
/// # Errors
/// When the system gives no random numbers.
pub fn token() -> Result<String, Failure> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::Running(format!("the system gives no random numbers: {error}"))
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Guard {
    pub fn new(token: String, port: u16) -> Self {
        // Other names may be made to point here by a page elsewhere (DNS rebinding).
        let names = ["127.0.0.1", "localhost"];
        let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        // Browsers leave out the port of a scheme.
        if port == 80 {
            hosts.extend(names.map(str::to_owned));
        }
        let allowance = Mutex::new(Allowance { left: BURST, at: now() });
        Self { token, hosts, allowance }
    }

    /// Returns the path below the token, or the response to a request that is refused.
    ///
    /// # Errors
    /// The response.
    pub fn admit<'r>(&self, request: &'r HttpRequest) -> Result<&'r str, HttpResponse> {
        // First, as a request that is refused takes time as well.
        if !self.is_within_rate() {
            return Err(HttpResponse::text(
                HttpStatus::TooMany,
                "too many requests; wait a second",
            ));
        }
        if request.method == HttpMethod::Other {
            return Err(HttpResponse::text(HttpStatus::MethodNotAllowed, "allowed: GET, POST"));
        }
        let host = request.host.as_deref().unwrap_or_default();
        if !self.hosts.iter().any(|own| own == host) {
            return Err(HttpResponse::text(
                HttpStatus::Forbidden,
                "the host is not that of this server",
            ));
        }
        self.check_origin(request, host)?;
        let path = request.target.split(['?', '#']).next().unwrap_or_default();
        let inside = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        match inside {
            Some((token, rest)) if is_same(token, &self.token) => Ok(rest),
            Some(_) | None => Err(HttpResponse::text(
                HttpStatus::Forbidden,
                "open the whole address that `rescuesim serve` has printed: it contains a key",
            )),
        }
    }

    /// Refuses what another page asks for, and anything but JSON that is sent here.
    fn check_origin(&self, request: &HttpRequest, host: &str) -> Result<(), HttpResponse> {
        let is_own = request.origin.as_deref().map(|origin| origin == format!("http://{host}"));
        let is_foreign = match (request.method, is_own) {
            (_, Some(false)) => true,
            // Browsers state the origin of every request that sends something.
            (HttpMethod::Post, None) => true,
            (HttpMethod::Get | HttpMethod::Post | HttpMethod::Other, _) => false,
        };
        let site = request.fetch_site.as_deref();
        // A link in a mail or another page may not open this one either: only a typed address may.
        if is_foreign || site.is_some_and(|site| !["same-origin", "none"].contains(&site)) {
            return Err(HttpResponse::text(
                HttpStatus::Forbidden,
                "another page may not use this server",
            ));
        }
        let is_json = request.content_type.as_deref() == Some("application/json");
        if request.method == HttpMethod::Post && !is_json {
            return Err(HttpResponse::text(
                HttpStatus::UnsupportedMedia,
                "allowed: application/json",
            ));
        }
        Ok(())
    }

    fn is_within_rate(&self) -> bool {
        let mut allowance = self.allowance.lock().expect("no thread panics while it has it");
        let at = now();
        let gained = RATE * at.duration_since(allowance.at).as_secs_f64();
        allowance.left = (allowance.left + gained).min(BURST);
        allowance.at = at;
        let is_within = allowance.left >= 1.0;
        if is_within {
            allowance.left -= 1.0;
        }
        is_within
    }
}

/// Compares two texts in a time that does not depend on where they differ.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
