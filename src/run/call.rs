//! Calls of exported functions, with values written as WAVE.

use std::sync::Arc;

use miette::NamedSource;
use serde::Serialize;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::wasm_wave::parser::ParserError;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::{Type, Val};

use super::command::within;
use super::state::{Shared, State};
use super::value::{json, signature, unwritable, wave};
use super::{Grants, Limits, Loaded, RunError, Stdio};
use crate::name::nearest;

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Called {
    /// The result as WAVE; `None` where the function has none.
    pub wave: Option<String>,
    /// The result as JSON.
    pub value: Option<serde_json::Value>,
    /// Whether it is the error of a `result`.
    #[serde(rename = "error")]
    pub is_error: bool,
}

/// A function that a component exports.
struct Export {
    /// `None` for one that stands beside the interfaces.
    interface: Option<String>,
    name: String,
    ty: ComponentFunc,
}

impl Export {
    fn full_name(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{interface}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The functions that can be named in a call, in full, in the order of the exports. Methods of
/// resources are left out: they need a handle.
pub fn functions(loaded: &Loaded) -> Vec<String> {
    exports(loaded).iter().map(Export::full_name).collect()
}

/// Calls a function of a fresh instance: `ns:pkg/iface.fn(args)`, with the version or without it, or a
/// bare `fn(args)` where only one interface has it.
///
/// # Errors
/// For a function that is unknown, ambiguous or takes handles, for arguments that do not fit, and for
/// a trap or a time limit.
pub async fn call(
    loaded: &Loaded,
    grants: &Grants,
    limits: Limits,
    expression: &str,
    stdio: &Stdio,
) -> Result<Called, RunError> {
    let shared = Shared::new(grants.clone(), limits, loaded.reporter.clone());
    let (_, result) = called(loaded, &shared, expression, stdio).await?;
    Ok(Called {
        is_error: matches!(result, Some(Val::Result(Err(_)))),
        value: result.as_ref().map(json),
        wave: result.as_ref().map(wave),
    })
}

/// The result's type and the result of a call.
pub(super) async fn called(
    loaded: &Loaded,
    shared: &Arc<Shared>,
    expression: &str,
    stdio: &Stdio,
) -> Result<(Option<Type>, Option<Val>), RunError> {
    let (name, _) = expression.split_once('(').unwrap_or((expression, ""));
    let export = find(loaded, name.trim())?;
    let params = arguments(&export, expression)?;
    let component = &loaded.component;
    let instance = export.interface.as_deref().and_then(|name| component.get_export_index(None, name));
    let index = component.get_export_index(instance.as_ref(), &export.name);
    let mut store = State::store(component.engine(), shared, |builder| stdio.apply(builder, shared))?;
    let mut results = vec![Val::Bool(false); export.ty.results().len()];
    let run = async {
        let instance = loaded.pre.instantiate_async(&mut store).await?;
        let function = index
            .and_then(|index| instance.get_func(&mut store, index))
            .ok_or_else(|| wasmtime::format_err!("the export is not a function"))?;
        function.call_async(&mut store, &params, &mut results).await
    };
    let ended = within(loaded, shared.limits, run).await?;
    if let Err(error) = ended {
        shared.explain_failure(true);
        return Err(loaded.trapped(&error, &store.data().limiter));
    }
    Ok((export.ty.results().next(), results.into_iter().next()))
}

fn exports(loaded: &Loaded) -> Vec<Export> {
    let engine = loaded.component.engine();
    let mut found = Vec::new();
    for (name, export) in loaded.component.component_type().exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(ty) => {
                found.push(Export { interface: None, name: name.to_owned(), ty });
            }
            ComponentItem::ComponentInstance(instance) => {
                for (function, export) in instance.exports(engine) {
                    // `[method]`, `[static]`, `[constructor]` belong to resources.
                    if let (ComponentItem::ComponentFunc(ty), false) = (export.ty, function.starts_with('['))
                    {
                        found.push(Export {
                            interface: Some(name.to_owned()),
                            name: function.to_owned(),
                            ty,
                        });
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// The one export that is called `name`.
fn find(loaded: &Loaded, name: &str) -> Result<Export, RunError> {
    let mut fitting = Vec::new();
    let mut known = Vec::new();
    for export in exports(loaded) {
        known.push(export.full_name());
        if is_named(&export, name) {
            fitting.push(export);
        }
    }
    match fitting.len() {
        1 => Ok(fitting.remove(0)),
        0 => Err(RunError::UnknownFunction {
            name: loaded.name.clone(),
            function: name.to_owned(),
            help: suggestion(name, &known),
        }),
        _ => Err(RunError::AmbiguousFunction {
            function: name.to_owned(),
            interfaces: quoted(fitting.iter().filter_map(|export| export.interface.clone())),
            example: fitting[0].full_name(),
        }),
    }
}

/// Whether `typed` names the export: in full, without the version, or by the function alone.
fn is_named(export: &Export, typed: &str) -> bool {
    let Some(interface) = &export.interface else { return typed == export.name };
    let Some((typed_interface, typed_name)) = typed.rsplit_once(['.', '#']) else {
        return typed == export.name;
    };
    let unversioned = interface.split('@').next().unwrap_or(interface);
    let short = unversioned.rsplit('/').next().unwrap_or(unversioned);
    typed_name == export.name && [interface.as_str(), unversioned, short].contains(&typed_interface)
}

fn suggestion(typed: &str, known: &[String]) -> String {
    if known.is_empty() {
        return "it exports no function that can be called from outside".to_owned();
    }
    // What was typed may be bare; then the bare names are compared.
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let near = if typed.contains(['/', ':']) {
        nearest(typed, known.iter().map(String::as_str))
    } else {
        let names: Vec<String> = known.iter().map(|name| bare(name)).collect();
        let near = nearest(typed, names.iter().map(String::as_str));
        known.iter().filter(|name| near.contains(&bare(name))).cloned().collect()
    };
    if near.is_empty() {
        format!("it exports {}", quoted(known.iter().cloned()))
    } else {
        format!("did you mean {}?", quoted(near.into_iter()))
    }
}

fn quoted(names: impl Iterator<Item = String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The arguments in `expression`, checked against the function's parameters.
fn arguments(export: &Export, expression: &str) -> Result<Vec<Val>, RunError> {
    let handle = export
        .ty
        .params()
        .find_map(|(name, ty)| Some(format!("its parameter `{name}` has {}", unwritable(&ty)?)))
        .or_else(|| export.ty.results().find_map(|ty| Some(format!("its result has {}", unwritable(&ty)?))));
    if let Some(what) = handle {
        return Err(RunError::Handles { function: export.full_name(), what });
    }
    // The grammar of WAVE knows no interface names, so a letter stands for the name.
    let open = expression.find('(').unwrap_or(expression.len());
    let rest = &expression[open..];
    let text = format!("f{}", if rest.is_empty() { "()" } else { rest });
    let invalid = |error: &ParserError| {
        let span = error.span();
        let start = (span.start + open).saturating_sub(1).min(expression.len());
        let end = (span.end + open).saturating_sub(1).clamp(start, expression.len());
        RunError::InvalidCall {
            message: without_span(error),
            help: format!("the function is `{}`", signature(&export.name, &export.ty)),
            text: Arc::new(NamedSource::new("the call", expression.to_owned())),
            span: Some((start..end).into()),
        }
    };
    let parsed = UntypedFuncCall::parse(&text).map_err(|error| invalid(&error))?;
    let types: Vec<Type> = export.ty.params().map(|(_, ty)| ty).collect();
    parsed.to_wasm_params(types.iter()).map_err(|error| invalid(&error))
}

/// The parser's words without the place, which is shown.
pub(super) fn without_span(error: &ParserError) -> String {
    let text = error.to_string();
    text.rsplit_once(" at ").map_or(text.clone(), |(words, _)| words.to_owned())
}
