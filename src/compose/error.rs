//! Why components could not be composed.

use miette::{Diagnostic, LabeledSpan, NamedSource};

use crate::component::ComponentError;
use crate::error::{ExitStatus, Fault};

/// Why components could not be composed. Names are those of the parts, as the manifest or the command
/// line gives them.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum ComposeError {
    /// No plug has anything for the socket.
    #[error("no plug exports anything that `{socket}` imports")]
    #[diagnostic(code(compose::nothing_to_plug), help("{help}"))]
    NothingToPlug {
        /// The socket.
        socket: String,
        /// What it imports, what is exported.
        help: String,
    },
    /// An import for which there is neither a part nor the host.
    #[error("nobody satisfies `{import}`, which `{component}` imports: not the host, and no other part")]
    #[diagnostic(code(compose::unsatisfied), help("{help}"))]
    Unsatisfied {
        /// The part that imports.
        component: String,
        /// What it imports.
        import: String,
        /// The nearest candidates and the next step.
        help: String,
    },
    /// Several parts could satisfy an import.
    #[error("`{component}` imports `{import}`, which {candidates} export")]
    #[diagnostic(code(compose::ambiguous), help("{help}"))]
    Ambiguous {
        /// The part that imports.
        component: String,
        /// What it imports.
        import: String,
        /// The parts that fit.
        candidates: String,
        /// The line to write.
        help: String,
    },
    /// The names agree, the types do not.
    #[error(
        "`{provider}` exports `{export}` with another type than `{component}` imports: {place}`{component}` wants {wanted}, `{provider}` gives {given}"
    )]
    #[diagnostic(code(compose::wrong_type), help("{help}"))]
    WrongType {
        /// The part that imports.
        component: String,
        /// The part that exports.
        provider: String,
        /// What is exported.
        export: String,
        /// ``function `quote`, parameter `item`: ``, or empty.
        place: String,
        /// The importing side.
        wanted: String,
        /// The exporting side.
        given: String,
        /// What to do.
        help: String,
    },
    /// Parts that need each other.
    #[error("the parts need each other in a circle: {cycle}")]
    #[diagnostic(code(compose::cycle), help("{help}"))]
    Cycle {
        /// `a` → `b` → `a`, with the interfaces.
        cycle: String,
        /// How to break it.
        help: String,
    },
    /// A resource would have two implementations in one place.
    #[error(
        "`{component}` would get the resource `{resource}` of `{interface}` from {one} and from {other}, which are two different things"
    )]
    #[diagnostic(code(compose::two_origins), help("{help}"))]
    TwoOrigins {
        /// The part that imports.
        component: String,
        /// The interface that hands the resource over.
        interface: String,
        /// The resource.
        resource: String,
        /// Who implements it by one way.
        one: String,
        /// Who implements it by the other.
        other: String,
        /// What to do.
        help: String,
    },
    /// A core module cannot be composed.
    #[error("`{component}` is a core module, not a component")]
    #[diagnostic(
        code(compose::core_module),
        help("make it a component first: `jointer adapt MODULE -o COMPONENT`")
    )]
    CoreModule {
        /// The part.
        component: String,
    },
    /// A part is not a valid component.
    #[error("`{component}` cannot be composed: {reason}")]
    #[diagnostic(code(compose::invalid_part), help("{help}"))]
    InvalidPart {
        /// The part.
        component: String,
        /// What is wrong with it.
        reason: String,
        /// What to do about that.
        help: String,
    },
    /// An explicit wire names an export that the part does not have.
    #[error("`{component}` is to get `{import}` from `{provider}`, which exports no `{export}`")]
    #[diagnostic(code(compose::missing_export), help("{help}"))]
    MissingExport {
        /// The part that imports.
        component: String,
        /// What it imports.
        import: String,
        /// The part named for it.
        provider: String,
        /// What it should export.
        export: String,
        /// What it does export.
        help: String,
    },
    /// An explicit wire for an import that the part does not have.
    #[error("a wire is given for `{import}`, but `{component}` imports nothing of that name")]
    #[diagnostic(code(compose::unknown_import), help("{help}"))]
    UnknownImport {
        /// The part.
        component: String,
        /// The import named.
        import: String,
        /// What it does import.
        help: String,
    },
    /// An explicit wire names a part that there is not, or the part itself.
    #[error("`{component}` is to get `{import}` from `{provider}`, {why}")]
    #[diagnostic(code(compose::unknown_part), help("{help}"))]
    UnknownPart {
        /// The part that imports.
        component: String,
        /// What it imports.
        import: String,
        /// The part named for it.
        provider: String,
        /// Why that cannot be.
        why: String,
        /// The parts there are.
        help: String,
    },
    /// The root is none of the parts.
    #[error("the root `{root}` is none of the parts")]
    #[diagnostic(code(compose::unknown_root), help("{help}"))]
    UnknownRoot {
        /// The root named.
        root: String,
        /// The parts there are.
        help: String,
    },
    /// Two parts of one name.
    #[error("two parts are called `{name}`")]
    #[diagnostic(
        code(compose::duplicate_name),
        help("give each part a name of its own; a file given twice is one part")
    )]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The composed component would break a limit of the validators.
    #[error("the composed component would hold {count} {what}, and runtimes allow {limit} in one component")]
    #[diagnostic(
        code(compose::limit),
        help(
            "compose in groups: compose some of the parts to one component first, and take that as one part (`file = \"…\"`)"
        )
    )]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// More would have to be exported than the root does.
    #[error("the exports of `{root}` mention types of {interfaces}, which would have to be exported as well")]
    #[diagnostic(
        code(compose::strict_exports),
        help(
            "delete `exports = \"strict\"` under `[app]` to allow it, or keep those types out of what `{root}` exports"
        )
    )]
    StrictExports {
        /// The root.
        root: String,
        /// The interfaces.
        interfaces: String,
    },
    /// Two parts want things of the host, under one name, that cannot be one.
    #[error(
        "`{first}` and `{second}` both import `{import}` from the host, with types that contradict: {reason}"
    )]
    #[diagnostic(
        code(compose::import_conflict),
        help("build both against the same version of the interface, or wire one of them to another part")
    )]
    ImportConflict {
        /// The interface.
        import: String,
        /// A part.
        first: String,
        /// Another.
        second: String,
        /// The first difference.
        reason: String,
    },
    /// A .wac file breaks a rule of its language, or names what does not exist.
    #[error("`{file}`: {message}")]
    #[diagnostic(code(compose::document), help("{help}"))]
    Document {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
        /// Its text.
        #[source_code]
        text: NamedSource<String>,
        /// The places.
        #[label(collection)]
        labels: Vec<LabeledSpan>,
    },
    /// The result is not valid, although everything that went in is.
    #[error("the composed component is not valid: {reason}")]
    #[diagnostic(
        code(compose::invalid_result),
        help("the parts fit by themselves but not together; please report it with the parts")
    )]
    InvalidResult {
        /// The validator's or encoder's words.
        reason: String,
    },
}

impl ComposeError {
    /// What is wrong with a part's bytes, with the part's name in front.
    pub(super) fn of_part(component: &str, error: &ComponentError) -> Self {
        let component = component.to_owned();
        match error {
            ComponentError::CoreModule => Self::CoreModule { component },
            error => Self::InvalidPart {
                component,
                reason: error.to_string(),
                help: error.help().map(|help| help.to_string()).unwrap_or_default(),
            },
        }
    }
}

impl Fault for ComposeError {
    fn status(&self) -> ExitStatus {
        match self {
            Self::UnknownRoot { .. } | Self::DuplicateName { .. } => ExitStatus::Usage,
            _ => ExitStatus::Compose,
        }
    }
}
