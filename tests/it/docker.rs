//! A real docker-registry in its four forms: open, with a password, with TLS and an authority of one's own,
//! and with tokens from a server of their own. It has no referrers API, so the list of what is attached is
//! kept under a tag.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jointer::digest::Digest;
use jointer::registry::{
    Attachment, Descriptor, MANIFEST_MEDIA_TYPE, OciRegistry, Registry as _, RegistryError, attach,
};
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;

use crate::faults::{huge, large};
use crate::proxy::Harm;
use crate::registry::component;
use crate::support::{Ran, TestEnv};
use crate::tools::peer;

/// Killed when dropped.
pub struct Docker {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

impl Docker {
    /// With more lines of configuration; `http` is what stands in its section besides the address.
    fn start(program: &Path, dir: &Path, more: &str, http: &str) -> Self {
        let address = free_port();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n{more}http: {{addr: {address}{http}}}\n",
            dir.join("registry").display()
        );
        std::fs::write(dir.join("registry.yml"), config).expect("its config");
        let child = Command::new(program)
            .args(["serve", "registry.yml"])
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let docker = Self { child, address };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "docker-registry does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        docker
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run_with(env: &TestEnv, args: &[&str], variables: &[(&str, PathBuf)]) -> Ran {
    let mut command = env.alone(args);
    command.env("DOCKER_CONFIG", env.path("docker")).env("JOINTER_NETWORK_TIMEOUT", "10");
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    Ran::from(command.output().expect("jointer starts"))
}

/// bcrypt of `s3cret`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "ci:$2b$04$sHLHovwaNosZoxSQb/U9jOAr7x8MiiLtq2iwugDg3PjrEQhwSqMM6\n";

fn login(env: &TestEnv, host: &str, password: &str, variables: &[(&str, PathBuf)]) -> Ran {
    let stdin = env.write("password", password);
    let mut command = env.alone(&["login", host, "-u", "ci", "--password-stdin"]);
    command
        .env("DOCKER_CONFIG", env.path("docker"))
        .envs(variables.iter().map(|(name, value)| (name, value)));
    command.stdin(std::fs::File::open(stdin).expect("the password"));
    Ran::from(command.output().expect("jointer starts"))
}

/// A registry that is open to everybody; `None` where there is no docker-registry.
pub fn open(env: &TestEnv) -> Option<Docker> {
    Some(started(&peer("docker-registry")?, env))
}

/// The same of this program.
pub fn started(program: &Path, env: &TestEnv) -> Docker {
    Docker::start(program, &env.dir(), "", "")
}

/// A registry that wants the user `ci` with the password `s3cret`; `None` where there is no docker-registry.
pub fn with_password(env: &TestEnv) -> Option<Docker> {
    let program = peer("docker-registry")?;
    let htpasswd = env.write("htpasswd", HTPASSWD);
    let auth = format!("auth: {{htpasswd: {{realm: r, path: {}}}}}\n", htpasswd.display());
    Some(Docker::start(&program, &env.dir(), &auth, ""))
}

#[test]
fn a_registry_with_passwords_is_logged_in_to_and_oras_shares_the_login() {
    let env = TestEnv::new();
    let (Some(docker), Some(oras)) = (with_password(&env), peer("oras")) else { return };
    let host = docker.address.to_string();
    let place = format!("{host}/acme/greet:1.0.0");
    env.write("greet.wasm", large("password"));
    run_with(&env, &["push", "greet.wasm", &place], &[]).ended_with(7).code("registry::unauthorized");
    login(&env, &host, "wrong", &[]).ended_with(7).code("registry::unauthorized");
    login(&env, &host, "s3cret", &[]).success();
    run_with(&env, &["push", "greet.wasm", &place], &[]).success();
    let config = env.path("docker/config.json");
    let pulled = Command::new(oras)
        .args(["pull", "--plain-http", "--registry-config"])
        .arg(config)
        .args(["-o", "pulled", &place])
        .current_dir(env.dir())
        .output()
        .expect("oras");
    assert!(pulled.status.success(), "{}", String::from_utf8_lossy(&pulled.stderr));
    assert!(std::fs::read(env.path("pulled/greet.wasm")).expect("pulled") == large("password"));
}

/// An authority, and a certificate of it for `name`.
fn certificates(env: &TestEnv, name: &str) -> Option<()> {
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).current_dir(env.dir()).output();
        output.is_ok_and(|output| output.status.success())
    };
    env.write("san", format!("subjectAltName={name}\n"));
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let ca =
        ["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority"];
    let request = ["req", "-keyout", "srv.key", "-out", "srv.csr", "-subj", "/CN=registry"];
    let sign = [
        "x509",
        "-req",
        "-in",
        "srv.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-out",
        "srv.pem",
        "-extfile",
        "san",
    ];
    let made = openssl(&[&ca[..], &ec].concat()) && openssl(&[&request[..], &ec].concat()) && openssl(&sign);
    if !made {
        eprintln!("SKIPPED: openssl is not there or cannot make certificates");
    }
    made.then_some(())
}

