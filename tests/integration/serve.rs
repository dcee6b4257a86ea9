//! `rescuesim serve`: who may ask, within which limits, and that a client that goes away leaves nothing running.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::util::{angel_reboot, output, project, refused, rescuesim, shipped_text, wait_until};

/// A server that ends with the test.
pub struct Server {
    program: Child,
    /// Address with the token, which ends with a slash.
    pub address: String,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_rescuesim"))
            .current_dir(project(""))
            .args(["serve", "--no-open"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let out = program.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it prints its address");
        let address = line.split(' ').find(|word| word.starts_with("http://"));
        Self { address: address.expect("an address").trim().to_owned(), program }
    }

    /// Host and port.
    fn host(&self) -> &str {
        self.address
            .strip_prefix("http://")
            .and_then(|rest| rest.split('/').next())
            .expect("a host")
    }

    fn token(&self) -> &str {
        self.address.trim_end_matches('/').rsplit('/').next().expect("a token")
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.host()).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
        stream
    }

    /// Sends bytes and returns the whole response.
    fn send(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may refuse before it has read everything.
        let _ = stream.write_all(request);
        let mut response = Vec::new();
        let _ = stream.read_to_end(&mut response);
        String::from_utf8_lossy(&response).into_owned()
    }

    fn get(&self, path: &str, host: &str, more: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").as_bytes())
    }

