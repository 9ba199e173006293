//! In which order a package is published, and what older tools wrote.

use std::process::Command;

use jointer::registry::{
    Artifact, Attachment, Descriptor, MANIFEST_MEDIA_TYPE, OciRegistry, Outcome, Registry as _, publish,
};

use crate::registry::component;
use crate::support::TestEnv;
use crate::tools::peer;

#[test]
fn what_spin_and_wash_wrote_is_read() {
    let Some(oras) = peer("oras") else { return };
    let env = TestEnv::new();
    let server = crate::servers::serve_registry(&[]);
    env.write("greet.wasm", component("old"));
    env.write("config.json", "{}");
    for (number, (config, layer)) in [
        ("application/vnd.wasm.config.v1+json", "application/vnd.wasm.content.layer.v1+wasm"),
        ("application/vnd.oci.image.config.v1+json", "application/vnd.wasm.content.layer.v1+wasm"),
        ("application/vnd.module.wasm.config.v1+json", "application/vnd.module.wasm.content.layer.v1+wasm"),
    ]
    .iter()
    .enumerate()
    {
        let place = format!("{}/acme/old:1.0.{number}", server.address);
        let pushed = Command::new(&oras)
            .args(["push", "--plain-http", "--config", &format!("config.json:{config}"), &place])
            .arg(format!("greet.wasm:{layer}"))
            .current_dir(env.dir())
            .output()
            .expect("oras");
        assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
        env.run_alone(&["pull", &place, "-o", "pulled.wasm"]).success();
        assert!(std::fs::read(env.path("pulled.wasm")).expect("pulled") == component("old"), "{layer}");
    }
}

#[test]
fn nobody_sees_a_version_before_what_is_attached_to_it() {
    let server = crate::servers::serve_registry(&[]);
    let proxy = crate::proxy::Proxy::new(server.address);
    let registry = OciRegistry::open(&proxy.address.to_string(), "").expect("opens");
    let id = "acme:greet@1.0.0".parse().expect("an id");
    let created = jointer::registry::creation_time(None).expect("a time");
    let artifact = Artifact::pack(&id, component("ordered"), &created).expect("packed");
    let about = Descriptor::of(MANIFEST_MEDIA_TYPE, &artifact.manifest);
    let layer = (Descriptor::of("text/plain", b"signed"), b"signed".to_vec());
    let attached = [Attachment::about(&about, "text/plain", vec![layer])];
    let dry = publish(&registry, &id, &artifact, &attached, true).expect("planned");
    assert!(!proxy.asked().iter().any(|request| request.starts_with('P')), "{:#?}", proxy.asked());
    let done = publish(&registry, &id, &artifact, &attached, false).expect("published");
    assert_eq!(dry.steps, done.steps, "what was said is what was sent");
    let put: Vec<String> = proxy.asked().into_iter().filter(|request| request.starts_with("PUT")).collect();
    assert!(put.last().expect("something").contains("manifests/1.0.0"), "{put:#?}");
    let listed = registry.referrers(&id.name, artifact.manifest_digest).expect("listed");
    assert_eq!(listed.iter().map(|entry| entry.digest).collect::<Vec<_>>(), done.attachments);
    let again = publish(&registry, &id, &artifact, &attached, false).expect("again");
    assert_eq!(again.outcome, Outcome::Unchanged);
    // Killed before the tag: the attachments are there, the version is not, and the next try completes it.
    proxy.rule("PUT", "manifests/1.1.0", crate::proxy::Harm::Status(403), 1);
    let id = "acme:greet@1.1.0".parse().expect("an id");
    let artifact = Artifact::pack(&id, component("ordered"), &created).expect("packed");
    let about = Descriptor::of(MANIFEST_MEDIA_TYPE, &artifact.manifest);
    let layer = (Descriptor::of("text/plain", b"signed"), b"signed".to_vec());
    let attached = [Attachment::about(&about, "text/plain", vec![layer])];
    publish(&registry, &id, &artifact, &attached, false).expect_err("refused");
    assert!(!registry.tags(&id.name).expect("tags").contains(&"1.1.0".to_owned()));
    publish(&registry, &id, &artifact, &attached, false).expect("published");
}
