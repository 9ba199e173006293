//! The table of faults: what is done to which request, and how it should end.

use std::time::Duration;

use serde_json::Value;

use crate::proxy::Harm;

/// How a case should end.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// It succeeds in spite of it.
    Well,
    /// With this status and code, and nothing written.
    Refused(i32, &'static str),
}

/// One fault.
pub struct Case {
    /// In words.
    pub what: &'static str,
    /// Of the requests.
    pub method: &'static str,
    /// What their path holds.
    pub path: String,
    /// What is done.
    pub harm: Harm,
    /// How often.
    pub times: usize,
    /// What comes of it.
    pub end: End,
}

fn case(what: &'static str, method: &'static str, path: &str, harm: Harm, times: usize, end: End) -> Case {
    Case { what, method, path: path.to_owned(), harm, times, end }
}

/// Each time.
pub const ALWAYS: usize = usize::MAX;

/// What is done to a pull of the layer `layer` of `manifest`.
pub fn reading(layer: &str, swapped: &[u8], manifest: &Value) -> Vec<Case> {
    use End::{Refused, Well};
    use Harm::*;
    let layer = &format!("blobs/{layer}");
    let config = &format!("blobs/{}", manifest["config"]["digest"].as_str().expect("config"));
    let tag = "manifests/1.0.0";
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut other = manifest.clone();
        change(&mut other);
        Instead("application/vnd.oci.image.manifest.v1+json", other.to_string().into_bytes())
    };
    let html = || Instead("text/html", b"<!DOCTYPE html><html>please log in</html>".to_vec());
    let not_a_package = Refused(6, "registry::not_a_package");
    let two = changed(&|other| {
        let layer = other["layers"][0].clone();
        other["layers"].as_array_mut().expect("layers").push(layer);
    });
    vec![
        case("a bit flipped once", "GET", layer, Flip, 1, Well),
        case("a bit flipped always", "GET", layer, Flip, ALWAYS, Refused(6, "registry::corrupt")),
        case("cut once", "GET", layer, Truncate, 1, Well),
        case("cut always", "GET", layer, Truncate, ALWAYS, Refused(7, "registry::unreachable")),
        case("shortened", "GET", layer, Shorten, ALWAYS, Refused(6, "registry::corrupt")),
        case("another component", "GET", layer, Instead("application/wasm", swapped.to_vec()), ALWAYS, Refused(6, "registry::")),
        case("endless", "GET", layer, Endless, ALWAYS, Refused(6, "registry::too_large")),
        case("429 once", "GET", layer, Status(429), 1, Well),
        case("503 once", "GET", layer, Status(503), 1, Well),
        case("reset once", "GET", layer, Reset, 1, Well),
        case("reset at the manifest", "GET", tag, Reset, 1, Well),
        case("silence once", "GET", layer, Stall(Duration::from_secs(4)), 1, Well),
        case("404 for a blob", "GET", layer, Status(404), ALWAYS, Refused(8, "registry::not_found")),
        case("403", "GET", tag, Status(403), ALWAYS, Refused(7, "registry::unauthorized")),
        case("401 for ever", "GET", tag, Status(401), ALWAYS, Refused(7, "registry::unauthorized")),
        case("500 for ever", "GET", tag, Status(500), ALWAYS, Refused(7, "registry::failed")),
        case("a captive portal", "GET", tag, html(), ALWAYS, not_a_package),
        case("a captive portal for a blob", "GET", layer, html(), ALWAYS, Refused(6, "registry::corrupt")),
        case("an endless manifest", "GET", tag, Endless, ALWAYS, Refused(6, "registry::too_large")),
        case("a manifest with a bit flipped", "GET", tag, Flip, ALWAYS, Refused(6, "registry::")),
        case("a config with a bit flipped", "GET", config, Flip, ALWAYS, Refused(6, "registry::corrupt")),
        case("a wrong digest in a header", "GET", tag, Header("Docker-Content-Digest", Some(format!("sha256:{}", "0".repeat(64)))), ALWAYS, Refused(6, "registry::corrupt")),
        case("no digest in a header", "GET", tag, Header("Docker-Content-Digest", None), ALWAYS, Well),
        case("two layers", "GET", tag, two, ALWAYS, not_a_package),
        case("no layer", "GET", tag, changed(&|other| other["layers"] = Value::Array(vec![])), ALWAYS, not_a_package),
        case("a wrong layer type", "GET", tag, changed(&|other| other["layers"][0]["mediaType"] = "text/plain".into()), ALWAYS, not_a_package),
        case("a wrong config type", "GET", tag, changed(&|other| other["config"]["mediaType"] = "text/plain".into()), ALWAYS, not_a_package),
        case("bytes from elsewhere", "GET", tag, changed(&|other| other["layers"][0]["urls"] = serde_json::json!(["http://127.0.0.1:1/x"])), ALWAYS, not_a_package),
        case("an unknown digest", "GET", tag, changed(&|other| other["layers"][0]["digest"] = format!("sha512:{}", "0".repeat(128)).into()), ALWAYS, not_a_package),
        case("a lie about the size", "GET", tag, changed(&|other| other["layers"][0]["size"] = 7.into()), ALWAYS, Refused(6, "registry::too_large")),
        case("a monstrous size", "GET", tag, changed(&|other| other["layers"][0]["size"] = serde_json::json!(1u64 << 60)), ALWAYS, not_a_package),
        case("a config of something else", "GET", tag, changed(&|other| other["config"] = other["layers"][0].clone()), ALWAYS, not_a_package),
        case("an index", "GET", tag, Instead("application/vnd.oci.image.index.v1+json", br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#.to_vec()), ALWAYS, not_a_package),
        case("a path as a title", "GET", tag, changed(&|other| other["layers"][0]["annotations"]["org.opencontainers.image.title"] = "../../evil.wasm".into()), ALWAYS, Well),
        case("a redirect in a circle", "GET", tag, Redirect("/v2/acme/greet/manifests/1.0.0".to_owned()), ALWAYS, Refused(7, "registry::unreachable")),
    ]
}

/// What is done to a push. A PATCH is only sent after a PUT that broke off, so before its own fault there is that one.
pub fn writing() -> Vec<Case> {
    use End::{Refused, Well};
    use Harm::*;
    vec![
        case("429 at the upload", "POST", "uploads", Status(429), 1, Well),
        case("503 at the upload", "POST", "uploads", Status(503), 2, Well),
        case("reset at the upload", "POST", "uploads", Reset, 1, Well),
        case("PUT of a blob cut", "PUT", "uploads", CutRequest(1 << 20), 1, Well),
        case("PUT of a blob cut twice", "PUT", "uploads", CutRequest(300_000), 2, Well),
        case("PATCH cut", "PATCH", "uploads", CutRequest(1 << 20), 1, Well),
        case("PATCH cut twice", "PATCH", "uploads", CutRequest(300_000), 2, Well),
        case("PATCH reset", "PATCH", "uploads", Reset, 1, Well),
        case("PATCH 503", "PATCH", "uploads", Status(503), 1, Well),
        case(
            "PATCH 404: the session is gone",
            "PATCH",
            "uploads",
            Status(404),
            ALWAYS,
            Refused(7, "registry::failed"),
        ),
        case("PUT of a blob 503", "PUT", "uploads", Status(503), 1, Well),
        case("PUT of a blob 404", "PUT", "uploads", Status(404), 1, Well),
        case("PUT of a blob reset", "PUT", "uploads", Reset, 1, Well),
        case("no place after PUT", "PUT", "uploads", Header("Location", None), ALWAYS, Well),
        case("no place after PATCH", "PATCH", "uploads", Header("Location", None), ALWAYS, Well),
        case(
            "no place after POST",
            "POST",
            "uploads",
            Header("Location", None),
            ALWAYS,
            Refused(7, "registry::failed"),
        ),
        case("PUT of the manifest 429", "PUT", "manifests", Status(429), 1, Well),
        case("PUT of the manifest reset", "PUT", "manifests", Reset, 1, Well),
        case(
            "PUT of the manifest 400",
            "PUT",
            "manifests",
            Status(400),
            ALWAYS,
            Refused(7, "registry::failed"),
        ),
        case("silence at PUT", "PUT", "manifests", Stall(Duration::from_secs(4)), 1, Well),
        case("403", "POST", "uploads", Status(403), ALWAYS, Refused(7, "registry::unauthorized")),
        case("503 for ever", "POST", "uploads", Status(503), ALWAYS, Refused(7, "registry::failed")),
    ]
}
