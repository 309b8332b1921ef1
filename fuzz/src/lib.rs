//! What the targets share.
//!
//! A target is a function of bytes that must hold its assertions whatever they are. Memory is part of that: no single
//! allocation may be larger than [`MAX_ALLOCATION`], so that a length which nobody sent cannot reserve room.

use std::alloc::{GlobalAlloc, Layout, System};

use codec::{DecodeAll, Encode};

/// Largest allocation that hostile input of the size that is tried may lead to.
pub const MAX_ALLOCATION: usize = 64 << 20;

struct Limited;

impl Limited {
    fn check(size: usize) {
        if size > MAX_ALLOCATION {
            eprintln!("one allocation of {size} bytes; at most {MAX_ALLOCATION} are expected");
            std::process::abort();
        }
    }
}

// SAFETY: the system's allocator, behind a check that neither allocates nor returns.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::check(layout.size());
        System.alloc(layout)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::check(layout.size());
        System.alloc_zeroed(layout)
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::check(size);
        System.realloc(pointer, layout, size)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        System.dealloc(pointer, layout);
    }
}

#[global_allocator]
static ALLOCATOR: Limited = Limited;

/// Decodes SCALE as the network's readers do. Whatever is read must be written in one way alone: two encodings of one
/// value would have two hashes and two signatures.
pub fn scale<T: DecodeAll + Encode>(bytes: &[u8]) -> Option<T> {
    let value = T::decode_all(&mut &bytes[..]).ok()?;
    assert_eq!(value.encode(), bytes, "a second encoding of one value");
    Some(value)
}
