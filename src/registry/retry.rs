//! Trying again what may succeed the next time.

use std::time::{Duration, Instant};

use super::RegistryError;

/// How often something is tried in all.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(400);
/// A server that wants us to wait longer than this is not waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After so long nothing new is begun.
const DEADLINE: Duration = Duration::from_secs(180);

/// Why one attempt failed.
pub(super) enum Failure {
    /// It will fail again.
    Final(RegistryError),
    /// It may succeed, after the pause that the server asked for or one of our own.
    Passing(RegistryError, Option<Duration>),
}

impl Failure {
    /// The error itself.
    pub(super) fn into_error(self) -> RegistryError {
        match self {
            Self::Final(error) | Self::Passing(error, _) => error,
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        // Damage on the way is worth one more connection, everything else stays as it is.
        match error {
            RegistryError::Corrupt { .. } => Self::Passing(error, Some(Duration::ZERO)),
            other => Self::Final(other),
        }
    }
}

/// Whether a status says that the same request may succeed later.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// Repeats `attempt` as long as its failure is a passing one.
pub(super) async fn retried<T>(attempt: impl AsyncFn() -> Result<T, Failure>) -> Result<T, RegistryError> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let (mut damaged, mut renewed) = (false, false);
    for left in (0..ATTEMPTS).rev() {
        let (error, wish) = match attempt().await {
            Ok(value) => return Ok(value),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Passing(error, wish)) => (error, wish),
        };
        let damage = matches!(error, RegistryError::Corrupt { .. });
        let refused = matches!(error, RegistryError::Unauthorized { .. });
        let wait = wish.unwrap_or_else(|| jittered(pause));
        // Credentials are renewed once, damage is looked at twice.
        let enough = (damage && damaged) || (refused && renewed);
        if left == 0 || enough || wait > LONGEST_PAUSE || began.elapsed() + wait > DEADLINE {
            return Err(error);
        }
        damaged |= damage;
        renewed |= refused;
        tokio::time::sleep(wait).await;
        pause *= 2;
    }
    unreachable!("the last attempt returns")
}

/// Any time up to `pause`, so that many clients do not come back at once.
pub(super) fn jittered(pause: Duration) -> Duration {
    use rand_core::RngCore as _;
    let share = f64::from(rand_core::OsRng.next_u32()) / f64::from(u32::MAX);
    pause.mul_f64(share)
}
