//! A host as data, and choosing one.

use semver::Version;

use super::HostError;
use super::table::{BUILT_IN, ROWS, Row, WASI};
use crate::name::{InterfaceName, nearest};

/// What a host offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// As written in `targets`: `wasmtime@48`; the built-in runner is `jointer`.
    pub name: String,
    /// The WASI version that components are adapted to for it.
    pub wasi: Version,
    /// Where this was read.
    pub source: &'static str,
    extras: &'static [&'static str],
}

impl Profile {
    /// The runner inside jointer.
    pub fn built_in() -> Self {
        Self::of(BUILT_IN.to_owned(), &ROWS[0])
    }

    fn of(name: String, row: &'static Row) -> Self {
        let wasi = row.wasi.parse().unwrap_or_else(|_| Version::new(0, 2, 0));
        Self { name, wasi, source: row.source, extras: row.extras }
    }

    /// Whether the host provides the interface `import`. Hosts link any final 0.2 version to any
    /// other, so between those only the interface counts; pre-releases are linked to nothing else.
    pub fn offers(&self, import: &str) -> bool {
        if self.extras.iter().any(|extra| import.starts_with(extra)) {
            return true;
        }
        let Ok(name) = import.parse::<InterfaceName>() else { return false };
        let links = name
            .version
            .as_ref()
            .is_some_and(|version| version.pre.is_empty() && (version.major, version.minor) == (0, 2));
        name.is_wasi()
            && links
            && WASI.iter().any(|(package, interfaces)| {
                *package == name.package.name && interfaces.contains(&name.interface.as_str())
            })
    }

    /// Whether the host provides all of `imports`, by name.
    pub fn fits<'a>(&self, imports: impl IntoIterator<Item = &'a String>) -> bool {
        self.lacks(imports).is_empty()
    }

    /// Those of `imports` that the host does not provide: none if the component fits, by name.
    pub fn lacks<'a>(&self, imports: impl IntoIterator<Item = &'a String>) -> Vec<&'a str> {
        imports.into_iter().map(String::as_str).filter(|import| !self.offers(import)).collect()
    }
}

/// The profile that decides what components are built for: the first of `targets`, by default the
/// built-in runner; `wasi` goes below what it offers.
///
/// # Errors
/// [`HostError::Unknown`] and [`HostError::UnknownVersion`] for any of the targets, and
/// [`HostError::Contradiction`] if the host cannot offer `wasi`.
pub fn resolve(targets: &[String], wasi: Option<&Version>) -> Result<Profile, HostError> {
    let mut profiles = targets.iter().map(|target| named(target)).collect::<Result<Vec<_>, _>>()?.into_iter();
    let mut profile = profiles.next().unwrap_or_else(Profile::built_in);
    if let Some(wasi) = wasi {
        let reachable =
            wasi.pre.is_empty() && (wasi.major, wasi.minor) == (0, 2) && wasi.patch <= profile.wasi.patch;
        if !reachable {
            return Err(HostError::Contradiction {
                wasi: wasi.clone(),
                host: profile.name,
                offered: profile.wasi,
            });
        }
        profile.wasi = wasi.clone();
    }
    Ok(profile)
}

/// The profile of `name@major`, or of the newest version known of `name`.
fn named(target: &str) -> Result<Profile, HostError> {
    let (host, version) = target.split_once('@').map_or((target, None), |(host, rest)| (host, Some(rest)));
    let rows: Vec<&'static Row> = ROWS.iter().filter(|row| row.host == host).collect();
    if rows.is_empty() {
        return Err(unknown(target, host));
    }
    let row = match version {
        None => rows.first(),
        Some(version) => {
            let major = version.split('.').next().unwrap_or_default().parse::<u64>();
            rows.iter().find(|row| {
                major.as_ref().is_ok_and(|major| (row.versions.0..=row.versions.1).contains(major))
            })
        }
    };
    row.map(|row| Profile::of(target.to_owned(), row)).ok_or_else(|| HostError::UnknownVersion {
        name: host.to_owned(),
        version: version.unwrap_or_default().to_owned(),
        known: rows.iter().map(|row| range(row)).collect::<Vec<_>>().join(", "),
    })
}

fn range(row: &Row) -> String {
    match row.versions {
        (first, u64::MAX) => format!("`{}@{first}` and later", row.host),
        (first, last) if first == last => format!("`{}@{first}`", row.host),
        (first, last) => format!("`{0}@{first}` to `{0}@{last}`", row.host),
    }
}

fn unknown(target: &str, host: &str) -> HostError {
    let mut known: Vec<&str> = ROWS.iter().map(|row| row.host).collect();
    known.dedup();
    let help = match nearest(host, known.iter().copied()).first() {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known hosts are {}", known.join(", ")),
    };
    HostError::Unknown { target: target.to_owned(), help }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(target: &str) -> Result<Profile, HostError> {
        resolve(&[target.to_owned()], None)
    }

    #[test]
    fn the_built_in_runner_is_the_default() {
        let profile = resolve(&[], None).unwrap();
        assert_eq!((profile.name.as_str(), profile.wasi), ("jointer", Version::new(0, 2, 12)));
    }

    #[test]
    fn a_hosts_version_decides_the_wasi_version() {
        for (target, wasi) in [
            ("wasmtime@50", 12),
            ("wasmtime@48.0.8", 12),
            ("wasmtime@36", 6),
            ("wasmtime@17", 0),
            ("spin@4", 6),
        ] {
            assert_eq!(of(target).unwrap().wasi, Version::new(0, 2, wasi), "{target}");
        }
    }

    #[test]
    fn wasi_only_goes_below_the_host() {
        let targets = ["wasmtime@36".to_owned()];
        assert_eq!(resolve(&targets, Some(&Version::new(0, 2, 3))).unwrap().wasi.patch, 3);
        for wasi in ["0.2.12", "0.3.0", "0.2.0-rc-2023-11-10"] {
            let wasi = wasi.parse().unwrap();
            assert!(matches!(resolve(&targets, Some(&wasi)), Err(HostError::Contradiction { .. })), "{wasi}");
        }
    }

    #[test]
    fn unknown_hosts_get_a_suggestion() {
        let Err(HostError::Unknown { help, .. }) = of("wasmtine@48") else { panic!() };
        assert_eq!(help, "did you mean `wasmtime`?");
        let Err(HostError::UnknownVersion { known, .. }) = of("wasmtime@3") else { panic!() };
        assert!(known.contains("`wasmtime@46` and later"), "{known}");
    }

    #[test]
    fn only_what_a_host_provides_is_offered() {
        let host = Profile::built_in();
        assert!(host.offers("wasi:http/types@0.2.12") && host.offers("wasi:io/poll@0.2.0"));
        for import in [
            "wasi:http/incoming-handler@0.2.12",
            "wasi:io/poll@0.2.0-rc-2023-11-10",
            "wasi:clocks/system-clock@0.3.0",
            "wasi:keyvalue/store@0.2.0-draft",
            "acme:shop/pricing",
            "run",
        ] {
            assert!(!host.offers(import), "{import}");
        }
        let imports = ["wasi:io/poll@0.2.6", "acme:shop/pricing"].map(str::to_owned);
        assert_eq!(host.lacks(&imports), ["acme:shop/pricing"]);
        assert!(host.fits(&imports[..1]) && !host.fits(&imports));
        assert!(of("wasmtime@48").unwrap().offers("wasi:keyvalue/store@0.2.0-draft"));
    }
}
