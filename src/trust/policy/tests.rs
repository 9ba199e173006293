//! Policies that are read, and ones that are refused with the place of what is wrong.

use miette::Diagnostic as _;

use super::*;
use crate::trust::KeyPair;

fn parse(text: &str) -> Result<Policy, PolicyError> {
    let pem = KeyPair::generate().public().to_pem();
    let read = |path: &Utf8Path| match path.as_str() {
        "their.pub" => Ok(pem.clone()),
        "root.json" => {
            Ok("{ \"mediaType\": \"application/vnd.dev.sigstore.trustedroot+json;version=0.1\" }".to_owned())
        }
        _ => Err(FileError::NotFound(path.to_owned())),
    };
    Policy::parse(text, Utf8Path::new("trust.toml"), &read)
}

fn refused(text: &str) -> (String, String) {
    let error = parse(text).expect_err(text);
    let help = error.help().map(|help| help.to_string()).unwrap_or_default();
    let words = format!("{error}; {help}");
    assert!(error.labels().is_some_and(|mut labels| labels.next().is_some()), "no place: {words}");
    (error.code().unwrap().to_string(), words)
}

#[test]
fn a_whole_policy_is_read() {
    let key = KeyPair::generate().public();
    let spki: String = key.to_pem().lines().filter(|line| !line.starts_with("-----")).collect();
    let policy = parse(&format!(
        "[package.\"acme:*\"]\n\
         keys = [{{ path = \"their.pub\" }}, {{ spki = \"{spki}\", name = \"old\", not-before = 2020-01-01, \
         not-after = 2020-12-31T12:00:00Z, revoked = true }}]\n\
         attestations = [\"slsa-provenance-v1\", \"cyclonedx\", \"https://x.example/v1\"]\n\
         builder = \"https://ci.example\"\nsource = [\"https://x.example/y\"]\n\
         capabilities = [\"outbound\"]\nlicences = [\"MIT\"]\nmin-version = \"1.2.0\"\nbind-repository = true\n\
         [package.\"*\"]\nrequire = \"none\"\n"
    ));
    let policy = policy.unwrap();
    let rule = policy.rule(&"acme:greet".parse().unwrap()).unwrap();
    assert!(rule.signature && rule.bind_repository && !rule.unnamed);
    assert_eq!(rule.keys[1].key, key);
    assert_eq!(rule.keys[1].not_after.as_ref().unwrap().seconds, 1_609_416_000);
    assert_eq!(rule.attestations.len(), 3);
    assert_eq!(rule.capabilities, Some([Capability::Outbound].into()));
    assert!(!policy.rule(&"other:x".parse().unwrap()).unwrap().signature);
}

#[test]
fn the_most_specific_rule_counts_alone() {
    let none = "require = \"none\"\n";
    let text = ["acme:greet", "acme:*", "*"].map(|name| format!("[package.\"{name}\"]\n{none}"));
    let policy = parse(&text.concat()).unwrap();
    let rule = |name: &str| policy.rule(&name.parse().unwrap()).unwrap().pattern.clone();
    assert_eq!(rule("acme:greet"), "acme:greet");
    assert_eq!(rule("acme:other"), "acme:*");
    assert_eq!(rule("acm:greet"), "*");
    assert_eq!(parse(&text[1]).unwrap().rule(&"other:x".parse().unwrap()), None);
}

