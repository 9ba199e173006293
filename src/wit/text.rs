//! Edits of WIT as text. What is not edited stays byte for byte: comments, order, indentation.

/// One token that matters for edits: a word, or a single sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) at: usize,
    pub(super) text: &'a str,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// Splits WIT into words (names, with `:`, `/`, `@`, `.` and versions inside them) and signs; comments
/// and space are left out.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(word) = word(rest) {
            found.push(Token { at, text: word });
            word.len()
        } else {
            let sign = rest.chars().next().map_or(1, char::len_utf8);
            if !rest[..sign].trim().is_empty() {
                found.push(Token { at, text: &rest[..sign] });
            }
            sign
        };
        at += length;
    }
    found
}

/// Block comments nest in WIT.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn word(text: &str) -> Option<&str> {
    let starts = |c: char| c.is_ascii_alphanumeric() || c == '%';
    if !text.starts_with(starts) {
        return None;
    }
    let bytes = text.as_bytes();
    let mut end = 1;
    while let Some(&byte) = bytes.get(end) {
        // `use a:b/c.{d}`, `name: type` and `foo/` need the sign by itself, so a sign only belongs to
        // the word when it is followed by more of it at once.
        let more = bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        let joins = matches!(byte, b':' | b'/' | b'@' | b'.' | b'+') && more;
        if !(byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' || joins) {
            break;
        }
        // `->` ends the word before it.
        if byte == b'-' && bytes.get(end + 1) == Some(&b'>') {
            break;
        }
        end += 1;
    }
    Some(&text[..end])
}

/// The text of a WIT file with `import INTERFACE;` added to `world`. `interface` is written as given
/// (`acme:shop/pricing`, or `pricing` inside its own package). Unchanged if the world imports it already,
/// in any version; `None` if the file has no such world.
pub fn add_import(text: &str, world: &str, interface: &str) -> Option<String> {
    add(text, world, "import", interface)
}

/// As [`add_import`], for an export.
pub fn add_export(text: &str, world: &str, interface: &str) -> Option<String> {
    add(text, world, "export", interface)
}

fn add(text: &str, world: &str, verb: &str, interface: &str) -> Option<String> {
    let tokens = tokens(text);
    let open = tokens.windows(3).position(|three| {
        three[0].text == "world" && three[1].text.trim_start_matches('%') == world && three[2].text == "{"
    })? + 2;
    let close = matching(&tokens, open)?;
    let body = &tokens[open + 1..close];
    let package = own_package(&tokens);
    let wanted = full_name(interface, package.as_deref());
    let mut last = None;
    for (index, pair) in body.windows(2).enumerate() {
        let begins = index == 0 || matches!(body[index - 1].text, ";" | "}" | ")");
        if !begins || pair[0].text != verb {
            continue;
        }
        if full_name(pair[1].text, package.as_deref()) == wanted {
            return Some(text.to_owned());
        }
        last = body[index..].iter().find(|token| token.text == ";").copied().or(last);
    }
    let line = format!("{verb} {interface};");
    Some(insert(text, tokens[open], tokens[close], last, &line))
}

/// Puts `line` behind the last statement of its kind, else at the begin of the body (imports stand
/// before exports by custom), in the indentation of what stands there.
fn insert(text: &str, open: Token<'_>, close: Token<'_>, last: Option<Token<'_>>, line: &str) -> String {
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let indent_of = |at: usize| {
        let start = line_start(at);
        let length = text[start..].find(|c: char| c != ' ' && c != '\t').unwrap_or(0);
        &text[start..start + length]
    };
    let outer = indent_of(open.at);
    let one_line = line_start(open.at) == line_start(close.at);
    if one_line {
        let inner = text[open.end()..close.at].trim();
        let kept = if inner.is_empty() { String::new() } else { format!("{outer}  {inner}\n") };
        return format!("{}\n{kept}{outer}  {line}\n{outer}{}", &text[..open.end()], &text[close.at..]);
    }
    let (at, indent) = match last {
        Some(last) => (last.at, indent_of(last.at).to_owned()),
        None => (open.at, format!("{outer}  ")),
    };
    // Behind the whole line, so that a comment at its end stays with it.
    let at = text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1);
    format!("{}{indent}{line}\n{}", &text[..at], &text[at..])
}

fn matching(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(index);
        }
    }
    None
}

fn own_package(tokens: &[Token<'_>]) -> Option<String> {
    let named = tokens.windows(2).find(|pair| pair[0].text == "package")?;
    Some(unversioned(named[1].text).to_owned())
}

fn unversioned(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

fn full_name(interface: &str, package: Option<&str>) -> String {
    let name = unversioned(interface);
    match package {
        Some(package) if !name.contains('/') => format!("{package}/{name}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLDS: &str = "package acme:shop@0.1.0;

/// The front.
world gateway {
    // what it needs
    import wasi:http/types@0.2.12; // types
    import log: interface { line: func(text: string); }

    export wasi:http/incoming-handler@0.2.12;
}

world empty {}
";

    #[test]
    fn an_import_is_added_behind_the_others_and_nothing_else_changes() {
        let edited = add_import(WORLDS, "gateway", "acme:shop/pricing").unwrap();
        let added = "    import acme:shop/pricing;\n";
        assert_eq!(edited.replacen(added, "", 1), WORLDS);
        let before = edited.split(added).next().unwrap();
        assert!(before.contains("// types") && !before.contains("export wasi"), "{edited}");
    }

    #[test]
    fn what_is_there_is_not_added_again() {
        for name in ["wasi:http/types", "wasi:http/types@0.2.12", "wasi:http/types@0.2.0"] {
            assert_eq!(add_import(WORLDS, "gateway", name).unwrap(), WORLDS);
        }
        let once = add_import(WORLDS, "gateway", "acme:shop/pricing").unwrap();
        assert_eq!(add_import(&once, "gateway", "pricing").unwrap(), once);
        assert_ne!(add_export(&once, "gateway", "pricing").unwrap(), once);
    }

    #[test]
    fn an_empty_world_gets_a_body() {
        let edited = add_import(WORLDS, "empty", "pricing").unwrap();
        assert!(edited.ends_with("world empty {\n  import pricing;\n}\n"), "{edited}");
        assert_eq!(add_import(WORLDS, "other", "pricing"), None);
    }

    #[test]
    fn comments_hide_what_is_in_them() {
        let text =
            "package a:b;\n/* world w { /* nested */ } */\nworld w {\n  // import c;\n  export d;\n}\n";
        let edited = add_import(text, "w", "c").unwrap();
        assert_eq!(edited, text.replace("world w {\n  // import", "world w {\n  import c;\n  // import"));
    }

    #[test]
    fn tokens_keep_names_with_versions_whole() {
        let texts: Vec<_> = tokens("use wasi:io/poll@0.2.0-rc-2023-11-10.{pollable}; f: func(a: u8) -> s8;")
            .iter()
            .map(|token| token.text)
            .collect();
        assert_eq!(
            texts,
            [
                "use",
                "wasi:io/poll@0.2.0-rc-2023-11-10",
                ".",
                "{",
                "pollable",
                "}",
                ";",
                "f",
                ":",
                "func",
                "(",
                "a",
                ":",
                "u8",
                ")",
                "-",
                ">",
                "s8",
                ";"
            ]
        );
    }
}
