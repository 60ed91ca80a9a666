//! The start: where the library finds its way, reads its options, and begins to check.
//!
//! Until then every call is made raw. That covers allocators that map memory before any constructor has run, and
//! resolvers (IFUNC) that run before this library itself is relocated.
//!
//! The start comes before the program's own: nothing of the program's is called in it, nor anything that a program or a
//! sanitizer may define (see `clib`). A program that has options of its own (`mapsan_default_options`) and something in
//! `.preinit_array` is asked for them when that has run: at its first call, or at its end.

use crate::facts::{self, Module};
use crate::fault::disposition;
use crate::options::{self, Form, Mode, Settings};
use crate::report::{self, Section, sink, suppress};
use crate::{clib, clock, exit, harden, next, process, weak};
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};
use core::ptr;
use core::sync::atomic::{
    AtomicU32,
    Ordering::{Acquire, Relaxed, Release},
};
use mapsan_model::Rule;

/// Bit of [`watch`]: calls are checked.
pub(crate) const CHECK: u32 = 1;
/// Bit of [`watch`]: calls are checked before they are made, too.
pub(crate) const ENFORCE: u32 = 2;
/// Bit of [`watch`]: a rule about successful calls that is off by default is on.
pub(crate) const OPT_IN: u32 = 4;

/// Bit of [`watch`]: what is mapped is tracked.
pub(crate) const TRACK: u32 = 8;
/// Bit of [`watch`]: more than the call site is remembered of each mapping.
pub(crate) const SITES: u32 = 16;
/// Bit of [`watch`]: there are guards on either side of new mappings.
pub(crate) const GUARD: u32 = 32;
/// Bit of [`watch`]: what is released stays reserved for a while.
pub(crate) const QUARANTINE: u32 = 64;
/// Bit of [`watch`]: the rest of the last page of a mapping is looked at when it goes.
pub(crate) const TAIL: u32 = 128;
/// Bit of [`watch`]: private file mappings are looked at when they go.
pub(crate) const PRIVATE: u32 = 256;
/// Bits of [`watch`]: the library may hold addresses of its own.
pub(crate) const HARDENED: u32 = GUARD | QUARANTINE;
/// Bits of [`watch`]: the contents of a mapping are looked at when it goes.
pub(crate) const CONTENTS: u32 = TAIL | PRIVATE;

/// Bit of [`WATCH`], alone: the program is to be asked for its options when it is ready.
const WAITS: u32 = 512;

/// What [`watch`] reads, and the doors of calls that concern hardened mode alone.
pub(crate) static WATCH: AtomicU32 = AtomicU32::new(0);

/// What the hooks look at; 0 before start, and in a program that is not covered.
#[inline]
pub(crate) fn watch() -> u32 {
    WATCH.load(Relaxed)
}

/// As [`watch`], at the beginning of a call: a start that waits for the program goes on when the program is ready.
#[inline]
pub(crate) fn watch_from_here() -> u32 {
    let watch = watch();
    if watch & WAITS == 0 { watch } else { start_late() }
}

/// Whether what is mapped is tracked.
pub(crate) fn tracks() -> bool {
    watch() & TRACK != 0
}

/// Turns tracking on, and nothing else, in the tests.
#[cfg(test)]
pub(crate) fn track_in_tests() {
    WATCH.store(TRACK, Relaxed);
}

/// Ends tracking; whether it had not ended before.
pub(crate) fn stop_tracking() -> bool {
    WATCH.fetch_and(!TRACK, Relaxed) & TRACK != 0
}

/// Ends what some bits of [`watch`] stand for.
pub(crate) fn stop_watching(bits: u32) {
    WATCH.fetch_and(!bits, Relaxed);
}

/// A pointer that the loader fills in when it relocates this library.
struct Anchor(*const AtomicU32);

// SAFETY: never written, and only compared.
unsafe impl Sync for Anchor {}

static ANCHOR: Anchor = Anchor(&raw const WATCH);

/// Whether the loader has relocated this library: before that, nothing outside it can be reached, `errno` included.
pub(crate) fn is_relocated() -> bool {
    // SAFETY: a live static; volatile, since the compiler knows the value that the loader has yet to write.
    let anchor = unsafe { ptr::read_volatile(&raw const ANCHOR.0) };
    ptr::eq(anchor, &raw const WATCH)
}

/// What the loader calls; glibc passes the arguments of main to constructors.
type Constructor = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".init_array")]
static START: Constructor = start;

