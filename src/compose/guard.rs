//! Panics of a parser that is not ours, as errors.
//!
//! wac-parser ends itself on some texts that it should refuse (`type t- = u8;`). What somebody wrote in a file must not
//! look as if jointer were broken, and the texts cannot all be told beforehand.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives, or the words with which it panicked; nothing is printed then.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    GUARDED.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    done.map_err(|panic| words(&*panic))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it gave no reason")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_said_is_kept() {
        assert_eq!(guarded(|| 3), Ok(3));
        let said: Result<(), _> = guarded(|| panic!("a number"));
        assert_eq!(said, Err("a number".to_owned()));
        let said: Result<(), _> = guarded(|| panic!("{} of two", said.unwrap_err().len()));
        assert_eq!(said, Err("8 of two".to_owned()));
    }
}
