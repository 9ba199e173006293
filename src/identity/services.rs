//! Fulcio, Rekor and the time stamp authority: which ones, and one signature from all of them.

use std::time::Duration;

use reqwest::Url;
use sigstore_sign::fulcio::Error as FulcioError;
use sigstore_sign::rekor::{Error as RekorError, RekorApiVersion};
use sigstore_sign::trust_root::{SIGSTORE_PRODUCTION_SIGNING_CONFIG, SigningConfig};
use sigstore_sign::tsa::Error as TsaError;
use sigstore_sign::{Error, SigningContext, SigningServices};

use super::IdentityError;
use super::token::Source;
use crate::trust;
use crate::web::{is_loopback, plain, use_ring_for_tls};

const FULCIO: &str = "Fulcio, which makes certificates,";
const REKOR: &str = "Rekor, the public log,";
const TSA: &str = "the time stamp authority";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Rekor takes its time when many sign.
const TIMEOUT: Duration = Duration::from_secs(60);
const MAX_CONFIG: usize = 1 << 20;

/// Which ones.
pub(super) struct Services(SigningServices);

impl Services {
    /// Those of a signing config, else the public Sigstore's.
    pub(super) fn read(config: Option<&str>) -> Result<Self, IdentityError> {
        let invalid = |reason: String| IdentityError::InvalidServices { reason };
        let config = config.unwrap_or(SIGSTORE_PRODUCTION_SIGNING_CONFIG);
        if config.len() > MAX_CONFIG {
            return Err(invalid(format!("it has more than {MAX_CONFIG} bytes")));
        }
        let config = SigningConfig::from_json(config).map_err(|error| invalid(error.to_string()))?;
        let one = |found: Option<&str>, what: &str| {
            let found =
                found.ok_or_else(|| invalid(format!("it has no {what} that is in use and understood")))?;
            address(found)?;
            Ok::<_, IdentityError>(found.to_owned())
        };
        let fulcio = one(config.fulcio_url().map(|found| found.url.as_str()), "Fulcio")?;
        let log = config.rekor_url(None);
        let rekor = one(log.map(|found| found.url.as_str()), "Rekor")?;
        let version = log.and_then(|log| RekorApiVersion::from_major(log.major_api_version));
        let version = version.ok_or_else(|| invalid("it has no Rekor that is understood".to_owned()))?;
        let mut services = SigningServices::new(fulcio, rekor.clone()).with_rekor(rekor, version);
        // A log of the first version proves the time itself.
        if let Some(authority) = config.tsa_url() {
            services = services.with_tsa_url(one(Some(&authority.url), "time stamp authority")?);
        }
        services.validate().map_err(|error| invalid(error.to_string()))?;
        Ok(Self(services))
    }

    /// A bundle with the statement in it.
    pub(super) fn sign(&self, token: &Source, statement: &[u8]) -> Result<Vec<u8>, IdentityError> {
        trust::use_ring();
        let unreachable = |reason: String| IdentityError::Unreachable { service: FULCIO, reason };
        let client = client().map_err(&unreachable)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unreachable(error.to_string()))?;
        runtime.block_on(async {
            let token = token.token(&client).await?;
            let secret = token.expose_secret().to_owned();
            let context = SigningContext::new(self.0.clone()).with_http_client(client.clone());
            let signed = context.signer(token).sign_raw_statement(statement).await;
            let bundle = signed.map_err(|error| refusal(&error, &secret))?;
            let json = bundle.to_json().map_err(|error| unreachable(error.to_string()))?;
            Ok(json.into_bytes())
        })
    }
}

