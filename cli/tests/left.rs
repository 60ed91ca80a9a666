//! What a run leaves: segments, semaphore sets, message queues and shared memory objects, judged when its last process has
//! gone.
//!
//! Runs need the library, as in `command.rs`. Each is made in an IPC namespace of its own where that may be made, else with
//! `--ipc private`, which can't be for what is said of by-hand removal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The library; `None`, said loudly, where there is none or no namespace can be made.
fn library() -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/libmapsan.so");
    let library = std::env::var_os("MAPSAN_RUNTIME").map_or(built, PathBuf::from);
    let may = Command::new("unshare").args(["--ipc", "true"]).stderr(Stdio::null()).status();
    if !library.exists() || !may.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: it takes {} and root", library.display());
        return None;
    }
    Some(library)
}

/// What the command says of a program with these lines in main, in a namespace of its own.
fn said(name: &str, lines: &str, options: &[&str]) -> Option<String> {
    said_after("true", name, lines, options)
}

/// The same, where a shell has made something before.
fn said_after(before: &str, name: &str, lines: &str, options: &[&str]) -> Option<String> {
    let library = library()?;
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("prog.c");
    let head = "#include <fcntl.h>\n#include <pthread.h>\n#include <semaphore.h>\n#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <sys/mman.h>\n\
                #include <sys/msg.h>\n#include <sys/sem.h>\n#include <sys/shm.h>\n#include <sys/wait.h>\n#include <unistd.h>\n";
    fs::write(
        &source,
        format!("{head}int main(void)\n{{\n    const char *name = \"{name}\";\n    (void)name;\n{lines}}}\n"),
    )
    .unwrap();
    let mut command = Command::new("unshare");
    let script = format!("({before}) > /dev/null && exec \"$@\"");
    command.args(["--ipc", "sh", "-c", &script, "sh", env!("CARGO_BIN_EXE_mapsan"), "run"]).args(options);
    command
        .arg(&source)
        .env("MAPSAN_RUNTIME", library)
        .env("MAPSAN_OPTIONS", "disable=leak-attach,leak-mapping,shmctl-denied")
        .stdin(Stdio::null());
    // Files: a pipe would be kept open by what outlives the run.
    let to = fs::File::create(folder.path().join("said")).unwrap();
    command.stdout(Stdio::null()).stderr(to).status().unwrap();
    let said = fs::read_to_string(folder.path().join("said")).unwrap();
    let _ = fs::remove_file(format!("/dev/shm{name}"));
    Some(said)
}

/// The name of an object that no other test has.
fn object(what: &str) -> String {
    format!("/mapsan-left-{what}-{}", std::process::id())
}

#[track_caller]
fn has(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "{word:?} in\n{said}");
    }
}

#[test]
fn what_one_call_leaves_is_one_finding() {
    let lines = "    for (int i = 0; i < 3; i++)\n        if (fork() == 0)\n            \
                 return shmget(0x5d0 + i, 4096, IPC_CREAT | 0600) < 0;\nwhile (wait(NULL) > 0);\n    return 0;\n";
    let Some(said) = said("", lines, &[]) else { return };
    assert_eq!(said.matches("[leak-segment]").count(), 1, "{said}");
    has(&said, &["note[leak-segment]: 3 segments made here still exist when the run is over: 0, 1, 2\n"]);
    has(
        &said,
        &["ipcrm -m 0 -m 1 -m 2\n", "has key 0x000005d1, attached 0 times", "summary: 0 errors, 0 warnings, 1 note\n"],
    );
}

