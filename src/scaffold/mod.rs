//! Templates become projects, and projects grow: `jointer new` and `jointer add`.
//!
//! Everything is computed first ([`Changes`]) and written at the end, so that a mistake changes nothing.
//! The templates are inside the binary; nothing is fetched.

mod add;
mod edit;
mod error;
mod names;
mod source;
mod stubs;
mod template;

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::Result;
use crate::file;
use crate::name::{ComponentName, PackageName};

pub use add::{Added, add_package, add_part};
pub use error::ScaffoldError;
pub use stubs::refresh_stubs;
pub use template::{Kind, Template};

/// Files to write, by absolute path; nothing is on disk yet.
#[derive(Debug, Default)]
struct Changes {
    files: Vec<(Utf8PathBuf, Vec<u8>)>,
}

impl Changes {
    fn write(&mut self, path: Utf8PathBuf, contents: impl Into<Vec<u8>>) {
        self.files.push((path, contents.into()));
    }

    /// Writes all files, or leaves everything as it was: on a failure what is written already is taken back.
    fn apply(self) -> Result<()> {
        let before: Vec<_> = self.files.iter().map(|(path, _)| std::fs::read(path).ok()).collect();
        for (number, (path, contents)) in self.files.iter().enumerate() {
            if let Err(error) = file::write(path, contents) {
                self.take_back(&before[..number]);
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Restores the first files to what they were. Folders that were made for them go when nothing is left inside.
    fn take_back(&self, before: &[Option<Vec<u8>>]) {
        for ((path, _), before) in self.files.iter().zip(before) {
            match before {
                Some(contents) => drop(file::write(path, contents)),
                None => {
                    let _ = std::fs::remove_file(path);
                    let empty = |folder: &&Utf8Path| std::fs::remove_dir(folder).is_ok();
                    let _ = path.ancestors().skip(1).take_while(empty).count();
                }
            }
        }
    }
}

/// Makes a new app named `package` with one component out of `template` in `folder`, which must not
/// exist or be empty. Gives the name of the component: the root.
///
/// # Errors
/// [`ScaffoldError::NotEmpty`]; file errors.
pub fn new_app(folder: &Utf8Path, package: &PackageName, template: Template) -> Result<ComponentName> {
    let occupied = folder.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_some());
    if occupied || folder.is_file() {
        return Err(ScaffoldError::NotEmpty(folder.to_owned()).into());
    }
    names::usable(&package.namespace)?;
    names::usable(&package.name)?;
    let named = package.name.parse();
    let component: ComponentName =
        named.map_err(|error: crate::name::NameError| ScaffoldError::Name { message: error.to_string() })?;
    let names = names::Names::new(package, &component);
    let mut changes = Changes::default();
    template::app_files(&names, template, folder, &mut changes);
    template::part_files(&names, template, &folder.join(component.as_str()), &mut changes);
    template::wasi_files(template, folder, &mut changes);
    let mut wit = format!("package {package}@{};\n{}", names::VERSION, template.world(&names));
    let mut manifest = edit::first_manifest(package, &component);
    if template.kind == Kind::Middleware {
        // By itself it would have nothing to stand in front of.
        let inner = inner(&component)?;
        let http = Template { kind: Kind::Http, ..template };
        let names = names::Names::new(package, &inner);
        template::part_files(&names, http, &folder.join(inner.as_str()), &mut changes);
        wit.push_str(&http.world(&names));
        manifest.push_str(&edit::component_table(&inner));
    }
    changes.write(folder.join("wit/world.wit"), wit);
    changes.write(folder.join(crate::app::MANIFEST), manifest);
    changes.apply()?;
    Ok(component)
}

/// The name of the handler behind a new middleware.
fn inner(middleware: &ComponentName) -> Result<ComponentName, ScaffoldError> {
    let name = if middleware.as_str() == "hello" { "inner" } else { "hello" };
    name.parse().map_err(|error: crate::name::NameError| ScaffoldError::Name { message: error.to_string() })
}
