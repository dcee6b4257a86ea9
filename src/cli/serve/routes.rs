//! From a path to an answer. All answers are those of the library.

use std::net::TcpStream;

use rescuesim::page::comparison::{Pair, compare};
use rescuesim::page::look::evaluate_look;
use rescuesim::page::report::write_report;
use rescuesim::page::request::{
    ComparisonRequest, LookRequest, PageRequest, SensitivityRequest, StateRequest, TextRequest,
};
use rescuesim::page::sensitivity::{VariedNumber, power_curve};
use rescuesim::page::simulation::simulate;
use rescuesim::page::start::{OpenedText, start};
use rescuesim::page::state::state;
use rescuesim::page::strategies::compare_strategies;
use rescuesim::page::{Surroundings, to_json};
use rescuesim::report::figure;
use rescuesim::scenario::Scenario;

use super::http::{HttpMethod, HttpRequest, HttpResponse, HttpStatus};
use super::session::SimulationSlot;

/// Files of the page. They are a part of the program: no path of a request reaches the file system.
const ASSETS: [Asset; 9] = [
    Asset { name: "", media_type: HTML, text: include_str!("page/index.html") },
    Asset { name: "style.css", media_type: CSS, text: include_str!("page/style.css") },
    Asset { name: "figure.css", media_type: CSS, text: figure::STYLE },
    Asset { name: "app.js", media_type: SCRIPT, text: include_str!("page/app.js") },
    Asset { name: "server.js", media_type: SCRIPT, text: include_str!("page/server.js") },
    Asset { name: "form.js", media_type: SCRIPT, text: include_str!("page/form.js") },
    Asset { name: "layout.js", media_type: SCRIPT, text: include_str!("page/layout.js") },
    Asset { name: "results.js", media_type: SCRIPT, text: include_str!("page/results.js") },
    Asset { name: "views.js", media_type: SCRIPT, text: include_str!("page/views.js") },
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the page.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

/// What the page shows and runs.
#[derive(Debug)]
pub struct Site {
    /// Scenario of the command line.
    pub opened: Option<OpenedText>,
    /// Files that scenarios may refer to.
    pub around: Surroundings,
    /// The simulation that runs.
    pub session: SimulationSlot,
}

impl Site {
    /// Answers an admitted request for a path.
    pub fn answer(&self, stream: &mut TcpStream, request: &HttpRequest, path: &str) {
        let response = match (request.method, path.strip_prefix("api/")) {
            (HttpMethod::Get, None) => asset(path),
            // By POST alone, also what only reads: `guard` checks the origin of every POST.
            (HttpMethod::Post, Some(name)) => match self.call(stream, name, &request.body) {
                Ok(Some(response)) => response,
                // It was streamed.
                Ok(None) => return,
                Err(response) => response,
            },
            (HttpMethod::Get | HttpMethod::Post | HttpMethod::Other, _) => not_found(),
        };
        // A client that is gone needs no answer.
        let _ = response.write(stream);
    }

    /// Calls a function of the library; `None` if its results have been streamed.
    fn call(
        &self,
        stream: &mut TcpStream,
        name: &str,
        body: &[u8],
    ) -> Result<Option<HttpResponse>, HttpResponse> {
        match name {
            "start" => return Ok(Some(HttpResponse::json(to_json(&start(self.opened.clone()))))),
            "state" => {
                let request: StateRequest = read(body)?;
                let state = state(&request, &self.around).map_err(|text| problem(&text))?;
                return Ok(Some(HttpResponse::json(to_json(&state))));
            }
            "stop" => {
                self.session.stop();
                return Ok(Some(HttpResponse::json("{}".to_owned())));
            }
            "simulate" => {
                let scenario = self.scenario(body)?;
                self.session.stream(stream, |flags, listener| simulate(&scenario, flags, listener));
            }
            "compare" => {
                let request: ComparisonRequest = read(body)?;
                let pair = Pair::new(&request, &self.around).map_err(|text| problem(&text))?;
                self.session.stream(stream, |flags, listener| compare(&pair, flags, listener));
            }
            "strategies" => {
                let scenario = self.scenario(body)?;
                if scenario.procedural().is_none() {
                    return Err(problem("the scenario has no procedure, and so no strategies"));
                }
                self.session.stream(stream, |flags, listener| {
                    compare_strategies(&scenario, flags, listener)
                });
            }
            "monitor" => {
                let request: LookRequest = read(body)?;
                let scenario = self.around.scenario(&request.text);
                let scenario = scenario.map_err(|rejection| problem(&rejection.summary()))?;
                let look = evaluate_look(&request, &scenario).map_err(|text| problem(&text))?;
                return Ok(Some(HttpResponse::json(to_json(&look))));
            }
            "report" => {
                let TextRequest { text } = read(body)?;
                let around = &self.around;
                self.session.stream(stream, move |flags, listener| {
                    write_report(&text, around, flags, listener)
                });
            }
            "sensitivity" => {
                let request: SensitivityRequest = read(body)?;
                let varied =
                    VariedNumber::new(&request, &self.around).map_err(|text| problem(&text))?;
                self.session
                    .stream(stream, |flags, listener| power_curve(&varied, flags, listener));
            }
            _ => return Err(not_found()),
        }
        Ok(None)
    }

    /// Reads a request for something about one scenario.
    fn scenario(&self, body: &[u8]) -> Result<Scenario, HttpResponse> {
        let TextRequest { text } = read(body)?;
        self.around.scenario(&text).map_err(|rejection| problem(&rejection.summary()))
    }
}

fn asset(name: &str) -> HttpResponse {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(Asset { media_type, text, .. }) => {
            HttpResponse { status: HttpStatus::Ok, media_type, body: text.as_bytes().to_vec() }
        }
        None => not_found(),
    }
}

fn not_found() -> HttpResponse {
    HttpResponse::text(HttpStatus::NotFound, "there is nothing here")
}

/// Reads the body of a request.
fn read<T: PageRequest>(body: &[u8]) -> Result<T, HttpResponse> {
    T::read(body).map_err(|text| problem(&text))
}

/// Refuses a request that cannot be answered as it is.
fn problem(text: &str) -> HttpResponse {
    HttpResponse::text(HttpStatus::BadRequest, text)
}
