//! Links the library as C programs expect it.
#![allow(clippy::expect_used, reason = "a build script that can't go on says why and stops")]

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The name that programs record; it changes when the ABI does.
const SONAME: &str = "libmapsan.so.0";

/// The functions that a program or a sanitizer may define, and that the library therefore has itself or finds in libc:
/// `src/clib`. The compiler calls some of them, the unwinder others. c-tests/abi/library.sh knows what may stay undefined.
const OWN: [&str; 31] = [
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "bcmp",
    "strlen",
    "pthread_once",
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "__pthread_key_create",
    "malloc",
    "free",
    "dlsym",
    "_dl_find_object",
    "dl_iterate_phdr",
    "getauxval",
    "on_exit",
    "__cxa_at_quick_exit",
    "__register_atfork",
    "exit",
    "__sbrk",
    "abort",
    "gnu_get_libc_version",
    "__setuid",
    "__setreuid",
    "__setresuid",
    "__execvpe",
    "__posix_spawn",
    "__posix_spawnp",
    "__libc_system",
    "_IO_popen",
];

/// Second names of functions, which only a static libc has or a static program needs.
const ABSENT: [&str; 17] = [
    "__open64",
    "__openat64",
    "__dlclose",
    "__pthread_create",
    "timer_create",
    "__sem_open",
    "__sem_unlink",
    "__new_sem_init",
    "__new_sem_destroy",
    "pthread_spin_unlock",
    "__pthread_mutex_init",
    "__pthread_mutex_destroy",
    "__pthread_cond_init",
    "__pthread_cond_destroy",
    "__pthread_rwlock_init",
    "__pthread_barrier_init",
    "__pthread_barrier_destroy",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for argument in [
        // An undefined symbol is an error now, not when a program starts.
        "-Wl,-z,defs",
        // Hooks stay in use until the process ends.
        "-Wl,-z,nodelete",
        // Strings that end others are kept once.
        "-Wl,-O2",
        // The next definitions are found before other constructors run.
        "-Wl,-z,initfirst",
        // Nothing is resolved lazily, inside a hook.
        "-Wl,-z,now",
        &format!("-Wl,-soname,{SONAME}"),
        // The unwinder, of which the library keeps a copy: loading libgcc_s.so would cost each process that has no
        // other use for it as much as the library itself.
        "-lgcc_eh",
        "-lgcc",
        "-lc",
        // Their constructors and destructors call weak functions, which anybody may define.
        "-nostartfiles",
    ] {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
    // What runs in each process lies side by side.
    println!("cargo:rerun-if-changed=src/near.ld");
    let script = Path::new("src/near.ld").canonicalize().expect("src/near.ld is among the sources");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-T,{}", script.display());
    for name in OWN {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--defsym={name}=mapsan_{name}");
    }
    for name in ABSENT {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--defsym={name}=mapsan_absent");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    link_soname(&out);
}

/// Puts a link of the library's soname beside it, so that programs linked with `-L target/release -lmapsan` run.
fn link_soname(out: &Path) {
    // OUT_DIR is target/PROFILE/build/mapsan-HASH/out.
    let Some(profile) = out.ancestors().nth(3) else { return };
    let link = profile.join(SONAME);
    let target = Path::new("libmapsan.so");
    if fs::read_link(&link).is_ok_and(|there| there == target) {
        return;
    }
    let _ = fs::remove_file(&link);
    if let Err(error) = std::os::unix::fs::symlink(target, &link) {
        println!("cargo:warning=no link {} to libmapsan.so: {error}", link.display());
    }
}
