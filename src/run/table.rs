//! Test tables: cases written as TOML.
//!
//! A case does one thing (`call`, `request` or `command`) and says what comes of it (`returns`,
//! `response` or `output`). Unknown keys are errors, so that a typo cannot make a case pass.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use miette::NamedSource;
use serde::Deserialize;
use toml::Spanned;

use super::RunError;
use crate::error::FileError;
use crate::name::nearest;

/// A file of cases.
#[derive(Debug, Clone)]
pub struct Table {
    /// Where it stands.
    pub path: Utf8PathBuf,
    /// Its cases in order.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// `name`, or what is done.
    pub name: String,
    /// What is done and what is expected.
    pub action: Action,
}

/// What a case does and expects.
#[derive(Debug, Clone)]
pub enum Action {
    /// A call of a function.
    Call {
        /// `ns:pkg/iface.fn(args)`.
        expression: String,
        /// The result as WAVE; `None`: any.
        returns: Option<String>,
    },
    /// A request to an http handler.
    Request(Request, Response),
    /// A run of a program.
    Command(Command, Output),
}

/// `request = { … }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Request {
    /// Default `GET`.
    #[serde(default = "get")]
    pub method: String,
    /// Path and query; default `/`.
    #[serde(default = "root")]
    pub path: String,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body to send; default none.
    #[serde(default)]
    pub body: String,
}

fn get() -> String {
    "GET".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

/// `response = { … }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Response {
    /// Default 200.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers that must be there with these values; others may be too.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The whole body.
    pub body: Option<String>,
    /// Texts that must be in the body: one, or a list.
    #[serde(default)]
    pub body_contains: Texts,
}

fn ok() -> u16 {
    200
}

impl Default for Response {
    fn default() -> Self {
        Self { status: ok(), headers: BTreeMap::new(), body: None, body_contains: Texts::default() }
    }
}

/// `command = { … }`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Command {
    /// Arguments after the program's name.
    #[serde(default)]
    pub args: Vec<String>,
    /// What it reads.
    #[serde(default)]
    pub stdin: String,
    /// Variables that it sees besides those of the manifest.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// `output = { … }`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Output {
    /// Exit status; default 0. A trap is 134.
    #[serde(default)]
    pub status: u8,
    /// All of standard output.
    pub stdout: Option<String>,
    /// Texts that must be in standard output.
    #[serde(default)]
    pub stdout_contains: Texts,
    /// All of standard error.
    pub stderr: Option<String>,
    /// Texts that must be in standard error.
    #[serde(default)]
    pub stderr_contains: Texts,
}

