//! Memory that is mapped through the C library.

use std::ffi::{c_int, c_long, c_void};

unsafe extern "C" {
    fn mmap(at: *mut c_void, size: usize, prot: c_int, flags: c_int, fd: c_int, offset: c_long) -> *mut c_void;
    fn munmap(address: *mut c_void, length: usize) -> c_int;
}

/// A page of memory, until it is dropped.
pub struct Page(*mut c_void);

impl Page {
    /// Maps one.
    pub fn new() -> Page {
        // PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS: as Linux has them on x86-64 and AArch64.
        Page(unsafe { mmap(std::ptr::null_mut(), 4096, 3, 0x22, -1, 0) })
    }

    /// Counts in it.
    pub fn count(&mut self) -> u8 {
        let counter = self.0.cast::<u8>();
        unsafe {
            *counter += 1;
            *counter
        }
    }

    /// Gives it back too early: the mistake is that it is dropped, too.
    #[cfg(feature = "fails")]
    pub fn give_back(&self) {
        unsafe { munmap(self.0, 4096) };
    }
}

impl Default for Page {
    fn default() -> Page {
        Page::new()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        unsafe { munmap(self.0, 4096) };
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn a_page_counts() {
        let mut page = Page::new();
        assert_eq!((page.count(), page.count()), (1, 2));
    }

    #[cfg(feature = "fails")]
    #[test]
    fn a_page_is_given_back_twice() {
        Page::new().give_back();
    }
}