#[test]
fn a_private_segment_that_nobody_holds_is_a_warning_at_the_end_alone() {
    let make = "    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);\n";
    let Some(lost) = said("", &format!("{make}    return id < 0;\n"), &[]) else { return };
    has(&lost, &["warning[leak-segment]: segment 0 of 4096 bytes, made here, still exists", "by hand: ipcrm -m 0\n"]);
    // A supervisor sweeps what its child was killed with.
    let swept = "    if (fork() == 0) {\n        \
                 shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);\n        raise(SIGKILL);\n    }\nwait(NULL);\n    \
                 return shmctl(0, IPC_RMID, NULL);\n";
    let killed = said("", swept, &[]).unwrap();
    assert!(killed.lines().count() == 1 && killed.contains("mapsan: ended by a signal, "), "{killed}");
    // In a namespace that is gone there is nothing to be removed by hand.
    let gone = said("", &format!("{make}    return id < 0;\n"), &["--ipc", "private"]).unwrap();
    has(&gone, &["[leak-segment]", "it went with the namespace of this run"]);
    assert!(!gone.contains("ipcrm"), "{gone}");
    for options in [["--disable", "leak-segment"], ["--level", "error"], ["--leaks", "0"]] {
        let none = said("", &format!("{make}    return id < 0;\n"), &options).unwrap();
        assert!(!none.contains("leak-segment"), "{options:?}: {none}");
    }
}

#[test]
fn nothing_is_said_of_what_a_process_of_the_run_still_holds() {
    let lines = "    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);\n    char *p = shmat(id, NULL, 0);\n    \
                 if (fork() == 0) {\nsetsid();\n        sleep(1);\n        return p[0];\n    }\n    return 0;\n";
    let Some(said) = said("", lines, &[]) else { return };
    assert!(!said.contains("leak-segment") && !said.contains("ipcrm"), "{said}");
    has(&said, &["still runs; what it does from now on is not reported ("]);
}

#[test]
fn a_segment_whose_id_a_living_process_may_have_is_no_warning() {
    // The child attaches and removes it after its parent has ended.
    let Some(said) = said(
        "handed",
        "int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);\n\
         if (fork() == 0) { sleep(2); shmat(id, NULL, 0); return shmctl(id, IPC_RMID, NULL); }\n",
        &["--error-exitcode=9", "--no-wait"],
    ) else {
        return;
    };
    has(&said, &["note[leak-segment]: segment 0, made here, is still there; process ", " of this run still runs\n"]);
    assert!(!said.contains("ipcrm") && !said.contains("warning["), "{said}");
}

#[test]
fn what_happened_to_a_segment_is_told() {
    let killed = "    shmget(0x5d9, 4096, IPC_CREAT | 0600);\n    raise(SIGKILL);\n";
    let Some(killed) = said("", killed, &[]) else { return };
    has(&killed, &["which made it, was ended by SIGKILL\n"]);
    let refused =
        "    int id = shmget(0x77, 4096, IPC_CREAT | 0600);\n    return setuid(65534) || shmctl(id, IPC_RMID, NULL);\n";
    let refused = said("", refused, &[]).unwrap();
    has(
        &refused,
        &["tried to remove it as user 65534", "was refused (EPERM); it was made by user 0", "still has the rights"],
    );
    let others = "    setuid(65534);\n    return shmget(0x78, 4096, IPC_CREAT | 0600) < 0;\n";
    let others = said("", others, &[]).unwrap();
    has(&others, &["note: user 65534"]);
    assert!(!others.contains("ipcrm"), "{others}");
}

#[test]
fn who_could_have_removed_a_segment_is_told() {
    let read = |drop: &str| {
        format!(
            "    int id = shmget(0x79, 4096, IPC_CREAT | 0666);\n    (void)id;\n    \
             if (fork() == 0) {{\n        {drop}\n        return shmdt(shmat(shmget(0x79, 0, 0), NULL, 0));\n    }}\n    \
             wait(NULL);\n    return 0;\n"
        )
    };
    let Some(own) = said("", &read(";"), &[]) else { return };
    has(
        &own,
        &[
            "    attached by process ",
            " (prog) here:\n",
            "prog.c:21",
            " (prog) attached it, too, and had the right to remove it\n",
        ],
    );
    let other = said("", &read("setuid(65534);"), &[]).unwrap();
    has(&other, &["[leak-segment]", " (prog) attached it, too\n"]);
    assert!(!other.contains("attached by process"), "{other}");
    let alone = said("", "    return shmdt(shmat(shmget(0x79, 4096, IPC_CREAT | 0600), NULL, 0));\n", &[]).unwrap();
    assert!(alone.contains("[leak-segment]") && !alone.contains("attached by"), "{alone}");
}

