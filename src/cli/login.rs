//! `jointer login`: credentials for a registry.

use std::io::Read as _;

use super::{Context, password};
use crate::error::{ExitStatus, FileError, Result};
use crate::registry::{self, RegistryError};

/// Log in to a registry
///
/// Asks the registry whether it takes the credentials, then keeps them where docker does: with the helper that docker's
/// `config.json` names, else in that file itself.
#[derive(Debug, clap::Args)]
pub struct LoginArgs {
    /// The registry: HOST[:PORT]
    #[arg(value_name = "HOST")]
    host: String,
    /// Who you are there
    #[arg(long, short, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input; by default it is asked for on the terminal
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

/// More is no password.
const LONGEST: u64 = 64 << 10;

pub(super) fn run(cx: &Context, args: &LoginArgs) -> Result<ExitStatus> {
    let user = match &args.username {
        Some(user) => user.clone(),
        None => password::asked("User name: ", true).map_err(|_| RegistryError::NoPassword)?,
    };
    let secret = match args.password_stdin {
        true => from_stdin()?,
        false => password::asked("Password: ", false).map_err(|_| RegistryError::NoPassword)?,
    };
    if user.is_empty() || user.contains(':') || secret.is_empty() {
        return Err(RegistryError::Credentials {
            registry: args.host.clone(),
            reason: "the user name or the password is empty, or the name holds a `:`".to_owned(),
        }
        .into());
    }
    let login = registry::login(&args.host, &user, &secret)?;
    if !login.asked {
        cx.reporter().note("Warning", format!("{} asks nobody for a password", login.host));
    }
    cx.ui.answer(&format!("logged in to {}; kept in {}", login.host, login.kept), &login);
    Ok(ExitStatus::Success)
}

fn from_stdin() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| FileError::reading("standard input", &error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
