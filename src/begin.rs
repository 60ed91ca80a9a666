//! Entrances, the beginning: where the library reads its options, opens its log, and begins to check.
//!
//! A program that has options of its own (`mapsan_default_options`) and something in `.preinit_array` is asked for them when
//! that has run: at its first call, or at its end.

use crate::clib::{self, weak};
use crate::enabled::{self, CONTENTS, ENABLED, HARDENED, WAITS};
use crate::facts::{Module, alternate, environment, mapping};
use crate::finding::{self, suppress};
use crate::options::{self, Form, Settings};
use crate::output::sink::{self, LogError};
use crate::output::{self, ReportLock};
use crate::plain::guarded::{Guarded, Starting};
use crate::signal::disposition;
use crate::sys::{Errno, process};
use crate::{clock, form, harden, inject};
use core::ffi::CStr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// What the environment says.
pub(crate) struct Environment {
    pub(crate) options: Option<&'static CStr>,
    pub(crate) no_color: bool,
    pub(crate) dumb_terminal: bool,
    /// `LD_PRELOAD`.
    pub(crate) preload: Option<&'static CStr>,
    /// Where the array of all its strings lies: libc's `environ` is null when the library is initialised first.
    pub(crate) strings: usize,
    /// Why there is no /proc; 0 if there is one.
    pub(crate) without_proc: Errno,
    /// Whether the program is a secure-execution one, whose environment is not listened to.
    is_secure: bool,
}

impl Environment {
    /// One that says nothing.
    pub(crate) const EMPTY: Environment = Environment {
        options: None,
        no_color: false,
        dumb_terminal: false,
        preload: None,
        strings: 0,
        without_proc: 0,
        is_secure: false,
    };
    /// That of a secure-execution program (`AT_SECURE`).
    pub(crate) const SECURE: Environment = Environment { is_secure: true, ..Environment::EMPTY };
}

/// Reads the options and begins to check: now, or at the first call after the program is ready to be asked for its own.
pub(crate) fn when_ready(starting: &Starting, environment: Environment) {
    if weak::default_options().is_none() || clib::program_is_ready() {
        if let Ok(lock) = output::enter() {
            configure_and_begin(&lock, starting, &environment);
            lock.leave();
        }
    } else {
        // SAFETY: let go of at once.
        *unsafe { LATER.get(starting) } = environment;
        ENABLED.store(WAITS, Release);
    }
}

/// As [`enabled::bits`], at the beginning of a call: where checking waits for the program, it begins when the program is ready.
#[inline]
pub(crate) fn enabled_when_ready() -> u32 {
    let enabled = enabled::bits();
    if enabled & WAITS == 0 { enabled } else { begin_late() }
}

/// The environment, for a beginning that waits for the program.
static LATER: Guarded<Environment, Starting> = Guarded::new(Environment::EMPTY);

/// Begins if the program is ready for it now; calls of other threads are made raw meanwhile. Called from
/// a hook, on a stack of any size.
#[cold]
#[inline(never)]
fn begin_late() -> u32 {
    if clib::program_is_ready()
        && ENABLED.compare_exchange(WAITS, 0, Acquire, Relaxed).is_ok()
        && let Ok(lock) = output::enter()
    {
        // SAFETY: the one thread that has taken the bit of ENABLED.
        let starting = unsafe { Starting::new() };
        // SAFETY: let go of at once.
        let environment = core::mem::replace(unsafe { LATER.get(&starting) }, Environment::EMPTY);
        let before = crate::plain::errno::get();
        output::on_own_stack(&lock, &mut || configure_and_begin(&lock, &starting, &environment));
        lock.leave();
        crate::plain::errno::set(before);
    }
    ENABLED.load(Relaxed) & !WAITS
}

fn configure_and_begin(lock: &ReportLock, starting: &Starting, environment: &Environment) {
    let fill = |settings: &mut Settings| configure(lock, starting, settings, environment);
    // SAFETY: what is called there is given the settings, and the hooks look at none yet.
    if unsafe { options::fill_in(starting, fill) } {
        begin(lock, starting, environment);
    }
}

/// Reads the options and opens the log; false if this executable is not to be checked.
fn configure(lock: &ReportLock, starting: &Starting, settings: &mut Settings, environment: &Environment) -> bool {
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
    if let (Some(ordered), Some(preload)) = (&mut settings.ordered, environment.preload) {
        ordered.preload.push_bytes(preload.to_bytes());
    }
    sink::use_prefix(settings.prefix);
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
    if !environment.is_secure && settings.names_files {
        open_files(lock, starting, settings, environment, &mut warn);
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
fn begin(lock: &ReportLock, starting: &Starting, environment: &Environment) {
    let enabled = options::settings().enabled_bits();
    if enabled & (HARDENED | CONTENTS) != 0 {
        harden::prepare();
    }
    clock::start();
    form::prepare_unwinder();
    inject::prepare(lock);
    ENABLED.store(enabled, Release);
    // Who reads records learns at once that not all can be checked; a text tells of it when something was not.
    if environment.without_proc != 0 && options::settings().form == Form::Json {
        mapping::note_unreadable(environment.without_proc);
    }
    write_start(lock, starting);
    finding::expect_programs(environment.preload);
    explain_faults(lock);
}

/// Writes the first record. Whether there is a socket that takes records was not tried before.
fn write_start(lock: &ReportLock, starting: &Starting) {
    let Err(errno) = finding::write_start(lock, false) else { return };
    // A command that has ended before this process began, or is busy, is no trouble of the program's.
    if sink::is_socket(lock) && errno != libc::ECONNREFUSED && errno != libc::EAGAIN {
        let log = options::settings().log_path.as_str();
        refuse_log(lock, starting, log.as_bytes(), &LogError::Errno(errno));
        let _ = finding::write_start(lock, true);
    }
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
    // A sanitizer asks the kernel itself whether a thread has an alternate stack, and takes what it finds for large enough.
    if weak::sanitizer().is_none() {
        alternate::begin();
    }
}

fn parse(settings: &mut Settings, source: &str, text: &CStr, warn: options::Warn<'_>) {
    match text.to_str() {
        Ok(text) => settings.parse(source, text, warn),
        Err(_) => warn(&format_args!("{source} is not UTF-8 and was not read")),
    }
}

/// Reads the suppressions and opens the log, and goes on without what can't be had.
fn open_files(
    lock: &ReportLock,
    starting: &Starting,
    settings: &mut Settings,
    environment: &Environment,
    warn: options::Warn<'_>,
) {
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
            Err(suppress::SuppressionError::TooLarge) => {
                warn(&format_args!("suppressions={shown} was not read: it is larger than 64 KiB"));
            }
            Err(suppress::SuppressionError::Unreadable(errno)) => warn(&format_args!(
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
    let strings = core::ptr::with_exposed_provenance(environment.strings);
    let variable = |name: &[u8]| environment::variable(strings, name);
    if let Err(trouble) = sink::use_log(lock, log.as_bytes(), &variable, settings.form == Form::Json) {
        refuse_log(lock, starting, log.as_bytes(), &trouble);
    }
}

/// Says why the log can't be used: findings go to standard error.
fn refuse_log(lock: &ReportLock, starting: &Starting, log: &[u8], trouble: &LogError) {
    sink::use_stderr(lock, starting);
    let shown = crate::plain::escape::Escaped(log);
    sink::say(
        lock,
        format_args!(
            "log_path={shown} can't be written ({trouble}); findings go to standard error. It takes 'stderr' or a file that \
             can be written, not a symbolic link"
        ),
    );
}