    fn post_bytes(&self, name: &str, body: &str) -> Vec<u8> {
        let (host, token) = (self.host(), self.token());
        let length = body.len();
        format!(
            "POST /{token}/api/{name} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Calls the server as its page does and returns the body.
    pub fn call(&self, name: &str, body: &Value) -> String {
        let response = self.send(&self.post_bytes(name, &body.to_string()));
        let (head, body) = response.split_once("\r\n\r\n").expect("a response has a head");
        assert_eq!(status(head), 200, "{head}\n{body}");
        body.to_owned()
    }

    /// Calls something that answers with JSON.
    pub fn json(&self, name: &str, body: &Value) -> Value {
        serde_json::from_str(&self.call(name, body)).expect("JSON")
    }

    /// Calls something that answers with lines of JSON.
    pub fn lines(&self, name: &str, body: &Value) -> Vec<Value> {
        let text = self.call(name, body);
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Clock ticks of the processor that the server has used.
    fn ticks(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.program.id());
        let text = std::fs::read_to_string(path).expect("the server runs");
        let fields: Vec<&str> = text.rsplit(") ").next().expect("a name").split(' ').collect();
        fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have failed on its own.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn status(response: &str) -> u16 {
    let code = response.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no response: {response:?}"))
}

#[test]
fn only_the_page_itself_is_answered() {
    let server = Server::start(&[]);
    let (host, token) = (server.host().to_owned(), server.token().to_owned());
    let page = format!("/{token}/");
    let port = host.rsplit(':').next().expect("a port");
    let answer = server.get(&page, &host, "");
    assert_eq!(status(&answer), 200);
    for header in [
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self';",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Cache-Control: no-store",
    ] {
        assert!(answer.contains(header), "{header}\n{answer}");
    }
    assert!(!answer.contains("unsafe"), "{answer}");
    assert_eq!(status(&server.get(&page, &format!("localhost:{port}"), "")), 200);

    let other = if token.starts_with('0') { "1" } else { "0" };
    let wrong = format!("/{other}{}/", &token[1..]);
    for path in ["/", "/style.css", "/x/", &wrong, &format!("/{}", &token[..31]), &page[..33]] {
        assert_eq!(status(&server.get(path, &host, "")), 403, "{path}");
    }
    for host in ["", "evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:80", "[::1]"] {
        assert_eq!(status(&server.get(&page, host, "")), 403, "{host}");
    }
    for more in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ] {
        assert_eq!(status(&server.get(&page, &host, more)), 403, "{more}");
    }
    for path in
        ["../Cargo.toml", "..%2fCargo.toml", "/etc/passwd", "%2e%2e/", "api/state", "app.js/"]
    {
        assert_eq!(status(&server.get(&format!("{page}{path}"), &host, "")), 404, "{path}");
    }
    assert_eq!(status(&server.get(&format!("/{token}/../{token}/app.js"), &host, "")), 404);
}

#[test]
fn a_request_of_another_page_or_form_is_refused() {
    let server = Server::start(&[]);
    let (host, token) = (server.host().to_owned(), server.token().to_owned());
    let json = "Content-Type: application/json\r\n";
    let own = format!("Origin: http://{host}\r\n");
    for (headers, expected) in [
        (json.to_owned(), 403),
        (format!("{json}Origin: http://evil.example\r\n"), 403),
        (format!("{json}Origin: https://{host}\r\n"), 403),
        (format!("{json}{own}Sec-Fetch-Site: cross-site\r\n"), 403),
        (own.clone(), 415),
        (format!("{own}Content-Type: text/plain\r\n"), 415),
        (format!("{own}{json}Content-Length: 2\r\n"), 400),
        (format!("{own}{json}"), 200),
    ] {
        let request = format!(
            "POST /{token}/api/stop HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: 2\r\n\r\n{{}}"
        );
        assert_eq!(status(&server.send(request.as_bytes())), expected, "{headers}");
    }
    for method in ["PUT", "DELETE", "OPTIONS"] {
        let request = format!("{method} /{token}/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(status(&server.send(request.as_bytes())), 405, "{method}");
    }
}

#[test]
fn requests_have_a_size_and_a_form() {
    let server = Server::start(&[]);
    let host = server.host().to_owned();
    let large = server.send(&server.post_bytes("state", &" ".repeat(10 << 20)));
    assert_eq!(status(&large), 413);
    let long = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    assert_eq!(status(&server.send(long.as_bytes())), 431);
    assert_eq!(status(&server.send(b"\0\x01\x02 nonsense\r\n\r\n")), 400);
    let chunked = format!(
        "POST /{}/api/stop HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        server.token()
    );
    assert_eq!(status(&server.send(chunked.as_bytes())), 400);
    for body in ["", "{", "[]", "{\"text\": 3}", "{\"text\": \"\", \"path\": \"/etc/passwd\"}"] {
        assert_eq!(status(&server.send(&server.post_bytes("state", body))), 400, "{body}");
    }
    // It is still there.
    assert_eq!(status(&server.get(&format!("/{}/", server.token()), &host, "")), 200);
}

#[test]
fn two_hundred_requests_at_once_are_all_answered() {
    let server = Server::start(&[]);
    let request = server.post_bytes("state", &json!({ "text": angel_reboot() }).to_string());
    let answered: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..200).map(|_| scope.spawn(|| status(&server.send(&request)))).collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert!(answered.iter().all(|code| [200, 429].contains(code)), "{answered:?}");
    assert!(answered.iter().filter(|code| **code == 200).count() >= 100);
    // Beyond the burst they are refused until time has passed.
    let refused = (0..400).any(|_| status(&server.get("/", server.host(), "")) == 429);
    assert!(refused);
}

#[test]
fn files_that_a_text_names_are_not_read() {
    let server = Server::start(&[]);
    let own = shipped_text("scenarios/premat-assurance.toml");
    let state = server.json("state", &json!({ "text": own }));
    assert_eq!(state["problems"], json!([]), "evidence of the program is known");
    for path in ["/etc/passwd", "../../etc/passwd", "scenarios/evidence/premat.toml", "Cargo.toml"]
    {
        let other = own.replace("evidence/premat.toml", path);
        assert_ne!(own, other);
        let state = server.json("state", &json!({ "text": other }));
        let message = state["problems"][0]["message"].as_str().expect("a problem");
        assert!(message.contains("cannot be read from here"), "{path}: {message}");
    }
    // Evidence next to the scenario of the command line is known, wherever that is.
    let server = Server::start(&["scenarios/premat-assurance.toml"]);
    let opened = &server.json("start", &json!({}))["opened"];
    assert_eq!(opened["name"], "premat-assurance.toml");
    let state = server.json("state", &json!({ "text": opened["text"] }));
    assert_eq!(state["problems"], json!([]));
}

/// Whether the server uses less than a tenth of a processor over a fifth of a second.
fn is_idle(server: &Server) -> bool {
    let before = server.ticks();
    std::thread::sleep(Duration::from_millis(200));
    // A hundred ticks are a second.
    server.ticks() - before <= 2
}

#[test]
#[cfg(target_os = "linux")]
#[allow(clippy::disallowed_methods)] // the time is what is tested
fn a_client_that_goes_away_ends_its_simulation_within_a_second() {
    let server = Server::start(&[]);
    let text = angel_reboot().replace("replicates = 100_000", "replicates = 50_000_000");
    // The time it needs is estimated only after a second, and it would be refused.
    for way in [Shutdown::Both, Shutdown::Write] {
        let mut stream = server.connect();
        let request = server.post_bytes("simulate", &json!({ "text": text }).to_string());
        stream.write_all(&request).expect("the server reads");
        let mut begun = [0; 600];
        stream.read_exact(&mut begun).expect("events arrive");
        assert!(String::from_utf8_lossy(&begun).contains("200 OK"));
        stream.shutdown(way).expect("it is open");
        if way == Shutdown::Both {
            drop(stream);
        }
        let gone = Instant::now();
        wait_until(|| is_idle(&server));
        assert!(gone.elapsed() < Duration::from_millis(1200), "{:?}", gone.elapsed());
    }
}

#[test]
fn a_simulation_that_would_take_hours_is_refused_with_an_estimate() {
    let server = Server::start(&[]);
    let text = angel_reboot().replace("replicates = 100_000", "replicates = 1_000_000_000_000");
    let events = server.lines("simulate", &json!({ "text": text }));
    let last = events.last().expect("an event");
    assert_eq!(last["kind"], "refused");
    let message = last["message"].as_str().expect("a sentence");
    assert!(message.contains("would take about") && message.contains("days"), "{message}");
}

#[test]
fn a_stopped_simulation_has_results_and_a_new_one_takes_the_place_of_another() {
    let server = Server::start(&[]);
    let text = angel_reboot().replace("replicates = 100_000", "replicates = 3_000_000");
    let (stopped, other) = std::thread::scope(|scope| {
        let first = scope.spawn(|| server.lines("simulate", &json!({ "text": text })));
        std::thread::sleep(Duration::from_millis(300));
        server.json("stop", &json!({}));
        let stopped = first.join().expect("it ends");
        let second = scope.spawn(|| server.lines("simulate", &json!({ "text": text })));
        std::thread::sleep(Duration::from_millis(300));
        let few = text.replace("3_000_000", "500");
        let third = server.lines("simulate", &json!({ "text": few }));
        assert!(second.join().expect("it ends").iter().all(|event| event["kind"] == "progress"));
        (stopped, third)
    });
    let last = stopped.last().expect("an event");
    assert_eq!(last["kind"], "result");
    let replicates = last["replicates"].as_u64().expect("a number");
    assert!(0 < replicates && replicates < 3_000_000, "{replicates}");
    // The command that it states gives the same numbers.
    let command = last["command"].as_str().expect("a command");
    assert!(command.contains(&format!("--replicates {replicates} ")), "{command}");
    assert_eq!(other.last().expect("an event")["replicates"], 500);
}

#[test]
fn the_page_has_the_numbers_of_the_command_line() {
    let server = Server::start(&["angel-reboot-safety"]);
    let opened = server.json("start", &json!({}))["opened"].clone();
    let edits = json!([{ "path": "run.replicates", "value": 2000 }, { "path": "missing.dropout", "value": 0.12 }]);
    let state = server.json("state", &json!({ "text": opened["text"], "edits": edits }));
    let events = server.lines("simulate", &json!({ "text": state["text"] }));
    let last = events.last().expect("an event");
    let folder = crate::util::directory();
    let file = folder.path().join("scenario.toml");
    std::fs::write(&file, state["text"].as_str().expect("a text")).expect("the folder is writable");
    let mut run = rescuesim();
    run.args(["run", "--quiet", "--format", "json"]).arg(&file);
    let summary: Value = serde_json::from_str(&output(&mut run)).expect("JSON");
    for truth in 0..2 {
        for analysis in 0..summary["truths"][truth]["analyses"].as_array().expect("a list").len() {
            for quantity in ["rejection", "looks", "n_randomised", "duration_months", "overrun"] {
                let place = format!("/truths/{truth}/analyses/{analysis}/{quantity}");
                let expected = summary.pointer(&place);
                assert_eq!(last["summary"].pointer(&place), expected, "{place}");
                assert!(expected.is_some(), "{place}");
            }
        }
    }
    let power = &summary["truths"][0]["analyses"][0]["rejection"]["value"];
    assert_eq!(&last["analyses"][0]["power"]["value"], power);
    assert_eq!(
        last["summary"]["provenance"]["scenario_digest"],
        summary["provenance"]["scenario_digest"]
    );
}

#[test]
fn comparisons_strategies_and_curves_are_those_of_the_commands() {
    let server = Server::start(&[]);
    let short = |name: &str| {
        let edits = json!([{ "path": "run.replicates", "value": 500 }]);
        let text = shipped_text(&format!("scenarios/{name}.toml"));
        server.json("state", &json!({ "text": text, "edits": edits }))["text"].clone()
    };
    let pinned = short("angel-reboot");
    let edits = json!([{ "path": "missing.dropout", "value": 0.2 }]);
    let current = server.json("state", &json!({ "text": pinned, "edits": edits }))["text"].clone();
    let compared = server.lines("compare", &json!({ "pinned": pinned, "text": current }));
    let compared = compared.last().expect("an event");
    let folder = crate::util::directory();
    for (name, text) in [("pinned", &pinned), ("current", &current)] {
        let path = folder.path().join(format!("{name}.toml"));
        std::fs::write(path, text.as_str().expect("a text")).expect("the folder is writable");
    }
    let mut command = rescuesim();
    command.current_dir(folder.path());
    command.args(["compare", "pinned.toml", "current.toml", "--quiet", "--format", "json"]);
    let expected: Value = serde_json::from_str(&output(&mut command)).expect("JSON");
    assert_eq!(compared["comparison"]["figures"], expected["figures"]);

    let text = short("early-vs-late");
    let strategies = server.lines("strategies", &json!({ "text": text }));
    let strategies = strategies.last().expect("an event");
    let mut command = rescuesim();
    command.args(["strategies", "early-vs-late", "--format", "json"]);
    let expected: Value = serde_json::from_str(&output(&mut command)).expect("JSON");
    assert_eq!(strategies["strategies"], expected["rules"]);
    let refused =
        server.send(&server.post_bytes("strategies", &json!({ "text": pinned }).to_string()));
    assert_eq!(status(&refused), 400);

    let curve = server.lines("sensitivity", &json!({ "text": pinned, "path": "missing.dropout" }));
    let curve = curve.last().expect("an event");
    assert_eq!(curve["kind"], "result");
    assert!(curve["figure"]["html"].as_str().expect("a figure").contains("<svg"));
    let none = json!({ "text": pinned, "path": "title" });
    assert_eq!(status(&server.send(&server.post_bytes("sensitivity", &none.to_string()))), 400);
}

#[test]
fn an_interim_look_is_evaluated_as_by_monitor() {
    let server = Server::start(&[]);
    let look = |control: &str, experimental: &str| json!({ "text": angel_reboot(), "look": 1, "control": control, "experimental": experimental, "earlier_z": "", "events": [] });
    let found = server.json("monitor", &look("3,4,7,8,13,7,10", "5,8,12,8,9,3,7"));
    let mut command = rescuesim();
    command.args(["monitor", "angel-reboot", "--look", "1", "--format", "json"]);
    command.args(["--control-mrs", "3,4,7,8,13,7,10", "--experimental-mrs", "5,8,12,8,9,3,7"]);
    let expected: Value = serde_json::from_str(&output(&mut command)).expect("JSON");
    assert_eq!(found["summary"], expected["summary"]);
    // The estimate that allows for the looks stands above the tables too.
    let effects = &expected["effects"];
    let [estimate, low, high] = [
        &effects["median_unbiased"],
        &effects["stagewise_interval"][0],
        &effects["stagewise_interval"][1],
    ]
    .map(|number| number.as_f64().expect("a number"));
    let sentence =
        format!("risk difference is {estimate:.4} (95 % interval {low:.4} to {high:.4})");
    let effect = found["effect"].as_str().expect("a sentence");
    assert!(effect.contains(&sentence), "{effect}: {sentence}");
    assert!(found["figure"].as_str().expect("a figure").contains("<svg"));
    // With the words of the command line.
    let invalid = "for '--control-mrs <PATIENTS>': allowed: a whole number from 0 to 1000000";
    for (control, word) in [("1,2", "7"), ("x", invalid), ("1,1,1,1,1,1,-1", invalid)] {
        let body = look(control, "1,1,1,1,1,1,1").to_string();
        let response = server.send(&server.post_bytes("monitor", &body));
        assert_eq!(status(&response), 400, "{response}");
        assert!(response.contains(word), "{response}");
    }
}

#[test]
fn a_scenario_that_cannot_be_read_or_a_port_in_use_is_refused() {
    let message = refused(rescuesim().args(["serve", "--no-open", "no-such-scenario"]));
    assert!(message.contains("no-such-scenario"), "{message}");
    let server = Server::start(&[]);
    let port = server.host().rsplit(':').next().expect("a port").to_owned();
    let message = refused(rescuesim().args(["serve", "--no-open", "--port", &port]));
    assert!(message.contains("allowed: a free port"), "{message}");
}
