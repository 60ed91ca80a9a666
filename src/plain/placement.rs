//! Where in the library's data a variable lies.

/// Declares variables that each fork(2) writes to. They lie side by side: the child, and then its parent, gets a copy of
/// each page that it writes to, which costs some hundredth of a fork.
macro_rules! written_by_fork {
    ($($(#[$attribute:meta])* $name:ident: $type:ty = $value:expr;)+) => {$(
        $(#[$attribute])*
        #[cfg_attr(not(test), unsafe(link_section = ".bss.mapsan_fork"))]
        static $name: $type = $value;
    )+};
}
pub(crate) use written_by_fork;
