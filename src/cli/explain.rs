//! `jointer explain CODE`: the book's section about an error code, from inside the binary.

use include_dir::{Dir, include_dir};
use miette::Diagnostic;
use serde::Serialize;

use super::Context;
use crate::error::{ExitStatus, Fault, Result};
use crate::name::nearest;

/// The book's pages about errors, one for each room.
static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/book/src/errors");

/// Explain an error code
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The code, as an error shows it: `compose::nothing_to_plug`; without it, all codes are listed
    code: Option<String>,
}

#[derive(Debug, thiserror::Error, Diagnostic)]
enum ExplainError {
    #[error("there is no error code `{code}`")]
    #[diagnostic(code(explain::unknown_code), help("{help}"))]
    UnknownCode { code: String, help: String },
}

impl Fault for ExplainError {
    fn status(&self) -> ExitStatus {
        ExitStatus::NotFound
    }
}

#[derive(Serialize)]
struct Section<'a> {
    code: &'a str,
    text: &'a str,
}

pub(super) fn run(cx: &Context, args: &ExplainArgs) -> Result<ExitStatus> {
    let mut sections: Vec<Section<'_>> =
        PAGES.files().filter_map(|page| page.contents_utf8()).flat_map(sections).collect();
    sections.sort_by_key(|section| section.code);
    let Some(code) = &args.code else {
        let codes: Vec<&str> = sections.iter().map(|section| section.code).collect();
        cx.ui.answer(&codes.join("\n"), &codes);
        return Ok(ExitStatus::Success);
    };
    let Some(section) = sections.iter().find(|section| section.code == code) else {
        let near = nearest(code, sections.iter().map(|section| section.code));
        let help = match near.first() {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`jointer explain` lists all codes".to_owned(),
        };
        return Err(ExplainError::UnknownCode { code: code.clone(), help }.into());
    };
    cx.ui.answer(&format!("{}\n\n{}", section.code, section.text), section);
    Ok(ExitStatus::Success)
}

/// Each `## room::slug` heading with the text up to the next.
fn sections(page: &str) -> impl Iterator<Item = Section<'_>> {
    page.split("\n## ").skip(1).filter_map(|section| {
        let (code, text) = section.split_once('\n')?;
        Some(Section { code: code.trim(), text: text.trim() })
    })
}
