//! Which identities a policy means.

use std::fmt;

/// An identity in a certificate is refused when it is longer.
const MAX_IDENTITY: usize = 4096;
const MAX_PATTERN: usize = 1024;

/// An identity, in which `*` stands for anything but a `/`, and `**` for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityPattern(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Exactly(char),
    /// Any characters but `/`.
    Segment,
    /// Any characters.
    Any,
}

impl IdentityPattern {
    /// Reads it; `None` when it would trust everybody or is longer than any identity.
    pub fn parse(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            pieces.push(match character {
                '*' if characters.next_if_eq(&'*').is_some() => Piece::Any,
                '*' => Piece::Segment,
                other => Piece::Exactly(other),
            });
        }
        let says = pieces.iter().any(|piece| matches!(piece, Piece::Exactly(c) if c.is_alphanumeric()));
        (says && text.len() <= MAX_PATTERN).then_some(Self(pieces))
    }

    /// Whether it means this identity. Takes time in proportion to the length of both, whatever they are.
    pub fn fits(&self, identity: &str) -> bool {
        if identity.len() > MAX_IDENTITY {
            return false;
        }
        // Everywhere that the beginning of the identity can lead to in the pattern.
        let mut reached = vec![false; self.0.len() + 1];
        reached[0] = true;
        self.skip_empty(&mut reached);
        for character in identity.chars() {
            let mut next = vec![false; reached.len()];
            for (at, piece) in self.0.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match piece {
                    Piece::Exactly(wanted) => next[at + 1] |= *wanted == character,
                    Piece::Segment => next[at] |= character != '/',
                    Piece::Any => next[at] = true,
                }
            }
            self.skip_empty(&mut next);
            reached = next;
        }
        reached[self.0.len()]
    }

    /// A wildcard may stand for nothing.
    fn skip_empty(&self, reached: &mut [bool]) {
        for (at, piece) in self.0.iter().enumerate() {
            reached[at + 1] |= reached[at] && !matches!(piece, Piece::Exactly(_));
        }
    }
}

impl fmt::Display for IdentityPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Exactly(character) => write!(f, "{character}"),
            Piece::Segment => f.write_str("*"),
            Piece::Any => f.write_str("**"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKFLOW: &str =
        "https://git.example.com/acme/greet/.github/workflows/release.yml@refs/tags/v1.0.0";

    fn fits(pattern: &str, identity: &str) -> bool {
        IdentityPattern::parse(pattern).unwrap().fits(identity)
    }

    #[test]
    fn without_wildcards_it_is_the_very_identity() {
        assert!(fits("acme@example.com", "acme@example.com"));
        for other in ["", "acme@example.comx", "xacme@example.com", "Acme@example.com", "acme@example,com"] {
            assert!(!fits("acme@example.com", other), "{other}");
        }
    }

    #[test]
    fn one_star_stays_between_slashes_and_two_do_not() {
        let tags = "https://git.example.com/acme/greet/.github/workflows/release.yml@refs/tags/*";
        assert!(fits(tags, WORKFLOW));
        assert!(!fits(tags, &WORKFLOW.replace("tags", "heads")));
        assert!(!fits(tags, &format!("{WORKFLOW}/more")), "a tag with a slash");
        assert!(fits(&format!("{tags}*"), &format!("{WORKFLOW}/more")));
        let any = "https://git.example.com/acme/*/.github/workflows/release.yml@**";
        assert!(fits(any, WORKFLOW));
        // Nobody gets another organisation's workflow in between.
        assert!(!fits(any, &WORKFLOW.replace("acme/greet", "acme/x/greet")));
        assert!(!fits(any, &WORKFLOW.replace("acme", "evil")));
        assert!(fits("*@example.com", "@example.com") && !fits("*@example.com", "a/b@example.com"));
    }

    #[test]
    fn a_pattern_that_names_nobody_is_none() {
        for text in ["", "*", "**", "***", "*/*", "*@*", "https://*".trim_start_matches("https")] {
            assert_eq!(IdentityPattern::parse(text), None, "{text}");
        }
        assert_eq!(IdentityPattern::parse(&"a".repeat(MAX_PATTERN + 1)), None);
        assert_eq!(IdentityPattern::parse("a*b**c").unwrap().to_string(), "a*b**c");
    }

    #[test]
    fn hostile_identities_take_no_time() {
        let pattern = IdentityPattern::parse(&"*a".repeat(400)).unwrap();
        assert!(!pattern.fits(&("a".repeat(MAX_IDENTITY - 1) + "b")));
        assert!(!pattern.fits(&"a".repeat(MAX_IDENTITY + 1)));
    }
}
