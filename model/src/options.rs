//! The options of `MAPSAN_OPTIONS`, declared once.
//!
//! The runtime parses by this list, `help=1` and `mapsan options` print it, and `mapsan run` checks its flags by it.

use crate::words;
use crate::words::Words;
use core::fmt;

/// What an option's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number in this range, both ends included.
    Number(u32, u32),
    /// 0 or 1.
    Flag,
    /// Rules or groups, comma-separated.
    Rules,
    /// `RULE=SEVERITY`, comma-separated.
    Severities,
    /// A file that exists.
    File,
    /// A file to write; `%p` is the pid, `%e` the executable, `%q{VAR}` a variable of the environment.
    Log,
    /// Words of this list, comma-separated, or `all`.
    Set(&'static [&'static str]),
    /// `CALL[@SITE]:WHAT[:WHEN]`, comma-separated.
    Injection,
    /// Executable names, comma-separated.
    Names,
}

impl fmt::Display for Values {
    /// What is allowed, as the end of a sentence "… takes".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Values::Words(words) => {
                for (index, word) in words.iter().enumerate() {
                    if index > 0 {
                        f.write_str(if index + 1 == words.len() { " or " } else { ", " })?;
                    }
                    f.write_str(word)?;
                }
                Ok(())
            }
            Values::Number(low, high) => write!(f, "a whole number from {low} to {high}"),
            Values::Flag => f.write_str("0 or 1"),
            Values::Rules => f.write_str(
                "comma-separated rules (see 'mapsan rules') or groups (correctness, portability, security, pedantic, \
                 leak, fault, all)",
            ),
            Values::Severities => f.write_str(
                "comma-separated RULE=SEVERITY, such as leak-segment=warning: a rule or group as for enable, and note, \
                 warning or error",
            ),
            Values::File => f.write_str("a file that can be read"),
            Values::Log => f.write_str("'stderr' or a file that can be written, not a symbolic link"),
            Values::Set(words) => {
                f.write_str("'all' or comma-separated words of ")?;
                for (index, word) in words.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    f.write_str(word)?;
                }
                Ok(())
            }
            Values::Injection => f.write_str(
                "CALL[@SITE]:WHAT[:WHEN], comma-separated: CALL a call or any; SITE module+0xOFFSET or a \
                 function, and #HASH for one stack; WHAT an errno of the call's manual page, another one as \
                 !EIO, sigbus or truncate; WHEN 3, 3+, 3..5, 2+2 or 3++",
            ),
            Values::Names => f.write_str("comma-separated names of executables"),
        }
    }
}

/// A word of `harden`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hardening {
    /// Guards on either side of new mappings.
    Guard,
    /// What is released stays reserved for a while.
    Quarantine,
    /// The rest of the last page of a mapping is looked at when it goes.
    Tail,
    /// Private file mappings are looked at when they go.
    Private,
}

impl Hardening {
    /// All words.
    pub const ALL: [Hardening; 4] = [Hardening::Guard, Hardening::Quarantine, Hardening::Tail, Hardening::Private];

    /// The names of all words, in their order.
    const NAMES: &'static [&'static str] = {
        let [guard, quarantine, tail, private] = Self::ALL;
        &[guard.name(), quarantine.name(), tail.name(), private.name()]
    };

    /// The word itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Hardening::Guard => "guard",
            Hardening::Quarantine => "quarantine",
            Hardening::Tail => "tail",
            Hardening::Private => "private",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Hardening> {
        Self::ALL.into_iter().find(|word| word.name() == name)
    }
}

/// What is declared of an option.
#[derive(Clone, Copy, Debug)]
pub struct OptionInfo {
    /// The key.
    pub name: &'static str,
    /// The built-in value, as it would be written; empty where there is none.
    pub default: &'static str,
    /// What the value may be.
    pub values: Values,
    /// Whether this version acts on it; one that it does not act on is named when it is set.
    pub available: bool,
    /// One line: what it does.
    pub meaning: &'static str,
}

