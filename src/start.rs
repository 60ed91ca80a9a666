//! The start: where the library finds its way, reads its options, and begins to check.
//!
//! Until then every call is made raw. That covers allocators that map memory before any constructor has run, and
//! resolvers (IFUNC) that run before this library itself is relocated.
//!
//! The start comes before the program's own: nothing of the program's is called in it, nor anything that a program or a
//! sanitizer may define (see `clib`). A program that has options of its own (`mapsan_default_options`) and something in
//! `.preinit_array` is asked for them when that has run: at its first call, or at its end.

use crate::clib::{self, weak};
use crate::enabled::{self, CONTENTS, ENABLED, HARDENED, WAITS};
use crate::facts::Module;
use crate::finding::{self, suppress};
use crate::options::{self, Form, Settings};
use crate::output::{self, ReportLock, sink};
use crate::plain::guarded::{Guarded, Starting};
use crate::plain::page;
use crate::signal::disposition;
use crate::sys::process;
use crate::{api, clock, exit, form, harden, next};
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// As [`enabled::bits`], at the beginning of a call: a start that waits for the program goes on when the program is ready.
#[inline]
pub(crate) fn enabled_when_ready() -> u32 {
    let enabled = enabled::bits();
    if enabled & WAITS == 0 { enabled } else { start_late() }
}

/// What the loader calls; glibc passes the arguments of main to constructors.
type Constructor = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".init_array")]
static START: Constructor = start;

#[cfg_attr(test, expect(dead_code, reason = "the tests run without the hooks"))]
extern "C" fn start(_count: c_int, arguments: *const *const c_char, environment: *const *const c_char) {
    let before = crate::plain::errno::get();
    // Memory that is read before it is written to costs two faults.
    ENABLED.store(0, Relaxed);
    clib::find();
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    page::set_page_size(usize::try_from(unsafe { libc::getauxval(libc::AT_PAGESZ) }).unwrap_or(4096));
    crate::machine::prepare();
    next::resolve();
    // SAFETY: glibc's argv, or null from another libc.
    let name = unsafe { strings(arguments) }.next().map_or(&b""[..], CStr::to_bytes);
    // SAFETY: the loader calls this once, before the program has a thread whose calls are not made raw.
    let starting = unsafe { Starting::new() };
    process::identify(&starting, name);
    // SAFETY: getauxval(3), as above.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    // SAFETY: glibc's environ, or null from another libc.
    let variables = unsafe { strings(environment) };
    let environment = if secure { Environment::NONE } else { read_environment(variables) };
    exit::register();
    finding::listen(api::announce);
    if weak::default_options().is_none() || clib::program_is_ready() {
        if let Ok(lock) = output::enter() {
            configure_and_begin(&lock, &starting, &environment, secure);
            lock.leave();
        }
    } else {
        // SAFETY: let go of at once.
        *unsafe { LATER.get(&starting) } = (environment, secure);
        ENABLED.store(WAITS, Release);
    }
    crate::plain::errno::set(before);
}

/// What a start that waits for the program needs: the environment, and whether the program is a secure-execution one.
static LATER: Guarded<(Environment, bool), Starting> = Guarded::new((Environment::NONE, false));

/// Goes on with the start if the program is ready for it now; calls of other threads are made raw meanwhile. Called from
/// a hook, on a stack of any size.
#[cold]
#[inline(never)]
fn start_late() -> u32 {
    if clib::program_is_ready()
        && ENABLED.compare_exchange(WAITS, 0, Acquire, Relaxed).is_ok()
        && let Ok(lock) = output::enter()
    {
        // SAFETY: the one thread that has taken the bit of ENABLED.
        let starting = unsafe { Starting::new() };
        // SAFETY: let go of at once.
        let (environment, secure) = core::mem::replace(unsafe { LATER.get(&starting) }, (Environment::NONE, false));
        let before = crate::plain::errno::get();
        output::on_own_stack(&lock, &mut || configure_and_begin(&lock, &starting, &environment, secure));
        lock.leave();
        crate::plain::errno::set(before);
    }
    ENABLED.load(Relaxed) & !WAITS
}

