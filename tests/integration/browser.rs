//! A browser driven through the DevTools protocol, over two pipes: no driver and no library is needed.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::util::directory;

/// Time in which something that a test waits for must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A page in a browser of its own.
pub struct Page {
    browser: Child,
    commands: File,
    messages: BufReader<File>,
    session: Option<String>,
    next: u64,
    /// Messages of the page that were not answers.
    events: VecDeque<Value>,
    _folder: TempDir,
}

impl Page {
    /// Starts a browser with an empty page of this size, in pixels.
    pub fn open(browser: &str, width: u32, height: u32) -> Self {
        let folder = directory();
        let [input, output] = ["in", "out"].map(|name| folder.path().join(name));
        let made = Command::new("mkfifo").args([&input, &output]).status();
        assert!(made.expect("mkfifo runs").success());
        // The browser reads commands from descriptor 3 and writes messages to 4, which only a shell can open.
        let child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<\"$IN\" 4>\"$OUT\"", browser])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg("about:blank")
            .envs([("IN", &input), ("OUT", &output)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser starts");
        // In the order in which the shell opens them: each waits for the other end.
        let commands = OpenOptions::new().write(true).open(&input).expect("the pipe was made");
        let messages = BufReader::new(File::open(&output).expect("the pipe was made"));
        let mut page = Self {
            browser: child,
            commands,
            messages,
            session: None,
            next: 0,
            events: VecDeque::new(),
            _folder: folder,
        };
        let target = page.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = page.call("Target.attachToTarget", &attach);
        page.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        page.resize(width, height);
        page
    }

    /// Gives the page another size, in pixels.
    pub fn resize(&mut self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Asks for light or dark colours.
    pub fn prefer(&mut self, scheme: &str) {
        let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &feature);
    }

    /// Calls a method of the protocol and returns its result.
    #[track_caller]
    pub fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{message}\0").as_bytes()).expect("the browser reads");
        loop {
            let message = self.receive();
            if message["id"] == json!(id) {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    fn receive(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.messages.read_until(0, &mut bytes).expect("the browser writes");
        assert_eq!(bytes.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&bytes).expect("messages are JSON")
    }

    /// Goes to an address.
    pub fn go(&mut self, address: &str) {
        self.call("Page.navigate", &json!({ "url": address }));
        self.wait("document.readyState === 'complete'");
    }

    /// Evaluates JavaScript; a promise is awaited.
    #[track_caller]
    pub fn evaluate(&mut self, script: &str) -> Value {
        let parameters =
            json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let result = self.call("Runtime.evaluate", &parameters);
        assert!(result["exceptionDetails"].is_null(), "{script}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Evaluates JavaScript that gives a text.
    #[track_caller]
    pub fn text(&mut self, script: &str) -> String {
        let value = self.evaluate(script);
        value.as_str().unwrap_or_else(|| panic!("{script} gives {value}")).to_owned()
    }

    /// Waits until JavaScript gives true.
    #[track_caller]
    #[allow(clippy::disallowed_methods)] // for the patience of the test
    pub fn wait(&mut self, condition: &str) {
        let begun = Instant::now();
        while self.evaluate(&format!("Boolean({condition})")) != json!(true) {
            let notice = "document.body.innerText.slice(0, 2000)";
            assert!(begun.elapsed() < PATIENCE, "{condition}: {}", self.evaluate(notice));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses and releases a key, such as Tab.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, None),
            "Enter" => (13, Some("\r")),
            "ArrowRight" => (39, None),
            other => panic!("no key {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if let (Some(text), "keyDown") = (text, kind) {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types a text into the field with this identifier, in the place of what it has.
    #[track_caller]
    pub fn fill(&mut self, id: &str, text: &str) {
        let found = self.evaluate(&format!(
            "(() => {{ const field = document.getElementById('{id}'); if (!field) return false; \
             field.closest('details') && (field.closest('details').open = true); field.focus(); field.select(); \
             return true; }})()"
        ));
        assert_eq!(found, json!(true), "there is no field {id}");
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Presses the button with this identifier.
    #[track_caller]
    pub fn click(&mut self, id: &str) {
        let found = self.evaluate(&format!(
            "(() => {{ const button = document.getElementById('{id}'); button?.click(); return Boolean(button); }})()"
        ));
        assert_eq!(found, json!(true), "there is no button {id}");
    }

    /// Returns what the page has written to the console, and errors that it has had.
    pub fn complaints(&mut self) -> Vec<String> {
        self.evaluate("0");
        let is_complaint = |event: &&Value| {
            let method = event["method"].as_str().unwrap_or_default();
            ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"]
                .contains(&method)
        };
        self.events.iter().filter(is_complaint).map(Value::to_string).collect()
    }

    /// Returns the addresses that the page has asked for.
    pub fn requested(&mut self) -> Vec<String> {
        self.evaluate("0");
        let requests =
            self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        requests
            .map(|event| event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Saves what is seen as PNG to a folder, if the environment names one: for eyes, not for tests.
    pub fn picture(&mut self, name: &str) {
        use base64::Engine;
        let Some(folder) = std::env::var_os("PICTURES") else { return };
        let picture = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let data = picture["data"].as_str().expect("a picture is text in base64");
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).expect("it is base64");
        let path = std::path::Path::new(&folder).join(format!("{name}.png"));
        std::fs::write(path, bytes).expect("the folder is there");
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended with the test.
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
