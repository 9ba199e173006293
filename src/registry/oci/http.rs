//! What every request has in common: how long it may take, where it may be sent on to, and how its
//! failure is put into words without the secrets that URLs hold.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{HeaderValue, LINK};
use reqwest::{Response, Url};
use serde::Deserialize;
use tokio::time::timeout;

use crate::web::{plain, use_ring_for_tls};

pub(super) const USER_AGENT: &str = concat!("jointer/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a registry may say nothing, unless `JOINTER_NETWORK_TIMEOUT` (seconds) says otherwise.
const IDLE_TIMEOUT: u64 = 30;
const MAX_REDIRECTS: usize = 5;
/// Slower than this many bytes a second is as good as not at all.
const SLOWEST: u64 = 4 << 10;

/// What a client is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// Everything.
    All,
    /// Everything over http: redirects to https are not followed but given back. It starts without the
    /// system's list of authorities, whose reading takes longer than many a request on loopback.
    Plain,
    /// What must not be carried to another place: no redirect is followed.
    Straight,
}

/// A client.
pub(super) fn client(roots: &[reqwest::Certificate], purpose: For) -> Result<reqwest::Client, String> {
    use_ring_for_tls();
    let policy = match purpose {
        For::All => reqwest::redirect::Policy::custom(redirect),
        For::Plain => reqwest::redirect::Policy::custom(|attempt| match attempt.url().scheme() {
            "https" => attempt.stop(),
            _ => redirect(attempt),
        }),
        For::Straight => reqwest::redirect::Policy::none(),
    };
    let mut client =
        reqwest::Client::builder().user_agent(USER_AGENT).connect_timeout(CONNECT_TIMEOUT).redirect(policy);
    if purpose == For::Plain {
        client = client.tls_certs_only([]);
    } else if !roots.is_empty() {
        client = client.tls_certs_merge(roots.iter().cloned());
    }
    client.build().map_err(|error| words(&error))
}

fn idle_timeout() -> Duration {
    let set = std::env::var("JOINTER_NETWORK_TIMEOUT").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(set.filter(|seconds| *seconds > 0).unwrap_or(IDLE_TIMEOUT))
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// Nobody said anything for too long.
    Silent,
    /// The connection failed, or what came over it is not HTTP.
    Failed(reqwest::Error),
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Self::Failed(error)
    }
}

impl Broken {
    /// Whether it will be the same the next time.
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            Self::Silent => false,
            Self::Failed(error) => {
                error.is_redirect() || error.is_builder() || words(error).contains("certificate")
            }
        }
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Silent => f.write_str("it took too long to answer"),
            Self::Failed(error) => f.write_str(&words(error)),
        }
    }
}

/// Waits for an answer, or for the next piece of one.
pub(super) async fn patient<T>(answer: impl Future<Output = Result<T, reqwest::Error>>) -> Result<T, Broken> {
    Ok(timeout(idle_timeout(), answer).await.map_err(|_| Broken::Silent)??)
}

/// The same while something is sent: `taken` grows as long as the other side takes it.
pub(super) async fn patient_while<T>(
    taken: &AtomicUsize,
    answer: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, Broken> {
    let mut answer = std::pin::pin!(answer);
    let mut before = usize::MAX;
    loop {
        match timeout(idle_timeout(), &mut answer).await {
            Ok(answer) => return Ok(answer?),
            Err(_) => match taken.load(Ordering::Relaxed) {
                now if now == before => return Err(Broken::Silent),
                now => before = now,
            },
        }
    }
}

/// The longest that moving `size` bytes may take in all.
pub(super) fn patience(size: u64) -> Duration {
    idle_timeout() * 4 + Duration::from_secs(size / SLOWEST)
}

/// Follows a few redirects, but never from https to http. `reqwest` drops `Authorization` when the host
/// changes.
fn redirect(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let secure = attempt.previous().iter().any(|url| url.scheme() == "https");
    if attempt.previous().len() > MAX_REDIRECTS {
        attempt.error("too many redirects")
    } else if secure && attempt.url().scheme() != "https" {
        attempt.error("it redirects from https to http")
    } else {
        attempt.follow()
    }
}

/// The body, or `None` as soon as it is longer than `limit`.
pub(super) async fn read_limited(mut response: Response, limit: u64) -> Result<Option<Vec<u8>>, Broken> {
    let mut body = Vec::new();
    while let Some(chunk) = patient(response.chunk()).await? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > limit {
            return Ok(None);
        }
    }
    Ok(Some(body))
}

/// The registry's own message, in front of which a status stands.
pub(super) fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Envelope {
        errors: Vec<Message>,
    }
    #[derive(Deserialize)]
    struct Message {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else { return String::new() };
    let first = envelope.errors.first();
    first.map(|first| plain(&format!(" ({}: {})", first.code, first.message))).unwrap_or_default()
}

/// An error of the connection with its last cause, without the URL, whose query may hold a token.
fn words(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut last = None;
    while let Some(found) = cause {
        last = Some(found.to_string());
        cause = found.source();
    }
    match last {
        _ if error.is_timeout() => "it took too long to answer".to_owned(),
        Some(cause) => cause,
        None => error.to_string().split(" for url").next().unwrap_or_default().to_owned(),
    }
}

/// The seconds of a `Retry-After`; a date there is not waited for.
pub(super) fn seconds(header: &HeaderValue) -> Option<Duration> {
    header.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Where a list goes on: the URL in `Link: </v2/…>; rel="next"`, when it is on the same host.
pub(super) fn next_page(response: &Response, base: &Url) -> Option<Url> {
    next_link(response.headers().get(LINK)?.to_str().ok()?, base)
}

fn next_link(link: &str, base: &Url) -> Option<Url> {
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    if !rest.contains("rel=\"next\"") && !rest.contains("rel=next") {
        return None;
    }
    base.join(target).ok().filter(|next| same_origin(next, base))
}

/// Whether two URLs are of one server: where credentials for the one may be shown to the other.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_followed_on_the_same_host_only() {
        let base = Url::parse("https://example.com/v2/").unwrap();
        let next = |link| next_link(link, &base).map(String::from);
        for link in ["</v2/x?last=a>; rel=\"next\"", "<https://example.com/v2/x?last=a>; rel=next"] {
            assert_eq!(next(link).as_deref(), Some("https://example.com/v2/x?last=a"));
        }
        for link in [
            "<https://example.com.evil.org/x>; rel=\"next\"",
            "<//evil.org/x>; rel=\"next\"",
            "<http://example.com/v2/x>; rel=\"next\"",
            "<https://example.com:8443/v2/x>; rel=\"next\"",
            "</v2/x>; rel=\"prev\"",
            "",
        ] {
            assert_eq!(next(link), None, "{link}");
        }
    }

    #[test]
    fn a_strangers_words_cannot_move_the_cursor() {
        let body = br#"{"errors":[{"code":"DENIED","message":"no\u001b[2J\nreally"}]}"#;
        assert_eq!(message(body), " (DENIED: no[2Jreally)");
        assert_eq!(message(b"<html>"), "");
    }
}
