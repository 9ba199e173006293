//! Whether a component runs on a host as it is, decided before anything is linked.
//!
//! Engines are lenient: wasmtime links `wasi:io/poll@0.2.99` to its own 0.2.12 and only looks whether the
//! functions are there. So a component that was adapted cannot be told from one that was not by running it.
//! Here names are compared with their versions and functions with their types.

use super::shape::RESOURCE;
use super::snapshot::Snapshot;
use super::track;
use super::uses::{Used, Uses};
use crate::component::{self, ComponentError, Kind};
use crate::error::Error;
use crate::host::{HostError, Profile};

/// Checks a component against a host; `name` is what messages call it.
///
/// # Errors
/// [`HostError::DoesNotFit`] names the first import, function or export that the host lacks, and what mends
/// it; else what is wrong with the bytes.
pub fn check_host(bytes: &[u8], name: &str, host: &Profile) -> Result<(), Error> {
    let Some(lack) = first_lack(bytes, host)? else { return Ok(()) };
    let help = help(bytes, name, host, &lack);
    let error = HostError::DoesNotFit {
        component: name.into(),
        host: host.name.as_str().into(),
        lack: lack.text.into(),
        help: help.into(),
    };
    Err(error.into())
}

/// The hosts of the world that run a component as it is, each as its range of versions.
pub(super) fn hosts(bytes: &[u8]) -> Vec<String> {
    Profile::known_hosts()
        .filter(|(_, host)| first_lack(bytes, host).is_ok_and(|lack| lack.is_none()))
        .map(|(range, _)| range)
        .collect()
}

/// Something that a host does not have.
struct Lack {
    text: String,
    /// Whether it is WASI's; else adapting does not help.
    wasi: bool,
}

fn first_lack(bytes: &[u8], host: &Profile) -> Result<Option<Lack>, ComponentError> {
    if component::kind(bytes)? == Kind::CoreModule {
        return Ok(Some(Lack {
            text: "it is a core module, and hosts run components".to_owned(),
            wasi: true,
        }));
    }
    let externs = component::externs(bytes)?;
    let uses = Uses::of(bytes)?;
    let [second, third] =
        [Some(&host.wasi), host.wasi_0_3.as_ref()].map(|wasi| Snapshot::load(&wasi?.to_string()));
    let target = |used: &Used| match &third {
        Some(third) if track::is_same(&used.label, third) => Some(third),
        _ => second.as_ref(),
    };
    let offered = |used: &Used| {
        let (key, target) = (used.key.as_str(), target(used));
        let name = target?.interfaces.get(key).map(|interface| interface.name.as_str())?;
        host.offers(name).then_some(name)
    };
    for import in &externs.imports {
        let used = uses.imports.iter().find(|used| used.name == *import);
        if !host.offers(import) {
            let instead = match used.and_then(offered) {
                Some(name) => format!("has `{name}`"),
                None => "has nothing of the kind".to_owned(),
            };
            return Ok(Some(Lack {
                text: format!("it imports `{import}`, and the host {instead}"),
                wasi: used.is_some(),
            }));
        }
        let lack = used.and_then(|used| function_lack(used, target(used)?));
        if let Some(text) = lack {
            return Ok(Some(Lack { text, wasi: true }));
        }
    }
    let hidden = externs.exports.iter().find(|export| !host.finds(export));
    Ok(hidden.map(|export| Lack {
        text: format!("it exports `{export}`, which the host does not look for"),
        wasi: true,
    }))
}

/// The first function or resource of an interface that the host has not, or not so. Value types are compared
/// where functions mention them; engines do not miss one that is only named.
fn function_lack(used: &Used, target: &Snapshot) -> Option<String> {
    let interface = target.interfaces.get(&used.key)?;
    let called = used.functions.iter().map(|(name, has)| (name, has, interface.functions.get(name)));
    let resources = used.types.iter().filter(|(_, has)| *has == RESOURCE);
    let owned = resources.map(|(name, has)| (name, has, interface.types.get(name)));
    let (name, has, wants) = called.chain(owned).find(|(_, has, wants)| *wants != Some(has))?;
    Some(match wants {
        None => format!("it uses `{name}` of `{}`, which the host lacks", used.name),
        Some(wants) => format!("it uses `{name}` of `{}` as `{has}`, and the host has `{wants}`", used.name),
    })
}