#[test]
fn an_authority_of_ones_own_is_trusted_when_it_is_named_only() {
    let Some(program) = peer("docker-registry") else { return };
    for (name, right) in [("IP:127.0.0.1", true), ("DNS:registry.example.com", false)] {
        let env = TestEnv::new();
        let Some(()) = certificates(&env, name) else { return };
        let tls = ", tls: {certificate: srv.pem, key: srv.key}";
        let docker = Docker::start(&program, &env.dir(), "", tls);
        let host = docker.address.to_string();
        let place = format!("{host}/acme/greet:1.0.0");
        env.write("greet.wasm", component("secure"));
        let https = format!("[registry.\"{host}\".oci]\nprotocol = \"https\"\n");
        let unknown = env.write("unknown.toml", &https);
        let pem = env.read("ca.pem");
        let known =
            format!("{https}extra_root_certificates = [{{ encoding = \"pem\", data = '''{pem}''' }}]\n");
        let known = env.write("known.toml", known);
        let push = ["push", "greet.wasm", &place];
        run_with(&env, &push, &[("WKG_CONFIG_FILE", unknown)]).ended_with(7).code("registry::unreachable");
        let trusted = [("WKG_CONFIG_FILE", known)];
        match right {
            true => {
                run_with(&env, &push, &trusted).success();
                run_with(&env, &["pull", &place, "-o", "pulled.wasm"], &trusted).success();
                assert!(std::fs::read(env.path("pulled.wasm")).expect("pulled") == component("secure"));
            }
            false => drop(run_with(&env, &push, &trusted).ended_with(7).code("registry::unreachable")),
        }
    }
}

/// Gives tokens to who knows the password, to push with, and to everybody, to pull with.
fn token_server(dir: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let key = std::fs::read_to_string(dir.join("srv.key")).expect("the key");
    let key = p256::ecdsa::SigningKey::from_pkcs8_pem(&key).expect("a key");
    let pem = std::fs::read_to_string(dir.join("srv.pem")).expect("the certificate");
    let certificate: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().expect("stream")).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let wanted = format!("authorization: basic {}", STANDARD.encode("ci:s3cret").to_lowercase());
            let known = head.iter().any(|line| line.to_lowercase() == wanted);
            let query = head[0]
                .split(['?', ' '])
                .nth(2)
                .unwrap_or_default()
                .replace("%3A", ":")
                .replace("%2F", "/")
                .replace("%2C", ",");
            let scope =
                query.split('&').find_map(|pair| pair.strip_prefix("scope=")).unwrap_or_default().to_owned();
            let name = scope.split(':').nth(1).unwrap_or_default();
            let actions: &[&str] = if known { &["pull", "push"] } else { &["pull"] };
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
            let header = serde_json::json!({ "typ": "JWT", "alg": "ES256", "x5c": [certificate] });
            let claims = serde_json::json!({
                "iss": "issuer", "sub": "ci", "aud": "reg", "exp": now + 60, "nbf": now - 5, "iat": now, "jti": now.to_string(),
                "access": [{ "type": "repository", "name": name, "actions": actions }],
            });
            let text = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(header.to_string()),
                URL_SAFE_NO_PAD.encode(claims.to_string())
            );
            let signature: p256::ecdsa::Signature = key.sign(text.as_bytes());
            let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
            // It says that they live for a second only, so they are bought again and again.
            let body = serde_json::json!({ "token": token, "expires_in": 1 }).to_string();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    address
}

