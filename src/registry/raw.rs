//! References as people paste them: `ns:name@version`, or a place in a registry, `HOST/REPOSITORY:TAG@DIGEST`.

use std::fmt;
use std::str::FromStr;

use super::{Location, Reference, RegistryError};
use crate::app::PackageRequest;
use crate::digest::Digest;
use crate::name::{PackageId, PackageName};

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
        let parsed: oci_client::Reference =
            text.parse().map_err(|error: oci_client::ParseError| invalid(error.to_string()))?;
        let digest = match parsed.digest().map(str::parse::<Digest>) {
            None => None,
            Some(Ok(digest)) => Some(digest),
            Some(Err(_)) => return Err(invalid("only sha256 digests are taken".to_owned())),
        };
        let named = text[host.len()..].split('@').next().is_some_and(|name| name.contains(':'));
        let tag = parsed.tag().filter(|_| named).map(str::to_owned);
        Ok(Self::Place(Place { host, repository: parsed.repository().to_owned(), tag, digest }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_people_paste_them() {
        let digest = Digest::of(b"x");
        for (text, reference) in [
            ("127.0.0.1:5000/acme/greet:1.0.0".to_owned(), "1.0.0".to_owned()),
            ("registry.example.com/greet".to_owned(), "latest".to_owned()),
            (format!("ghcr.io/a/b_c/d.e@{digest}"), digest.to_string()),
            (format!("ghcr.io/a/b:1@{digest}"), digest.to_string()),
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
