//! The calls that led to a finding.

use crate::facts::Site;
use crate::machine::{Access, Registers};
use crate::options::{self, MOST_FRAMES as MOST};
use crate::output::with_fault_recovery;
use crate::plain::hash::mix;
use crate::plain::{OUTER_FRAMES, Outer, errno};
use core::ffi::{c_int, c_void};
use core::ptr;

/// Addresses inside the calling instructions, innermost first.
pub(crate) struct Frames {
    addresses: [usize; MOST],
    length: usize,
}

impl Frames {
    /// The frame of one call site, by its return address.
    pub(crate) fn of_site(site: usize) -> Frames {
        let mut frames = Frames { addresses: [0; MOST], length: 0 };
        // The return address is the next instruction, which may belong to the next line or even function.
        frames.push(site.wrapping_sub(1));
        frames
    }

    /// A call site and the calls around it that were remembered.
    pub(crate) fn of_site_within(site: usize, outer: &Outer) -> Frames {
        let mut frames = Frames::of_site(site);
        for address in outer.0.iter().take_while(|address| **address != 0) {
            frames.push(*address);
        }
        frames
    }

    /// The frames from the call that returns to `site` outwards, at most `depth`; that call alone where the unwinder
    /// does not come past it (code without call frame information).
    pub(crate) fn walk(site: usize, depth: usize) -> Frames {
        let mut walk = Walk::from(site, depth.min(MOST));
        walk.run();
        if walk.frames.length == 0 { Frames::of_site(site) } else { walk.frames }
    }

    /// The frames from the instruction that faulted outwards, at most `depth`; as many as can be had of a stack that may be
    /// broken.
    pub(crate) fn of_fault(registers: Registers, depth: usize) -> Frames {
        let instruction = registers.instruction();
        let depth = depth.min(MOST);
        let mut walk = Walk::from(instruction, depth);
        if registers.access() == Access::Execute
            && let Some(caller) = registers.caller()
        {
            // Nothing is known of code that is not there: on to who called it.
            walk.frames.push(instruction);
            let mut above = Walk::from(caller, depth.saturating_sub(1));
            let (instruction, stack) = registers.pretend_returned(caller);
            with_fault_recovery(|| above.run());
            registers.go_on(instruction, stack);
            // What looks like the address of an interrupted instruction is a return address.
            for (index, address) in above.frames.addresses().iter().enumerate() {
                walk.frames.push(if index == 0 { address.wrapping_sub(1) } else { *address });
            }
            return walk.frames;
        }
        with_fault_recovery(|| walk.run());
        if walk.frames.length == 0 {
            walk.frames.push(instruction);
        }
        walk.frames
    }

    fn push(&mut self, address: usize) {
        if let Some(place) = self.addresses.get_mut(self.length) {
            *place = address;
            self.length = self.length.wrapping_add(1);
        }
    }

    /// Leaves out what is further out than so many frames.
    pub(crate) fn cut(&mut self, depth: usize) {
        self.length = self.length.min(depth);
    }

    /// A number that is the same for the same calls in each run: of the objects and the places in them. What the C library
    /// and the loader have done before the program, between its functions, and to start a thread is left out, and so is code
    /// that lies in no object.
    pub(crate) fn hash(&self) -> u32 {
        // SAFETY: getauxval(3) reads what the kernel left on the stack.
        let entry = usize::try_from(unsafe { libc::getauxval(libc::AT_ENTRY) }).unwrap_or(0);
        let is_start = |address: usize| address.wrapping_sub(entry) < START;
        let hash = self.addresses().iter().filter(|address| !is_start(**address)).fold(0_u64, |hash, address| {
            let site = Site::at(*address);
            if !site.is_in_object() || site.is_of_system() {
                return hash;
            }
            let named = site.name().iter().fold(hash, |hash, byte| mix(hash ^ u64::from(*byte)));
            mix(named ^ site.offset() as u64)
        });
        u32::try_from(hash >> 32).unwrap_or(0)
    }

    /// The addresses.
    pub(crate) fn addresses(&self) -> &[usize] {
        self.addresses.get(..self.length).unwrap_or_default()
    }
}

/// The longest code at a program's entry that calls the C library.
const START: usize = 64;

/// The calls around the one that returns to `site`, as many as `site_depth` asks for.
#[cold]
#[inline(never)]
pub(crate) fn outer(site: usize) -> Outer {
    let before = errno::get();
    let depth = options::settings().site_depth.min(OUTER_FRAMES.wrapping_add(1));
    let frames = Frames::walk(site, depth);
    let mut outer = Outer::NONE;
    for (place, address) in outer.0.iter_mut().zip(frames.addresses().iter().skip(1)) {
        *place = *address;
    }
    errno::set(before);
    outer
}

/// Lets the unwinder fill its tables, at start: it does so once, under a `pthread_once`, which may neither wait nor make
/// a system call later, in a hook. Where that is our own, it does neither, and a process that finds nothing need not pay for it.
pub(crate) fn prepare() {
    extern "C" fn stop(_context: *mut c_void, _argument: *mut c_void) -> c_int {
        STOP
    }

    #[cfg(not(test))]
    if crate::clib::is_once_own() {
        return;
    }
    // SAFETY: `stop` fits _Unwind_Trace_Fn, and looks at nothing.
    unsafe { _Unwind_Backtrace(stop, ptr::null_mut()) };
}

/// The state of one walk.
struct Walk {
    frames: Frames,
    site: usize,
    depth: usize,
    steps: usize,
}

impl Walk {
    fn from(site: usize, depth: usize) -> Walk {
        Walk { frames: Frames { addresses: [0; MOST], length: 0 }, site, depth, steps: 0 }
    }

    /// Unwinds, if the unwinder can.
    fn run(&mut self) {
        if !crate::clib::finds_itself() {
            return;
        }
        // SAFETY: `step` fits _Unwind_Trace_Fn, and `self` lives as long as the call.
        unsafe { _Unwind_Backtrace(step, ptr::from_mut(self).cast()) };
    }
}

const CONTINUE: c_int = 0; // _URC_NO_REASON
const STOP: c_int = 5; // _URC_END_OF_STACK

/// Frames between the report and the program's call: the runtime's own.
const OWN_FRAMES: usize = 32;

extern "C" fn step(context: *mut c_void, walk: *mut c_void) -> c_int {
    // SAFETY: `walk` is what `Frames::walk` handed to the unwinder, and nobody else holds it meanwhile.
    let walk = unsafe { &mut *walk.cast::<Walk>() };
    let mut before_instruction: c_int = 0;
    // SAFETY: the unwinder passes a valid context; the flag is a live int.
    let address = unsafe { _Unwind_GetIPInfo(context, &raw mut before_instruction) };
    if walk.frames.length == 0 && address != walk.site {
        walk.steps = walk.steps.wrapping_add(1);
        return if walk.steps > OWN_FRAMES { STOP } else { CONTINUE };
    }
    if address == 0 || walk.frames.length >= walk.depth {
        return STOP;
    }
    // The address of a frame that a signal interrupted is that of the instruction itself.
    walk.frames.push(if before_instruction == 0 { address.wrapping_sub(1) } else { address });
    CONTINUE
}

// The unwinder of libgcc_s (in a static program, libgcc_eh): no allocation, and no lock beyond the loader's.
unsafe extern "C" {
    fn _Unwind_Backtrace(step: extern "C" fn(*mut c_void, *mut c_void) -> c_int, argument: *mut c_void) -> c_int;
    fn _Unwind_GetIPInfo(context: *mut c_void, before_instruction: *mut c_int) -> usize;
}
