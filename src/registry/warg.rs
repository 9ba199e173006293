//! Reading old packages from warg registries.