#[cfg_attr(test, expect(dead_code, reason = "the tests run without the hooks"))]
extern "C" fn start(_count: c_int, arguments: *const *const c_char, environment: *const *const c_char) {
    let before = crate::errno::get();
    // Memory that is read before it is written to costs two faults.
    WATCH.store(0, Relaxed);
    clib::find();
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    facts::set_page_size(usize::try_from(unsafe { libc::getauxval(libc::AT_PAGESZ) }).unwrap_or(4096));
    crate::interpose::prepare();
    next::resolve();
    // SAFETY: glibc's argv, or null from another libc.
    let name = unsafe { strings(arguments) }.next().map_or(&b""[..], CStr::to_bytes);
    process::identify(name);
    // SAFETY: getauxval(3), as above.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    // SAFETY: glibc's environ, or null from another libc.
    let variables = unsafe { strings(environment) };
    let environment = if secure { Environment::NONE } else { read_environment(variables) };
    exit::register();
    if weak::default_options().is_none() || clib::program_is_ready() {
        if let Ok(section) = report::enter() {
            configure_and_begin(&section, &environment, secure);
            section.leave();
        }
    } else {
        LATER.keep(environment, secure);
        WATCH.store(WAITS, Release);
    }
    crate::errno::set(before);
}

/// What a start that waits for the program needs.
struct Later(UnsafeCell<(Environment, bool)>);

// SAFETY: written before WATCH is stored, and taken by the one thread that changes it then.
unsafe impl Sync for Later {}

static LATER: Later = Later(UnsafeCell::new((Environment::NONE, false)));

impl Later {
    fn keep(&self, environment: Environment, secure: bool) {
        // SAFETY: start runs once, on one thread, before WATCH tells anybody.
        let place = unsafe { &mut *self.0.get() };
        *place = (environment, secure);
    }

    fn take(&self) -> (Environment, bool) {
        // SAFETY: the one thread that has taken the bit of WATCH.
        let place = unsafe { &mut *self.0.get() };
        core::mem::replace(place, (Environment::NONE, false))
    }
}

/// Goes on with the start if the program is ready for it now; calls of other threads are made raw meanwhile. Called from
/// a hook, on a stack of any size.
#[cold]
#[inline(never)]
fn start_late() -> u32 {
    if clib::program_is_ready()
        && WATCH.compare_exchange(WAITS, 0, Acquire, Relaxed).is_ok()
        && let Ok(section) = report::enter()
    {
        let (environment, secure) = LATER.take();
        let before = crate::errno::get();
        report::on_own_stack(&section, &mut || configure_and_begin(&section, &environment, secure));
        section.leave();
        crate::errno::set(before);
    }
    WATCH.load(Relaxed) & !WAITS
}

fn configure_and_begin(section: &Section, environment: &Environment, secure: bool) {
    // SAFETY: this runs once, on one thread, before WATCH lets the hooks look at the settings.
    let settings = unsafe { options::settings_at_start() };
    if configure(section, settings, environment, secure) {
        begin(section);
    }
}

/// What the environment says.
struct Environment {
    options: Option<&'static CStr>,
    no_color: bool,
    dumb_terminal: bool,
}

impl Environment {
    /// One that says nothing.
    const NONE: Environment = Environment { options: None, no_color: false, dumb_terminal: false };
}

/// The strings of a null-terminated array, none if it is null.
///
/// # Safety
/// `array` must be null, or such an array, that lives for ever.
unsafe fn strings(array: *const *const c_char) -> impl Iterator<Item = &'static CStr> {
    let mut next = array;
    core::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: inside the array, as its closing null has not been passed.
        let string = unsafe { *next };
        if string.is_null() {
            return None;
        }
        next = next.wrapping_add(1);
        // SAFETY: a string of argv or environ.
        Some(unsafe { CStr::from_ptr(string) })
    })
}

fn read_environment(variables: impl Iterator<Item = &'static CStr>) -> Environment {
    let mut environment = Environment::NONE;
    for variable in variables {
        let bytes = variable.to_bytes_with_nul();
        if let Some(options) = bytes.strip_prefix(b"MAPSAN_OPTIONS=") {
            environment.options = CStr::from_bytes_with_nul(options).ok();
        }
        environment.no_color |= bytes.strip_prefix(b"NO_COLOR=").is_some_and(|value| value.len() > 1);
        environment.dumb_terminal |= bytes == b"TERM=dumb\0";
    }
    environment
}