fn client() -> Result<reqwest::Client, String> {
    use_ring_for_tls();
    reqwest::Client::builder()
        .user_agent(concat!("jointer/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // A token is not carried to another place.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| words(&error))
}

/// Where a token may be sent.
pub(super) fn address(text: &str) -> Result<Url, IdentityError> {
    let invalid = |why: &str| IdentityError::InvalidServices { reason: format!("`{text}` {why}") };
    let url = Url::parse(text).map_err(|_| invalid("is not an address"))?;
    let here = url.host_str().is_some_and(is_loopback);
    match url.scheme() == "https" || (here && url.scheme() == "http") {
        true => Ok(url),
        false => Err(invalid("is neither https nor on this machine")),
    }
}

/// Who failed, and whether it is worth to try again.
fn refusal(error: &Error, secret: &str) -> IdentityError {
    let (service, status) = match error {
        Error::Fulcio(FulcioError::Status { status, .. }) => (FULCIO, Some(*status)),
        Error::Fulcio(FulcioError::Http(_)) => (FULCIO, None),
        Error::Rekor(RekorError::Status { status, .. }) => (REKOR, Some(*status)),
        Error::Rekor(RekorError::Http(_)) => (REKOR, None),
        Error::Tsa(TsaError::Http(_)) => (TSA, None),
        // It answered, and not as it should.
        Error::Rekor(_) => (REKOR, Some(0)),
        Error::Tsa(_) => (TSA, Some(0)),
        _ => (FULCIO, Some(0)),
    };
    // A service may repeat what it was sent.
    let reason = plain(&error.to_string().replace(secret, "…"));
    match status.is_none_or(|status| status == 408 || status == 429 || status >= 500) {
        true => IdentityError::Unreachable { service, reason },
        false => IdentityError::Refused { service, reason },
    }
}

/// An error of the connection without its address.
pub(super) fn words(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    plain(&last.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(change: impl FnOnce(&mut Value)) -> Result<Services, IdentityError> {
        let service = |url: &str, version: u32| {
            json!([{ "url": url, "majorApiVersion": version, "validFor": { "start": "2020-01-01T00:00:00Z" },
                "operator": "here" }])
        };
        let mut config = json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service("https://fulcio.example", 1),
            "rekorTlogUrls": service("http://127.0.0.1:3000", 1),
            "rekorTlogConfig": { "selector": "ANY" },
        });
        change(&mut config);
        Services::read(Some(&config.to_string()))
    }

    #[test]
    fn services_are_read_and_public_without_a_config() {
        let public = Services::read(None).unwrap();
        assert!(public.0.fulcio_url().starts_with("https://") && public.0.tsa_url().is_some());
        let own = read(|_| {}).unwrap();
        assert_eq!((own.0.fulcio_url(), own.0.tsa_url()), ("https://fulcio.example", None));
    }

    #[test]
    fn services_that_cannot_be_trusted_with_a_token_are_refused() {
        let refused = |change: fn(&mut Value), word: &str| match read(change) {
            Err(IdentityError::InvalidServices { reason }) => {
                assert!(reason.contains(word), "`{word}` not in `{reason}`");
            }
            _ => panic!("{word}"),
        };
        refused(|config| config["caUrls"][0]["url"] = json!("http://fulcio.example"), "neither https");
        refused(|config| config["caUrls"][0]["url"] = json!("fulcio"), "not an address");
        refused(|config| config["caUrls"] = json!([]), "no Fulcio");
        refused(|config| config["caUrls"][0]["validFor"]["end"] = json!("2021-01-01T00:00:00Z"), "no Fulcio");
        refused(|config| config["rekorTlogUrls"][0]["majorApiVersion"] = json!(9), "no Rekor");
        refused(|config| config["rekorTlogUrls"][0]["majorApiVersion"] = json!(2), "timestamp");
        refused(|config| config["mediaType"] = json!("text/plain"), "text/plain");
        assert!(Services::read(Some("")).is_err());
    }

    #[test]
    fn refusals_do_not_repeat_the_token() {
        let status = |status| {
            let message = "the token abc.def.ghi is old\n\u{1b}[31m".to_owned();
            refusal(&Error::Fulcio(FulcioError::Status { status, message }), "abc.def.ghi")
        };
        assert!(matches!(status(503), IdentityError::Unreachable { .. }));
        let refused = status(400);
        assert!(matches!(refused, IdentityError::Refused { .. }), "{refused}");
        let words = refused.to_string();
        assert!(!words.contains("abc") && !words.contains('\u{1b}') && words.contains('…'), "{words}");
    }
}