/// One text or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Texts {
    /// `"text"`.
    One(String),
    /// `["text", "text"]`.
    Many(Vec<String>),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Texts {
    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, String> {
        match self {
            Self::One(text) => std::slice::from_ref(text).iter(),
            Self::Many(texts) => texts.iter(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    case: Vec<Spanned<CaseTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CaseTable {
    name: Option<String>,
    call: Option<String>,
    returns: Option<String>,
    request: Option<Request>,
    response: Option<Response>,
    command: Option<Command>,
    output: Option<Output>,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// When the file cannot be read, and [`RunError::InvalidTable`].
    pub fn read(path: &Utf8Path) -> crate::error::Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| FileError::reading(path, &error))?;
        Ok(Self::parse(path, &text)?)
    }

    /// Reads a table from its text; `path` is what errors call it.
    ///
    /// # Errors
    /// [`RunError::InvalidTable`].
    pub fn parse(path: &Utf8Path, text: &str) -> Result<Self, RunError> {
        let file: File = toml::from_str(text).map_err(|error| not_toml(path, text, &error))?;
        let cases = file.case.into_iter().map(|case| {
            let span = case.span();
            action(case.into_inner())
                .map_err(|(message, help)| invalid(path, text, Some(span), message, help))
        });
        Ok(Self { path: path.to_owned(), cases: cases.collect::<Result<_, _>>()? })
    }
}

type Complaint = (&'static str, &'static str);

fn action(case: CaseTable) -> Result<Case, Complaint> {
    let CaseTable { name, call, returns, request, response, command, output } = case;
    let pairs =
        "a case has one of `call` (with `returns`), `request` (with `response`), `command` (with `output`)";
    let action = match (call, request, command) {
        (Some(expression), None, None) if response.is_none() && output.is_none() => {
            Action::Call { expression, returns }
        }
        (None, Some(request), None) if returns.is_none() && output.is_none() => {
            Action::Request(request, response.unwrap_or_default())
        }
        (None, None, Some(command)) if returns.is_none() && response.is_none() => {
            Action::Command(command, output.unwrap_or_default())
        }
        (None, None, None) => return Err(("a case that does nothing", pairs)),
        _ => return Err(("a case that does several things, or expects what does not come of it", pairs)),
    };
    let name = name.unwrap_or_else(|| match &action {
        Action::Call { expression, .. } => expression.clone(),
        Action::Request(request, _) => format!("{} {}", request.method, request.path),
        Action::Command(command, _) => format!("run {}", command.args.join(" ")).trim_end().to_owned(),
    });
    Ok(Case { name, action })
}

fn not_toml(path: &Utf8Path, text: &str, error: &toml::de::Error) -> RunError {
    let message = error.message();
    let help = match message.strip_prefix("unknown field `") {
        // serde's words for it: unknown field `x`, expected one of `a`, `b`
        Some(rest) => {
            let mut quoted = rest.split('`');
            let key = quoted.next().unwrap_or_default();
            let known: Vec<&str> = quoted.skip(1).step_by(2).collect();
            match nearest(key, known.iter().copied()).first() {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            }
        }
        None => "`jointer explain run::invalid_table` shows a whole table".to_owned(),
    };
    invalid(path, text, error.span(), message, &help)
}

fn invalid(path: &Utf8Path, text: &str, span: Option<Range<usize>>, message: &str, help: &str) -> RunError {
    RunError::InvalidTable {
        path: path.to_owned(),
        message: message.to_owned(),
        help: help.to_owned(),
        text: Arc::new(NamedSource::new(path, text.to_owned()).with_language("toml")),
        span: span.map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Table, RunError> {
        Table::parse(Utf8Path::new("tests/x.toml"), text)
    }

    #[test]
    fn the_three_kinds_of_cases() {
        let table = parse(
            r#"
            [[case]]
            name = "adds"
            call = "add(2, 3)"
            returns = "5"
            [[case]]
            request = { path = "/x", headers = { authorization = "Bearer t" } }
            response = { status = 404, body-contains = "no" }
            [[case]]
            command = { args = ["a", "b"] }
            output = { stdout = "a b\n", stderr-contains = ["x", "y"] }
            "#,
        )
        .unwrap();
        let names: Vec<&str> = table.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["adds", "GET /x", "run a b"]);
        let Action::Request(_, response) = &table.cases[1].action else { panic!() };
        assert_eq!((response.status, response.body_contains.iter().count()), (404, 1));
    }

    #[test]
    fn typos_and_mixtures_are_refused_with_their_place() {
        for (text, wanted) in [
            ("[[case]]\ncall = \"f()\"\nreturn = \"1\"\n", "did you mean `returns`?"),
            ("[[case]]\nrequest = { pth = \"/\" }\n", "did you mean `path`?"),
            ("[[cases]]\ncall = \"f()\"\n", "did you mean `case`?"),
            ("[[case]]\nname = \"x\"\n", "a case has one of"),
            ("[[case]]\ncall = \"f()\"\noutput = {}\n", "a case has one of"),
        ] {
            let Err(RunError::InvalidTable { help, span, .. }) = parse(text) else { panic!("{text}") };
            assert!(help.contains(wanted), "{text}: {help}");
            assert!(span.is_some(), "{text}");
        }
    }
}