#[test]
fn an_object_is_asked_for_again_when_the_run_is_over() {
    let make = "        close(shm_open(name, O_CREAT | O_RDWR, 0600));\n";
    let unlinked = format!(
        "    if (fork() == 0) {{\n{make}        return 0;\n    }}\n    wait(NULL);\n    return shm_unlink(name);\n"
    );
    let Some(unlinked) = said(&object("unlinked"), &unlinked, &[]) else { return };
    assert_eq!(unlinked, "");
    let name = object("killed");
    let killed = said(&name, &format!("{make}    raise(SIGKILL);\n"), &[]).unwrap();
    has(&killed, &[&format!("the shared memory object '{name}', made here, still exists when the run is over\n")]);
    let name = object("semaphore");
    let line = "    sem_open(name, O_CREAT, 0600, 1);\n    raise(SIGKILL);\n    return 0;\n";
    let semaphore = said(&name, line, &[]).unwrap();
    let _ = fs::remove_file(format!("/dev/shm/sem.{}", &name[1..]));
    has(&semaphore, &[&format!("the named semaphore '{name}', made here, still exists when the run is over\n")]);
    has(&semaphore, &["call sem_unlink for it when every process that needs it has opened it"]);
    let name = object("late");
    let lines = format!(
        "{make}    if (fork() == 0) {{\n        setsid();\n        sleep(1);\n        \
         return shm_unlink(name);\n    }}\n    return 0;\n"
    );
    let late = said(&name, &lines, &[]).unwrap();
    has(&late, &[&format!("'{name}', made here, is still there; process "), " of this run still runs\n"]);
    assert!(!late.contains("when the run is over"), "{late}");
}

/// A set and a queue with keys, and what their calls give.
const BOTH: &str = "    int set = semget(0x5e0, 2, IPC_CREAT | 0600), queue = msgget(0x5e1, IPC_CREAT | 0600);\n    \
                    struct { long type; char text[8]; } mail = {1, \"post\"};\n    \
                    if (msgsnd(queue, &mail, 4, 0) != 0 || semctl(set, 0, SETVAL, 3) != 0) return 3;\n";

#[test]
fn a_set_and_a_queue_are_told_once_whoever_has_used_them() {
    let used = format!(
        "{BOTH}    for (int i = 0; i < 3; i++)\n        if (fork() == 0) {{\n            struct sembuf take = {{0, -1, 0}};\n            \
         return semop(semget(0x5e0, 2, IPC_CREAT | 0600), &take, 1) || msgget(0x5e1, 0) != queue;\n        }}\n    \
         while (wait(NULL) > 0);\n    return 0;\n"
    );
    let Some(used) = said("", &used, &[]) else { return };
    for (rule, words) in [
        (
            "leak-semaphore",
            [
                "semaphore set 0, made here, still exists when the run is over",
                "key is 0x000005e0",
                "semctl(id, 0, IPC_RMID)",
                "by hand: ipcrm -s 0\n",
            ],
        ),
        (
            "leak-queue",
            [
                "message queue 0, made here, still exists when the run is over",
                "it holds 1 message\n",
                "msgctl(id, IPC_RMID, NULL)",
                "by hand: ipcrm -q 0\n",
            ],
        ),
    ] {
        assert_eq!(used.matches(&format!("note[{rule}]")).count(), 1, "{used}");
        has(&used, &words);
    }
    has(&used, &["summary: 0 errors, 0 warnings, 2 notes\n"]);
    let many = "    for (int i = 0; i < 3; i++)\n        if (fork() == 0)\n            \
                return semget(IPC_PRIVATE, 1, 0600) < 0;\n    while (wait(NULL) > 0);\n    return 0;\n";
    let many = said("", many, &[]).unwrap();
    assert_eq!(many.matches("warning[leak-semaphore]").count(), 1, "{many}");
    let queue = said("", "    return msgget(IPC_PRIVATE, 0600) < 0;\n", &[]).unwrap();
    has(&queue, &["warning[leak-queue]", "its key is IPC_PRIVATE: it can be found by its id alone\n"]);
    has(
        &many,
        &["3 semaphore sets made here still exist when the run is over: 0, 1, 2\n", "by hand: ipcrm -s 0 -s 1 -s 2\n"],
    );
}

