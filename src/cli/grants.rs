//! The flags that grant capabilities and set limits; the same for `run`, `serve`, `call` and `test`.

use std::time::Duration;

use camino::Utf8Path;

use super::Context;
use crate::app::Capabilities;
use crate::error::Result;
use crate::run::{Directory, Grants, Limits};

/// What the component may do besides what the manifest grants, and what it may use
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Capabilities and limits")]
pub(super) struct GrantArgs {
    /// Let it see a folder; `::ro` at the end for reading only (can be repeated)
    #[arg(long = "dir", value_name = "HOST[::GUEST]")]
    folders: Vec<String>,
    /// Let it see a variable: a value, or jointer's own (can be repeated)
    #[arg(long = "env", value_name = "NAME[=VALUE]")]
    variables: Vec<String>,
    /// Let it send requests to an origin such as `https://api.example.com`, or `*` (can be repeated)
    #[arg(long = "outbound", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Let it connect to an address, or listen on it; `*` for any (can be repeated)
    #[arg(long = "socket", alias = "sockets", value_name = "HOST:PORT")]
    sockets: Vec<String>,
    /// The most that each of its memories may have: `64MiB`
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_memory: Option<u64>,
    /// How long it may run, or leave a client without a byte: `10`, `0.5`
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    timeout: Option<Duration>,
}

impl GrantArgs {
    /// What the flags grant. Folders are relative to the working folder.
    pub(super) fn grants(&self, cx: &Context) -> Result<Grants> {
        let capabilities = Capabilities {
            outbound: self.origins.clone(),
            sockets: self.sockets.clone(),
            files: Vec::new(),
            env: self.variables.clone(),
        };
        let mut grants = grants_of(&capabilities, &cx.cwd)?;
        for folder in &self.folders {
            let mut directory: Directory = folder.parse()?;
            directory.host = cx.cwd.join(&directory.host);
            grants.directories.push(directory);
        }
        Ok(grants)
    }

    pub(super) fn limits(&self) -> Limits {
        Limits { memory: self.max_memory, timeout: self.timeout }
    }
}

/// What `capabilities` grant, with variables out of jointer's own environment.
pub(super) fn grants_of(capabilities: &Capabilities, dir: &Utf8Path) -> Result<Grants> {
    Ok(Grants::of(capabilities, dir, &|name| std::env::var(name).ok())?)
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 =
        text.trim_end_matches('s').parse().map_err(|_| "expected seconds, as in `10`".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "K" | "k" | "KiB" => 1 << 10,
        "M" | "m" | "MiB" => 1 << 20,
        "G" | "g" | "GiB" => 1 << 30,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err("expected a size, as in `64MiB`".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "expected a size, as in `64MiB`".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "that is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_seconds_as_people_write_them() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(
            (parse_size("1000"), parse_size("2MB"), parse_size("1g")),
            (Ok(1000), Ok(2_000_000), Ok(1 << 30))
        );
        for wrong in ["", "MiB", "-1", "1.5G", "5 apples", "99999999999999999999"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(parse_seconds("-1").is_err() && parse_seconds("soon").is_err());
    }
}
