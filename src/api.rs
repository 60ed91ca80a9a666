//! The C API: what `include/mapsan.h` is generated from, for programs and tests that want more than the mirrored calls.

use crate::{explain, finding};
use core::ffi::{c_char, c_int, c_long, c_ulong, c_void};
use core::sync::atomic::{
    AtomicPtr, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use mapsan_model::Severity;

/// The weight of a finding.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the C name")]
pub enum mapsan_severity {
    /// Explains a call that failed because of its environment.
    MAPSAN_NOTE = 0,
    /// Usually a mistake, or unspecified or unportable.
    MAPSAN_WARNING = 1,
    /// Wrong with certainty.
    MAPSAN_ERROR = 2,
}

/// A finding, as the program gets it. All strings are zero-terminated and cut to fit.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the C name")]
pub struct mapsan_finding {
    /// The rule's name, such as `mmap-bad-fd`.
    pub rule: [c_char; 48],
    /// How bad it is.
    pub severity: mapsan_severity,
    /// The errno of the call, 0 if it succeeded.
    pub error: c_int,
    /// The message, without rule and severity.
    pub message: [c_char; 400],
    /// The return address of the program's call.
    pub call_site: *const c_void,
}

/// What `mapsan_set_callback` takes: called after each new finding, on the thread and stack that made the call, with
/// no lock held.
#[allow(non_camel_case_types, reason = "the C name")]
pub type mapsan_callback = Option<unsafe extern "C" fn(finding: *const mapsan_finding, context: *mut c_void)>;

struct Callback {
    function: AtomicUsize,
    context: AtomicPtr<c_void>,
    /// The thread that runs it: what the callback does is not reported to it again.
    running: AtomicUsize,
}

static CALLBACK: Callback = Callback {
    function: AtomicUsize::new(0),
    context: AtomicPtr::new(core::ptr::null_mut()),
    running: AtomicUsize::new(0),
};

/// Copies text into a C array, cut at a character's border, zero-terminated.
fn fill(array: &mut [c_char], text: &str) {
    let fits = text.floor_char_boundary(array.len().saturating_sub(1));
    array.fill(0);
    for (place, byte) in array.iter_mut().zip(text.as_bytes().get(..fits).unwrap_or_default()) {
        *place = c_char::from_ne_bytes([*byte]);
    }
}

/// Tells debugger and program of a new finding.
pub(crate) fn announce() {
    mapsan_on_finding();
    let callback = CALLBACK.function.load(Acquire);
    if callback != 0 {
        call_back(callback);
    }
}

/// Hands the last finding to the program. Apart, because a finding takes a kilobyte of the program's stack.
#[inline(never)]
fn call_back(callback: usize) {
    let thread = crate::machine::this_thread();
    if CALLBACK.running.load(Relaxed) == thread {
        return;
    }
    let Some(finding) = last() else { return };
    // SAFETY: stored by `mapsan_set_callback` from this very type.
    let callback: mapsan_callback = unsafe { core::mem::transmute(callback) };
    if let Some(callback) = callback {
        CALLBACK.running.store(thread, Relaxed);
        // SAFETY: the program's own function, with a live finding and its own context.
        unsafe { callback(&raw const finding, CALLBACK.context.load(Relaxed)) };
        CALLBACK.running.store(0, Relaxed);
    }
}

/// The last new finding of the process, as the program gets it.
fn last() -> Option<mapsan_finding> {
    let mut given = mapsan_finding {
        rule: [0; 48],
        severity: mapsan_severity::MAPSAN_NOTE,
        error: 0,
        message: [0; 400],
        call_site: core::ptr::null(),
    };
    let known = finding::last(&mut |finding| {
        fill(&mut given.rule, finding.rule.as_str());
        fill(&mut given.message, finding.message.as_str());
        given.severity = match finding.severity {
            Severity::Note => mapsan_severity::MAPSAN_NOTE,
            Severity::Warning => mapsan_severity::MAPSAN_WARNING,
            Severity::Error => mapsan_severity::MAPSAN_ERROR,
        };
        given.error = finding.errno;
        given.call_site = core::ptr::with_exposed_provenance(finding.site.get());
    });
    known.then_some(given)
}

/// The version, such as "0.1.0".
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn mapsan_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Fills in the last new finding of the process. Returns 1, or 0 if there has been none or `finding` is NULL.
///
/// # Safety
/// `finding` must be NULL or point to a `struct mapsan_finding` that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mapsan_last_finding(finding: *mut mapsan_finding) -> c_int {
    match last() {
        Some(last) if !finding.is_null() => {
            // SAFETY: the caller upholds the contract.
            unsafe { finding.write(last) };
            1
        }
        _ => 0,
    }
}

