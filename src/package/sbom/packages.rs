//! Packages as CycloneDX and package URLs have them.

use serde_json::{Value, json};

use crate::component::{Ecosystem, Origin, Package, spdx};

/// A package with all that anybody told about it.
#[derive(Debug, Default)]
pub(super) struct Listed {
    package: Option<Package>,
}

impl Listed {
    /// A module's own section knows less of a package than the lock file.
    pub(super) fn learn(&mut self, package: &Package) {
        match &mut self.package {
            Some(known) => {
                known.license = known.license.take().or_else(|| package.license.clone());
                known.sha256 = known.sha256.take().or_else(|| package.sha256.clone());
                known.sha512 = known.sha512.take().or_else(|| package.sha512.clone());
            }
            None => self.package = Some(package.clone()),
        }
    }

    pub(super) fn value(&self, reference: &str) -> Value {
        let Some(package) = &self.package else { return Value::Null };
        let mut value = json!({
            "type": "library",
            "bom-ref": reference,
            "name": package.name,
            "version": package.version,
            "scope": "required",
        });
        if let Some(purl) = purl(package) {
            value["purl"] = purl.into();
        }
        if let Some(license) = &package.license {
            value["licenses"] = licenses(license);
        }
        let known = [("SHA-256", &package.sha256, 64), ("SHA-512", &package.sha512, 128)];
        let hashes: Vec<Value> = known
            .into_iter()
            .filter_map(|(name, hash, digits)| {
                Some((name, hash.as_ref().filter(|hash| is_hex(hash, digits))?))
            })
            .map(|(name, hash)| json!({ "alg": name, "content": hash }))
            .collect();
        if !hashes.is_empty() {
            value["hashes"] = hashes.into();
        }
        value
    }
}

fn is_hex(hex: &str, digits: usize) -> bool {
    hex.len() == digits && hex.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// What the list calls a package: its URL, or a name within its owner when nobody else has it.
pub(super) fn reference(package: &Package, owner: &str) -> String {
    purl(package).unwrap_or_else(|| format!("{owner}/{}/{}@{}", kind(package), package.name, package.version))
}

/// An SPDX expression where it is one, else its author's words.
pub(super) fn licenses(text: &str) -> Value {
    match spdx(text) {
        Some(expression) => json!([{ "expression": expression }]),
        None => json!([{ "license": { "name": text } }]),
    }
}

fn kind(package: &Package) -> &'static str {
    match package.ecosystem {
        Ecosystem::Cargo => "cargo",
        Ecosystem::Pypi => "pypi",
        Ecosystem::Npm => "npm",
    }
}

/// The package's URL. An author's own package has none, because in a public registry its name may be
/// somebody else's.
fn purl(package: &Package) -> Option<String> {
    let name: Vec<String> = package.name.split('/').map(encoded).collect();
    let plain = format!("pkg:{}/{}@{}", kind(package), name.join("/"), encoded(&package.version));
    match &package.origin {
        Origin::Public => Some(plain),
        Origin::Local | Origin::Elsewhere(None) => None,
        Origin::Elsewhere(Some(url)) if url.starts_with("git+") => {
            Some(format!("{plain}?vcs_url={}", encoded(url)))
        }
        Origin::Elsewhere(Some(url)) => Some(format!("{plain}?repository_url={}", encoded(url))),
    }
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(ecosystem: Ecosystem, name: &str, origin: Origin) -> Package {
        Package {
            ecosystem,
            name: name.to_owned(),
            version: "1.0.0+x".to_owned(),
            origin,
            license: None,
            sha256: None,
            sha512: None,
            needs: Vec::new(),
        }
    }

    #[test]
    fn package_urls_name_what_anybody_can_fetch() {
        let url = |ecosystem, name: &str, origin| purl(&package(ecosystem, name, origin));
        assert_eq!(url(Ecosystem::Cargo, "anyhow", Origin::Public).unwrap(), "pkg:cargo/anyhow@1.0.0%2Bx");
        assert_eq!(url(Ecosystem::Npm, "@a/b", Origin::Public).unwrap(), "pkg:npm/%40a/b@1.0.0%2Bx");
        let git = Origin::Elsewhere(Some("git+https://x/y#1".to_owned()));
        assert_eq!(
            url(Ecosystem::Cargo, "own", git).unwrap(),
            "pkg:cargo/own@1.0.0%2Bx?vcs_url=git%2Bhttps%3A%2F%2Fx%2Fy%231"
        );
        assert_eq!(url(Ecosystem::Cargo, "own", Origin::Local), None);
        let own = package(Ecosystem::Cargo, "own", Origin::Local);
        assert_eq!(reference(&own, "part/a"), "part/a/cargo/own@1.0.0+x");
    }

    #[test]
    fn what_two_told_is_one_package() {
        let mut listed = Listed::default();
        listed.learn(&package(Ecosystem::Cargo, "a", Origin::Public));
        let known = Package {
            license: Some("MIT/Apache-2.0".to_owned()),
            ..package(Ecosystem::Cargo, "a", Origin::Public)
        };
        listed.learn(&known);
        assert_eq!(listed.value("a")["licenses"][0]["expression"], "MIT OR Apache-2.0");
    }
}