#[test]
fn what_somebody_has_removed_is_not_left() {
    for removal in [
        "    if (fork() == 0) return semctl(set, 0, IPC_RMID) || msgctl(queue, IPC_RMID, NULL);\n    while (wait(NULL) > 0);\n",
        "    if (system(\"ipcrm -s 0 -q 0\") != 0) return 4;\n",
        // Later than the end of who has made it.
        "    if (fork() == 0) {\n        while (getppid() == maker);\n        \
         return semctl(set, 0, IPC_RMID) || msgctl(queue, IPC_RMID, NULL);\n    }\n",
        // By a program without the library.
        "    if (system(\"env -u LD_PRELOAD ipcrm -s 0 -q 0\") != 0) return 4;\n",
    ] {
        let lines = format!("    int maker = getpid();\n    (void)maker;\n{BOTH}{removal}    return 0;\n");
        let Some(none) = said("", &lines, &["--disable", "semctl-remove-inherited,msgctl-remove-inherited"]) else {
            return;
        };
        assert!(!none.contains("leak-") && !none.contains("ended with"), "{removal}\n{none}");
    }
}

#[test]
fn what_was_there_before_the_run_is_not_its() {
    let name = object("before");
    let before = format!("ipcmk -S 2; ipcmk -Q; touch /dev/shm{name} /dev/shm{name}-empty");
    let lines = "    struct sembuf give = {0, 1, 0};\n    struct { long type; char text[8]; } mail = {1, \"post\"};\n    \
                 if (semop(0, &give, 1) != 0 || msgsnd(0, &mail, 4, 0) != 0) return 3;\n    struct semid_ds state;\n    \
                 semctl(0, 0, IPC_STAT, &state);\n    \
                 if (semget(state.sem_perm.__key, 2, IPC_CREAT | 0600) != 0) return 4;\n    \
                 return shm_open(name, O_RDWR | O_CREAT, 0600) < 0;\n";
    let none = said_after(&before, &name, lines, &[]);
    let _ = fs::remove_file(format!("/dev/shm{name}-empty"));
    let Some(none) = none else { return };
    assert_eq!(none, "");
}

#[test]
fn how_the_maker_of_a_set_has_ended_is_told() {
    let killed =
        format!("    if (fork() == 0) {{\n    {BOTH}        raise(SIGKILL);\n    }}\n    wait(NULL);\n    return 0;\n");
    let Some(killed) = said("", &killed, &[]) else { return };
    has(
        &killed,
        &[
            "[leak-semaphore]",
            "[leak-queue]",
            ", which made it, did not end by exit(3): it was killed, or called exec\n",
        ],
    );
    let main = said("", &format!("{BOTH}    raise(SIGKILL);\n"), &[]).unwrap();
    has(&main, &["[leak-semaphore]", "[leak-queue]", ", which made it, was ended by SIGKILL\n"]);
    let other = format!("    if (setuid(65534) != 0) return 5;\n{BOTH}    return 0;\n");
    let other = said("", &other, &[]).unwrap();
    has(&other, &["note: user 65534"]);
    assert!(!other.contains("ipcrm"), "{other}");
    // Its child may use it yet.
    let lived = format!(
        "{BOTH}    if (fork() == 0) {{\n        setsid();\n        sleep(2);\n        _exit(0);\n    }}\n    return 0;\n"
    );
    let lived = said("", &lived, &["--no-wait"]).unwrap();
    has(
        &lived,
        &[
            "semaphore set 0, made here, is still there; process ",
            " of this run still runs\n",
            "removes it, remove it with semctl(",
        ],
    );
    assert!(!lived.contains("ipcrm"), "{lived}");
    let own = format!(
        "    if (fork() == 0) {{\n        setsid();\n    {BOTH}        sleep(2);\n        _exit(0);\n    }}\n    usleep(300000);\n    return 0;\n"
    );
    let own = said("", &own, &["--no-wait"]).unwrap();
    assert!(!own.contains("leak-"), "{own}");
}

