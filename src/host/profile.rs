//! A host as data, and choosing one.

use semver::Version;

use super::HostError;
use super::table::{BUILT_IN, ROWS, Row, SINCE_0_2_1, STRICT, STRICT_HOST, WASI, WASI_0_3};
use crate::name::{InterfaceName, nearest};

/// What a host offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// As written in `targets`: `wasmtime@48`; the built-in runner is `jointer`.
    pub name: String,
    /// The WASI version that components are adapted to for it.
    pub wasi: Version,
    /// The version of WASI 0.3 that is offered beside it.
    pub wasi_0_3: Option<Version>,
    /// Where this was read.
    pub source: &'static str,
    extras: &'static [&'static str],
    strict: bool,
}

impl Profile {
    /// The runner inside jointer.
    pub fn built_in() -> Self {
        Self::of(BUILT_IN.to_owned(), &ROWS[0])
    }

    fn of(name: String, row: &'static Row) -> Self {
        let wasi = row.wasi.parse().unwrap_or_else(|_| Version::new(0, 2, 0));
        let wasi_0_3 = row.wasi_0_3.and_then(|version| version.parse().ok());
        Self { name, wasi, wasi_0_3, source: row.source, extras: row.extras, strict: false }
    }

    /// A host that has `wasi` and links no other version to it.
    fn strict(wasi: Version) -> Self {
        let source = "the WIT in wit/wasi, whose README says where each version came from";
        let name = format!("{STRICT_HOST}@{wasi}");
        Self { name, wasi, wasi_0_3: None, source, extras: &[], strict: true }
    }

    /// The host that is called `target`: `wasmtime@48`, `spin@4`, or `wasi@0.2.6`, which is strict.
    ///
    /// # Errors
    /// [`HostError::Unknown`] and [`HostError::UnknownVersion`].
    pub fn named(target: &str) -> Result<Self, HostError> {
        named(target)
    }

    /// The strict hosts, oldest first.
    pub fn strict_hosts() -> impl Iterator<Item = Self> {
        STRICT.iter().filter_map(|version| version.parse().ok()).map(Self::strict)
    }

    /// Hosts as they are in the world, each with the range of versions that offers the same: `wasmtime 35 to 45`.
    /// The runner inside jointer is the first.
    pub fn known_hosts() -> impl Iterator<Item = (String, Self)> {
        ROWS.iter().map(|row| {
            let range = match row.versions {
                (0, 0) => row.host.to_owned(),
                (first, u64::MAX) => format!("{} {first} and later", row.host),
                (first, last) if first == last => format!("{} {first}", row.host),
                (first, last) => format!("{} {first} to {last}", row.host),
            };
            (range, Self::of(row.host.to_owned(), row))
        })
    }

    /// Whether only names with the very version fit. Engines link final versions of 0.2 to each other in
    /// both directions, so they cannot tell what was built for which.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Whether the host provides the interface `import`. Hosts link any final 0.2 version to any
    /// other, and likewise 0.3, so between those only the interface counts; pre-releases are linked to nothing else.
    pub fn offers(&self, import: &str) -> bool {
        if self.extras.iter().any(|extra| import.starts_with(extra)) {
            return true;
        }
        let Ok(name) = import.parse::<InterfaceName>() else { return false };
        let Some(version) = &name.version else { return false };
        let interface = (name.package.name.as_str(), name.interface.as_str());
        let listed = |list: &[(&str, &[&str])]| {
            list.iter().any(|(package, names)| *package == interface.0 && names.contains(&interface.1))
        };
        let known = match (version.minor, self.strict) {
            (3, _) => listed(WASI_0_3),
            (_, true) => listed(WASI) || (self.wasi.patch > 0 && interface == SINCE_0_2_1),
            (_, false) => listed(WASI),
        };
        name.is_wasi() && known && self.links(version)
    }

