//! Requests and responses of HTTP/1.1 on one connection each, within limits.
//!
//! `httparse`, the parser of hyper, reads the head; the rest is the little that a page on the same machine
//! needs: one request a connection, a body of a stated length, a response that ends with the connection. It
//! adds one crate. `tiny_http` (four crates, last release in 2022) buffers 8 KiB of a streamed response, which
//! delays progress; `oxhttp` (five crates) reads a body from a reader that cannot know whether the client is
//! still there; axum with tokio adds about fifty. None of them would save the checks of `guard`, and with the
//! socket itself a disconnected client is noticed at once.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::cli::clock::now;

/// Largest head of a request, in bytes.
// Cookies that other programs have set for this host come along, whatever their port.
const MOST_HEAD: usize = 16 << 10;
/// Largest body of a request: two texts of scenarios, which have 1 MiB at most, in JSON.
const MOST_BODY: usize = 3 << 20;
/// Largest body that is read to its end so that the client sees why it is refused.
const MOST_DRAINED: u64 = 32 << 20;
/// Most headers of a request.
// Browsers send about twenty.
const MOST_HEADERS: usize = 64;
/// Time in which a request must have arrived.
const ARRIVAL: Duration = Duration::from_secs(5);
/// Time in which a client must take what is written.
const DEPARTURE: Duration = Duration::from_secs(10);

/// What the page may do: run its own scripts and styles, show figures as pictures to convert them, and talk to
/// its own server. No script, style or frame comes from elsewhere or stands in the page itself.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Status of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpStatus {
    Ok,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Timeout,
    TooLarge,
    UnsupportedMedia,
    TooMany,
    HeadTooLarge,
}

impl HttpStatus {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::Timeout => "408 Request Timeout",
            Self::TooLarge => "413 Content Too Large",
            Self::UnsupportedMedia => "415 Unsupported Media Type",
            Self::TooMany => "429 Too Many Requests",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
        }
    }
}

/// Method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    Get,
    Post,
    /// Any other.
    Other,
}

/// A request.
#[derive(Debug)]
pub struct HttpRequest {
    pub method: HttpMethod,
    /// Path and query as sent.
    pub target: String,
    pub host: Option<String>,
    pub origin: Option<String>,
    pub content_type: Option<String>,
    /// What the browser says of the page that made the request: `same-origin`, `none` …
    pub fetch_site: Option<String>,
    pub body: Vec<u8>,
}

/// Why a request is refused.
#[derive(Debug)]
pub enum Refused {
    /// With a response.
    With(HttpStatus, &'static str),
    /// Without one: the client is gone.
    Silently,
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                Self::With(HttpStatus::Timeout, "the request did not arrive in time")
            }
            _ => Self::Silently,
        }
    }
}

/// A request whose body is yet to be read.
struct RequestHead {
    request: HttpRequest,
    /// Length of the body.
    length: usize,
}

/// Reads a request.
///
/// # Errors
/// The response to a request that is malformed, too large or too slow.
pub fn read(stream: &mut TcpStream) -> Result<HttpRequest, Refused> {
    stream.set_write_timeout(Some(DEPARTURE))?;
    // For all reads together: a client that sends a byte now and then would hold its thread for
    // ever.
    let deadline = now() + ARRIVAL;
    let mut received = Vec::new();
    let (head, body_start) = loop {
        if let Some(found) = parse_head(&received)? {
            break found;
        }
        if received.len() >= MOST_HEAD {
            return Err(Refused::With(HttpStatus::HeadTooLarge, "the head is too large"));
        }
        read_some(stream, &mut received, deadline)?;
    };
    let RequestHead { mut request, length } = head;
    if length > MOST_BODY {
        let rest = (length as u64).saturating_sub((received.len() - body_start) as u64);
        drain(stream, rest.min(MOST_DRAINED), deadline);
        return Err(Refused::With(HttpStatus::TooLarge, "the request is larger than 3 MiB"));
    }
    let mut body = received.split_off(body_start);
    while body.len() < length {
        read_some(stream, &mut body, deadline)?;
    }
    // Whatever follows the body is no further request: a connection serves one.
    body.truncate(length);
    request.body = body;
    Ok(request)
}

fn read_some(stream: &mut TcpStream, into: &mut Vec<u8>, deadline: Instant) -> Result<(), Refused> {
    let left = deadline.saturating_duration_since(now());
    // A timeout of zero would mean none.
    stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
    let mut buffer = [0; 16 << 10];
    match stream.read(&mut buffer)? {
        0 => Err(Refused::Silently),
        n => {
            into.extend_from_slice(&buffer[..n]);
            Ok(())
        }
    }
}

