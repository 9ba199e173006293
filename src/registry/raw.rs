//! References as people paste them: `ns:name@version`, or a place in a registry, `HOST/REPOSITORY:TAG@DIGEST`.

use std::fmt;
use std::str::FromStr;

use super::{Location, Reference, RegistryError};
use crate::app::PackageRequest;
use crate::digest::Digest;
use crate::name::{PackageId, PackageName};

const MAX_REPOSITORY: usize = 255;

/// What is to be pulled or where to push to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawReference {
    /// A version of a package, in the registry that it is configured for.
    Version(PackageId),
    /// The highest version of it that a requirement allows.
    Package(PackageRequest),
    /// A place in a registry.
    Place(Place),
}

/// A repository of a host, with a tag, a digest or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host, with the port where it is not the usual one.
    pub host: String,
    /// All between the host and the tag.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest of the manifest. Where there is one, the tag says nothing.
    pub digest: Option<Digest>,
}

impl Place {
    /// The repository as jointer names packages. Where it is not the name of one, it serves for messages.
    pub fn package(&self) -> PackageName {
        match self.repository.rsplit_once('/') {
            Some((before, name)) => PackageName { namespace: before.to_owned(), name: name.to_owned() },
            None => PackageName { namespace: self.host.clone(), name: self.repository.clone() },
        }
    }

    /// Name and version, where the last two parts of the repository and the tag are those of a package.
    pub fn id(&self) -> Option<PackageId> {
        let mut parts = self.repository.rsplit('/');
        let (name, namespace) = (parts.next()?, parts.next()?);
        format!("{namespace}:{name}@{}", self.tag.as_deref()?).parse().ok()
    }

    /// What a manifest is asked for by; the tag `latest` when nothing is said.
    pub fn reference(&self) -> Reference {
        match (self.digest, &self.tag) {
            (Some(digest), _) => Reference::Digest(digest),
            (None, Some(tag)) => Reference::Tag(tag.clone()),
            (None, None) => Reference::Tag("latest".to_owned()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl FromStr for RawReference {
    type Err = RegistryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |why: String| RegistryError::InvalidReference { text: text.to_owned(), why };
        let Some((host, _)) = text.split_once('/') else {
            return match (text.parse(), text.parse()) {
                (Ok(id), _) => Ok(Self::Version(id)),
                (Err(_), Ok(request)) => Ok(Self::Package(request)),
                _ => Err(invalid("it is neither a package nor a place in a registry".to_owned())),
            };
        };
        // Without this, `greet/x` would silently mean somebody's on docker.io.
        if !(host.contains(['.', ':']) || host == "localhost") {
            return Err(invalid(format!("`{host}` is not a host")));
        }
        let Ok(Location::Oci { host, .. }) = host.parse() else {
            return Err(invalid(format!("`{host}` is not a host")));
        };
        let rest = &text[host.len() + 1..];
        let (named, digest) = match rest.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (rest, None),
        };
        let digest = digest.map(str::parse::<Digest>).transpose();
        let digest = digest.map_err(|_| invalid("only sha256 digests are taken".to_owned()))?;
        let (repository, tag) = match named.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (named, None),
        };
        if repository.len() > MAX_REPOSITORY || !repository.split('/').all(is_path_component) {
            let rule = "lower-case letters, digits and, between them, `.`, `_`, `__` or `-`";
            return Err(invalid(format!("the parts of a repository may have {rule}")));
        }
        if !tag.is_none_or(is_tag) {
            return Err(invalid("a tag may have letters, digits, `.`, `_`, `-`, and at most 128".to_owned()));
        }
        let (repository, tag) = (repository.to_owned(), tag.map(str::to_owned));
        Ok(Self::Place(Place { host, repository, tag, digest }))
    }
}

/// `[a-z0-9]+([._-]…[a-z0-9]+)*`, where what stands between is `.`, `_`, `__` or any number of `-`.
fn is_path_component(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = bytes.first().copied().is_some_and(plain) && bytes.last().copied().is_some_and(plain);
    ends && part
        .split(|character: char| character.is_ascii() && plain(character as u8))
        .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || b".-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of the OCI distribution specification for names and tags; what oci-client 0.18 takes and refuses.
    #[test]
    fn a_place_is_named_as_the_specification_says() {
        for text in ["x.org/a", "x.org/a_b/c__d/e---f/g.h:T.1-2_3", "x.org/a:_b"] {
            assert!(text.parse::<RawReference>().is_ok(), "{text}");
        }
        for text in [
            "x.org/a___b",
            "x.org/a..b",
            "x.org/a._b",
            "x.org/-a",
            "x.org/a-",
            "x.org/a:.b",
            "x.org/a:-b",
            "x.org/A",
            "x.org/a//b",
            "x.org/a/",
            "x.org/a:",
            "x.org/a b",
        ] {
            assert!(text.parse::<RawReference>().is_err(), "{text}");
        }
    }

    #[test]
    fn references_are_read_as_people_paste_them() {
        let digest = Digest::of(b"x");
        for (text, reference) in [
            ("127.0.0.1:5000/acme/greet:1.0.0".to_owned(), "1.0.0".to_owned()),
            ("registry.example.com/greet".to_owned(), "latest".to_owned()),
            (format!("oci.example.com/a/b_c/d.e@{digest}"), digest.to_string()),
            (format!("oci.example.com/a/b:1@{digest}"), digest.to_string()),
            ("localhost/x:y".to_owned(), "y".to_owned()),
        ] {
            let RawReference::Place(place) = text.parse().unwrap() else { panic!("{text}") };
            assert_eq!(place.reference().to_string(), reference, "{text}");
            assert_eq!(place.to_string(), text);
        }
        assert!(matches!("acme:greet@1.0.0".parse(), Ok(RawReference::Version(_))));
        assert!(matches!("acme:greet@^1.0.0".parse(), Ok(RawReference::Package(_))));
        let RawReference::Place(place) = "x.org/team/acme/greet:1.0.0".parse().unwrap() else { panic!() };
        assert_eq!(place.id().unwrap().to_string(), "acme:greet@1.0.0");
        assert_eq!(place.package().to_string(), "team/acme:greet");
    }

    #[test]
    fn what_could_mean_another_place_is_refused() {
        for text in [
            "",
            "greet",
            "team/greet",
            "x.org/",
            "x.org/UPPER",
            "x.org/../etc",
            "x.org/a/../b",
            "https://x.org/a",
            "user@x.org/a",
            "x.org/a:b:c",
            "x.org/a@sha512:00",
            "x.org/a@sha256:12",
            "x.org:0/a",
            "x.org/a\nb",
        ] {
            assert!(text.parse::<RawReference>().is_err(), "{text}");
        }
    }
}
