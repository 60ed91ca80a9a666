//! Handlers of which some have returned when the process dies, and cores that were forged.

use super::{compiled, dying, has_cores, library, text, told_of};
use std::fs;
use std::process::Command;

/// What handlers do of which some have returned when the process dies, and some have not.
const HANDLERS: &str = r#"
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static const char *way;
static char *memory;
static sigjmp_buf before;
static int is(const char *one) { return strcmp(way, one) == 0; }
static void end(int signal) { abort(); }
static void handle(int signal)
{
    if (is("again")) {
        struct sigaction none = {.sa_handler = SIG_DFL};
        sigaction(signal, &none, NULL);
        raise(signal);
        return;
    }
    if (is("mended") || is("other"))
        mprotect(memory, 4096, PROT_READ | PROT_WRITE);
    if (is("left"))
        siglongjmp(before, 1);
    if (is("thread"))
        kill(getpid(), SIGABRT);
    while (is("thread"))
        pause();
}
__attribute__((noinline)) static void deep(void)
{
    volatile char room[16384];
    room[0] = 1;
    __asm__ volatile("" ::"r"(room) : "memory");
    is("other") ? raise(SIGUSR1) : abort();
}
static void *touch(void *unused)
{
    memory[8] = 1;
    return NULL;
}
int main(int count, char **words)
{
    way = words[1];
    memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (is("again") || is("thread"))
        munmap(memory, 4096);
    struct sigaction action = {.sa_handler = handle}, other = {.sa_handler = end};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGUSR1, &other, NULL);
    pthread_t thread;
    if (is("thread") && pthread_create(&thread, NULL, touch, NULL) == 0)
        pthread_join(thread, NULL);
    if (sigsetjmp(before, 1) == 0)
        touch(NULL);
    deep();
}
"#;

#[test]
fn a_handler_that_has_returned_is_no_fault() {
    let Some(library) = library().filter(|_| has_cores()) else { return };
    let (_folder, program) = compiled(HANDLERS, &[]);
    for (way, signal, rule) in [
        ("mended", "SIGABRT", None),
        ("left", "SIGABRT", None),
        ("other", "SIGABRT", None),
        ("again", "SIGSEGV", Some("fault-after-unmap")),
        ("thread", "SIGSEGV", Some("fault-after-unmap")),
    ] {
        let (_left, core, _) = dying(Command::new(&program).arg(way), &[&library]).unwrap();
        let fault = &told_of(&core)["fault"];
        assert_eq!(
            (fault["signal"].as_str(), fault["finding"]["rule"].as_str()),
            (Some(signal), rule),
            "{way}: {fault}"
        );
    }
}

/// Faults right before a system call that makes a folder; all that it needs lies beside it.
const CALLING: &str = r#"
int main(void)
{
    __asm__ volatile("lea 1f(%%rip), %%rdi; movl $83, %%eax; movl $448, %%esi; movl $1, 8; syscall; 1: .asciz \"made\"" ::: "memory");
}
"#;

#[test]
fn no_core_makes_the_command_do_anything() {
    let Some(library) = library().filter(|_| has_cores()) else { return };
    let (_folder, program) = compiled(CALLING, &[]);
    let (left, core, _) = dying(&mut Command::new(&program), &[&library]).unwrap();
    let site = told_of(&core)["fault"]["site"]["address"].as_str().unwrap().to_owned();
    let instruction = u64::from_str_radix(&site[2..], 16).unwrap();
    let mut bytes = fs::read(&core).unwrap();
    // The instruction pointer, and the code segment after it; the first instruction has 11 bytes.
    let registers = |at: u64| [at.to_ne_bytes(), 0x33_u64.to_ne_bytes()].concat();
    let place = bytes.windows(16).position(|window| window == registers(instruction)).unwrap();
    bytes[place..place + 16].copy_from_slice(&registers(instruction + 11));
    fs::write(&core, &bytes).unwrap();
    let inspect_here = || {
        let mut command = Command::new("sh");
        command.args(["-c", r#"ulimit -c unlimited; exec "$0" inspect "$1""#, env!("CARGO_BIN_EXE_mapsan")]).arg(&core);
        let output = command.current_dir(left.path()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    inspect_here();
    assert!(!left.path().join("made").exists(), "a system call was made");

    // One without its stack, which is what lies last: it stays as it is.
    let cut = &bytes[..bytes.len() - 0x30000];
    fs::write(&core, cut).unwrap();
    inspect_here();
    assert_eq!(fs::read(&core).unwrap(), cut, "the core was overwritten");

    // A pipe in the place of the program would be waited for.
    fs::remove_file(&program).unwrap();
    assert!(Command::new("mkfifo").arg(&program).status().unwrap().success());
    inspect_here();
}