#[test]
fn what_is_not_known_is_refused_with_the_nearest() {
    let key = "keys = [{ path = \"their.pub\" }]\n";
    for (line, word) in [
        ("kees = []".to_owned(), "`keys`"),
        ("keys = [{ paht = \"x\" }]".to_owned(), "`path`"),
        (format!("{key}attestations = [\"slsa-provenance\"]"), "`slsa-provenance-v1`"),
        (format!("{key}capabilities = [\"file\"]"), "`files`"),
    ] {
        let (code, words) = refused(&format!("[package.\"*\"]\n{line}\n"));
        assert_eq!(code, "trust::unknown_key", "{line}");
        assert!(words.contains(&format!("did you mean {word}")), "{words}");
    }
    assert_eq!(refused("[packages.\"*\"]\n").0, "trust::unknown_key");
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let key = "keys = [{ path = \"their.pub\" }]\n";
    for (text, word) in [
        ("[package.\"acme\"]\nrequire = \"none\"\n".to_owned(), "pattern"),
        ("[package.\"ac*:x\"]\nrequire = \"none\"\n".to_owned(), "pattern"),
        ("[package.\"*\"]\n".to_owned(), "names no key"),
        ("[package.\"*\"]\nkeys = []\n".to_owned(), "names no key"),
        ("[package.\"*\"]\nrequire = \"none\"\nbuilder = \"x\"\n".to_owned(), "names no key"),
        ("[package.\"*\"]\nrequire = \"nothing\"\n".to_owned(), "nothing"),
        ("[package.\"*\"]\nkeys = [{ path = \"absent.pub\" }]\n".to_owned(), "does not exist"),
        ("[package.\"*\"]\nkeys = [{ pem = \"x\" }]\n".to_owned(), "not a key"),
        ("[package.\"*\"]\nkeys = [{ spki = \"!\" }]\n".to_owned(), "base64"),
        ("[package.\"*\"]\nkeys = [{ name = \"x\" }]\n".to_owned(), "exactly one"),
        (format!("[package.\"*\"]\n{key}min-version = \"1\"\n"), "version"),
        (
            "[package.\"*\"]\nkeys = [{ path = \"their.pub\", not-after = 2020-01-01T00:00:00 }]\n"
                .to_owned(),
            "moment",
        ),
        ("[package".to_owned(), "not a valid policy"),
    ] {
        let (code, words) = refused(&text);
        assert_eq!(code, "trust::invalid_policy", "{text}");
        assert!(words.contains(word), "`{word}` not in `{words}`");
    }
}

/// A rule that trusts these identities, after `more`.
fn identities(more: &str, identities: &str) -> String {
    format!("[package.\"*\"]\n{more}identities = [{identities}]\n")
}

const ACME: &str = "identity = \"https://x.example/acme/**\", issuer = \"https://token.example\"";

#[test]
fn identities_are_read_with_what_vouches_for_them() {
    let more =
        ", trusted-root = \"root.json\", name = \"acme\", not-before = 2020-01-01, not-after = 2020-12-31";
    let policy = parse(&identities("", &format!("{{ {ACME} }}, {{ {ACME}{more} }}"))).unwrap();
    let [plain, whole] = policy.rules()[0].identities.as_slice() else { panic!("two") };
    assert_eq!((plain.root.as_deref(), plain.name.as_deref()), (None, None));
    assert_eq!(plain.issuer, "https://token.example");
    assert!(plain.identity.fits("https://x.example/acme/greet/release.yml@refs/tags/v1"));
    assert!(whole.root.as_deref().is_some_and(|root| root.contains("trustedroot")));
    assert_eq!(whole.name.as_deref(), Some("acme"));
    assert_eq!(whole.not_after.as_ref().unwrap().seconds, 1_609_459_199);
    assert!(policy.rules()[0].keys.is_empty() && policy.rules()[0].signature);
}

#[test]
fn identities_that_name_nobody_are_refused() {
    for (text, word) in [
        ("{ identity = \"**\", issuer = \"https://token.example\" }".to_owned(), "nobody in particular"),
        ("{ identity = \"a@b.example\", issuer = \"*\" }".to_owned(), "not an address"),
        ("{ identity = \"a@b.example\", issuer = \"\" }".to_owned(), "not an address"),
        ("{ identity = \"a@b.example\" }".to_owned(), "issuer"),
        ("{ issuer = \"https://token.example\" }".to_owned(), "identity"),
        (format!("{{ {ACME}, trusted-root = \"absent.json\" }}"), "does not exist"),
        (format!("{{ {ACME}, trusted-root = \"their.pub\" }}"), "cannot be read"),
        (format!("{{ {ACME}, not-after = 2020-01-01T00:00:00 }}"), "moment"),
        (
            vec!["{ identity = \"a@b.example\", issuer = \"https://t.example\" }"; 65].join(", "),
            "more than 64",
        ),
    ] {
        let (code, words) = refused(&identities("", &text));
        assert_eq!(code, "trust::invalid_policy", "{text}");
        assert!(words.contains(word), "`{word}` not in `{words}`");
    }
    // Only a key's signature names a repository.
    let (_, words) = refused(&identities("bind-repository = true\n", &format!("{{ {ACME} }}")));
    assert!(words.contains("bind-repository"), "{words}");
    let (code, words) = refused(&identities("", &format!("{{ {ACME}, isuer = \"x\" }}")));
    assert_eq!(code, "trust::unknown_key", "{words}");
}
