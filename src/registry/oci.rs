//! A real OCI registry. `oci-client` does the token dance and the uploads; what is read from a stranger
//! is read here, because it has to be limited, timed and tried again.
//!
//! https everywhere but on loopback. All calls block: the runtime is this struct's own, so that nothing
//! else in jointer needs to be async because of it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, RegistryOperation};
use reqwest::header::{ACCEPT, HeaderValue, LINK, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;

use super::artifact::MAX_MANIFEST;
use super::location::is_loopback;
use super::retry::{Failure, is_passing, retried};
use super::{
    Descriptor, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, Reference, Registry, RegistryError, Store, credentials,
};
use crate::digest::Digest;
use crate::name::PackageName;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a registry may say nothing, unless `JOINTER_NETWORK_TIMEOUT` (seconds) says otherwise.
const IDLE_TIMEOUT: u64 = 30;
const MAX_REDIRECTS: usize = 5;
const MAX_TAG_PAGES: usize = 1000;

/// An OCI registry behind HTTP.
pub struct OciRegistry {
    host: String,
    prefix: String,
    auth: RegistryAuth,
    /// Which credentials were found, for the help of a refusal.
    told: String,
    uploads: Client,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    /// Tokens by repository and whether they allow writing; `None` where the registry wants none.
    tokens: Mutex<HashMap<(String, bool), Option<String>>>,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl OciRegistry {
    /// The registry at `host`, packages below `prefix`. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When credentials are configured but cannot be read.
    pub fn open(host: &str, prefix: &str) -> Result<Self, RegistryError> {
        // Fails when there is one already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (auth, told) = credentials::find(host)?;
        let unusable = |reason: String| RegistryError::Unreachable { registry: host.to_owned(), reason };
        let protocol = match is_loopback(host) {
            true => ClientProtocol::HttpsExcept(vec![host.to_owned()]),
            false => ClientProtocol::Https,
        };
        let uploads = Client::try_from(ClientConfig {
            protocol,
            use_monolithic_push: true,
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(idle_timeout()),
            user_agent: USER_AGENT,
            ..ClientConfig::default()
        });
        let http = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(idle_timeout())
            .redirect(reqwest::redirect::Policy::custom(redirect))
            .build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self {
            host: host.to_owned(),
            prefix: prefix.to_owned(),
            auth,
            told,
            uploads: uploads.map_err(|error| unusable(error.to_string()))?,
            http: http.map_err(|error| unusable(words(&error)))?,
            runtime: runtime.map_err(|error| unusable(error.to_string()))?,
            tokens: Mutex::default(),
        })
    }

    fn repository(&self, package: &PackageName) -> String {
        let PackageName { namespace, name } = package;
        match self.prefix.as_str() {
            "" => format!("{namespace}/{name}"),
            prefix => format!("{prefix}/{namespace}/{name}"),
        }
    }

    fn reference(&self, package: &PackageName, tag: &str) -> oci_client::Reference {
        oci_client::Reference::with_tag(self.host.clone(), self.repository(package), tag.to_owned())
    }

    fn base(&self) -> String {
        let scheme = if is_loopback(&self.host) { "http" } else { "https" };
        format!("{scheme}://{}", self.host)
    }

    /// The token for a repository; asks for one when there is none yet.
    async fn token(&self, package: &PackageName, write: bool) -> Result<Option<String>, Failure> {
        let key = (self.repository(package), write);
        let known = self.tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&key).cloned();
        if let Some(token) = known {
            return Ok(token);
        }
        let operation = if write { RegistryOperation::Push } else { RegistryOperation::Pull };
        let token = self.uploads.auth(&self.reference(package, "latest"), &self.auth, operation).await;
        let token = token.map_err(|error| self.failure(error, &access(write, &key.0)))?;
        self.tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(key, token.clone());
        Ok(token)
    }

    fn forget_token(&self, package: &PackageName) {
        let repository = self.repository(package);
        let mut tokens = self.tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tokens.retain(|(known, _), _| *known != repository);
    }

    /// One request for something to read. A token that ran out is renewed once.
    async fn ask(
        &self,
        method: Method,
        package: &PackageName,
        url: &str,
        accept: &str,
    ) -> Result<Response, Failure> {
        let response = self.ask_once(method.clone(), package, url, accept).await?;
        let response = match response.status() {
            StatusCode::UNAUTHORIZED => {
                self.forget_token(package);
                self.ask_once(method, package, url, accept).await?
            }
            _ => response,
        };
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_FOUND {
            return Ok(response);
        }
        let wish = response.headers().get(RETRY_AFTER).and_then(seconds);
        let repository = self.repository(package);
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            return Err(Failure::Final(self.unauthorized(&access(false, &repository), status.to_string())));
        }
        let reason = match read_limited(response, 64 << 10).await {
            Ok(Some(body)) => format!("{status}{}", message(&body)),
            _ => status.to_string(),
        };
        let error =
            RegistryError::Failed { registry: self.host.clone(), what: access(false, &repository), reason };
        Err(match is_passing(status.as_u16()) {
            true => Failure::Passing(error, wish),
            false => Failure::Final(error),
        })
    }

    async fn ask_once(
        &self,
        method: Method,
        package: &PackageName,
        url: &str,
        accept: &str,
    ) -> Result<Response, Failure> {
        let mut request = self.http.request(method, url);
        if let Ok(accept) = HeaderValue::from_str(accept) {
            request = request.header(ACCEPT, accept);
        }
        request = match (self.token(package, false).await?, &self.auth) {
            (Some(token), _) => request.bearer_auth(token),
            (None, RegistryAuth::Basic(user, password)) => request.basic_auth(user, Some(password)),
            _ => request,
        };
        request.send().await.map_err(|error| self.broken(&error))
    }

    async fn read_manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let url = format!("{}/v2/{}/manifests/{reference}", self.base(), self.repository(package));
        let accept = format!("{MANIFEST_MEDIA_TYPE}, {INDEX_MEDIA_TYPE}");
        let response = self.ask(Method::GET, package, &url, &accept).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let what = format!("{package}@{reference}");
        let said = response.headers().get("docker-content-digest").cloned();
        let body = read_limited(response, MAX_MANIFEST).await.map_err(|error| self.broken(&error))?;
        let body = body.ok_or_else(|| RegistryError::TooLarge {
            what: what.clone(),
            registry: self.host.clone(),
            limit: MAX_MANIFEST,
        })?;
        let found = Digest::of(&body).to_string();
        // The registry's own word is compared, never used: it is a cheap way to see damage.
        let expected = match reference {
            Reference::Digest(digest) => Some(digest.to_string()),
            Reference::Tag(_) => said
                .and_then(|said| Some(said.to_str().ok()?.to_owned()))
                .filter(|said| said.starts_with("sha256:")),
        };
        match expected {
            Some(expected) if expected != found => {
                Err(RegistryError::Corrupt { what, registry: self.host.clone(), expected, found }.into())
            }
            _ => Ok(Some(body)),
        }
    }

    async fn read_blob(
        &self,
        package: &PackageName,
        blob: &Descriptor,
        store: &Store,
    ) -> Result<(), Failure> {
        let mut response =
            self.ask(Method::GET, package, &self.blob_url(package, blob.digest), "*/*").await?;
        if response.status() == StatusCode::NOT_FOUND {
            let what = format!("{package}@{}", blob.digest);
            return Err(RegistryError::NotFound { what, registry: self.host.clone() }.into());
        }
        let mut writer = store.begin(blob, &self.host)?;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(&error))? {
            writer.write(&chunk)?;
        }
        Ok(writer.finish()?)
    }

    fn blob_url(&self, package: &PackageName, digest: Digest) -> String {
        format!("{}/v2/{}/blobs/{digest}", self.base(), self.repository(package))
    }

    async fn read_tags(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        let mut url = format!("{}/v2/{}/tags/list?n=1000", self.base(), self.repository(package));
        let mut all = Vec::new();
        for _ in 0..MAX_TAG_PAGES {
            let (tags, next) = retried(async || self.read_tag_page(package, &url).await).await?;
            all.extend(tags);
            match next {
                Some(next) => url = next,
                None => break,
            }
        }
        Ok(all)
    }

    /// A page of tags and where the next one is.
    async fn read_tag_page(
        &self,
        package: &PackageName,
        url: &str,
    ) -> Result<(Vec<String>, Option<String>), Failure> {
        let response = self.ask(Method::GET, package, url, "application/json").await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok((Vec::new(), None));
        }
        let next = response.headers().get(LINK).and_then(|link| next_page(link.to_str().ok()?, &self.base()));
        let body = read_limited(response, MAX_MANIFEST).await.map_err(|error| self.broken(&error))?;
        let tags = body.as_deref().and_then(|body| serde_json::from_slice::<Tags>(body).ok());
        let tags = tags.ok_or_else(|| RegistryError::Failed {
            registry: self.host.clone(),
            what: format!("list the versions of {package}"),
            reason: "its answer is not a list of tags; is this a registry?".to_owned(),
        })?;
        Ok((tags.tags.unwrap_or_default(), next))
    }

    async fn send_blob(
        &self,
        package: &PackageName,
        digest: Digest,
        bytes: &bytes::Bytes,
    ) -> Result<(), Failure> {
        let there = self.ask(Method::HEAD, package, &self.blob_url(package, digest), "*/*").await?;
        if there.status().is_success() {
            return Ok(());
        }
        self.token(package, true).await?;
        let reference = self.reference(package, "latest");
        let sent = self.uploads.push_blob(&reference, bytes.clone(), &digest.to_string()).await;
        self.sent(sent, package)
    }

    async fn send_manifest(
        &self,
        package: &PackageName,
        tag: &str,
        bytes: &bytes::Bytes,
    ) -> Result<(), Failure> {
        self.token(package, true).await?;
        let kind = HeaderValue::from_static(MANIFEST_MEDIA_TYPE);
        let sent = self.uploads.push_manifest_raw(&self.reference(package, tag), bytes.clone(), kind).await;
        self.sent(sent, package)
    }

    fn sent(&self, sent: Result<String, OciDistributionError>, package: &PackageName) -> Result<(), Failure> {
        match sent {
            // Some registries do not say where it is; it is there all the same, and looked up by digest.
            Ok(_) | Err(OciDistributionError::RegistryNoLocationError) => Ok(()),
            Err(error) => Err(self.failure(error, &access(true, &self.repository(package)))),
        }
    }

    /// What `oci-client` complains about, in our words and without the secrets in its URLs.
    fn failure(&self, error: OciDistributionError, what: &str) -> Failure {
        let failed = |reason: String| RegistryError::Failed {
            registry: self.host.clone(),
            what: what.to_owned(),
            reason,
        };
        match error {
            OciDistributionError::RequestError(error) => self.broken(&error),
            OciDistributionError::UnauthorizedError { .. } => {
                Failure::Final(self.unauthorized(what, "401 Unauthorized".to_owned()))
            }
            OciDistributionError::AuthenticationFailure(reason) => {
                Failure::Final(self.unauthorized(what, message(reason.as_bytes())))
            }
            OciDistributionError::ServerError { code: code @ (401 | 403), .. } => {
                Failure::Final(self.unauthorized(what, code.to_string()))
            }
            OciDistributionError::ServerError { code, message: body, .. } => {
                let error = failed(format!("{code}{}", message(body.as_bytes())));
                match is_passing(code) {
                    true => Failure::Passing(error, None),
                    false => Failure::Final(error),
                }
            }
            OciDistributionError::RegistryError { envelope, .. } => {
                Failure::Final(failed(envelope.to_string()))
            }
            other => Failure::Final(failed(other.to_string())),
        }
    }

    fn unauthorized(&self, what: &str, reason: String) -> RegistryError {
        RegistryError::Unauthorized {
            registry: self.host.clone(),
            what: what.to_owned(),
            reason,
            help: self.told.clone(),
        }
    }

    /// The connection failed or broke. Only what the server itself asked for is not tried again.
    fn broken(&self, error: &reqwest::Error) -> Failure {
        let unreachable = RegistryError::Unreachable { registry: self.host.clone(), reason: words(error) };
        match error.is_redirect() || error.is_builder() {
            true => Failure::Final(unreachable),
            false => Failure::Passing(unreachable, None),
        }
    }
}

