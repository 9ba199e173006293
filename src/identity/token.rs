//! Where a CI keeps the token that says who its run is.

use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use sigstore_sign::oidc::IdentityToken;

use super::IdentityError;
use super::services::{address, words};
use crate::web::plain;

/// Whom Sigstore's tokens are for.
const AUDIENCE: &str = "sigstore";
/// A token has some thousands of bytes.
const MAX_TOKEN: usize = 64 << 10;
const GITHUB: &str = "GitHub";

/// A token, or who makes one.
pub(super) enum Source {
    /// It was given, by whom.
    Given(IdentityToken, &'static str),
    /// GitHub makes one for each question. They live for minutes, so it is asked when something is signed.
    GitHub { url: Url, bearer: String },
}

impl Source {
    /// The token that was given, else what the environment has.
    pub(super) fn find(
        given: Option<String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, IdentityError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(token) = given {
            return Self::given(&token, "`--identity-token`");
        }
        if let Some(token) = variable("SIGSTORE_ID_TOKEN") {
            return Self::given(&token, "SIGSTORE_ID_TOKEN");
        }
        match (variable("ACTIONS_ID_TOKEN_REQUEST_URL"), variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")) {
            (Some(url), Some(bearer)) => {
                let invalid = |_| IdentityError::Unreachable {
                    service: GITHUB,
                    reason: "ACTIONS_ID_TOKEN_REQUEST_URL is not an address with https".to_owned(),
                };
                let mut url = address(&url).map_err(invalid)?;
                url.query_pairs_mut().append_pair("audience", AUDIENCE);
                Ok(Self::GitHub { url, bearer })
            }
            _ => Err(IdentityError::NoToken),
        }
    }

    fn given(text: &str, from: &'static str) -> Result<Self, IdentityError> {
        Ok(Self::Given(read(text, from)?, from))
    }

    /// A token that is good now.
    pub(super) async fn token(&self, client: &reqwest::Client) -> Result<IdentityToken, IdentityError> {
        match self {
            Self::Given(token, from) => {
                check(token, from)?;
                Ok(token.clone())
            }
            Self::GitHub { url, bearer } => {
                let token = asked(client, url.clone(), bearer).await?;
                check(&token, GITHUB)?;
                Ok(token)
            }
        }
    }
}

async fn asked(client: &reqwest::Client, url: Url, bearer: &str) -> Result<IdentityToken, IdentityError> {
    #[derive(Deserialize)]
    struct Answer {
        value: String,
    }
    let unreachable = |reason: String| IdentityError::Unreachable { service: GITHUB, reason };
    let request = client.get(url).header(AUTHORIZATION, format!("bearer {bearer}"));
    let mut response = request.send().await.map_err(|error| unreachable(words(&error)))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(words(&error)))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_TOKEN {
            return Err(unreachable("it answers at great length".to_owned()));
        }
    }
    if status.is_client_error() {
        let reason = plain(&format!("it gives no identity token ({status})"));
        return Err(IdentityError::Refused { service: GITHUB, reason });
    }
    match serde_json::from_slice::<Answer>(&body) {
        Ok(answer) if status.is_success() => read(&answer.value, GITHUB),
        _ => Err(unreachable(format!("it answers with {status} and no token"))),
    }
}

fn read(text: &str, from: &'static str) -> Result<IdentityToken, IdentityError> {
    let invalid = |why| IdentityError::InvalidToken { from, why };
    if text.len() > MAX_TOKEN {
        return Err(invalid("it is too long"));
    }
    // Its words for what is wrong may repeat what is in it.
    let token = IdentityToken::from_jwt(text.trim()).map_err(|_| invalid("it is not a JSON web token"))?;
    check(&token, from)?;
    Ok(token)
}

fn check(token: &IdentityToken, from: &'static str) -> Result<(), IdentityError> {
    let invalid = |why| Err(IdentityError::InvalidToken { from, why });
    if token.is_expired() {
        return invalid("it has expired");
    }
    match token.claims().aud.contains(AUDIENCE) {
        true => Ok(()),
        false => invalid("it is not for the audience `sigstore`"),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    fn token(audience: &str, expires: i64) -> String {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims =
            json!({ "iss": "https://token.example", "sub": "acme", "aud": audience, "exp": expires });
        format!("{}.{}.secret", part(json!({ "alg": "RS256" })), part(claims))
    }

    const FAR: i64 = 4_000_000_000;

    fn found(given: Option<&str>, variables: &[(&str, &str)]) -> Result<Source, IdentityError> {
        let variable = |name: &str| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        Source::find(given.map(str::to_owned), variable)
    }

    #[test]
    fn the_nearest_token_counts() {
        let good = token("sigstore", FAR);
        let github = [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://ci.example/token?api=1"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer"),
        ];
        let all = [github[0], github[1], ("SIGSTORE_ID_TOKEN", &good)];
        assert!(matches!(found(Some(&good), &all), Ok(Source::Given(_, "`--identity-token`"))));
        assert!(matches!(found(None, &all), Ok(Source::Given(_, "SIGSTORE_ID_TOKEN"))));
        let Ok(Source::GitHub { url, .. }) = found(None, &github) else { panic!("GitHub") };
        assert_eq!(url.as_str(), "https://ci.example/token?api=1&audience=sigstore");
        assert!(matches!(found(None, &github[..1]), Err(IdentityError::NoToken)));
        assert!(matches!(found(None, &[("SIGSTORE_ID_TOKEN", "")]), Err(IdentityError::NoToken)));
    }

    #[test]
    fn what_fulcio_would_refuse_is_refused_before_and_not_shown() {
        for (token, why) in [
            (token("sigstore", 1), "expired"),
            (token("elsewhere", FAR), "audience"),
            ("secret".to_owned(), "web token"),
            ("secret.secret.secret".to_owned(), "web token"),
            ("secret".repeat(MAX_TOKEN), "too long"),
        ] {
            let Err(error) = found(Some(&token), &[]) else { panic!("{why}") };
            let words = format!("{error} {error:?}");
            assert!(words.contains(why) && !words.contains("secret"), "{words}");
        }
        // It would be sent in the clear.
        let plain = [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", "http://ci.example/token"),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret"),
        ];
        let Err(error) = found(None, &plain) else { panic!("plain") };
        assert!(!format!("{error:?}").contains("secret"));
    }
}
