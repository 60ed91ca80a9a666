//! Programs that hide what they do, or what they start, from the library: they are named, whatever is found besides.

mod covering;

use covering::{Compiled, covering, ended, gaps};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const FOUND: &str = "error[munmap-zero-length]";

/// A program that makes a finding.
fn bad() -> Compiled {
    Compiled::new("#include <sys/mman.h>\nint main(void) { return munmap((void *)4096, 0) == -1 ? 3 : 0; }\n", &[])
}

/// A program that starts one by system calls of its own, and one that confines itself so that nothing that is found then
/// can be told.
#[test]
fn what_system_calls_and_sandboxes_hide_is_named() {
    let code = "#include <linux/filter.h>\n#include <linux/seccomp.h>\n#include <stddef.h>\n#include <sys/mman.h>\n\
        #include <sys/prctl.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n\
        #define DENY(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1)\n\
        static void confine(int number)\n{\n    struct sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), \
        DENY(number), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};\n    \
        struct sock_fprog program = {4, filter};\n    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);\n    \
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);\n}\n\
        int main(int argc, char **argv)\n{\n    char *none[] = {0}, *words[] = {\"true\", 0};\n    switch (argv[1][0]) {\n    \
        case 'e': syscall(SYS_execve, \"/bin/true\", words, none); return 3;\n    \
        case 'c': if (fork() == 0) syscall(SYS_execve, \"/bin/true\", words, none); return 0;\n    \
        case 'n': confine(SYS_sendto); munmap((void *)4096, 0); return 0;\n    \
        case 'y': confine(SYS_socket); munmap((void *)4096, 0); return 0;\n    \
        case 's': prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT); syscall(SYS_exit, 0);\n    }\n}\n";
    let prog = Compiled::new(code, &[]);
    let program = prog.program.to_str().unwrap();
    for (way, words) in [
        ("e", Some(("true': ", "without the library in LD_PRELOAD"))),
        ("c", Some(("true': ", "without the library in LD_PRELOAD"))),
        ("n", Some(("prog': ", "its own sandbox (seccomp) lets nothing through"))),
        ("s", Some(("prog': ", "its own sandbox (seccomp) lets nothing through"))),
        // The library has kept its socket, and what is found is told.
        ("y", None),
    ] {
        let Some(gaps) = gaps(&[program, way]) else { return };
        let is_it = |gap: &String| words.is_some_and(|(program, why)| gap.contains(program) && gap.contains(why));
        assert!(gaps.len() == usize::from(words.is_some()) && gaps.iter().all(is_it), "{way}: {gaps:?}");
    }
    let Some(mut command) = covering() else { return };
    let (said, status) = ended(&command.args(["run", "--error-exitcode", "9", program, "y"]).output().unwrap());
    assert!(status == Some(9) && said.contains(FOUND), "{status:?} {said}");
}

#[test]
fn what_is_expected_is_no_coverage() {
    let bad = bad();
    let script = "env -i /bin/true; \"$0\"; exit 0";
    for (options, status) in
        [(&["--expect=munmap-zero-length"][..], 0), (&["--expect=munmap-zero-length", "--require-coverage"], 125)]
    {
        let Some(mut command) = covering() else { return };
        let output = command.arg("run").args(options).args(["sh", "-c", script]).arg(&bad.program).output();
        let (said, ended) = ended(&output.unwrap());
        assert!(
            ended == Some(status) && said.contains("NOT COVERED") && said.contains(FOUND),
            "{options:?} {ended:?} {said}"
        );
    }
}

#[test]
fn a_program_with_capabilities_that_another_user_starts_is_named() {
    let file = bad();
    let set = Command::new("setcap").arg("cap_net_raw+ep").arg(&file.program).status();
    if !set.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no file can be given capabilities here");
        return;
    }
    fs::set_permissions(file.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let program = file.program.to_str().unwrap();
    let Some(gaps) = gaps(&["setpriv", "--reuid", "65534", "--clear-groups", program]) else { return };
    assert!(gaps.len() == 1 && gaps[0].contains("it has file capabilities"), "{gaps:?}");
}

/// Calls that a program defines itself never leave it, unless it hands them on.
#[test]
fn a_program_that_defines_calls_itself_is_named() {
    let raw = "#include <sys/mman.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n\
        int munmap(void *address, size_t length) { return syscall(SYS_munmap, address, length); }\n\
        int main(void) { munmap((void *)4096, 0); return 0; }\n";
    let handed_on = "#include <dlfcn.h>\n#include <sys/mman.h>\nint munmap(void *address, size_t length)\n\
        { int (*next)(void *, size_t) = dlsym((void *)-1, \"munmap\"); return next(address, length); }\n\
        int main(void) { munmap((void *)4096, 0); return 0; }\n";
    for (code, is_hidden) in [(raw, true), (handed_on, false)] {
        let program = Compiled::new(code, &[]);
        let name = program.program.to_str().unwrap();
        for arguments in [&[name][..], &["sh", "-c", "\"$0\"; exit 0", name]] {
            let Some(gaps) = gaps(arguments) else { return };
            let is_it = gaps.iter().all(|gap| gap.contains("prog': it defines munmap itself"));
            assert!(gaps.len() == usize::from(is_hidden) && is_it, "{arguments:?} {gaps:?}");
        }
    }
}

/// One that is linked with the library has it without `LD_PRELOAD`, and without options for it.
#[test]
fn a_linked_program_without_its_environment_is_not_said_to_lack_the_library() {
    let Some(command) = covering() else { return };
    let library = command.get_envs().find(|(name, _)| *name == "MAPSAN_RUNTIME").unwrap().1.unwrap().to_owned();
    let folder = std::path::Path::new(&library).parent().unwrap().display().to_string();
    let code = "#include <sys/mman.h>\nint main(void) { munmap((void *)4096, 0); return 0; }\n";
    let rpath = format!("-Wl,-rpath,{folder}");
    let program = Compiled::new(code, &["-L", &folder, "-Wl,--no-as-needed", "-l:libmapsan.so", &rpath]);
    let Some(gaps) = gaps(&["env", "-i", program.program.to_str().unwrap()]) else { return };
    assert!(gaps.len() == 1 && gaps[0].contains("prog': what is found in it does not come here"), "{gaps:?}");
}