fn configure_and_begin(lock: &ReportLock, starting: &Starting, environment: &Environment, secure: bool) {
    let fill = |settings: &mut Settings| configure(lock, starting, settings, environment, secure);
    // SAFETY: what is called there is given the settings, and the hooks look at none yet.
    if unsafe { options::fill_in(starting, fill) } {
        begin(lock);
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
fn configure(
    lock: &ReportLock,
    starting: &Starting,
    settings: &mut Settings,
    environment: &Environment,
    secure: bool,
) -> bool {
    settings.set_defaults();
    sink::use_stderr(lock, starting);
    let mut warn = |text: &dyn core::fmt::Display| sink::say(lock, format_args!("{text}"));
    if let Some(defaults) = weak::default_options() {
        // SAFETY: the program's own function, which takes nothing and returns a string or null.
        let defaults = unsafe { defaults() };
        if !defaults.is_null() {
            // SAFETY: a string, by the function's contract.
            let text = unsafe { CStr::from_ptr(defaults) };
            parse(settings, "mapsan_default_options()", text, &mut warn);
        }
    }
    if let Some(text) = environment.options {
        parse(settings, "MAPSAN_OPTIONS", text, &mut warn);
    }
    let name = core::str::from_utf8(process::executable_name()).unwrap_or_default();
    if !settings.covers(name) {
        if settings.verbosity > 0 {
            warn(&format_args!("not checking '{name}', by only= or skip="));
        }
        return false;
    }
    if settings.help {
        options::table(&mut warn);
    }
    // A secure-execution program opens no file by anybody's word.
    if !secure && settings.names_files {
        open_files(lock, starting, settings, &mut warn);
    }
    let unwanted = environment.no_color || environment.dumb_terminal;
    settings.choose_colour(sink::is_a_terminal(lock), unwanted);
    if settings.verbosity > 0 {
        let version = env!("CARGO_PKG_VERSION");
        warn(&format_args!("version {version}, checking '{name}', pid {}", process::pid()));
    }
    true
}

/// Lets the hooks check, by the settings that are now in force.
fn begin(lock: &ReportLock) {
    let enabled = options::settings().enabled_bits();
    if enabled & (HARDENED | CONTENTS) != 0 {
        harden::prepare();
    }
    clock::start();
    form::prepare_unwinder();
    ENABLED.store(enabled, Release);
    finding::write_start(lock);
    explain_faults(lock);
}

/// Puts the handler of faults in place, where that is wanted and changes nothing.
fn explain_faults(lock: &ReportLock) {
    let settings = options::settings();
    if !settings.handle_faults {
        return;
    }
    // SAFETY: getauxval(3) reads what the kernel left on the stack.
    let entry = usize::try_from(unsafe { libc::getauxval(libc::AT_ENTRY) }).unwrap_or(0);
    // The Go runtime asks the kernel itself for the handlers before its own, and forwards to them what it would explain.
    if Module::find(entry).is_some_and(|program| program.is_go()) {
        if settings.verbosity > 0 {
            sink::say(lock, format_args!("faults are not explained: the Go runtime has handlers of its own"));
        }
        return;
    }
    disposition::take();
}

fn parse(settings: &mut Settings, source: &str, text: &CStr, warn: options::Warn<'_>) {
    match text.to_str() {
        Ok(text) => settings.parse(source, text, warn),
        Err(_) => warn(&format_args!("{source} is not UTF-8 and was not read")),
    }
}

/// Reads the suppressions and opens the log, and goes on without what can't be had.
fn open_files(lock: &ReportLock, starting: &Starting, settings: &mut Settings, warn: options::Warn<'_>) {
    if settings.suppressions.len() > 0 {
        settings.suppressions.push_bytes(b"\0");
        let path = CStr::from_bytes_until_nul(settings.suppressions.as_bytes()).unwrap_or(c"");
        let shown = crate::plain::escape::Escaped(path.to_bytes());
        match suppress::load(path) {
            Ok(()) => suppress::malformed(|line, rule| {
                warn(&format_args!(
                    "suppressions={shown}: line {line} ('{rule}') is not rule:pattern with a rule of 'mapsan rules'"
                ));
            }),
            Err(suppress::OpenError::TooLarge) => {
                warn(&format_args!("suppressions={shown} was not read: it is larger than 64 KiB"));
            }
            Err(suppress::OpenError::Unreadable(errno)) => warn(&format_args!(
                "suppressions={shown} can't be read ({}: {}); it takes a file that can be read",
                crate::plain::errno::ErrnoName(errno),
                crate::plain::errno::meaning(errno)
            )),
        }
    }
    let log = settings.log_path.as_str();
    if log.is_empty() || log == "stderr" {
        return;
    }
    if let Err(trouble) = sink::use_log(lock, log.as_bytes(), settings.form == Form::Json) {
        sink::use_stderr(lock, starting);
        let shown = crate::plain::escape::Escaped(log.as_bytes());
        warn(&format_args!(
            "log_path={shown} can't be written ({trouble}); findings go to standard error. It takes 'stderr' or a \
             file that can be written, not a symbolic link"
        ));
    }
}