    /// Whether an interface of this version would be linked.
    fn links(&self, version: &Version) -> bool {
        match self.strict {
            true => *version == self.wasi,
            false => {
                let tracks = std::iter::once(&self.wasi).chain(&self.wasi_0_3);
                let mut tracks = tracks.map(|offered| (offered.major, offered.minor));
                version.pre.is_empty() && tracks.any(|track| track == (version.major, version.minor))
            }
        }
    }

    /// Whether the host would find what a component exports under the name `export`, if that is a name of
    /// WASI; all other exports are the component's own affair.
    pub fn finds(&self, export: &str) -> bool {
        let name = export.parse::<InterfaceName>().ok().filter(InterfaceName::is_wasi);
        name.is_none_or(|name| name.version.is_some_and(|version| self.links(&version)))
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
    if host == STRICT_HOST {
        return strict(version.unwrap_or_default());
    }
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

fn strict(version: &str) -> Result<Profile, HostError> {
    Profile::strict_hosts().find(|host| host.wasi.to_string() == version).ok_or_else(|| {
        HostError::UnknownVersion {
            name: STRICT_HOST.to_owned(),
            version: version.to_owned(),
            known: STRICT.iter().map(|version| format!("`wasi@{version}`")).collect::<Vec<_>>().join(", "),
        }
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
    known.push(STRICT_HOST);
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
    fn a_strict_host_links_one_version_and_nothing_near_it() {
        let host = of("wasi@0.2.6").unwrap();
        assert!(host.is_strict() && host.offers("wasi:io/poll@0.2.6") && host.finds("wasi:cli/run@0.2.6"));
        for near in ["0.2.0", "0.2.5", "0.2.12", "0.2.99", "0.2.0-rc-2023-11-10", "0.3.0"] {
            assert!(!host.offers(&format!("wasi:io/poll@{near}")), "{near}");
            assert!(!host.finds(&format!("wasi:cli/run@{near}")), "{near}");
        }
        assert!(!host.offers("wasi:cli/run@0.2.6") && !host.offers("acme:shop/pricing@0.2.6"));
        assert!(host.finds("acme:shop/pricing@1.0.0") && host.finds("run"));
        assert!(host.offers("wasi:clocks/timezone@0.2.6"));
        assert!(!of("wasi@0.2.0").unwrap().offers("wasi:clocks/timezone@0.2.0"));
        assert!(of("wasi@0.3.0").unwrap().offers("wasi:clocks/system-clock@0.3.0"));
        assert!(matches!(of("wasi@0.2.13"), Err(HostError::UnknownVersion { .. })));
        assert!(matches!(of("wasi"), Err(HostError::UnknownVersion { .. })));
    }

    #[test]
    fn only_what_a_host_provides_is_offered() {
        let host = Profile::built_in();
        assert!(host.offers("wasi:http/types@0.2.12") && host.offers("wasi:io/poll@0.2.0"));
        for import in [
            "wasi:http/incoming-handler@0.2.12",
            "wasi:io/poll@0.2.0-rc-2023-11-10",
            "wasi:clocks/system-clock@0.3.0-rc-2026-03-15",
            "wasi:clocks/system-clock@0.2.12",
            "wasi:keyvalue/store@0.2.0-draft",
            "acme:shop/pricing",
            "run",
        ] {
            assert!(!host.offers(import), "{import}");
        }
        assert!(host.offers("wasi:clocks/system-clock@0.3.2") && host.finds("wasi:cli/run@0.3.0"));
        assert!(!of("wasmtime@36").unwrap().offers("wasi:clocks/system-clock@0.3.0"));
        let imports = ["wasi:io/poll@0.2.6", "acme:shop/pricing"].map(str::to_owned);
        assert_eq!(host.lacks(&imports), ["acme:shop/pricing"]);
        assert!(host.fits(&imports[..1]) && !host.fits(&imports));
        assert!(of("wasmtime@48").unwrap().offers("wasi:keyvalue/store@0.2.0-draft"));
    }
}