#[test]
fn a_registry_with_a_token_server_lets_who_may_push() {
    let Some(program) = peer("docker-registry") else { return };
    let env = TestEnv::new();
    let Some(()) = certificates(&env, "IP:127.0.0.1") else { return };
    let tokens = token_server(env.dir());
    let auth = format!(
        "auth: {{token: {{realm: \"http://{tokens}/token\", service: reg, issuer: issuer, rootcertbundle: ca.pem}}}}\n"
    );
    let docker = Docker::start(&program, &env.dir(), &auth, "");
    let host = docker.address.to_string();
    let place = format!("{host}/acme/greet:1.0.0");
    env.write("greet.wasm", large("token"));
    run_with(&env, &["push", "greet.wasm", &place], &[]).ended_with(7).code("registry::unauthorized");
    let auth = STANDARD.encode("ci:s3cret");
    env.write("docker/config.json", format!(r#"{{"auths":{{"{host}":{{"auth":"{auth}"}}}}}}"#));
    run_with(&env, &["push", "greet.wasm", &place], &[]).success();
    std::fs::remove_file(env.path("docker/config.json")).expect("removed");
    run_with(&env, &["pull", &place, "-o", "pulled.wasm"], &[]).success();
    assert!(std::fs::read(env.path("pulled.wasm")).expect("pulled") == large("token"));
}

#[test]
fn the_same_component_has_the_same_digest_in_a_folder_and_in_three_registries() {
    let Some(program) = peer("docker-registry") else { return };
    let env = TestEnv::new();
    let docker = Docker::start(&program, &env.dir(), "", "");
    let ferro = crate::servers::serve_registry(&[]);
    env.write("one/greet.wasm", component("same"));
    env.write("two/other.wasm", component("same"));
    let publish = |file: &str, to: &str| {
        env.json(&["publish", file, "--as", "acme:greet@1.0.0", "--to", to])["manifest"].clone()
    };
    let first = publish("one/greet.wasm", "dir:packages");
    assert_eq!(publish("two/other.wasm", "local"), first);
    assert_eq!(publish("two/other.wasm", &docker.address.to_string()), first);
    assert_eq!(publish("one/greet.wasm", &ferro.address.to_string()), first);
    let place = format!("{}/team/acme/greet:1.0.0", ferro.address);
    assert_eq!(env.json(&["push", "one/greet.wasm", &place])["manifest"], first);
}

#[test]
fn a_download_goes_on_where_it_broke_off() {
    let Some(program) = peer("docker-registry") else { return };
    let env = TestEnv::new();
    let docker = Docker::start(&program, &env.dir(), "", "");
    let proxy = crate::proxy::Proxy::new(docker.address);
    let place = format!("{}/acme/greet:1.0.0", proxy.address);
    let bytes = large("broken off");
    env.write("greet.wasm", &bytes);
    run_with(&env, &["push", "greet.wasm", &place], &[]).success();
    let layer = format!("blobs/{}", Digest::of(&bytes));
    proxy.rule("GET", &layer, Harm::Truncate, 1);
    run_with(&env, &["pull", &place, "-o", "pulled.wasm"], &[]).success();
    assert!(std::fs::read(env.path("pulled.wasm")).expect("pulled") == bytes);
    let half = format!("bytes={}-", bytes.len() / 2);
    assert!(proxy.asked().iter().any(|request| request.ends_with(&half)), "{:#?}", proxy.asked());
}

#[test]
fn an_upload_that_broke_off_goes_on_where_the_registry_says() {
    let Some(program) = peer("docker-registry") else { return };
    let env = TestEnv::new();
    let docker = Docker::start(&program, &env.dir(), "", "");
    let proxy = crate::proxy::Proxy::new(docker.address);
    let bytes = huge("broken off");
    env.write("greet.wasm", &bytes);
    // After the first part a request that does not arrive, or one that breaks off, which ends an upload here.
    for (tag, harm, next) in
        [("1.0.0", Harm::Status(503), "8388608-"), ("1.0.1", Harm::CutRequest(1 << 20), "")]
    {
        proxy.heal();
        proxy.rule("PUT", &Digest::of(&bytes).hex(), Harm::CutRequest(1 << 20), 1);
        proxy.rule("PATCH", "uploads", Harm::Header("X-Harmless", None), 1);
        proxy.rule("PATCH", "uploads", harm, 1);
        let name = format!("acme/greet{}", tag.replace('.', "-"));
        let place = format!("{}/{name}:{tag}", proxy.address);
        run_with(&env, &["push", "greet.wasm", &place], &[]).success();
        let asked = proxy.asked();
        let third = asked.iter().filter(|request| request.starts_with("PATCH")).nth(2);
        assert!(next.is_empty() || third.is_some_and(|request| request.contains(next)), "{asked:#?}");
        run_with(&env, &["pull", &place, "-o", "pulled.wasm"], &[]).success();
        assert!(std::fs::read(env.path("pulled.wasm")).expect("pulled") == bytes);
    }
}

#[test]
fn what_many_attach_at_once_is_all_in_the_list_of_a_registry_without_referrers() {
    let env = TestEnv::new();
    let Some(docker) = open(&env) else { return };
    let host = docker.address.to_string();
    env.write("greet.wasm", component("signed"));
    let place = format!("{host}/acme/greet:1.0.0");
    let pushed = run_with(&env, &["--format", "json", "push", "greet.wasm", &place], &[]).success();
    let pushed: serde_json::Value = serde_json::from_str(&pushed.stdout).expect("JSON");
    let subject: Digest = pushed["manifest"].as_str().expect("a digest").parse().expect("a digest");
    let package = "acme:greet".parse().expect("a name");
    let about = Descriptor { digest: subject, ..Descriptor::of(MANIFEST_MEDIA_TYPE, b"") };
    let signers: Vec<_> = (0..6)
        .map(|number| {
            let (host, package, about) =
                (host.clone(), jointer::name::PackageName::clone(&package), about.clone());
            std::thread::spawn(move || {
                let registry = OciRegistry::open(&host, "").expect("opens");
                let bytes = format!("signature {number}").into_bytes();
                let layer = (Descriptor::of("text/plain", &bytes), bytes);
                attach(&registry, &package, &Attachment::about(&about, "text/plain", vec![layer]))
            })
        })
        .collect();
    let mut kept = Vec::new();
    for signer in signers {
        match signer.join().expect("no panic") {
            Ok(digest) => kept.push(digest),
            // Losing is allowed when it is said.
            Err(error) => assert!(matches!(error, RegistryError::LostUpdate { .. }), "{error}"),
        }
    }
    let registry = OciRegistry::open(&host, "").expect("opens");
    let listed: Vec<Digest> =
        registry.referrers(&package, subject).expect("listed").iter().map(|entry| entry.digest).collect();
    assert!(kept.len() >= 4, "{} of 6", kept.len());
    let Some(oras) = peer("oras") else { return };
    let seen = Command::new(oras).args(["discover", "--plain-http", &place]).output().expect("oras");
    let seen = String::from_utf8_lossy(&seen.stdout);
    assert!(kept.iter().all(|digest| seen.contains(&digest.to_string())), "oras sees {seen}");
    assert!(kept.iter().all(|digest| listed.contains(digest)), "{kept:?} in {listed:?}");
}
