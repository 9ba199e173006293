//! The one asynchronous runtime, made where it is needed.

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::error::Result;
use crate::process::{ProcessError, interrupted};
use crate::run::RunError;

/// A runtime with a thread for each core.
pub(super) fn runtime() -> Result<Runtime> {
    Ok(Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| RunError::NoRuntime(error.to_string()))?)
}

/// Done when Ctrl-C, SIGTERM or SIGHUP comes. Call it inside a runtime.
pub(super) async fn signalled() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut waiting = tokio::task::JoinSet::new();
    for kind in kinds {
        // Where a signal cannot be listened to, it ends jointer as ever.
        if let Ok(mut signal) = signal(kind) {
            waiting.spawn(async move { signal.recv().await });
        }
    }
    // One that came while something was built or compiled was meant for what follows as well.
    if interrupted() {
        return;
    }
    match waiting.join_next().await {
        Some(_) => {}
        None => std::future::pending().await,
    }
}

/// Runs `work` in a runtime of its own. A signal ends it with [`ProcessError::Interrupted`].
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        tokio::select! {
            done = work => done,
            () = signalled() => Err(ProcessError::Interrupted.into()),
        }
    });
    // Threads that wait for standard input would never end by themselves.
    runtime.shutdown_background();
    done
}
