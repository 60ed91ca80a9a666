//! Acting, by `inject=`: calls of the program's own are made to fail, or to give memory whose pages fail.
//!
//! A failure that was ordered takes the place of the call: nothing is called, and nothing is learned from it but that it was
//! injected, so that no rule looks for its cause. With `points=1` each call site is told when it is first reached, with its
//! stack; where `inject=` is given, too, those alone to which a failed result is given, so that a run in which one call fails
//! walks few stacks. All of it is away from the usual way of a call, which asks one bit ([`crate::enabled::INJECT`]).

mod counters;
mod memory;
mod orders;
mod points;

pub(crate) use memory::unback;
pub(crate) use orders::prepare;

use crate::call::{Call, Outcome};
use crate::facts::Site;
use crate::finding;
use crate::form::Reached;
use crate::output;
use crate::past::failures::{self, Failed};
use crate::plain::errno::{self, Errno};
use mapsan_model::Injectable;
use mapsan_model::injection::What;
use orders::{Hit, Orders};

/// The errno with which a call of the program's is to fail in place of being made, if that was ordered.
#[cold]
#[inline(never)]
pub(crate) fn failure(call: &dyn Call, return_address: usize) -> Option<Errno> {
    let before = errno::get();
    let mut failure = None;
    if let Some((site, hit)) = decide(call, return_address, true, |what| what.errno().is_some()) {
        failure = hit.what.errno();
        let errno = failure.unwrap_or(0);
        tell(call, Outcome::Injected(errno), return_address, &site, &hit);
        if let Some(kind) = Failed::of_function(call.function()) {
            failures::note_injected(kind, return_address, errno);
        }
    }
    errno::set(before);
    failure
}

/// The stack of a call, walked when it is first asked for.
struct Stack<'a> {
    reached: &'a Reached<'a>,
    is_walked: bool,
    hash: Option<u32>,
}

impl Stack<'_> {
    /// Whether it has this hash.
    fn is(&mut self, hash: u32) -> bool {
        if !self.is_walked {
            self.walk(false);
        }
        self.hash == Some(hash)
    }

    fn walk(&mut self, tells: bool) {
        (self.is_walked, self.hash) = (true, points::stack(self.reached, tells));
    }
}

/// The order that a call is hit by, among those that end so, if it is the program's own; with `points=1` its site is told
/// if it is to be.
fn decide(call: &dyn Call, return_address: usize, tells: bool, wanted: fn(What<'_>) -> bool) -> Option<(Site, Hit)> {
    let orders = Orders::get().filter(|_| !output::is_inside())?;
    let function = Injectable::from_name(call.function())?;
    let site = Site::of(return_address);
    if !orders.is_of_program(&site) {
        return None;
    }
    let reached = Reached { call, outcome: Outcome::Pending, return_address, site: &site, injected: None };
    let mut stack = Stack { reached: &reached, is_walked: false, hash: None };
    if tells && orders.want_point(call) {
        stack.walk(true);
    }
    let hit = orders.hit(function, &mut stack, wanted)?;
    Some((site, hit))
}

fn tell(call: &dyn Call, outcome: Outcome, return_address: usize, site: &Site, hit: &Hit) {
    let injected = Some((hit.what, hit.number));
    finding::write_injected(&Reached { call, outcome, return_address, site, injected });
}

#[cfg(test)]
mod tests {
    use crate::call::calls::for_each_call;
    use mapsan_model::Injectable;

    macro_rules! names {
        ($(
            #[doc = $page:literal]
            $name:ident($($argument:ident: $type:ty),* $(; $dots:tt $($more:ident: $more_type:ty),+)?) -> $result:ty {
                $($row:tt)*
            }
        )+) => {
            const NAMES: &[&str] = &[$(stringify!($name)),+];
        };
    }
    for_each_call!(names);

    /// Calls that are known by the name of another, or that start and end programs, set handlers, and make other calls.
    const OTHERS: [&str; 36] = [
        "thrd_create",
        "mmap64",
        "open64",
        "__open_2",
        "__open64_2",
        "openat64",
        "__openat_2",
        "__openat64_2",
        "creat64",
        "dlclose",
        "_exit",
        "_Exit",
        "quick_exit",
        "execve",
        "execv",
        "execvp",
        "execvpe",
        "execl",
        "execlp",
        "execle",
        "fexecve",
        "execveat",
        "posix_spawn",
        "posix_spawnp",
        "system",
        "popen",
        "sigaction",
        "signal",
        "bsd_signal",
        "ssignal",
        "sysv_signal",
        "__sysv_signal",
        "sigset",
        "sigaltstack",
        "prctl",
        "syscall",
    ];

    #[test]
    fn each_call_can_be_made_to_fail_or_is_known_not_to_be() {
        for name in NAMES {
            assert!(Injectable::from_name(name).is_some() != OTHERS.contains(name), "{name}");
        }
        for call in Injectable::all() {
            assert!(NAMES.contains(&call.name()), "{} is made to fail by nobody", call.name());
        }
    }
}