/// Reads the options and opens the log; false if this executable is not to be checked.
fn configure(section: &Section, settings: &mut Settings, environment: &Environment, secure: bool) -> bool {
    settings.set_defaults();
    sink::use_stderr(section);
    let mut complain = |text: &dyn core::fmt::Display| sink::say(section, format_args!("{text}"));
    if let Some(defaults) = weak::default_options() {
        // SAFETY: the program's own function, which takes nothing and returns a string or null.
        let defaults = unsafe { defaults() };
        if !defaults.is_null() {
            // SAFETY: a string, by the function's contract.
            let text = unsafe { CStr::from_ptr(defaults) };
            parse(settings, "mapsan_default_options()", text, &mut complain);
        }
    }
    if let Some(text) = environment.options {
        parse(settings, "MAPSAN_OPTIONS", text, &mut complain);
    }
    let name = core::str::from_utf8(process::executable_name()).unwrap_or_default();
    if !settings.covers(name) {
        if settings.verbosity > 0 {
            complain(&format_args!("not checking '{name}', by only= or skip="));
        }
        return false;
    }
    if settings.help {
        options::table(&mut complain);
    }
    // A secure-execution program opens no file by anybody's word.
    if !secure && settings.names_files {
        open_files(section, settings, &mut complain);
    }
    let unwanted = environment.no_color || environment.dumb_terminal;
    settings.choose_colour(sink::is_a_terminal(section), unwanted);
    if settings.verbosity > 0 {
        let version = env!("CARGO_PKG_VERSION");
        complain(&format_args!("version {version}, checking '{name}', pid {}", process::pid()));
    }
    true
}

/// Lets the hooks check, by the settings that are now in force.
fn begin(section: &Section) {
    let opt_in = [
        Rule::MmapPastEof,
        Rule::MmapAnonymousFd,
        Rule::MmapWritableExecutable,
        Rule::ShmatRemovedSegment,
        Rule::ShmgetWorldWritable,
    ];
    let mut watch = CHECK | TRACK;
    if opt_in.iter().any(|rule| options::is_on(*rule)) {
        watch |= OPT_IN;
    }
    if options::settings().mode == Mode::Enforce {
        watch |= ENFORCE;
    }
    if options::settings().site_depth > 1 {
        watch |= SITES;
    }
    if options::settings().harden != 0 {
        harden::prepare();
        watch |= options::settings().harden;
    }
    clock::start();
    report::prepare_unwinder();
    WATCH.store(watch, Release);
    report::write_start(section);
    explain_faults(section);
}

/// Puts the handler of faults in place, where that is wanted and changes nothing.
fn explain_faults(section: &Section) {
    let settings = options::settings();
    if !settings.handle_faults {
        return;
    }
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    let entry = usize::try_from(unsafe { libc::getauxval(libc::AT_ENTRY) }).unwrap_or(0);
    // The Go runtime asks the kernel itself for the handlers before its own, and forwards to them what it would explain.
    if Module::find(entry).is_some_and(|program| program.is_go()) {
        if settings.verbosity > 0 {
            sink::say(section, format_args!("faults are not explained: the Go runtime has handlers of its own"));
        }
        return;
    }
    disposition::take();
}

fn parse(settings: &mut Settings, source: &str, text: &CStr, complain: options::Complain<'_>) {
    match text.to_str() {
        Ok(text) => settings.parse(source, text, complain),
        Err(_) => complain(&format_args!("{source} is not UTF-8 and was not read")),
    }
}

/// Reads the suppressions and opens the log, and goes on without what can't be had.
fn open_files(section: &Section, settings: &mut Settings, complain: options::Complain<'_>) {
    if settings.suppressions.len() > 0 {
        settings.suppressions.push_bytes(b"\0");
        let path = CStr::from_bytes_until_nul(settings.suppressions.as_bytes()).unwrap_or(c"");
        let shown = crate::escape::Escaped(path.to_bytes());
        match suppress::load(path) {
            Ok(()) => suppress::malformed(|line, rule| {
                complain(&format_args!(
                    "suppressions={shown}: line {line} ('{rule}') is not rule:pattern with a rule of 'mapsan rules'"
                ));
            }),
            Err(suppress::Trouble::TooLarge) => {
                complain(&format_args!("suppressions={shown} was not read: it is larger than 64 KiB"));
            }
            Err(suppress::Trouble::Unreadable(errno)) => complain(&format_args!(
                "suppressions={shown} can't be read ({}: {}); it takes a file that can be read",
                crate::call::ErrnoName(errno),
                crate::errno::meaning(errno)
            )),
        }
    }
    let log = settings.log_path.as_str();
    if log.is_empty() || log == "stderr" {
        return;
    }
    if let Err(trouble) = sink::use_log(section, log.as_bytes(), settings.form == Form::Json) {
        sink::use_stderr(section);
        let shown = crate::escape::Escaped(log.as_bytes());
        complain(&format_args!(
            "log_path={shown} can't be written ({trouble}); findings go to standard error. It takes 'stderr' or a \
             file that can be written, not a symbolic link"
        ));
    }
}