#[test]
fn a_private_run_s_sets_go_with_it() {
    let Some(private) = said("", &format!("{BOTH}    return 0;\n"), &["--ipc", "private"]) else { return };
    has(&private, &["[leak-semaphore]", "[leak-queue]", "; it went with the namespace of this run\n"]);
    assert!(!private.contains("ipcrm"), "{private}");
    // Made by a program that says nothing of it.
    let raw = "    return system(\"env -u LD_PRELOAD ipcmk -S 3\");\n";
    let raw = said("", raw, &["--ipc", "private"]).unwrap();
    has(&raw, &["semaphore set 0, made here, still exists when the run is over", ", 3, ...) = 0\n"]);
    for options in [["--disable", "leak-semaphore,leak-queue"], ["--level", "error"], ["--leaks", "0"]] {
        let none = said("", &format!("{BOTH}    return 0;\n"), &options).unwrap();
        assert!(!none.contains("leak-"), "{options:?}: {none}");
    }
    let json = said("", &format!("{BOTH}    return 0;\n"), &["--format", "json"]).unwrap();
    let leaks: Vec<&str> = json.lines().filter(|line| line.contains(r#""rule":"leak-"#)).collect();
    assert!(leaks.len() == 2 && leaks.iter().all(|leak| leak.contains("when the run is over")), "{json}");
}

#[test]
fn a_named_semaphore_is_told_once_and_only_of_who_has_made_it() {
    let name = object("shared");
    let make = "    if (sem_open(name, O_CREAT, 0600, 1) == SEM_FAILED) return 3;\n";
    let opened = format!(
        "{make}    for (int i = 0; i < 3; i++)\n        if (fork() == 0) {{\n    {make}            return 0;\n        }}\n    while (wait(NULL) > 0);\n"
    );
    let file = format!("/dev/shm/sem.{}", &name[1..]);
    let all = said(&name, &format!("{opened}    return 0;\n"), &[]);
    let was_there = fs::exists(&file).unwrap_or(false);
    // It is there now: this run has not made it.
    let found = said(&name, &format!("{opened}    return 0;\n"), &["--disable", "sem-open-leftover"]);
    let removed = said(
        &name,
        &format!(
            "{opened}    if (fork() == 0) return sem_unlink(name);\n    wait(NULL);\n    {make}    return sem_unlink(name);\n"
        ),
        &[],
    );
    let _ = fs::remove_file(&file);
    let (Some(all), Some(found), Some(removed)) = (all, found, removed) else { return };
    assert_eq!(all.matches("[leak-shm-object]").count(), 1, "{all}");
    has(&all, &["summary: 0 errors, 0 warnings, 1 note\n"]);
    assert!(was_there && !found.contains("leak-"), "{found}");
    assert!(!removed.contains("leak-"), "{removed}");
}

#[test]
fn records_hold_what_is_true_at_the_end() {
    let lines = "    shmget(0x5da, 4096, IPC_CREAT | 0600);\n    \
                 int id = shmget(0x5db, 4096, IPC_CREAT | 0600);\n    if (fork() == 0) {\nsleep(0);\n        \
                 return 0;\n    }\n    wait(NULL);\n    return id < 0;\n";
    let Some(said) = said("", lines, &["--format", "json"]) else { return };
    let leaks: Vec<&str> = said.lines().filter(|line| line.contains(r#""rule":"leak-segment""#)).collect();
    assert_eq!(leaks.len(), 2, "{said}");
    assert!(leaks.iter().all(|leak| leak.contains("when the run is over")), "{said}");
}

#[test]
fn a_private_run_has_a_folder_of_objects_of_its_own() {
    let name = object("private");
    let outside = format!("/dev/shm{name}-outside");
    fs::write(&outside, "").unwrap();
    // It finds what it made itself, and not what is outside.
    let lines = format!(
        "    if (shm_open(\"{name}-outside\", O_RDWR, 0) != -1) return 3;\n    \
         return shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600) < 0 ? 4 : 0;\n"
    );
    let private = said(&name, &lines, &["--ipc", "private"]);
    let is_still_there = fs::remove_file(&outside).is_ok();
    let Some(private) = private else { return };
    has(&private, &[&format!("the shared memory object '{name}', made here, still exists when the run is over\n")]);
    assert!(is_still_there && !private.contains("still shared"), "{private}");
}

#[test]
fn a_private_run_that_needs_a_file_there_is_told() {
    let report = format!("/dev/shm/mapsan-left-report-{}", std::process::id());
    let lines = "    return 0;\n";
    let said = said("", lines, &["--ipc", "private", "--format", "text", "-o", &report]);
    let is_written = fs::remove_file(&report).is_ok();
    let Some(said) = said else { return };
    has(
        &said,
        &["mapsan: --ipc private: /dev/shm is still shared with others: the run needs '/dev/shm/mapsan-left-report-"],
    );
    assert!(is_written);
}

#[test]
fn a_lock_whose_owner_has_died_is_told_unless_it_is_made_anew() {
    let said = |memory: &str, end: &str, then: &str| {
        let name = object("lock");
        let lines = format!(
            "    {memory}\n    pthread_mutexattr_t shared;\n    pthread_mutexattr_init(&shared);\n    \
             pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);\n    \
             pthread_mutex_init(lock, &shared);\n    if (fork() == 0) {{\n        pthread_mutex_lock(lock);\n        \
             {end};\n    }}\n    wait(NULL);\n    {then}\n    usleep(1500000);\n    return munmap(lock, 4096);\n"
        );
        said(&name, &lines, &["--ipc", "private"])
    };
    let map = |flags: &str| format!("pthread_mutex_t *lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, {flags}, 0);");
    let inherited = map("MAP_SHARED | MAP_ANONYMOUS, -1");
    let file = map("MAP_SHARED, file");
    let named = format!("int file = shm_open(name, O_RDWR | O_CREAT, 0600);\n    ftruncate(file, 4096);\n    {file}");
    let segment = "pthread_mutex_t *lock = shmat(shmget(0x7a, 4096, IPC_CREAT | 0600), NULL, 0);";
    let Some(killed) = said(&inherited, "raise(SIGKILL)", "") else { return };
    let message = "is gone, and still holds this mutex, which is not robust";
    has(&killed, &["warning[lock-owner-died]: ", message, "offset 0 of an anonymous shared mapping", "had it mapped"]);
    has(&said(&named, "raise(SIGKILL)", "").unwrap(), &[message, "offset 0 of '/dev/shm/"]);
    has(&said(segment, "raise(SIGKILL)", "").unwrap(), &[message, "offset 0 of segment 0"]);
    has(&said(&inherited, "execl(\"/bin/true\", \"true\", NULL)", "").unwrap(), &[message]);
    let ended = said(&inherited, "_exit(0)", "").unwrap();
    has(&ended, &["ends while it holds this mutex, which is not robust", "summary: 0 errors, 1 warning, 0 notes"]);
    for end in ["raise(SIGKILL)", "_exit(0)"] {
        let repaired = said(&inherited, end, "pthread_mutex_init(lock, &shared);").unwrap();
        assert!(!repaired.contains("lock-owner-died"), "{repaired}");
        let unlocked = said(&named, &format!("pthread_mutex_unlock(lock);\n        {end}"), "").unwrap();
        assert!(!unlocked.contains("lock-owner-died"), "{unlocked}");
    }
    // Held when it was last looked at, then unlocked, and gone with its last process.
    for memory in [&inherited, &format!("{named}\n    shm_unlink(name);")] {
        let held = "pthread_mutex_lock(lock);\n    usleep(700000);\n    pthread_mutex_unlock(lock);\n    _exit(0);";
        let unlocked = said(memory, "pthread_mutex_unlock(lock);\n        _exit(0)", held).unwrap();
        assert!(!unlocked.contains("lock-owner-died"), "{unlocked}");
    }
}
