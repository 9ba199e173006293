//! How much memory guest builds may take together.

/// Left to everything else on the machine.
const SPARE: u64 = 256 << 20;

/// Bytes that are free for guest builds: what the system says is available, or what the control group
/// still allows, whichever is less. Unlimited where neither is known.
pub(super) fn available() -> u64 {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let system = mem_available(&read("/proc/meminfo"));
    let group = left_in_group(&read("/sys/fs/cgroup/memory.max"), &read("/sys/fs/cgroup/memory.current"));
    system.into_iter().chain(group).min().map_or(u64::MAX, |bytes| bytes.saturating_sub(SPARE))
}

/// The line `MemAvailable: 123 kB` of `/proc/meminfo`.
fn mem_available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// `memory.max` is `max` without a limit.
fn left_in_group(max: &str, current: &str) -> Option<u64> {
    let max: u64 = max.trim().parse().ok()?;
    let current: u64 = current.trim().parse().ok()?;
    Some(max.saturating_sub(current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_counts() {
        assert_eq!(mem_available("MemTotal: 9 kB\nMemAvailable:   2 kB\n"), Some(2048));
        assert_eq!(left_in_group("max\n", "5\n"), None);
        assert_eq!(left_in_group("100\n", "40\n"), Some(60));
        assert_eq!(mem_available(""), None);
    }
}
