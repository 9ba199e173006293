//! Runs test tables. Every case gets an instance of its own.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use wasmtime::component::Val;

use super::call::called;
use super::command::{Captured, Program, Stdio, run_command};
use super::handler::Handler;
use super::state::Shared;
use super::table::{Command, Output, Request, Response};
use super::value::wave;
use super::{Action, Case, Grants, Limits, Loaded, RunError};
use crate::error::Fault;
use crate::event::Silent;

/// How a case ended.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// The case's name.
    pub name: String,
    /// Wall time in milliseconds.
    pub millis: u64,
    /// Whether and why not.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Whether a case passed.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// All is as expected.
    Passed,
    /// Something is not.
    Failed {
        /// What differs; at least one.
        differences: Vec<Difference>,
        /// What the component wrote, where that was not compared.
        said: String,
    },
}

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `status`, `header content-type`, `body`, `stdout`, `returns`, …
    pub what: String,
    /// What the table says.
    pub expected: String,
    /// What came.
    pub actual: String,
}

impl Verdict {
    /// Whether the case passed.
    pub fn passed(&self) -> bool {
        matches!(self.outcome, Outcome::Passed)
    }
}

/// Runs one case.
pub async fn check(loaded: &Loaded, grants: &Grants, limits: Limits, case: &Case) -> Verdict {
    let began = Instant::now();
    let stdin = match &case.action {
        Action::Command(command, _) => Bytes::from(command.stdin.clone()),
        _ => Bytes::new(),
    };
    let captured = Captured::new(stdin);
    let run = Run { loaded, grants, limits, captured: &captured };
    let ended = match &case.action {
        Action::Call { expression, returns } => run.call(expression, returns.as_deref()).await,
        Action::Request(request, response) => run.request(request, response).await,
        Action::Command(command, output) => run.command(command, output).await,
    };
    let differences = ended.unwrap_or_else(|difference| vec![difference]);
    let outcome = if differences.is_empty() {
        Outcome::Passed
    } else {
        let (stdout, stderr) = captured.output();
        Outcome::Failed { differences, said: stdout + &stderr }
    };
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Verdict { name: case.name.clone(), millis, outcome }
}

/// What a case is run with.
struct Run<'a> {
    loaded: &'a Loaded,
    grants: &'a Grants,
    limits: Limits,
    captured: &'a Captured,
}

/// The differences, or the one that kept the case from being run at all.
type Compared = Result<Vec<Difference>, Difference>;

impl Run<'_> {
    async fn call(&self, expression: &str, returns: Option<&str>) -> Compared {
        let wanted = returns.unwrap_or("any result");
        let stdio = Stdio::Captured(self.captured.clone());
        let (ty, value) = called(self.loaded, &self.shared(self.grants), expression, &stdio)
            .await
            .map_err(|error| broken("returns", wanted, &error))?;
        let Some(returns) = returns else { return Ok(Vec::new()) };
        let actual = value.as_ref().map_or_else(|| "nothing".to_owned(), wave);
        let expected = ty.map(|ty| Val::from_wave(&ty, returns));
        Ok(match expected {
            Some(Ok(expected)) if value.as_ref() == Some(&expected) => Vec::new(),
            // As it would be written by the runner, so that only what differs looks different.
            Some(Ok(expected)) => vec![difference("returns", wave(&expected), actual)],
            Some(Err(error)) => {
                vec![difference("returns", format!("{returns} (which does not fit: {error:#})"), actual)]
            }
            None => vec![difference("returns", returns, actual)],
        })
    }

    async fn request(&self, request: &Request, expected: &Response) -> Compared {
        let stdio = Stdio::Captured(self.captured.clone());
        let handler = Handler::new(self.loaded, self.shared(self.grants), stdio, false)
            .map_err(|error| broken("response", "an answer", &error))?;
        let mut builder = http::Request::builder().method(request.method.as_str()).uri(request.path.as_str());
        if !request.headers.keys().any(|name| name.eq_ignore_ascii_case("host")) {
            builder = builder.header("host", "localhost");
        }
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let body = Full::new(Bytes::from(request.body.clone())).map_err(|never| match never {});
        let body: http_body_util::combinators::BoxBody<Bytes, wasmtime_wasi_http::Error> = body.boxed();
        let request =
            builder.body(body).map_err(|error| difference("request", "a request", error.to_string()))?;
        let (head, body) = handler.handle(request).await.into_parts();
        let body = match body.collect().await {
            Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            Err(error) => return Err(difference("body", "a whole body", error.to_string())),
        };
        Ok(compare_response(expected, &head, &body))
    }

    async fn command(&self, command: &Command, expected: &Output) -> Compared {
        let env = command.env.clone().into_iter().collect();
        let grants = self.grants.clone().and(Grants { env, ..Grants::default() });
        let mut args = vec![self.loaded.name.clone()];
        args.extend(command.args.iter().cloned());
        let program = Program { args, stdio: Stdio::Captured(self.captured.clone()) };
        let ended = run_command(self.loaded, &grants, self.limits, &program).await;
        let status = match &ended {
            Ok(status) => status.code(),
            Err(RunError::Trapped { .. }) => crate::error::ExitStatus::TRAP.code(),
            Err(error) => return Err(broken("status", &expected.status.to_string(), error)),
        };
        let (stdout, stderr) = self.captured.output();
        let mut found = Vec::new();
        found.extend(unequal("status", &expected.status.to_string(), &status.to_string()));
        found.extend(text("stdout", expected.stdout.as_deref(), expected.stdout_contains.iter(), &stdout));
        found.extend(text("stderr", expected.stderr.as_deref(), expected.stderr_contains.iter(), &stderr));
        Ok(found)
    }

    fn shared(&self, grants: &Grants) -> Arc<Shared> {
        // What goes wrong is in the verdict; it is not said twice.
        Shared::new(grants.clone(), self.limits, Arc::new(Silent))
    }
}

fn compare_response(expected: &Response, head: &http::response::Parts, body: &str) -> Vec<Difference> {
    let mut found = Vec::new();
    found.extend(unequal("status", &expected.status.to_string(), &head.status.as_u16().to_string()));
    for (name, value) in &expected.headers {
        let actual = match head.headers.get(name) {
            Some(actual) => String::from_utf8_lossy(actual.as_bytes()).into_owned(),
            None => "no such header".to_owned(),
        };
        found.extend(unequal(&format!("header {name}"), value, &actual));
    }
    found.extend(text("body", expected.body.as_deref(), expected.body_contains.iter(), body));
    found
}

fn text<'a>(
    what: &str,
    whole: Option<&str>,
    pieces: impl Iterator<Item = &'a String>,
    actual: &str,
) -> Vec<Difference> {
    let whole = whole.and_then(|expected| unequal(what, expected, actual));
    let missing = pieces
        .filter(|piece| !actual.contains(piece.as_str()))
        .map(|piece| difference(format!("{what} contains"), piece.as_str(), actual));
    whole.into_iter().chain(missing).collect()
}

fn unequal(what: &str, expected: &str, actual: &str) -> Option<Difference> {
    (expected != actual).then(|| difference(what, expected, actual))
}

fn difference(what: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) -> Difference {
    Difference { what: what.into(), expected: expected.into(), actual: actual.into() }
}

/// The case could not be run: the error stands for what came.
fn broken(what: &str, expected: &str, error: &RunError) -> Difference {
    use miette::Diagnostic as _;
    let help = error.help().map(|help| format!("\n{help}")).unwrap_or_default();
    let status = error.status().code();
    difference(what, expected, format!("{error} (status {status}){help}"))
}
