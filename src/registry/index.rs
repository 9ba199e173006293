//! An image index: a list of manifests, in a folder's `index.json`, from the referrers API or under a tag.

use serde::{Deserialize, Serialize};

use super::{Descriptor, INDEX_MEDIA_TYPE};

/// More entries are taken from nobody.
const MAX_ENTRIES: usize = 50_000;

/// A list of manifests. Entries keep what jointer does not know about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) schema_version: u32,
    pub(super) media_type: String,
    pub(super) manifests: Vec<Descriptor>,
}

/// As found: an entry may be anything.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(default)]
    media_type: String,
    manifests: Vec<serde_json::Value>,
}

impl Default for Index {
    fn default() -> Self {
        Self { schema_version: 2, media_type: INDEX_MEDIA_TYPE.to_owned(), manifests: Vec::new() }
    }
}

impl Index {
    /// Reads one. Entries that make no sense are passed over.
    ///
    /// # Errors
    /// What it is instead, in words that follow its name.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let raw: Raw = serde_json::from_slice(bytes).map_err(|_| "is not an image index".to_owned())?;
        if !matches!(raw.media_type.as_str(), "" | INDEX_MEDIA_TYPE) {
            return Err(format!("is a `{}`, not an image index", raw.media_type));
        }
        if raw.manifests.len() > MAX_ENTRIES {
            return Err(format!("has {} entries; at most {MAX_ENTRIES} are taken", raw.manifests.len()));
        }
        let entries = raw.manifests.into_iter().filter_map(|entry| serde_json::from_value(entry).ok());
        Ok(Self { manifests: entries.collect(), ..Self::default() })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_without_its_nonsense() {
        let good = serde_json::to_value(Descriptor::of("a/b", b"x")).unwrap();
        let text = serde_json::json!({ "schemaVersion": 2, "manifests": [good, 7, { "digest": "md5:1" }] });
        let index = Index::read(text.to_string().as_bytes()).unwrap();
        assert_eq!(index.manifests, [Descriptor::of("a/b", b"x")]);
        assert_eq!(Index::read(&index.to_bytes()).unwrap(), index);
        for bad in ["[]", "{}", "<html>", r#"{"mediaType":"text/plain","manifests":[]}"#] {
            assert!(Index::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
