//! What is known of hosts, each with where it was read.

/// Versions of one host that offer the same.
pub(super) struct Row {
    pub(super) host: &'static str,
    /// First and last major version.
    pub(super) versions: (u64, u64),
    /// The newest final WASI version.
    pub(super) wasi: &'static str,
    /// The newest final version of WASI 0.3 that is offered beside it, without being asked for.
    pub(super) wasi_0_3: Option<&'static str>,
    /// Interfaces besides those of WASI's `cli` and `http` worlds, by name without version.
    pub(super) extras: &'static [&'static str],
    pub(super) source: &'static str,
}

/// The host that runs what `jointer run` and `jointer serve` are given.
pub(super) const BUILT_IN: &str = "jointer";

const WASMTIME_EXTRAS: &[&str] = &["wasi:config", "wasi:keyvalue", "wasi:nn", "wasi:tls"];
const SPIN_EXTRAS: &[&str] = &["wasi:config", "wasi:keyvalue", "fermyon:spin", "spin:"];

const fn wasmtime(first: u64, last: u64, wasi: &'static str, source: &'static str) -> Row {
    // Wasmtime 37 to 45 had release candidates of 0.3, and only where a flag asked for them.
    let wasi_0_3 = if first >= 46 { Some("0.3.0") } else { None };
    Row { host: "wasmtime", versions: (first, last), wasi, wasi_0_3, extras: WASMTIME_EXTRAS, source }
}

pub(super) const ROWS: &[Row] = &[
    Row {
        host: BUILT_IN,
        versions: (0, 0),
        wasi: "0.2.12",
        wasi_0_3: Some("0.3.0"),
        extras: &[],
        source: "the crates wasmtime-wasi and wasmtime-wasi-http 48.0.8, which the runner is made of",
    },
    wasmtime(46, u64::MAX, "0.2.12", "WIT of the crates wasmtime-wasi 48.0.8 and 50.0.1; offered since 46"),
    wasmtime(35, 45, "0.2.6", "wasmtime tags v35.0.0 to v45.0.0: crates/wasi/wit"),
    wasmtime(30, 34, "0.2.3", "wasmtime tags v30.0.0 to v34.0.0: crates/wasi/wit"),
    wasmtime(27, 29, "0.2.2", "wasmtime tags v27.0.0 to v29.0.0: crates/wasi/wit"),
    wasmtime(25, 26, "0.2.1", "wasmtime tags v25.0.0 and v26.0.0: crates/wasi/wit"),
    wasmtime(17, 24, "0.2.0", "wasmtime tags v17.0.0 to v24.0.0: crates/wasi/wit"),
    Row {
        host: "spin",
        versions: (4, 4),
        wasi: "0.2.6",
        wasi_0_3: None,
        extras: SPIN_EXTRAS,
        source: "Spin's crates/capabilities: its deny adapter exports WASI 0.2.6",
    },
    Row {
        host: "jco",
        versions: (1, 1),
        wasi: "0.2.12",
        wasi_0_3: None,
        extras: &[],
        source: "jco 1.35 with preview2-shim, which ignores the version in an import's name",
    },
];

/// Strict hosts, `wasi@VERSION`: versions of WASI that a host may offer alone, oldest first. 0.3.1 is not among
/// them because its interfaces were not found anywhere.
pub(super) const STRICT: &[&str] = &[
    "0.2.0",
    "0.2.1",
    "0.2.2",
    "0.2.3",
    "0.2.4",
    "0.2.5",
    "0.2.6",
    "0.2.7",
    "0.2.8",
    "0.2.9",
    "0.2.10",
    "0.2.11",
    "0.2.12",
    "0.3.0-rc-2026-03-15",
    "0.3.0",
    "0.3.2",
];

/// What a strict host is called before its version.
pub(super) const STRICT_HOST: &str = "wasi";

/// Interfaces of WASI 0.2 that a host provides, by package. What a component exports to a host (`cli/run`,
/// `http/incoming-handler`) is not among them.
pub(super) const WASI: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
        ],
    ),
    ("clocks", &["monotonic-clock", "wall-clock"]),
    ("filesystem", &["preopens", "types"]),
    ("http", &["outgoing-handler", "types"]),
    ("io", &["error", "poll", "streams"]),
    ("random", &["insecure", "insecure-seed", "random"]),
    (
        "sockets",
        &[
            "instance-network",
            "ip-name-lookup",
            "network",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
];

/// The interface that 0.2.1 brought, for hosts with all of their features switched on.
pub(super) const SINCE_0_2_1: (&str, &str) = ("clocks", "timezone");

/// The same of WASI 0.3.
pub(super) const WASI_0_3: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "environment",
            "exit",
            "stderr",
            "stdin",
            "stdout",
            "terminal-input",
            "terminal-output",
            "terminal-stderr",
            "terminal-stdin",
            "terminal-stdout",
            "types",
        ],
    ),
    ("clocks", &["monotonic-clock", "system-clock", "timezone", "types"]),
    ("filesystem", &["preopens", "types"]),
    ("http", &["client", "types"]),
    ("random", &["insecure", "insecure-seed", "random"]),
    ("sockets", &["ip-name-lookup", "types"]),
];