const USER_AGENT: &str = concat!("jointer/", env!("CARGO_PKG_VERSION"));

fn idle_timeout() -> Duration {
    let set = std::env::var("JOINTER_NETWORK_TIMEOUT").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(set.filter(|seconds| *seconds > 0).unwrap_or(IDLE_TIMEOUT))
}

/// Follows a few redirects, but never from https to http.
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

fn access(write: bool, repository: &str) -> String {
    format!("{} {repository}", if write { "write" } else { "read" })
}

/// The body, or `None` as soon as it is longer than `limit`.
async fn read_limited(mut response: Response, limit: u64) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > limit {
            return Ok(None);
        }
    }
    Ok(Some(body))
}

/// The registry's own message, in front of which a status stands.
fn message(body: &[u8]) -> String {
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
    first.map(|first| format!(" ({}: {})", first.code, first.message)).unwrap_or_default()
}

/// An error of the connection with its causes, without the URL, whose query may hold a token.
fn words(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    match causes.last() {
        _ if error.is_timeout() => "it took too long to answer".to_owned(),
        Some(cause) => cause.clone(),
        None => error.to_string().split(" for url").next().unwrap_or_default().to_owned(),
    }
}

fn seconds(header: &HeaderValue) -> Option<Duration> {
    header.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// The URL in `Link: </v2/…>; rel="next"`, when it is on the same host.
fn next_page(link: &str, base: &str) -> Option<String> {
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    if !rest.contains("rel=\"next\"") && !rest.contains("rel=next") {
        return None;
    }
    match target.starts_with('/') && !target.starts_with("//") {
        true => Some(format!("{base}{target}")),
        false => target.starts_with(&format!("{base}/")).then(|| target.to_owned()),
    }
}

impl Registry for OciRegistry {
    fn name(&self) -> String {
        match self.prefix.as_str() {
            "" => self.host.clone(),
            prefix => format!("{}/{prefix}", self.host),
        }
    }

    fn tags(&self, package: &PackageName) -> Result<Vec<String>, RegistryError> {
        self.runtime.block_on(self.read_tags(package))
    }

    fn manifest(
        &self,
        package: &PackageName,
        reference: &Reference,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        self.runtime.block_on(retried(async || self.read_manifest(package, reference).await))
    }

    fn blob(&self, package: &PackageName, blob: &Descriptor, store: &Store) -> Result<(), RegistryError> {
        self.runtime.block_on(retried(async || self.read_blob(package, blob, store).await))
    }

    fn put_blob(&self, package: &PackageName, digest: Digest, bytes: &[u8]) -> Result<(), RegistryError> {
        let bytes = bytes::Bytes::copy_from_slice(bytes);
        self.runtime.block_on(retried(async || self.send_blob(package, digest, &bytes).await))
    }

    fn put_manifest(&self, package: &PackageName, tag: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let bytes = bytes::Bytes::copy_from_slice(bytes);
        self.runtime.block_on(retried(async || self.send_manifest(package, tag, &bytes).await))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_followed_on_the_same_host_only() {
        let base = "https://example.com";
        let next = |link| next_page(link, base);
        assert_eq!(next("</v2/x?last=a>; rel=\"next\"").as_deref(), Some("https://example.com/v2/x?last=a"));
        assert_eq!(
            next("<https://example.com/v2/x>; rel=\"next\"").as_deref(),
            Some("https://example.com/v2/x")
        );
        for link in [
            "<https://example.com.evil.org/x>; rel=\"next\"",
            "<//evil.org/x>; rel=\"next\"",
            "</v2/x>; rel=\"prev\"",
            "",
        ] {
            assert_eq!(next(link), None, "{link}");
        }
    }
}
