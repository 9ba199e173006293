//! The engine: its settings, compiled code on disk, and linking.
//!
//! Which settings matter for a server was measured: the pool with `pagemap_scan` *and* memory kept
//! resident (one without the other gives nothing), and no support for concurrent calls, which only
//! WASI 0.3 needs: components for that have an engine of their own. Compiled code does not depend on the
//! allocator, so `run` and `serve` share it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{
    Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use super::RunError;
use super::link::linker;
use super::state::State;
use crate::app::Dirs;
use crate::component::{Externs, externs};
use crate::event::{Event, Reporter};
use crate::host::Profile;

/// How often a computing guest gives way.
const TICK: Duration = Duration::from_millis(10);

/// Linear memories that the pool has room for.
const MEMORIES: u32 = 1000;

/// What instances are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One or a few: memory is taken from the system for each.
    Once,
    /// Many, one after the other: a pool of memory is set up first.
    Serve,
}

/// Compiles and links components.
pub struct Runner {
    pooled: Option<Host>,
    plain: Host,
    /// For components of WASI 0.3; made when the first one comes.
    concurrent: OnceLock<Host>,
    cache: Option<Cache>,
    reporter: Arc<dyn Reporter>,
}

/// An engine with everything that it offers to components.
struct Host {
    engine: Engine,
    linker: Linker<State>,
}

/// A compiled component, ready to be instantiated.
#[derive(Clone)]
pub struct Loaded {
    pub(super) name: String,
    pub(super) component: Component,
    pub(super) pre: InstancePre<State>,
    pub(super) externs: Arc<Externs>,
    pub(super) reporter: Arc<dyn Reporter>,
    /// How many instances may live at once.
    pub(super) most: usize,
}

impl Runner {
    /// A runner that keeps compiled code below `dirs`.
    ///
    /// # Errors
    /// [`RunError::NotCompiled`] when the engine refuses this machine.
    pub fn new(dirs: &Dirs, mode: Mode, reporter: Arc<dyn Reporter>) -> Result<Self, RunError> {
        let cache = cache(dirs, &*reporter);
        // Where address space is limited the pool does not fit; one allocation at a time works still.
        let pooled = match mode {
            Mode::Serve => Host::new(cache.clone(), pool(), false).ok(),
            Mode::Once => None,
        };
        let plain = Self::plain(cache.clone(), false)?;
        Ok(Self { pooled, plain, concurrent: OnceLock::new(), cache, reporter })
    }

    fn plain(cache: Option<Cache>, concurrent: bool) -> Result<Host, RunError> {
        Host::new(cache, InstanceAllocationStrategy::OnDemand, concurrent).map_err(|error| {
            RunError::NotCompiled { name: "the engine".to_owned(), reason: format!("{error:#}") }
        })
    }

    fn concurrent(&self) -> Result<&Host, RunError> {
        if let Some(host) = self.concurrent.get() {
            return Ok(host);
        }
        let made = Self::plain(self.cache.clone(), true)?;
        Ok(self.concurrent.get_or_init(|| made))
    }

    /// Compiles a component, or takes the code of an earlier run. `name` is what messages call it.
    ///
    /// # Errors
    /// When `bytes` is not a component, does not compile, or needs what the runner does not provide.
    pub fn load(&self, name: &str, bytes: &[u8]) -> crate::error::Result<Loaded> {
        let externs = externs(bytes)?;
        let missing = Profile::built_in()
            .lacks(&externs.imports)
            .iter()
            .map(|import| format!("`{import}`"))
            .collect::<Vec<_>>();
        if !missing.is_empty() {
            return Err(RunError::Unsatisfied { name: name.to_owned(), imports: missing.join(", ") }.into());
        }
        // A component that is too large for the pool runs without it.
        let concurrent = externs.names_wasi_0_3();
        let pool = self.pooled.as_ref().filter(|_| !concurrent);
        let pooled = pool.and_then(|host| Some((host, host.compile(bytes).ok()?)));
        let (host, component, most) = match pooled {
            Some((host, component)) => {
                let most = fit_in_pool(&component);
                (host, component, most)
            }
            None => {
                let host = if concurrent { self.concurrent()? } else { &self.plain };
                let component = host.compile(bytes).map_err(|error| RunError::NotCompiled {
                    name: name.to_owned(),
                    reason: format!("{error:#}"),
                })?;
                (host, component, MEMORIES as usize)
            }
        };
        let pre = host
            .linker
            .instantiate_pre(&component)
            .map_err(|error| RunError::DoesNotFit { name: name.to_owned(), reason: format!("{error:#}") })?;
        let (name, externs, reporter) = (name.to_owned(), Arc::new(externs), self.reporter.clone());
        Ok(Loaded { name, component, pre, externs, reporter, most })
    }
}

