//! `WWW-Authenticate`: how a registry wants to be asked.

/// One way of being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token, to be had at `realm`.
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    /// The way to take of those offered, one header each: a token where there is one.
    pub(super) fn best(headers: &[&str]) -> Option<Self> {
        let offered = || headers.iter().filter_map(|header| Self::read(header));
        offered().find(|challenge| matches!(challenge, Self::Bearer { .. })).or_else(|| offered().next())
    }

    fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(char::is_whitespace).unwrap_or((header.trim(), ""));
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => Some(Self::Basic),
            "bearer" => {
                let parameters = parameters(rest);
                let find = |name: &str| {
                    let found = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
                    found.map(|(_, value)| value.clone())
                };
                Some(Self::Bearer { realm: find("realm")?, service: find("service") })
            }
            _ => None,
        }
    }
}

/// `name="value", name=value`. Commas inside quotes are part of the value.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.trim_matches(|character: char| character == ',' || character.is_whitespace());
        let (value, left) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, left) = after.split_once(',').unwrap_or((after, ""));
                (value.trim().to_owned(), left)
            }
        };
        found.push((name.to_owned(), value));
        rest = left;
    }
    found
}

/// Up to the closing quote, and what follows it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if !escaped => return (value, &text[at + 1..]),
            '\\' if !escaped => escaped = true,
            _ => {
                escaped = false;
                value.push(character);
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        for (header, expected) in [
            (
                r#"Bearer realm="https://auth.example.com/token",service="reg",scope="repository:a/b:pull,push""#,
                bearer("https://auth.example.com/token", Some("reg")),
            ),
            ("bearer service=reg, realm=https://x/y", bearer("https://x/y", Some("reg"))),
            (r#"Bearer realm="https://x/\"y""#, bearer("https://x/\"y", None)),
            (r#"Basic realm="Registry""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("Negotiate", None),
            ("Bearer", None),
            (r#"Bearer realm="unclosed"#, bearer("unclosed", None)),
            ("", None),
        ] {
            assert_eq!(Challenge::best(&[header]), expected, "{header}");
        }
        assert_eq!(Challenge::best(&["Basic", "Bearer realm=\"https://x\""]), bearer("https://x", None));
    }
}
