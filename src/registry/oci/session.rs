//! Asking a registry, and proving who asks.
//!
//! The first request goes out without credentials; what the registry answers decides which it is shown:
//! those of the user, or a token that they buy at the place the registry names. A token that ran out is
//! renewed once. Credentials never go to another host, and never over plain http but on loopback.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Request, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;

use super::challenge::Challenge;
use super::http::{Broken, For, client, message, patient, patient_while, read_limited, same_origin, seconds};
use crate::registry::RegistryError;
use crate::registry::credentials::{Credentials, Found};
use crate::registry::retry::{Failure, is_passing};
use crate::web::{is_loopback, plain};

const MAX_TOKEN_ANSWER: u64 = 1 << 20;
const MAX_ERROR_ANSWER: u64 = 64 << 10;
/// What a token is good for when nobody says.
const TOKEN_LIFE: u64 = 60;

/// What a request is for: the repository, and whether it changes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Access<'a> {
    pub(super) repository: &'a str,
    pub(super) write: bool,
}

impl Access<'_> {
    pub(super) fn words(self) -> String {
        match (self.repository, self.write) {
            ("", _) => "in".to_owned(),
            (repository, true) => format!("write {repository}"),
            (repository, false) => format!("read {repository}"),
        }
    }

    fn scope(self) -> String {
        format!("repository:{}:{}", self.repository, if self.write { "pull,push" } else { "pull" })
    }
}

/// A conversation with one host.
pub(super) struct Session {
    host: String,
    base: Url,
    roots: Vec<reqwest::Certificate>,
    http: reqwest::Client,
    /// For where a plain one is sent on to.
    secure: OnceLock<reqwest::Client>,
    /// For tokens only.
    straight: OnceLock<reqwest::Client>,
    found: Found,
    known: Mutex<Known>,
}

/// What the registry has told about how it wants to be asked.
#[derive(Default)]
struct Known {
    challenge: Option<Challenge>,
    tokens: HashMap<(String, bool), Token>,
}

