//! What all that talks to strangers over the web has in common.

/// A stranger's words, short and without what a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(300).collect()
}

/// Whether a host, with or without its port, is this machine, where http is as good as https.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Has to be called before a client for https is made: TLS leaves the choice of its cryptography to the program.
pub(crate) fn use_ring_for_tls() {
    // Fails when there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        assert!(
            ["localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000", "[::1]"]
                .into_iter()
                .all(is_loopback)
        );
        assert!(
            !["localhost.example.com", "128.0.0.1", "127.0.0.1.example.com"].into_iter().any(is_loopback)
        );
    }
}
