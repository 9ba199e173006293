//! The state of the sources in version control, for provenance.

use camino::Utf8Path;
use serde::Serialize;

use crate::process::Command;

/// A git working tree at some commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkout {
    /// Where it can be fetched from, without a password; `None` when it has no `origin`.
    pub origin: Option<String>,
    /// The commit.
    pub commit: String,
    /// Where the app stands in it: empty for the top.
    pub path: String,
    /// Whether files differ from the commit, or are not in it.
    pub dirty: bool,
}

impl Checkout {
    /// The working tree that `dir` is in; `None` when it is in none, when git is not there, or when it has no
    /// commit yet.
    pub fn of(dir: &Utf8Path) -> Option<Self> {
        let ask = |args: &[&str]| {
            let command = Command::new("git")
                .args(["-c", "core.fsmonitor=false", "--no-optional-locks"])
                .args(args)
                .pass_env(["PATH", "HOME"])
                .dir(dir);
            let finished = command.run(&mut |_, _| {}).ok()?;
            finished.success().then(|| finished.stdout.trim_end().to_owned())
        };
        let commit = ask(&["rev-parse", "HEAD"]).filter(|commit| is_commit(commit))?;
        let path = ask(&["rev-parse", "--show-prefix"])?;
        let changes = ask(&["status", "--porcelain", "--untracked-files=normal", "--", "."])?;
        let origin = ask(&["remote", "get-url", "origin"]).map(|url| without_password(&url));
        Some(Self { origin, commit, path: path.trim_end_matches('/').to_owned(), dirty: !changes.is_empty() })
    }
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// `https://user:token@host/x` without `user:token@`; the user of ssh stays, because it is no secret.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    match authority.rsplit_once('@') {
        Some((_, host)) if scheme.starts_with("http") => format!("{scheme}://{host}/{path}"),
        Some((user, host)) if user.contains(':') => {
            format!("{scheme}://{}@{host}/{path}", user.split(':').next().unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_gets_into_a_url() {
        assert_eq!(without_password("https://me:secret@example.com/a/b.git"), "https://example.com/a/b.git");
        assert_eq!(without_password("https://token@example.com/a"), "https://example.com/a");
        assert_eq!(without_password("ssh://git@example.com/a"), "ssh://git@example.com/a");
        assert_eq!(without_password("ssh://git:pw@example.com/a"), "ssh://git@example.com/a");
        assert_eq!(without_password("git@example.com:a/b.git"), "git@example.com:a/b.git");
        assert_eq!(without_password("https://example.com/a@b"), "https://example.com/a@b");
    }
}