fn help(bytes: &[u8], name: &str, host: &Profile, lack: &Lack) -> String {
    if !lack.wasi {
        return format!(
            "plug in a component that exports it: `jointer plug {name} --plug PROVIDER.wasm -o OUT.wasm`"
        );
    }
    match super::adapt(bytes, &host.wasi) {
        Ok(adapted) if first_lack(&adapted.bytes, host).is_ok_and(|lack| lack.is_some()) => format!(
            "adapting does not make it fit, because it uses WASI {} as well",
            adapted.left.join(" and ")
        ),
        Ok(_) => format!("`jointer adapt {name} --to wasi@{} -o OUT.wasm` makes it fit", host.wasi),
        Err(error) => format!("it cannot be adapted: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::world;
    use super::*;

    fn said(bytes: &[u8], host: &str) -> Option<(String, String)> {
        let error = check_host(bytes, "app.wasm", &Profile::named(host).unwrap()).err()?;
        let help = error.diagnostic().help().map(|help| help.to_string()).unwrap_or_default();
        Some((error.to_string(), help))
    }

    /// What programs and http handlers export, and no host offers.
    const EXPORTS: [&str; 3] = ["cli/run", "http/incoming-handler", "http/handler"];

    fn everything_offered(label: &str) -> Vec<u8> {
        let snapshot = Snapshot::load(label).unwrap();
        let offered = snapshot.interfaces.iter().filter(|(key, _)| !EXPORTS.contains(&key.as_str()));
        let imports: String = offered.map(|(_, interface)| format!("import {};", interface.name)).collect();
        world(&imports, &[label])
    }

    #[test]
    fn every_strict_host_has_its_own_snapshot_and_refuses_all_others() {
        let hosts: Vec<Profile> = Profile::strict_hosts().collect();
        for host in &hosts {
            let label = host.wasi.to_string();
            let snapshot = Snapshot::load(&label).unwrap_or_else(|| panic!("{label}"));
            for (key, interface) in
                snapshot.interfaces.iter().filter(|(key, _)| !EXPORTS.contains(&key.as_str()))
            {
                assert!(host.offers(&interface.name), "{key} of {label}");
            }
        }
        let bytes = world(
            "import wasi:io/poll@0.2.6; import wasi:clocks/wall-clock@0.2.6; export wasi:cli/run@0.2.6;",
            &["0.2.6"],
        );
        for host in &hosts {
            assert_eq!(check_host(&bytes, "app", host).is_ok(), host.name == "wasi@0.2.6", "{}", host.name);
        }
    }

    #[test]
    fn what_was_adapted_fits_and_what_was_not_does_not() {
        for from in ["0.2.0-rc-2023-11-10", "0.2.0-rc-2023-12-05", "0.2.0-rc-2024-01-16", "0.2.0"] {
            let bytes = everything_offered(from);
            for host in Profile::strict_hosts().filter(|host| host.wasi.minor == 2) {
                let own = host.wasi.to_string() == from;
                assert_eq!(check_host(&bytes, "app", &host).is_ok(), own, "{from} on {}", host.name);
                let adapted = super::super::adapt(&bytes, &host.wasi).unwrap();
                check_host(&adapted.bytes, "app", &host).unwrap_or_else(|error| panic!("{from}: {error}"));
            }
        }
    }

    #[test]
    fn what_is_lacking_is_named_with_the_command_that_mends_it() {
        let (text, help) = said(&everything_offered("0.2.0-rc-2023-11-10"), "wasi@0.2.12").unwrap();
        assert!(
            text.contains("@0.2.0-rc-2023-11-10`, and the host has `wasi:") && text.contains("@0.2.12`"),
            "{text}"
        );
        assert!(help.contains("jointer adapt app.wasm --to wasi@0.2.12"), "{help}");
        let own = world("import shop: interface { price: func() -> u32; }", &[]);
        let (text, help) = said(&own, "wasi@0.2.12").unwrap();
        assert!(text.contains("`shop`") && help.contains("jointer plug"), "{text} {help}");
        let renamed = component::rename(&everything_offered("0.2.12"), |_, name| {
            Some(name.replace("@0.2.12", "@0.2.0"))
        })
        .unwrap();
        let (text, _) = said(&renamed, "wasi@0.2.0").unwrap();
        assert!(text.contains("timezone") || text.contains("exit-with-code"), "{text}");
        let module =
            wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#).unwrap();
        let (text, help) = said(&module, "wasi@0.2.12").unwrap();
        assert!(text.contains("core module") && help.contains("jointer adapt"), "{text} {help}");
        let export = world("export wasi:cli/run@0.2.3;", &["0.2.3"]);
        let (text, _) = said(&export, "wasi@0.2.12").unwrap();
        assert!(text.contains("wasi:cli/run@0.2.3"), "{text}");
    }
}
