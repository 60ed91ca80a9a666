//! Semaphore sets and message queues that this process has made and that outlive it. The kernel is asked for each of them;
//! one finding tells of all that one call has made.

use super::{LISTED, Moment, finding};
use crate::call::{IpcGet, Key};
use crate::facts;
use crate::past::ipc::{self, Met};
use crate::past::keys;
use crate::plain::Outer;
use crate::plain::ipc::Kind;
use crate::sys;
use core::fmt::{self, Display};
use mapsan_model::{Rule, Severity};

/// Makes the findings about sets and queues.
pub(super) fn find(moment: Moment) {
    let own = sys::getpid();
    ipc::mark_left(|met| {
        let is_kept = met.maker == Some(own) && met.removal.is_none();
        is_kept && facts::ipc::any_by_id(met.kind, met.id).is_some_and(|now| now.key == met.key)
    });
    for met in ipc::left() {
        let of_site = |other: &Met| (other.kind, other.site) == (met.kind, met.site);
        if ipc::left().find(of_site).is_some_and(|first| first.id == met.id) {
            tell(&met, moment);
        }
    }
}

/// Those of a call site that are left.
fn left_of(kind: Kind, site: usize) -> impl Iterator<Item = Met> {
    ipc::left().filter(move |met| (met.kind, met.site) == (kind, site))
}

/// Shows those of a call site, each with something before its id.
struct Ids {
    kind: Kind,
    site: usize,
    separator: &'static str,
    before: fmt::Arguments<'static>,
}

impl Display for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, met) in left_of(self.kind, self.site).take(LISTED).enumerate() {
            write!(f, "{}{}{}", if place == 0 { "" } else { self.separator }, self.before, met.id)?;
        }
        match left_of(self.kind, self.site).nth(LISTED) {
            Some(_) => f.write_str(" and so on"),
            None => Ok(()),
        }
    }
}

fn tell(met: &Met, moment: Moment) {
    let Met { kind, id, key, flags, count, site, .. } = *met;
    let rule = if kind == Kind::Set { Rule::LeakSemaphore } else { Rule::LeakQueue };
    let call = IpcGet { kind, key, count, flags, made: true };
    finding(&call, id as isize, site, &Outer::NONE, |report| {
        report.finding(rule, Severity::Note, |draft| {
            let number = left_of(kind, site).count();
            if number <= 1 {
                draft.message(format_args!("{kind} {id}, made here, still exists{moment}"));
                match key {
                    libc::IPC_PRIVATE => {
                        draft.note(format_args!("its key is IPC_PRIVATE: it can be found by its id alone"));
                    }
                    key => draft.note(format_args!("its key is {}", Key(key))),
                }
            } else {
                let ids = Ids { kind, site, separator: ", ", before: format_args!("") };
                draft.message(format_args!("{number} {kind}s made here still exist{moment}: {ids}"));
            }
            if let Some(given) = keys::given(key) {
                draft.related("ftok", given.site(), format_args!("the ftok that gave the key"));
            }
            let each = if number <= 1 {
                "it is not meant to stay, remove it"
            } else {
                "they are not meant to stay, remove each"
            };
            let arguments = if kind == Kind::Set { "id, 0, IPC_RMID" } else { "id, IPC_RMID, NULL" };
            let control = kind.control();
            if facts::segment::is_namespace_shared() {
                let letter = if kind == Kind::Set { format_args!("-s ") } else { format_args!("-q ") };
                let ids = Ids { kind, site, separator: " ", before: letter };
                draft.help(format_args!(
                    "if {each} with {control}({arguments}) after its last use; by hand: ipcrm {ids}"
                ));
            } else {
                draft.help(format_args!("if {each} with {control}({arguments}) after its last use"));
            }
        });
    });
}
