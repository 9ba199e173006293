//! SPDX licence expressions, as far as the question goes whether a list of licences allows one.

use super::TrustError;

/// Deeper nesting is nobody's licence.
const MAX_DEPTH: usize = 32;

/// Whether somebody who accepts the licences in `allowed` may use what is under `expression`: of `OR` one
/// is enough, of `AND` all are needed, and an exception (`WITH`) only permits more.
///
/// # Errors
/// [`TrustError::Licence`] when it is no expression.
pub(super) fn allows(allowed: &[String], expression: &str) -> Result<bool, TrustError> {
    // What cargo wrote for OR before it knew SPDX.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allowed, depth: 0 };
    match reader.any().filter(|_| reader.words.is_empty()) {
        Some(answer) => Ok(answer),
        None => Err(TrustError::Licence { found: expression.to_owned(), allowed: allowed.join(", ") }),
    }
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
    depth: usize,
}

impl Reader<'_> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.words.first().is_some_and(|first| first.eq_ignore_ascii_case(word));
        self.words = &self.words[usize::from(found)..];
        found
    }

    fn any(&mut self) -> Option<bool> {
        let mut answer = self.all()?;
        while self.take("OR") {
            answer |= self.all()?;
        }
        Some(answer)
    }

    fn all(&mut self) -> Option<bool> {
        let mut answer = self.one()?;
        while self.take("AND") {
            answer &= self.one()?;
        }
        Some(answer)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return None;
            }
            let answer = self.any()?;
            self.depth -= 1;
            return self.take(")").then_some(answer);
        }
        let licence = self.word()?;
        let with = match self.take("WITH") {
            true => format!("{licence} WITH {}", self.word()?),
            false => licence.clone(),
        };
        // `GPL-2.0+` is that version or a later one.
        let plain = licence.trim_end_matches('+').to_owned();
        let names = [licence, with, plain];
        Some(self.allowed.iter().any(|allowed| names.iter().any(|name| name.eq_ignore_ascii_case(allowed))))
    }

    fn word(&mut self) -> Option<String> {
        let (first, rest) = self.words.split_first()?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-+:".contains(&byte);
        let operator = ["AND", "OR", "WITH"].iter().any(|operator| operator.eq_ignore_ascii_case(first));
        if operator || !first.bytes().all(is_name) {
            return None;
        }
        self.words = rest;
        Some((*first).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_allowed_as_spdx_means_them() {
        let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned()];
        for (expression, expected) in [
            ("MIT", Some(true)),
            ("mit", Some(true)),
            ("GPL-3.0-only", Some(false)),
            ("MIT OR GPL-3.0-only", Some(true)),
            ("MIT AND GPL-3.0-only", Some(false)),
            ("GPL-3.0-only OR MIT AND Apache-2.0", Some(true)),
            ("(GPL-3.0-only OR MIT) AND (Apache-2.0)", Some(true)),
            ("(GPL-3.0-only OR MIT) AND ISC", Some(false)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("MIT/GPL-2.0", Some(true)),
            ("", None),
            ("MIT OR", None),
            ("MIT MIT", None),
            ("(MIT", None),
            ("MIT)", None),
            ("OR", None),
            ("my own terms, see the file", None),
        ] {
            assert_eq!(allows(&allowed, expression).ok(), expected, "{expression}");
        }
        assert!(allows(&allowed, &"(".repeat(1 << 20)).is_err());
        let exception = ["Apache-2.0 WITH LLVM-exception".to_owned()];
        assert_eq!(allows(&exception, "Apache-2.0 WITH LLVM-exception").ok(), Some(true));
        assert_eq!(allows(&exception, "Apache-2.0").ok(), Some(false));
    }
}