/// Sets the function that is called after each new finding, NULL for none, and returns the one before. The context is
/// handed through.
#[unsafe(no_mangle)]
pub extern "C" fn mapsan_set_callback(callback: mapsan_callback, context: *mut c_void) -> mapsan_callback {
    CALLBACK.context.store(context, Relaxed);
    let before = CALLBACK.function.swap(callback.map_or(0, |callback| callback as usize), AcqRel);
    // SAFETY: 0, which is `None`, or stored by an earlier call from this very type.
    unsafe { core::mem::transmute::<usize, mapsan_callback>(before) }
}

/// The number of findings of one severity so far in this process, repetitions not counted.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn mapsan_count(severity: c_int) -> c_ulong {
    let severity = usize::try_from(severity).ok().and_then(|index| Severity::ALL.get(index));
    severity.map_or(0, |severity| finding::count(*severity))
}

/// Writes to descriptor `fd` what is, or was, at `address`, as lines of text: the mapping and who made it, or the last
/// release there and who made that. Returns 1 if the address is mapped, 0 if not, and -1 if nothing could be written.
#[unsafe(no_mangle)]
pub extern "C" fn mapsan_describe_address(address: *const c_void, fd: c_int) -> c_int {
    let before = crate::plain::errno::get();
    let answer = explain::address(address as usize, fd);
    crate::plain::errno::set(before);
    answer
}

/// Writes the live mappings and attachments that the program has made, lowest first, one a line, to descriptor `fd`.
/// Returns how many there were, or -1 if not all could be written.
#[unsafe(no_mangle)]
pub extern "C" fn mapsan_dump_mappings(fd: c_int) -> c_long {
    let before = crate::plain::errno::get();
    let answer = explain::mappings(fd);
    crate::plain::errno::set(before);
    answer
}

/// Makes the findings of the rules at exit (`leak-mapping`, `leak-segment` and so on) now, for what is mapped, attached
/// and left at this moment. What has been reported is not reported again. Returns the number of new findings.
#[unsafe(no_mangle)]
pub extern "C" fn mapsan_check_leaks() -> c_ulong {
    let all = || Severity::ALL.into_iter().map(finding::count).fold(0, u64::wrapping_add);
    if crate::enabled::bits() == 0 {
        return 0;
    }
    let (before, errno) = (all(), crate::plain::errno::get());
    crate::check::leaks::find(crate::check::leaks::Moment::Now);
    crate::plain::errno::set(errno);
    all().wrapping_sub(before)
}

/// Does nothing: a place for a debugger's breakpoint, reached after each new finding on the stack of the call.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn mapsan_on_finding() {
    // Keeps the call from being optimised away.
    core::hint::black_box(());
}

/// The function that the program may define. In the header the twins of the calls stand before it, which the doors define
/// and the table of calls declares (src/call/calls.rs, xtask/tests/declared).
pub mod declared {
    use core::ffi::c_char;

    unsafe extern "C" {
        /// The program may define this: options in the form of `MAPSAN_OPTIONS`, which the environment overrides.
        /// It is called once, before main and before other constructors, or, in a program with a `.preinit_array`
        /// (as sanitizers have), at the first hooked call after that; it must only return a string.
        pub fn mapsan_default_options() -> *const c_char;
    }
}
