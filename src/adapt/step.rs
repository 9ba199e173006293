//! What was adapted, from what to what and how, written into the component itself.
//!
//! It stands in the `producers` section of the component that adapting wrote, as `processed-by jointer` with the
//! value `0.1.0; 0.2.0-rc-2023-11-10 to wasi@0.2.12 (wrapped)`: one step after the other. What was taken away goes to
//! nobody: `wasi:sockets/tcp@0.2.12 to nobody (denied)`, `wasi:cli/exit exit-with-code to nobody (stubbed)`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Adapted, How};
use crate::component::{self, ComponentError};

/// What jointer calls itself there.
const TOOL: &str = "jointer";

/// One adaptation that a component has been through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it was built against, as labels: `0.2.0-rc-2023-11-10`. Or interfaces, or functions, that it has no more.
    pub from: Vec<String>,
    /// What it fits now: `wasi@0.2.12`, or a package of the user's own. Or `nobody`.
    pub to: String,
    /// How, in one word: [`How::word`], `adapter`, `denied` or `stubbed`.
    pub how: String,
}

const AND: &str = " and ";

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = if self.from.is_empty() { "no WASI".to_owned() } else { self.from.join(AND) };
        write!(f, "{from} to {} ({})", self.to, self.how)
    }
}

impl Step {
    /// Whether it led from final versions of WASI 0.2 to another one: by their rules nobody can notice that.
    pub fn is_between_releases(&self) -> bool {
        let is_final = |from: &String| from.starts_with("0.2.") && !from.contains("-rc-");
        self.to.starts_with("wasi@") && self.from.iter().all(is_final)
    }

    /// Something that nobody is asked for any more; `how` says in which way.
    pub(super) fn taken_away(what: Vec<String>, how: &str) -> Self {
        Self { from: what, to: "nobody".to_owned(), how: how.to_owned() }
    }

    fn parse(text: &str) -> Option<Self> {
        let (from, rest) = text.split_once(" to ")?;
        let (to, how) = rest.strip_suffix(')')?.split_once(" (")?;
        let from = if from == "no WASI" { Vec::new() } else { from.split(AND).map(str::to_owned).collect() };
        Some(Self { from, to: to.to_owned(), how: how.to_owned() })
    }
}

/// All adaptations that a component and those inside it have been through, the earlier first.
pub fn steps(bytes: &[u8]) -> Vec<Step> {
    let said = component::processings(bytes, TOOL);
    said.iter().flat_map(|said| said.split("; ").skip(1)).filter_map(Step::parse).collect()
}

/// The component with one more step written down; as it is if nothing was done.
pub(super) fn recorded(adapted: Adapted, to: &str) -> Result<Adapted, ComponentError> {
    if adapted.how == How::Unchanged {
        return Ok(adapted);
    }
    let step = Step { from: adapted.from.clone(), to: to.to_owned(), how: adapted.how.word().to_owned() };
    let mut bytes = written(&adapted.bytes, &step)?;
    if !adapted.stubs.is_empty() {
        bytes = written(&bytes, &Step::taken_away(adapted.stubs.clone(), "stubbed"))?;
    }
    Ok(Adapted { bytes, ..adapted })
}

/// The component with this step written down after those that it had.
pub(super) fn written(bytes: &[u8], step: &Step) -> Result<Vec<u8>, ComponentError> {
    component::processed_by(bytes, TOOL, |before| {
        let steps = before.and_then(|before| before.split_once("; ")).map(|(_, steps)| format!("; {steps}"));
        format!("{}{}; {step}", env!("CARGO_PKG_VERSION"), steps.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::super::adapt;
    use super::super::tests::{everything, version};
    use super::*;

    #[test]
    fn every_step_is_written_down_in_order() {
        let bytes = everything("0.2.0-rc-2023-11-10");
        assert_eq!(steps(&bytes), []);
        let wrapped = adapt(&bytes, &version("0.2.6")).unwrap();
        let renamed = adapt(&wrapped.bytes, &version("0.2.12")).unwrap();
        component::validate(&renamed.bytes).unwrap();
        let said: Vec<String> = steps(&renamed.bytes).iter().map(ToString::to_string).collect();
        assert_eq!(said, ["0.2.0-rc-2023-11-10 to wasi@0.2.6 (wrapped)", "0.2.6 to wasi@0.2.12 (renamed)"]);
        let again = adapt(&renamed.bytes, &version("0.2.12")).unwrap();
        assert_eq!(again.bytes, renamed.bytes, "nothing done, nothing written");
    }
}