macro_rules! declare {
    ($($variant:ident $name:literal = $default:literal, $values:expr, $available:literal, $meaning:literal;)+) => {
        /// An option's key.
        #[allow(clippy::doc_markdown, reason = "the meanings are shown on terminals, without backticks")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Key {
            $(#[doc = $meaning] $variant,)+
        }

        impl Key {
            /// Every key, in the order in which they are printed.
            pub const ALL: &'static [Key] = &[$(Key::$variant),+];

            /// What is declared of the option.
            #[must_use]
            #[inline(never)]
            pub fn info(self) -> OptionInfo {
                static NAMES: Words<{ Key::ALL.len() }> = words!($($name),+);
                static DEFAULTS: Words<{ Key::ALL.len() }> = words!($($default),+);
                static MEANINGS: Words<{ Key::ALL.len() }> = words!($($meaning),+);
                let index = self as usize;
                let (values, available) = match self {
                    $(Key::$variant => ($values, $available),)+
                };
                OptionInfo {
                    name: NAMES.get(index),
                    default: DEFAULTS.get(index),
                    values,
                    available,
                    meaning: MEANINGS.get(index),
                }
            }
        }
    };
}

declare! {
    Mode "mode" = "observe", Values::Words(&["observe", "enforce", "abort"]), true,
        "observe: outcomes untouched; enforce: a call that breaks an error or warning rule fails with its errno; \
         abort: report, then abort, at the first error";
    Level "level" = "note", Values::Words(&["note", "warning", "error"]), true,
        "lowest severity reported";
    Enable "enable" = "", Values::Rules, true,
        "rules or groups to turn on, comma-separated (groups: correctness, portability, security, \
         pedantic, leak, fault, all)";
    Disable "disable" = "", Values::Rules, true,
        "rules or groups to turn off, comma-separated (groups as for enable)";
    Suppressions "suppressions" = "", Values::File, true,
        "a file of rule:pattern lines whose findings are not reported; a pattern names a module, a function or, under \
         the command, a source file; * and ? stand for anything, # starts a comment";
    LogPath "log_path" = "stderr", Values::Log, true,
        "where findings go: a file instead of standard error; %p is the pid, %e the executable, %q{VAR} a variable";
    LogFormat "log_format" = "text", Values::Words(&["text", "json"]), true,
        "the form of a finding";
    LogPrefix "log_prefix" = "none", Values::Words(&["none", "pid", "time"]), true,
        "what stands in front of each line of the library's own text, for logs that several processes share: nothing, the pid, or \
         the time (UTC) and the pid";
    Color "color" = "auto", Values::Words(&["auto", "always", "never"]), true,
        "colours in the text form; auto: when it goes to a terminal and NO_COLOR is not set";
    Exitcode "exitcode" = "0", Values::Number(0, 255), true,
        "exit status in place of 0 when findings of at least 'fail' severity were made; 0 leaves it alone";
    Fail "fail" = "warning", Values::Words(&["error", "warning", "note"]), true,
        "the lowest severity that counts for exitcode and --error-exitcode";
    Severity "severity" = "", Values::Severities, true,
        "another severity for the findings of a rule or group: RULE=SEVERITY, comma-separated; the last one for a rule \
         holds";
    StackDepth "stack_depth" = "16", Values::Number(1, 64), true,
        "frames in a finding";
    SiteDepth "site_depth" = "1", Values::Number(1, 16), true,
        "frames remembered for each live mapping";
    Leaks "leaks" = "1", Values::Flag, true,
        "the at-exit rules";
    HandleFaults "handle_faults" = "1", Values::Flag, true,
        "explain SIGSEGV and SIGBUS";
    Harden "harden" = "", Values::Set(Hardening::NAMES), true,
        "checks that change where or how memory is mapped";
    Inject "inject" = "", Values::Injection, true,
        "make calls of the program's own fail, or the memory that they give";
    InjectCounts "inject_counts" = "", Values::File, true,
        "set by the command: the file by which the processes of a run count together";
    Points "points" = "0", Values::Flag, true,
        "set by the command: 1 tells of each call site that inject= could make fail";
    Only "only" = "", Values::Names, true,
        "check these executables alone";
    Skip "skip" = "", Values::Names, true,
        "do not check these executables";
    Verbosity "verbosity" = "0", Values::Number(0, 1), true,
        "1 says what was loaded, tracked and degraded";
    Help "help" = "0", Values::Flag, true,
        "1 prints this table and goes on";
}