#[derive(Clone)]
struct Token {
    secret: String,
    until: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Session {
    pub(super) fn new(
        host: &str,
        scheme: &str,
        roots: Vec<reqwest::Certificate>,
        found: Found,
    ) -> Result<Self, RegistryError> {
        let unusable = |reason: String| RegistryError::Unreachable { registry: host.to_owned(), reason };
        // What docker calls `docker.io` answers elsewhere.
        let answers = if host == "docker.io" { "registry-1.docker.io" } else { host };
        let base = Url::parse(&format!("{scheme}://{answers}/v2/"));
        Ok(Self {
            host: host.to_owned(),
            base: base.map_err(|error| unusable(error.to_string()))?,
            http: client(&roots, if scheme == "http" { For::Plain } else { For::All }).map_err(unusable)?,
            roots,
            secure: OnceLock::new(),
            straight: OnceLock::new(),
            found,
            known: Mutex::default(),
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// The URL of something in a repository.
    pub(super) fn url(&self, repository: &str, rest: &str) -> Result<Url, Failure> {
        let joined = self.base.join(&format!("{repository}/{rest}"));
        joined.map_err(|error| Failure::Final(self.unreachable(error.to_string())))
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Asks nothing but whether one may ask; tells whether credentials were needed for it.
    pub(super) async fn greet(&self) -> Result<bool, Failure> {
        let access = Access { repository: "", write: false };
        let response = self.send(access, || self.http.get(self.base.clone())).await?;
        match response.status().is_success() {
            true => Ok(self.known().challenge.is_some()),
            false => Err(self.refused(access, response).await),
        }
    }

    /// Sends what `request` makes; once more with other credentials where the registry asks for them.
    pub(super) async fn send(
        &self,
        access: Access<'_>,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let response = self.execute(access, self.built(request())?).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.learn(access, response).await?;
        let response = self.execute(access, self.built(request())?).await?;
        match response.status() {
            StatusCode::UNAUTHORIZED => Err(self.refused(access, response).await),
            _ => Ok(response),
        }
    }

    pub(super) fn built(&self, request: RequestBuilder) -> Result<Request, Failure> {
        request.build().map_err(|error| self.broken(&error.into()))
    }

    /// Sends one request whose body takes its time, which `taken` tells, with what is known by now.
    pub(super) async fn execute_long(
        &self,
        access: Access<'_>,
        mut request: Request,
        taken: &AtomicUsize,
    ) -> Result<Response, Failure> {
        self.authorize(access, &mut request).await?;
        let response = patient_while(taken, self.http.execute(request)).await;
        response.map_err(|error| self.broken(&error))
    }

    /// Sends one request with what is known by now.
    async fn execute(&self, access: Access<'_>, mut request: Request) -> Result<Response, Failure> {
        self.authorize(access, &mut request).await?;
        let again = request.try_clone();
        let response = patient(self.http.execute(request)).await.map_err(|error| self.broken(&error))?;
        match again {
            Some(again) if response.status().is_redirection() && self.base.scheme() == "http" => {
                let secure = self.made(&self.secure, For::All)?;
                patient(secure.execute(again)).await.map_err(|error| self.broken(&error))
            }
            _ => Ok(response),
        }
    }

    async fn authorize(&self, access: Access<'_>, request: &mut Request) -> Result<(), Failure> {
        if same_origin(request.url(), &self.base)
            && let Some(value) = self.authorization(access).await?
        {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        Ok(())
    }

    async fn authorization(&self, access: Access<'_>) -> Result<Option<HeaderValue>, Failure> {
        let text = {
            let known = self.known();
            match (&known.challenge, &self.found.credentials) {
                (None, _) => return Ok(None),
                (Some(_), Credentials::Bearer(token)) => Some(format!("Bearer {token}")),
                (Some(Challenge::Basic), credentials) => match credentials.basic() {
                    Some(basic) => Some(basic),
                    None => return Ok(None),
                },
                (Some(Challenge::Bearer { .. }), _) => known
                    .tokens
                    .get(&(access.repository.to_owned(), access.write))
                    .filter(|token| token.until > Instant::now())
                    .map(|token| format!("Bearer {}", token.secret)),
            }
        };
        let text = match text {
            Some(text) => text,
            None => format!("Bearer {}", self.buy(access).await?),
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| Failure::Final(self.unauthorized(access, "the token is not valid".to_owned())))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Takes from a 401 how the registry wants to be asked.
    pub(super) async fn learn(&self, access: Access<'_>, response: Response) -> Result<(), Failure> {
        let said: Vec<&str> = response
            .headers()
            .get_all(WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let Some(challenge) = Challenge::best(&said) else {
            return Err(self.refused(access, response).await);
        };
        if matches!(challenge, Challenge::Basic) {
            self.may_show(&self.base, access)?;
        }
        let mut known = self.known();
        known.challenge = Some(challenge);
        known.tokens.remove(&(access.repository.to_owned(), access.write));
        Ok(())
    }

    /// Gets a token from where the registry said.
    async fn buy(&self, access: Access<'_>) -> Result<String, Failure> {
        let (realm, service) = match &self.known().challenge {
            Some(Challenge::Bearer { realm, service }) => (realm.clone(), service.clone()),
            _ => return Err(self.unauthorized(access, "it does not say where".to_owned()).into()),
        };
        let refuse = |why: &str| Failure::Final(self.unauthorized(access, why.to_owned()));
        let mut realm =
            Url::parse(&realm).map_err(|_| refuse("the place that it names for tokens is no URL"))?;
        if !matches!(realm.scheme(), "http" | "https") {
            return Err(refuse("the place that it names for tokens is no web address"));
        }
        self.may_show(&realm, access)?;
        let mut wanted = Vec::new();
        if !access.repository.is_empty() {
            wanted.push(("scope", access.scope()));
        }
        wanted.extend(service.map(|service| ("service", service)));
        let client = self.made(&self.straight, For::Straight)?;
        let request = match &self.found.credentials {
            Credentials::Identity(token) => {
                wanted.extend([
                    ("grant_type", "refresh_token".to_owned()),
                    ("client_id", "jointer".to_owned()),
                    ("refresh_token", token.clone()),
                ]);
                let form = encoded(&wanted);
                client.post(realm).header("content-type", "application/x-www-form-urlencoded").body(form)
            }
            credentials => {
                realm.query_pairs_mut().extend_pairs(&wanted);
                match credentials.basic() {
                    Some(basic) => client.get(realm).header(AUTHORIZATION, basic),
                    None => client.get(realm),
                }
            }
        };
        let response = patient(request.send()).await.map_err(|error| self.broken(&error))?;
        if !response.status().is_success() {
            return Err(self.refused(access, response).await);
        }
        let body = read_limited(response, MAX_TOKEN_ANSWER).await.map_err(|error| self.broken(&error))?;
        let answer: Option<TokenAnswer> = body.and_then(|body| serde_json::from_slice(&body).ok());
        let answer = answer.ok_or_else(|| refuse("what it gave is not a token"))?;
        let secret = match answer.token.is_empty() {
            true => answer.access_token,
            false => answer.token,
        };
        if secret.is_empty() {
            return Err(refuse("what it gave is not a token"));
        }
        let life = Duration::from_secs(answer.expires_in.unwrap_or(TOKEN_LIFE).min(86_400));
        let token = Token { secret: secret.clone(), until: Instant::now() + life.mul_f64(0.9) };
        self.known().tokens.insert((access.repository.to_owned(), access.write), token);
        Ok(secret)
    }

    /// Credentials travel encrypted, or stay on this machine.
    fn may_show(&self, url: &Url, access: Access<'_>) -> Result<(), Failure> {
        let anonymous = matches!(self.found.credentials, Credentials::None);
        let local = url.host_str().is_some_and(is_loopback);
        if anonymous || local || url.scheme() == "https" {
            return Ok(());
        }
        let why = format!("it wants credentials over http (for `{}`)", url.host_str().unwrap_or_default());
        Err(self.unauthorized(access, plain(&why)).into())
    }

    /// A client that is rarely needed.
    fn made<'a>(
        &self,
        place: &'a OnceLock<reqwest::Client>,
        purpose: For,
    ) -> Result<&'a reqwest::Client, Failure> {
        match place.get() {
            Some(made) => Ok(made),
            None => {
                let made = client(&self.roots, purpose);
                let made = made.map_err(|reason| Failure::Final(self.unreachable(reason)))?;
                Ok(place.get_or_init(|| made))
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an answer means that is not what was hoped for.
    pub(super) async fn refused(&self, access: Access<'_>, response: Response) -> Failure {
        let status = response.status();
        let wish = response.headers().get(RETRY_AFTER).and_then(seconds);
        let reason = match read_limited(response, MAX_ERROR_ANSWER).await {
            Ok(Some(body)) => format!("{status}{}", message(&body)),
            _ => status.to_string(),
        };
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            return Failure::Final(self.unauthorized(access, reason));
        }
        let error = RegistryError::Failed { registry: self.host.clone(), what: access.words(), reason };
        match is_passing(status.as_u16()) {
            true => Failure::Passing(error, wish),
            false => Failure::Final(error),
        }
    }

    pub(super) fn unauthorized(&self, access: Access<'_>, reason: String) -> RegistryError {
        RegistryError::Unauthorized {
            registry: self.host.clone(),
            what: access.words(),
            reason,
            help: self.found.told(&self.host),
        }
    }

    pub(super) fn unreachable(&self, reason: String) -> RegistryError {
        RegistryError::Unreachable { registry: self.host.clone(), reason }
    }

    /// The connection failed or broke. What the server itself asked for, and who it is, will be the same
    /// the next time.
    pub(super) fn broken(&self, error: &Broken) -> Failure {
        let unreachable = self.unreachable(error.to_string());
        match error.is_lasting() {
            true => Failure::Final(unreachable),
            false => Failure::Passing(unreachable, None),
        }
    }
}

fn encoded(pairs: &[(&str, String)]) -> String {
    let mut url = Url::parse("http://x/").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    url.and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}
