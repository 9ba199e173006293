//! Credentials and the configuration shared with wkg: who is asked, as whom, and what is written down.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::proxy::{PASSWORD, Proxy, USER};
use crate::registry::component;
use crate::servers::{Pages, ServedRegistry, serve_registry};
use crate::support::{Ran, TestEnv};

/// A registry that wants a password, and somebody's docker folder.
struct Closed {
    env: TestEnv,
    proxy: Proxy,
    _server: ServedRegistry,
}

impl Closed {
    fn new() -> Self {
        let server = serve_registry(&[]);
        let closed = Self { env: TestEnv::new(), proxy: Proxy::new(server.address), _server: server };
        closed.proxy.want_tokens(std::time::Duration::from_secs(60), false);
        closed.env.write("greet.wasm", component("hello"));
        std::fs::create_dir_all(closed.env.path("docker")).expect("folder");
        closed
    }

    fn host(&self) -> String {
        self.proxy.address.to_string()
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.env.alone(args);
        command.env("DOCKER_CONFIG", self.env.path("docker"));
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().expect("jointer starts"))
    }

    fn login(&self, password: &str) -> Ran {
        use std::io::Write as _;
        use std::process::Stdio;
        let mut child = self
            .command(&["login", &self.host(), "-u", USER, "--password-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("jointer starts");
        child.stdin.take().expect("stdin").write_all(format!("{password}\n").as_bytes()).expect("written");
        Ran::from(child.wait_with_output().expect("ended"))
    }

    fn push(&self) -> Ran {
        self.run(&["push", "greet.wasm", &format!("{}/acme/greet:latest", self.host())])
    }

    fn config(&self) -> Value {
        serde_json::from_str(&self.env.read("docker/config.json")).expect("JSON")
    }
}

#[test]
fn logging_in_keeps_only_what_the_registry_takes_and_leaves_the_rest_of_the_file() {
    let closed = Closed::new();
    closed.push().ended_with(7).code("registry::unauthorized");
    closed.env.write(
        "docker/config.json",
        r#"{"currentContext":"mine","auths":{"other.example.com":{"auth":"eDp5"}}}"#,
    );
    let before = closed.env.read("docker/config.json");
    closed.login("wrong").ended_with(7).code("registry::unauthorized");
    assert_eq!(closed.env.read("docker/config.json"), before, "nothing is kept");
    closed.login(PASSWORD).success();
    let config = closed.config();
    assert_eq!(config["currentContext"], "mine");
    assert_eq!(config["auths"]["other.example.com"]["auth"], "eDp5");
    let mode =
        std::fs::metadata(closed.env.path("docker/config.json")).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    closed.push().success();
    closed.run(&["logout", &closed.host()]).success();
    assert!(closed.config()["auths"].get(closed.host()).is_none());
    assert_eq!(closed.config()["auths"]["other.example.com"]["auth"], "eDp5");
    closed.push().ended_with(7).code("registry::unauthorized");
    closed.run(&["logout", &closed.host()]).success();
    closed.env.write("docker/config.json", "{");
    closed.login(PASSWORD).ended_with(2).code("registry::credentials");
    assert_eq!(closed.env.read("docker/config.json"), "{");
    closed.run(&["login", "https://x.example.com", "-u", "me", "--password-stdin"]).ended_with(2);
}

#[test]
fn a_helper_is_given_the_password_and_the_file_is_not() {
    let closed = Closed::new();
    let log = closed.env.path("helper.json");
    let script = format!(
        "#!/bin/sh\ncase $1 in\nstore) cat > {0};;\nget) read host; sed 's/ServerURL/ServerURL/' {0};;\nerase) rm {0};;\nesac\n",
        log.display()
    );
    let helper = closed.env.write("bin/docker-credential-mine", script);
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).expect("executable");
    closed.env.write("docker/config.json", format!(r#"{{"credHelpers":{{"{}":"mine"}}}}"#, closed.host()));
    let path = format!("{}:{}", closed.env.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let with_path = |args: &[&str]| {
        let mut command = closed.command(args);
        command.env("PATH", &path);
        command
    };
    let mut login = with_path(&["login", &closed.host(), "-u", USER, "--password-stdin"]);
    let stdin = closed.env.write("password", PASSWORD);
    login.stdin(std::fs::File::open(stdin).expect("the password"));
    Ran::from(login.output().expect("jointer starts")).success();
    assert!(
        !closed.env.read("docker/config.json").contains("auth\""),
        "{}",
        closed.env.read("docker/config.json")
    );
    let kept: Value = serde_json::from_str(&closed.env.read("helper.json")).expect("JSON");
    assert_eq!((&kept["Username"], &kept["Secret"]), (&USER.into(), &PASSWORD.into()));
    let place = format!("{}/acme/greet:latest", closed.host());
    Ran::from(with_path(&["push", "greet.wasm", &place]).output().expect("jointer starts")).success();
    Ran::from(with_path(&["logout", &closed.host()]).output().expect("jointer starts")).success();
    assert!(!log.exists());
}

#[test]
fn the_variables_of_wkg_count() {
    let closed = Closed::new();
    let host = closed.host();
    let place = format!("{host}/acme/greet:latest");
    let mut command = closed.command(&["push", "greet.wasm", &place]);
    command.env("WKG_OCI_USERNAME", USER).env("WKG_OCI_PASSWORD", PASSWORD);
    Ran::from(command.output().expect("jointer starts")).success();
    let variable = format!("WKG_REGISTRY_{}_AUTH_BEARER", host.replace(['.', ':'], "_"));
    let mut command =
        closed.command(&["--format", "json", "registry", "explain", "acme:greet", "--from", &host]);
    let ran = Ran::from(command.env(&variable, "token").output().expect("jointer starts")).success();
    assert!(ran.stdout.contains(&variable), "{}", ran.stdout);
    let config =
        format!("[registry.\"{host}\".oci]\nauth = {{ username = \"{USER}\", password = \"{PASSWORD}\" }}\n");
    let config = closed.env.write("wkg.toml", config);
    let mut command = closed.command(&["push", "greet.wasm", "acme:greet@1.0.0", "--to", &host]);
    Ran::from(command.env("WKG_CONFIG_FILE", config).output().expect("jointer starts")).success();
}

#[test]
fn the_registry_of_a_namespace_is_found_as_wkg_finds_it_or_not_at_all() {
    let env = TestEnv::new();
    let explain = |config: &str, package: &str| {
        let config = env.write("wkg.toml", config);
        let mut command = env.alone(&["--format", "json", "registry", "explain", package]);
        Ran::from(command.env("WKG_CONFIG_FILE", config).output().expect("jointer starts"))
    };
    let told = |ran: Ran| -> Value { serde_json::from_str(&ran.success().stdout).expect("JSON") };
    assert_eq!(told(explain("", "acme:greet"))["registry"], "local");
    let json = br#"{"preferredProtocol":"oci","oci":{"registry":"r.example.com","namespacePrefix":"wasm/"}}"#;
    let host = Pages::new(vec![("/.well-known/wasm-pkg/registry.json", json.to_vec(), None)]);
    let named = |host: std::net::SocketAddr| format!("default_registry = \"{host}\"\n");
    let found = told(explain(&named(host.address), "acme:greet"));
    assert_eq!(
        (&found["registry"], &found["repository"]),
        (&"r.example.com/wasm".into(), &"wasm/acme/greet".into())
    );
    // A host that says nothing about itself is the registry.
    let plain = Pages::new(vec![]);
    assert_eq!(told(explain(&named(plain.address), "acme:greet"))["registry"], plain.address.to_string());
    // One that cannot be understood or asked is nobody's registry.
    let broken = Pages::new(vec![("/.well-known/wasm-pkg/registry.json", b"<html>".to_vec(), None)]);
    explain(&named(broken.address), "acme:greet").ended_with(7).code("registry::failed");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let dead = listener.local_addr().expect("address");
    drop(listener);
    explain(&named(dead), "acme:greet").ended_with(7).code("registry::unreachable");
    explain("default_registry = 1", "acme:greet").ended_with(2).code("registry::invalid_config");
    let local = format!(
        "{}[registry.\"127.0.0.1:1\".local]\nroot = \"/x\"\n",
        named("127.0.0.1:1".parse().expect("address"))
    );
    explain(&local, "acme:greet").ended_with(2).code("registry::invalid_config");
    let mut absent = env.alone(&["registry", "explain", "acme:greet"]);
    Ran::from(absent.env("WKG_CONFIG_FILE", "absent.toml").output().expect("jointer starts")).ended_with(8);
}