impl Loaded {
    /// Whether it exports `interface`, in any version of 0.2.
    pub fn exports(&self, interface: &str) -> bool {
        self.exports_in(interface, "@0.2.")
    }

    /// Whether it exports `interface` in any version of 0.3.
    pub(super) fn exports_0_3(&self, interface: &str) -> bool {
        self.exports_in(interface, "@0.3.")
    }

    fn exports_in(&self, interface: &str, version: &str) -> bool {
        self.externs.exports.iter().any(|export| {
            export.strip_prefix(interface).is_some_and(|rest| rest.is_empty() || rest.starts_with(version))
        })
    }

    /// What it imports and exports.
    pub fn externs(&self) -> &Externs {
        &self.externs
    }
}

impl Host {
    fn new(
        cache: Option<Cache>,
        allocation: InstanceAllocationStrategy,
        concurrent: bool,
    ) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.cache(cache);
        config.allocation_strategy(allocation);
        config.epoch_interruption(true);
        config.wasm_component_model_async(concurrent);
        config.concurrency_support(concurrent);
        let engine = Engine::new(&config)?;
        let mut linker = linker(&engine)?;
        if concurrent {
            wasmtime_wasi::p3::add_to_linker(&mut linker)?;
            wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
        }
        let weak = engine.weak();
        std::thread::Builder::new().name("epochs".to_owned()).spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
        Ok(Self { engine, linker })
    }

    fn compile(&self, bytes: &[u8]) -> wasmtime::Result<Component> {
        Component::from_binary(&self.engine, bytes)
    }
}

/// Compiled code on disk: written aside and renamed by wasmtime, keyed by the component's bytes and
/// the engine's settings, and made anew when it cannot be read.
fn cache(dirs: &Dirs, reporter: &dyn Reporter) -> Option<Cache> {
    let mut config = CacheConfig::new();
    config.with_directory(dirs.compiled());
    match Cache::new(config) {
        Ok(cache) => Some(cache),
        Err(error) => {
            reporter.report(Event::Warning {
                code: "run::no_cache".to_owned(),
                text: format!("compiled code is not kept: {error:#}"),
                help: format!("make `{}` writable, or set JOINTER_CACHE", dirs.compiled()),
            });
            None
        }
    }
}

/// Room for large components: one of Python brings some 40 core instances and tables of ten thousands
/// of entries. Only address space is set aside; memory is used as it is touched.
fn pool() -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(100_000)
        .max_component_instance_size(16 << 20)
        .max_core_instances_per_component(10_000)
        .total_core_instances(100_000)
        .max_core_instance_size(16 << 20)
        .total_memories(MEMORIES)
        .max_memories_per_component(100)
        .total_tables(4 * MEMORIES)
        .max_tables_per_component(400)
        .table_elements(100_000)
        .total_stacks(MEMORIES)
        .pagemap_scan(Enabled::Auto)
        // Dirty pages up to here are reset in place instead of being given back and faulted in anew.
        .linear_memory_keep_resident(64 << 20)
        .table_keep_resident(1 << 20)
        .async_stack_keep_resident(64 << 10)
        .max_unused_warm_slots(32);
    InstanceAllocationStrategy::Pooling(pool)
}

/// How many instances of a component the pool holds at once.
fn fit_in_pool(component: &Component) -> usize {
    let needed = component.resources_required();
    let memories = needed.as_ref().map_or(1, |needed| needed.num_memories.max(1));
    let tables = needed.as_ref().map_or(1, |needed| needed.num_tables.max(1));
    let most = (MEMORIES / memories).min(4 * MEMORIES / tables);
    usize::try_from(most.max(1)).unwrap_or(1)
}
