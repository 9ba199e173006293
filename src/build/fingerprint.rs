//! Tells whether a unit must be built again.
//!
//! A [`Fingerprint`] lists everything a guest build may read: the content of files, the world, the
//! tools, the command line and the variables that pass. It is stored beside its digest, so that
//! [`Fingerprint::first_difference`] can name what changed.
//!
//! Modification times stay out, because a fresh checkout would then never hit the cache.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};

/// Begins every fingerprint; another number makes every unit dirty.
const FORMAT: &str = "jointer unit 1";

/// Everything that a unit's result depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Fingerprint {
    inputs: BTreeMap<Input, String>,
}

/// One thing that a result may depend on. Ordered by how well it explains a change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) enum Input {
    /// A file by its path relative to the app; its value is its digest, or [`ABSENT`].
    File(String),
    /// The world that it is built for, with everything it reaches.
    World(String),
    /// The result of another unit, or a ready component.
    Component(String),
    /// A variable that the manifest lets pass.
    Variable(String),
    /// A guest tool.
    Tool(String),
    /// Anything else, in words: `the command line`.
    Setting(String),
}

/// The value of a file that is looked for and does not exist.
pub(super) const ABSENT: &str = "absent";

impl Fingerprint {
    /// Adds one input.
    pub(super) fn add(&mut self, input: Input, value: impl Into<String>) {
        self.inputs.insert(input, value.into());
    }

    /// Adds the inputs of another one.
    pub(super) fn extend(&mut self, other: Self) {
        self.inputs.extend(other.inputs);
    }

    /// What identifies this set of inputs.
    pub(super) fn digest(&self) -> Digest {
        let mut hasher = Hasher::default();
        hasher.field(FORMAT);
        for (input, value) in &self.inputs {
            hasher.field(String::from(input.clone()));
            hasher.field(value);
        }
        hasher.finish()
    }

    /// What and its value, in the form of the record.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, &str)> {
        self.inputs.iter().map(|(input, value)| (String::from(input.clone()), value.as_str()))
    }

    /// The files among the inputs, relative to the app.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.inputs.keys().filter_map(|input| match input {
            Input::File(path) => Some(path.as_str()),
            _ => None,
        })
    }

    /// Those of them that exist.
    pub(super) fn files_there(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().filter_map(|(input, value)| match input {
            Input::File(path) if value != ABSENT => Some(path.as_str()),
            _ => None,
        })
    }

    /// Whether the only difference to `before` is a file of this name that was absent, and the command line,
    /// which may depend on it.
    pub(super) fn adds_only(&self, before: &Self, name: &str) -> bool {
        let all = self.inputs.keys().chain(before.inputs.keys());
        let mut differing = all.filter(|input| self.inputs.get(*input) != before.inputs.get(*input));
        differing.all(|input| match input {
            Input::File(path) => {
                let absent = before.inputs.get(input).is_none_or(|value| value == ABSENT);
                absent && path.rsplit('/').next() == Some(name)
            }
            Input::Setting(what) => what == "the command line",
            _ => false,
        })
    }

    /// In words, the first thing that is not as in `before`; `None` when all is the same.
    pub(super) fn first_difference(&self, before: &Self) -> Option<String> {
        let all = self.inputs.keys().chain(before.inputs.keys());
        let first = all.filter(|input| self.inputs.get(*input) != before.inputs.get(*input)).min()?;
        let (was, is) = (before.inputs.get(first), self.inputs.get(first));
        Some(first.in_words(was.map(String::as_str), is.map(String::as_str)))
    }
}

impl Input {
    fn in_words(&self, was: Option<&str>, is: Option<&str>) -> String {
        let there = |value: Option<&str>| value.is_some_and(|value| value != ABSENT);
        match self {
            Self::File(path) if !there(was) => format!("`{path}` is new"),
            Self::File(path) if !there(is) => format!("`{path}` was removed"),
            Self::File(path) => format!("`{path}` changed"),
            Self::World(world) => format!("the world `{world}` changed"),
            Self::Component(name) => format!("`{name}` changed"),
            Self::Variable(name) => format!("the variable `{name}` changed"),
            Self::Tool(name) => match (was, is) {
                (Some(was), Some(is)) => format!("{name} was {} and is {}", brief(was), brief(is)),
                (None, _) => format!("{name} is used now"),
                (Some(_), None) => format!("{name} is not used any more"),
            },
            Self::Setting(what) => format!("{what} changed"),
        }
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::File(text) => ("file", text),
            Self::World(text) => ("world", text),
            Self::Component(text) => ("component", text),
            Self::Variable(text) => ("variable", text),
            Self::Tool(text) => ("tool", text),
            Self::Setting(text) => ("setting", text),
        }
    }
}

/// The first line of a tool's identity, at a length for one line.
fn brief(identity: &str) -> String {
    let line = identity.lines().next().unwrap_or_default();
    line.chars().take(40).collect()
}

impl From<Input> for String {
    fn from(input: Input) -> Self {
        let (kind, text) = input.parts();
        format!("{kind} {text}")
    }
}

impl TryFrom<String> for Input {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (kind, rest) = text.split_once(' ').ok_or("an input without a kind")?;
        let rest = rest.to_owned();
        Ok(match kind {
            "file" => Self::File(rest),
            "world" => Self::World(rest),
            "component" => Self::Component(rest),
            "variable" => Self::Variable(rest),
            "tool" => Self::Tool(rest),
            "setting" => Self::Setting(rest),
            _ => return Err(format!("`{kind}` is no kind of input")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(inputs: &[(Input, &str)]) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        inputs.iter().for_each(|(input, value)| fingerprint.add(input.clone(), *value));
        fingerprint
    }

    fn file(path: &str) -> Input {
        Input::File(path.to_owned())
    }

    #[test]
    fn the_first_difference_is_named() {
        let before =
            fingerprint(&[(file("a"), "1"), (file("c"), ABSENT), (Input::Tool("cargo".into()), "1.95\nx")]);
        let differs = |inputs: &[(Input, &str)]| fingerprint(inputs).first_difference(&before);
        let cargo = || (Input::Tool("cargo".into()), "1.95\nx");
        let none = || (file("c"), ABSENT);
        assert_eq!(differs(&[(file("a"), "1"), none(), cargo()]), None);
        assert_eq!(differs(&[(file("a"), "2"), none(), cargo()]).unwrap(), "`a` changed");
        assert_eq!(differs(&[none(), cargo()]).unwrap(), "`a` was removed");
        assert_eq!(differs(&[(file("a"), "1"), (file("c"), "9"), cargo()]).unwrap(), "`c` is new");
        let newer = (Input::Tool("cargo".into()), "1.96");
        assert_eq!(differs(&[(file("a"), "1"), none(), newer]).unwrap(), "cargo was 1.95 and is 1.96");
    }

    #[test]
    fn it_reads_back_as_written() {
        let all = fingerprint(&[(file("a b"), "1"), (Input::Setting("the command line".into()), "x")]);
        let text = serde_json::to_string(&all).unwrap();
        let back: Fingerprint = serde_json::from_str(&text).unwrap();
        assert_eq!((back.digest(), back), (all.digest(), all));
    }

    #[test]
    fn a_name_and_its_value_never_mix() {
        let one = fingerprint(&[(file("a"), "bc")]);
        let two = fingerprint(&[(file("ab"), "c")]);
        assert_ne!(one.digest(), two.digest());
    }
}
