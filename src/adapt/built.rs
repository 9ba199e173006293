//! Components that were built beforehand, out of `adapters/`: for the functions whose old way needs state or
//! loops that nobody wants to read as instructions.
//!
//! Each exports one interface with the old functions under their own names, over the resources of WASI 0.2.0,
//! which is a part of every later version. One resource of each stands in for the target.s.

use std::sync::OnceLock;

use super::uses::Uses;

/// One such component.
pub(super) struct Built {
    /// The snapshot whose functions it has.
    pub(super) from: &'static str,
    /// The interfaces whose functions it has; they share an adapter.
    pub(super) interfaces: &'static [&'static str],
    /// The component.
    pub(super) bytes: &'static [u8],
    /// Its one export.
    pub(super) exports: &'static str,
    uses: OnceLock<Option<Uses>>,
}

/// UDP sockets that send and receive themselves.
pub(super) static UDP: Built = Built {
    from: "0.2.0-rc-2023-10-18",
    interfaces: &["sockets/udp", "sockets/udp-create-socket"],
    bytes: include_bytes!("../../adapters/built/udp.wasm"),
    exports: "jointer:adapters/old-udp",
    uses: OnceLock::new(),
};

/// Name lookup for one family of addresses.
pub(super) static NAMES: Built = Built {
    from: "0.2.0-rc-2023-10-18",
    interfaces: &["sockets/ip-name-lookup"],
    bytes: include_bytes!("../../adapters/built/names.wasm"),
    exports: "jointer:adapters/old-names",
    uses: OnceLock::new(),
};

impl Built {
    /// What it uses of WASI.
    pub(super) fn uses(&self) -> Option<&Uses> {
        self.uses.get_or_init(|| Uses::of(self.bytes).ok()).as_ref()
    }
}

impl std::fmt::Debug for Built {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.exports)
    }
}
