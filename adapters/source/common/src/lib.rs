//! What a component without the standard library lacks: an allocator and an end for panics.

#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

/// Hands out memory upwards, in blocks of powers of two; blocks that were given back are handed out again.
struct Bump {
    state: UnsafeCell<State>,
}

struct State {
    /// Where the free memory begins; 0 before the first call.
    top: usize,
    /// For each power of two, the first of the free blocks; each begins with the address of the next.
    free: [usize; 32],
}

// There are no threads in these components.
unsafe impl Sync for Bump {}

#[global_allocator]
static ALLOCATOR: Bump = Bump { state: UnsafeCell::new(State { top: 0, free: [0; 32] }) };

const PAGE: usize = 65536;

unsafe extern "C" {
    static __heap_base: u8;
}

/// The power of two that a block of this layout has as its size.
fn class(layout: Layout) -> u32 {
    layout.size().max(layout.align()).max(8).next_power_of_two().trailing_zeros()
}

unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let state = unsafe { &mut *self.state.get() };
        let class = class(layout);
        let found = state.free[class as usize];
        if found != 0 {
            state.free[class as usize] = unsafe { *(found as *const usize) };
            return found as *mut u8;
        }
        if state.top == 0 {
            state.top = (&raw const __heap_base) as usize;
        }
        let align = layout.align().max(8);
        let start = (state.top + align - 1) & !(align - 1);
        let Some(end) = start.checked_add(1 << class) else { core::arch::wasm32::unreachable() };
        let pages = end.div_ceil(PAGE);
        let has = core::arch::wasm32::memory_size(0);
        if pages > has && core::arch::wasm32::memory_grow(0, pages - has) == usize::MAX {
            core::arch::wasm32::unreachable()
        }
        state.top = end;
        start as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let state = unsafe { &mut *self.state.get() };
        let class = class(layout);
        unsafe { *(block as *mut usize) = state.free[class as usize] };
        state.free[class as usize] = block as usize;
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
