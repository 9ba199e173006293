//! Passwords of keys: from the environment, else asked for on the terminal.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Write};

use crate::error::{FileError, Result};
use crate::process;
use crate::trust::{Password, TrustError};

/// Where a password may stand. cosign's own variable works as well, so that both share a key.
const VARIABLES: [&str; 2] = ["JOINTER_KEY_PASSWORD", "COSIGN_PASSWORD"];

/// The password of an existing key.
///
/// # Errors
/// [`TrustError::NoPassword`] when there is neither variable nor terminal.
pub(super) fn existing() -> Result<Password> {
    match given() {
        Some(password) => Ok(password),
        None => Ok(Password::new(ask("Password of the key: ")?)),
    }
}

/// A password for a new key; on the terminal it has to be typed twice.
///
/// # Errors
/// As [`existing`]; [`TrustError::WrongPassword`] when the two differ.
pub(super) fn new() -> Result<Password> {
    if let Some(password) = given() {
        return Ok(password);
    }
    let password = ask("Password for the new key (empty for none): ")?;
    if ask("The same again: ")? != password {
        return Err(TrustError::WrongPassword.into());
    }
    Ok(Password::new(password))
}

fn given() -> Option<Password> {
    VARIABLES.iter().find_map(|name| std::env::var(name).ok()).map(Password::new)
}

/// What a person types on the terminal, seen or not.
///
/// # Errors
/// [`TrustError::NoPassword`] when there is no terminal.
pub(super) fn asked(question: &str, seen: bool) -> Result<String> {
    typed(question, seen)
}

fn ask(question: &str) -> Result<String> {
    typed(question, false)
}

/// Asks on the terminal itself, wherever standard input and output go.
fn typed(question: &str, seen: bool) -> Result<String> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    let Ok(mut terminal) = terminal else { return Err(TrustError::NoPassword.into()) };
    if !std::io::stdin().is_terminal() {
        return Err(TrustError::NoPassword.into());
    }
    let failed = |error: std::io::Error| FileError::reading("/dev/tty", &error);
    terminal.write_all(question.as_bytes()).map_err(failed)?;
    let silence = (!seen).then(Silence::begin);
    let mut line = String::new();
    let read = BufReader::new(&terminal).read_line(&mut line);
    drop(silence);
    terminal.write_all(b"\n").map_err(failed)?;
    read.map_err(failed)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// While this lives, the terminal does not show what is typed.
struct Silence;

impl Silence {
    fn begin() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        stty("echo");
    }
}

fn stty(setting: &str) {
    let option = if cfg!(target_os = "macos") { "-f" } else { "-F" };
    // Without `stty` the password shows, which is better than not being able to type it.
    let _ = process::Command::new("stty").pass_env(["PATH"]).args([option, "/dev/tty", setting]).output();
}