/// Reads and forgets: a client that still sends would take an early end of the connection for a failure.
fn drain(stream: &mut TcpStream, mut left: u64, deadline: Instant) {
    let mut buffer = [0; 16 << 10];
    while left > 0 && now() < deadline {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => left = left.saturating_sub(n as u64),
            Ok(_) | Err(_) => return,
        }
    }
}

/// Parses the head of a request, which ends where the body starts; `None` if it is not complete.
fn parse_head(received: &[u8]) -> Result<Option<(RequestHead, usize)>, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let start = match parsed.parse(received) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refused::With(HttpStatus::HeadTooLarge, "there are too many headers"));
        }
        Err(_) => return Err(Refused::With(HttpStatus::BadRequest, "this is not HTTP/1.1")),
    };
    let method = match parsed.method {
        Some("GET") => HttpMethod::Get,
        Some("POST") => HttpMethod::Post,
        Some(_) | None => HttpMethod::Other,
    };
    // Browsers state the length of a text that they send; chunks would need a parser of their own.
    if header(parsed.headers, "transfer-encoding")?.is_some() {
        return Err(Refused::With(HttpStatus::BadRequest, "a body must state its length"));
    }
    let length = match header(parsed.headers, "content-length")? {
        None => 0,
        // Digits alone: a sign or a list of lengths is read differently by different programs.
        Some(text) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().unwrap_or(usize::MAX)
        }
        Some(_) => return Err(Refused::With(HttpStatus::BadRequest, "the length is no number")),
    };
    let request = HttpRequest {
        method,
        target: parsed.path.unwrap_or_default().to_owned(),
        host: header(parsed.headers, "host")?,
        origin: header(parsed.headers, "origin")?,
        content_type: header(parsed.headers, "content-type")?,
        fetch_site: header(parsed.headers, "sec-fetch-site")?,
        body: Vec::new(),
    };
    Ok(Some((RequestHead { request, length }, start)))
}

/// Returns a header, which may be there once.
fn header(headers: &[httparse::Header<'_>], name: &str) -> Result<Option<String>, Refused> {
    let mut values = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let Some(first) = values.next() else { return Ok(None) };
    // Programs differ in which of two they believe, and a check of one would not hold for the
    // other.
    if values.next().is_some() {
        return Err(Refused::With(HttpStatus::BadRequest, "a header is there twice"));
    }
    match std::str::from_utf8(first.value) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(_) => Err(Refused::With(HttpStatus::BadRequest, "a header is not text")),
    }
}

/// A response.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: HttpStatus,
    pub media_type: &'static str,
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// A response in plain text.
    pub fn text(status: HttpStatus, text: &str) -> Self {
        let body = format!("{text}\n").into_bytes();
        Self { status, media_type: "text/plain; charset=utf-8", body }
    }

    /// A response in JSON.
    pub fn json(text: String) -> Self {
        Self { status: HttpStatus::Ok, media_type: "application/json", body: text.into_bytes() }
    }

    /// Writes the response.
    ///
    /// # Errors
    /// When the client is gone.
    pub fn write(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut bytes = head(self.status, self.media_type, Some(self.body.len())).into_bytes();
        bytes.extend_from_slice(&self.body);
        stream.write_all(&bytes)
    }
}

/// Begins a response of lines of JSON that ends with the connection.
///
/// # Errors
/// When the client is gone.
pub fn begin_lines(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(head(HttpStatus::Ok, "application/x-ndjson", None).as_bytes())
}

fn head(status: HttpStatus, media_type: &str, length: Option<usize>) -> String {
    // The address has the key: no cache may keep it, and no other site may see it as the referrer.
    let length = length.map_or(String::new(), |length| format!("Content-Length: {length}\r\n"));
    format!(
        "HTTP/1.1 {}\r\nContent-Type: {media_type}\r\n{length}Connection: close\r\n\
         Content-Security-Policy: {CONTENT_SECURITY_POLICY}\r\nX-Content-Type-Options: nosniff\r\n\
         Referrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: same-origin\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\nCache-Control: no-store\r\n\r\n",
        status.line()
    )
}

/// Returns whether the client has closed the connection.
pub fn is_gone(stream: &TcpStream) -> bool {
    // The shortest timeout: zero would mean none.
    if stream.set_read_timeout(Some(Duration::from_millis(1))).is_err() {
        return true;
    }
    match stream.peek(&mut [0]) {
        // The end: a client sends nothing after its request and closes when it has lost interest.
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}