impl Key {
    /// The key's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The key of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Key> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }
}

/// A piece of `MAPSAN_OPTIONS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// `key=value`; the value without its quotes.
    Pair(&'a str, &'a str),
    /// A word without `=`.
    NoValue(&'a str),
    /// A key whose value starts with a quote that is not closed; nothing follows it.
    OpenQuote(&'a str),
}

/// What separates options. A value that holds one is quoted, with `'` or `"`; a colon that no `key=` follows belongs to
/// the value, so that `inject=mmap:ENOMEM:3` needs no quotes.
#[must_use]
pub const fn is_separator(character: char) -> bool {
    matches!(character, ':' | ' ' | '\t' | '\n' | '\r')
}

/// Likewise of a byte.
fn separates(byte: u8) -> bool {
    is_separator(char::from(byte))
}

/// The pieces of a text such as `mode=abort:log_path='/tmp/a b'`.
pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let piece;
        (piece, rest) = next_piece(rest)?;
        Some(piece)
    })
}

/// The first piece, and what follows it.
#[inline(never)]
fn next_piece(text: &str) -> Option<(Piece<'_>, &str)> {
    let (_, text) = cut(text, |byte| !separates(byte));
    if text.is_empty() {
        return None;
    }
    let (key, after) = cut(text, |byte| byte == b'=' || separates(byte));
    let Some(value) = after.strip_prefix('=') else { return Some((Piece::NoValue(key), after)) };
    if let Some(quote @ (b'\'' | b'"')) = value.bytes().next() {
        let quoted = value.get(1..).unwrap_or_default();
        let (value, after) = cut(quoted, |byte| byte == quote);
        return Some(match after.get(1..) {
            Some(after) => (Piece::Pair(key, value), after),
            None => (Piece::OpenQuote(key), ""),
        });
    }
    let (value, after) = value.split_at(unquoted(value));
    Some((Piece::Pair(key, value), after))
}

/// The length of the value that a text without quotes starts with.
fn unquoted(text: &str) -> usize {
    let mut end = 0;
    loop {
        let (word, after) = cut(text.split_at(end).1, separates);
        end = end.saturating_add(word.len());
        let Some(next) = after.strip_prefix(':') else {
            return end;
        };
        let (word, after) = cut(next, |byte| byte == b'=' || separates(byte));
        if word.is_empty() || after.starts_with('=') {
            return end;
        }
        end = end.saturating_add(1);
    }
}

/// Splits a text before the first byte that `ends` takes, which is ASCII.
fn cut(text: &str, ends: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(ends).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_kind() {
        let found: [Option<Piece<'_>>; 6] = {
            let mut all = pieces("mode=abort: log_path='/a:b c'  word x=\"\" y='open");
            core::array::from_fn(|_| all.next())
        };
        let expected = [
            Some(Piece::Pair("mode", "abort")),
            Some(Piece::Pair("log_path", "/a:b c")),
            Some(Piece::NoValue("word")),
            Some(Piece::Pair("x", "")),
            Some(Piece::OpenQuote("y")),
            None,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_colon_that_no_key_follows_belongs_to_the_value() {
        let mut all = pieces("inject=mmap:ENOMEM:3+:mode=abort:level=note:");
        assert_eq!(all.next(), Some(Piece::Pair("inject", "mmap:ENOMEM:3+")));
        assert_eq!(all.next(), Some(Piece::Pair("mode", "abort")));
        assert_eq!(all.next(), Some(Piece::Pair("level", "note")));
        assert_eq!(all.next(), None);
    }

    #[test]
    fn keys_are_found_by_name() {
        for key in Key::ALL {
            assert_eq!(Key::from_name(key.name()), Some(*key));
        }
        assert_eq!(Key::from_name("Mode"), None);
    }
}
