//! Errors of the plan, in the words of who wrote the parts.

use super::Planner;
use super::offer::{offered, unversioned};
use super::origin::Implementer;
use crate::compose::error::ComposeError;
use crate::name::nearest;
use crate::wit::Difference;

impl Planner<'_> {
    pub(super) fn wrong_type(
        &self,
        consumer: usize,
        provider: usize,
        export: &str,
        difference: Difference,
    ) -> ComposeError {
        let place = difference.place();
        ComposeError::WrongType {
            component: self.names[consumer].to_owned(),
            provider: self.names[provider].to_owned(),
            export: export.to_owned(),
            place: if place.is_empty() { place } else { format!("{place}: ") },
            wanted: difference.wanted,
            given: difference.given,
            help: format!(
                "build `{}` and `{}` against the same WIT; they were built from two different texts of `{}`",
                self.names[consumer],
                self.names[provider],
                unversioned(export)
            ),
        }
    }

    pub(super) fn unsatisfied(&self, consumer: usize, import: &str) -> ComposeError {
        let component = self.names[consumer];
        let others = || (0..self.pieces.len()).filter(|part| *part != consumer);
        let other_version = others().find_map(|part| {
            let (export, _) = offered(&self.pieces[part].shape)
                .find(|(export, _)| unversioned(export) == unversioned(import))?;
            Some(format!(
                "`{}` exports `{export}`, a version that does not fit; build both against one version",
                self.names[part]
            ))
        });
        let near = || {
            let exports: Vec<(&str, &str)> = others()
                .flat_map(|part| {
                    offered(&self.pieces[part].shape).map(move |(export, _)| (export, self.names[part]))
                })
                .collect();
            let near = nearest(import, exports.iter().map(|(export, _)| *export));
            let export = near.first()?;
            let part = exports.iter().find(|(name, _)| name == export)?.1;
            Some(format!("the nearest export is `{export}` of `{part}`"))
        };
        let step = format!(
            "add a part that exports it (`jointer add NAME -t lib-rust --for {component}`), or leave it to the host: \
             `\"{import}\" = \"host\"` under `[component.{component}.imports]`"
        );
        let help = match other_version.or_else(near) {
            Some(candidate) => format!("{candidate}; else {step}"),
            None => step,
        };
        ComposeError::Unsatisfied { component: component.to_owned(), import: import.to_owned(), help }
    }

    pub(super) fn nothing_to_plug(&self, socket: usize) -> ComposeError {
        let imports = self.pieces[socket].shape.imports.keys().map(String::as_str);
        let exports = (0..self.pieces.len())
            .filter(|part| *part != socket)
            .flat_map(|part| offered(&self.pieces[part].shape).map(|(export, _)| export));
        // What everybody imports of WASI only hides what matters here.
        let own = |names: Vec<&str>| {
            let own: Vec<&str> = names.iter().copied().filter(|name| !name.starts_with("wasi:")).collect();
            let names = if own.is_empty() { names } else { own };
            if names.is_empty() { "nothing".to_owned() } else { listed(names.into_iter(), "and") }
        };
        ComposeError::NothingToPlug {
            socket: self.names[socket].to_owned(),
            help: format!(
                "it imports {}; the plugs export {}",
                own(imports.collect()),
                own(exports.collect())
            ),
        }
    }

    pub(super) fn cycle(&self, cycle: &[(usize, &str)]) -> ComposeError {
        let steps: Vec<String> = cycle
            .iter()
            .enumerate()
            .map(|(index, (_, import))| {
                let (provider, _) = cycle[(index + 1) % cycle.len()];
                format!("needs `{import}` of `{}`", self.names[provider])
            })
            .collect();
        let text = format!("`{}` {}", self.names[cycle[0].0], steps.join(", which "));
        let (last, import) = cycle[cycle.len() - 1];
        let help = if self.policy.files {
            "a component can only be started after those it imports from; wire a part of them in a .wac file"
                .to_owned()
        } else {
            format!(
                "a part can only be started after those it imports from; move what both need into a part of its own, \
                 or take one import out: `\"{import}\" = \"host\"` under `[component.{}.imports]`",
                self.names[last]
            )
        };
        ComposeError::Cycle { cycle: text, help }
    }

    pub(super) fn two_origins(
        &self,
        consumer: usize,
        interface: &str,
        resource: &str,
        one: &Implementer,
        other: &Implementer,
    ) -> ComposeError {
        let who = |implementer: &Implementer| match implementer.part {
            Some(part) => format!("`{}`", self.names[part]),
            None => "the host".to_owned(),
        };
        let help = match other.part {
            Some(part) => self.policy.wire_help(self.names[consumer], interface, self.names[part]),
            None => format!("wire `{interface}` of all parts that use it to one part"),
        };
        ComposeError::TwoOrigins {
            component: self.names[consumer].to_owned(),
            interface: interface.to_owned(),
            resource: resource.to_owned(),
            one: who(one),
            other: who(other),
            help,
        }
    }
}

/// `a`, `b` and `c`.
pub(in crate::compose) fn listed<'a>(names: impl Iterator<Item = &'a str>, last: &str) -> String {
    let mut quoted: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match quoted.pop() {
        Some(end) if quoted.is_empty() => end,
        Some(end) => format!("{} {last} {end}", quoted.join(", ")),
        None => "none".to_owned(),
    }
}

/// "did you mean" with the nearest, else all after `intro`.
pub(in crate::compose) fn suggestion<'a>(
    typed: &str,
    known: impl Iterator<Item = &'a str>,
    intro: &str,
) -> String {
    let known: Vec<&str> = known.collect();
    let near = nearest(typed, known.iter().copied());
    if near.is_empty() {
        format!("{intro} {}", listed(known.into_iter(), "and"))
    } else {
        format!("did you mean {}?", listed(near.iter().map(String::as_str), "or"))
    }
}
