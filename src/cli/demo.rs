//! `jointer demo`: the example `shop`, from its sources to an answer, in one command.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use include_dir::{Dir, DirEntry, include_dir};
use serde::Serialize;

use super::Context;
use super::grants::GrantArgs;
use super::runtime::{runtime, signalled};
use super::subject::Subject;
use crate::app::App;
use crate::build;
use crate::error::{ExitStatus, FileError, Result};
use crate::file;
use crate::run::{Mode, RunError, Runner, ServeOptions, Server};
use crate::ui;

static SHOP: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/examples/shop");

/// What the demo asks the shop for.
const REQUEST: &str = "/?apple=3&pear=2&melon=1";

/// Build, compose and serve the hero demo: Python, Rust and JavaScript in one component
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Keep the demo's sources and what is built from them in this folder
    #[arg(long, value_name = "DIR")]
    keep: Option<Utf8PathBuf>,
    /// Go on serving after the first answer, on http://127.0.0.1:8080
    #[arg(long)]
    serve: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    folder: &'a Utf8Path,
    build_millis: u64,
    component_bytes: u64,
    request: &'a str,
    answer_millis: u64,
    answer: &'a str,
}

pub(super) fn run(cx: &Context, args: &DemoArgs) -> Result<ExitStatus> {
    let temporary = tempfile::tempdir().map_err(|error| FileError::writing("a temporary folder", &error))?;
    let folder = match &args.keep {
        Some(folder) => cx.cwd.join(folder),
        None => Utf8PathBuf::try_from(temporary.path().join("shop"))
            .map_err(|error| FileError::writing("a temporary folder", &error.into_io_error()))?,
    };
    write_out(&SHOP, &folder)?;
    cx.reporter().note("Wrote", format!("the example `shop` to {folder}"));
    cx.reporter()
        .note("Using", format!("guest tools in {}; missing ones are installed there", cx.dirs.tools()));

    let app = App::load(&folder)?;
    let began = Instant::now();
    let built = build::build(&app, &cx.dirs, &build::Options::default(), cx.reporter())?;
    let build_millis = millis(began);
    let bytes = file::read(&built.component)?;
    cx.reporter()
        .note("Joined", format!("three languages into one component, {}", ui::size(bytes.len() as u64)));

    let subject = Subject::obtain(cx, Some(&built.component), true, &GrantArgs::default(), None)?;
    let runner = Runner::new(&cx.dirs, Mode::Serve, cx.ui.reporter().clone())?;
    let loaded = runner.load("shop", &subject.bytes)?;
    let address = if args.serve { "127.0.0.1:8080" } else { "127.0.0.1:0" }.to_owned();
    let options = ServeOptions { address, ..ServeOptions::default() };
    let runtime = runtime()?;
    let status = runtime.block_on(async {
        let server = Server::bind(&loaded, &subject.grants, &options).await?;
        let url = server.url();
        let serving = tokio::spawn(server.run(signalled()));
        let asked = tokio::task::spawn_blocking(move || ask(&url)).await;
        let (answer, answer_millis) = asked.map_err(|error| RunError::NoRuntime(error.to_string()))??;
        let data = Answer {
            folder: &folder,
            build_millis,
            component_bytes: bytes.len() as u64,
            request: REQUEST,
            answer_millis,
            answer: &answer,
        };
        let text = format!("GET {REQUEST} answered in {}:\n\n{answer}", ui::seconds(answer_millis));
        cx.ui.answer(&text, &data);
        if args.serve {
            // Until Ctrl-C.
            let _ = serving.await;
        }
        Ok(ExitStatus::Success)
    });
    runtime.shutdown_background();
    status
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Writes an embedded folder; what stands there of the same names is replaced.
fn write_out(dir: &Dir<'_>, top: &Utf8Path) -> Result<()> {
    for entry in dir.entries() {
        match entry {
            // What a build of the example itself left in the checkout.
            DirEntry::Dir(dir) if ["build", "target"].iter().any(|made| dir.path().ends_with(made)) => {}
            DirEntry::Dir(dir) => write_out(dir, top)?,
            DirEntry::File(found) => {
                if let Some(path) = Utf8Path::from_path(found.path()) {
                    file::write(&top.join(path), found.contents())?;
                }
            }
        }
    }
    Ok(())
}

/// One request as any client would send it. HTTP/1.0, so that the answer ends with the connection.
fn ask(url: &str) -> Result<(String, u64)> {
    let address = url.trim_start_matches("http://");
    let failed = |error: std::io::Error| FileError::reading(url, &error);
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(failed)?;
    stream
        .write_all(format!("GET {REQUEST} HTTP/1.0\r\nhost: {address}\r\n\r\n").as_bytes())
        .map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    let body = answer.split_once("\r\n\r\n").map_or(answer.as_str(), |(_, body)| body);
    Ok((body.to_owned(), millis(began)))
}
