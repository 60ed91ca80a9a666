//! `mapsan ipc rm` and `gc`: what is in use stays, and so does what can't be proved to be left over.

use crate::room::{Room, Said};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::Instant;

/// The user who has no rights.
const NOBODY: &str = "65534";

fn ids(room: &Room, kind: &str) -> Vec<String> {
    let said: Said = room.command("ipcs").arg(kind).output().unwrap().into();
    let lines = said.out.lines().filter(|line| line.starts_with("0x"));
    lines.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
}

/// What the command says, in lines, and its status.
#[track_caller]
fn says(said: &Said, status: i32, lines: &[&str]) {
    assert_eq!(said.status, status, "{}", said.err);
    for line in lines {
        assert!(said.err.lines().any(|said| said.starts_with(&format!("mapsan: {line}"))), "{line:?} in\n{}", said.err);
    }
    assert_eq!(said.out, "");
}

#[test]
fn what_is_named_is_removed_and_nothing_else() {
    let Some(mut room) = Room::make() else { return };
    for number in 1..6 {
        room.actor.get(&format!("shmget {number} 4096 0600"));
    }
    let set = room.actor.get("semget 0x77 3 0600");
    room.actor.get("semget 0x78 3 0600");
    let queue = room.actor.get("msgget -5 0 0600");
    let file = room.actor.get("shm_open /object 4096 0600");
    room.actor.get(&format!("close {file}"));
    let said = room.mapsan(&["ipc", "rm", "shm:1", "0x00000003", "0x77", &format!("msg:{queue}"), "/object"]);
    says(&said, 0, &["shm:1 is removed", "shm:2 is removed", &format!("sem:{set} is removed"), "/object is removed"]);
    assert_eq!((ids(&room, "-m"), ids(&room, "-s").len()), (vec!["0".into(), "3".into(), "4".into()], 1));
    assert!(ids(&room, "-q").is_empty());
    // By an id that one object alone has.
    says(&room.mapsan(&["ipc", "rm", "4"]), 0, &["shm:4 is removed"]);
}

#[test]
fn words_that_name_nothing_remove_nothing() {
    let Some(mut room) = Room::make() else { return };
    let id = room.actor.get("shmget 0x4d01 4096 0600");
    let same = room.actor.get("semget 0x4d02 1 0600");
    assert_eq!((id, same), (0, 0));
    for (word, status, why) in [
        ("0", 127, "it could be shm:0 or sem:0; write which"),
        ("7", 127, "no object has the id 7"),
        ("19713", 127, "no object has the id 19713 in this IPC namespace; 0x4d01 is the key of shm:0"),
        ("0x4d03", 127, "no object has the key 0x00004d03"),
        ("sem:0x4d01", 127, "no object has the key"),
        ("-1", 2, "no id is negative; as a key it is written 0xffffffff"),
        ("4294967295", 2, "ids end at 2147483647; as a key it is written 0xffffffff"),
        ("0x0", 2, "key 0 is IPC_PRIVATE"),
        ("0x123456789", 2, "1 to 8 hexadecimal digits"),
        ("/none", 127, "no object has the name '/none'"),
        ("mq:/none", 127, "no object has the name '/none'"),
        ("seg:0", 2, "there is no kind 'seg'"),
        ("", 2, "a name is one slash and what follows"),
        ("/dev/shm", 2, "without another slash"),
        ("/\u{1b}[31m", 127, "\\u{1b}[31m"),
    ] {
        let said = room.mapsan(&["ipc", "rm", "shm:0", word]);
        assert_eq!((said.status, said.err.lines().count()), (status, 1), "{word}: {}", said.err);
        assert!(said.err.contains(why) && !said.err.contains('\u{1b}'), "{word}: {}", said.err);
        assert_eq!(ids(&room, "-m"), ["0"], "{word}");
    }
    assert_eq!(room.mapsan(&["ipc", "rm"]).status, 2);
    // Of another namespace: the same id is another object there.
    let other = Room::make().unwrap();
    assert_eq!(other.mapsan(&["ipc", "rm", "shm:0"]).status, 127);
    let said = room.mapsan(&["ipc", "rm", "shm:0", "0x4d01", "shm:0"]);
    says(&said, 0, &["'0x4d01': it is named twice, as 'shm:0' before", "shm:0 is removed"]);
}

#[test]
fn what_is_in_use_stays() {
    let Some(mut room) = Room::make() else { return };
    let id = room.actor.get("shmget 0x4d01 4096 0640");
    room.actor.get(&format!("shmat {id}"));
    let set = room.actor.get("semget 0x77 1 0600");
    room.actor.get("shm_open /open 4096 0600");
    let file = room.actor.get("shm_open /mapped 4096 0600");
    room.actor.get(&format!("mmap {file} 4096"));
    room.actor.get(&format!("close {file}"));
    room.actor.get("sem_open /s 0 0600");
    room.actor.get("mq_open /q 0 0600");
    let mut waiting = room.actor();
    waiting.tell(&format!("semwait {set}"));
    std::thread::sleep(std::time::Duration::from_millis(100));
    let names = [&format!("shm:{id}"), "/open", "/mapped", "sem:/s", "mq:/q", &format!("sem:{set}")];
    let by = format!("{} actor", room.actor.pid());
    let said = room.mapsan(&[&["ipc", "rm"], &names[..]].concat());
    let attached = format!("shm:{id} stays: it is attached once, by {by}");
    let open: Vec<String> =
        names[1..5].iter().map(|name| format!("{name} stays: it is open or mapped by {by}")).collect();
    let mut lines: Vec<&str> = open.iter().map(String::as_str).collect();
    lines.extend([attached.as_str(), "sem:0 stays: a thread waits for it in semop"]);
    says(&said, 1, &lines);
    // Its mode is as it was, and the key leads to it.
    let shown: Said = room.command("ipcs").arg("-m").output().unwrap().into();
    assert!(shown.out.contains("640") && shown.out.contains("0x00004d01"), "{}", shown.out);
    let said = room.mapsan(&[&["ipc", "rm", "--force"], &names[..]].concat());
    says(&said, 0, &["/open is removed", "mq:/q is removed"]);
    assert!(ids(&room, "-s").is_empty());
}

#[test]
fn processes_that_can_not_be_seen_keep_what_they_use() {
    let Some(mut room) = Room::make() else { return };
    let id = room.actor.get("shmget 0x4d01 4096 0666");
    room.actor.get(&format!("shmat {id}"));
    let mut owner = room.actor();
    owner.get("setuid 65534");
    let theirs = owner.get("shmget 0x4d02 4096 0666");
    owner.get("shm_open /theirs 4096 0666");
    owner.get("mq_open /queue 0 0600");
    room.actor.get(&format!("shmat {theirs}"));
    room.actor.get("open /dev/shm/theirs");
    drop(owner);
    // Root's processes may not be looked at by this user.
    let words = ["ipc", "rm", &format!("shm:{theirs}"), "/theirs"];
    let lines = [
        "shm:1 stays: it is attached once, by processes that were not seen",
        "/theirs stays: a process that was not seen has it open or mapped",
    ];
    says(&room.mapsan_as(65534, &words), 1, &lines);
    // Who may not mount sees the queues where they are mounted.
    let queue = room.mapsan_as(65534, &["ipc", "rm", "mq:/queue"]);
    if std::path::Path::new("/dev/mqueue").exists() {
        says(&queue, 1, &["mq:/queue stays: a process that may not be looked at may have it open"]);
    } else {
        let why = "no object has the name '/queue' in this IPC namespace; POSIX message queues can't be listed: no mqueue \
                   file system is mounted at /dev/mqueue; nothing was removed";
        says(&queue, 127, &[&format!("'mq:/queue': {why}")]);
    }
    // Nobody removes what belongs to another user, not even root.
    says(&room.mapsan(&words), 1, &["shm:1 stays: it belongs to the user nobody"]);
    says(&room.mapsan(&["ipc", "rm", "--force", "/theirs"]), 1, &["/theirs stays: it belongs to the user nobody"]);
    says(
        &room.mapsan_as(65534, &["ipc", "rm", &format!("shm:{id}")]),
        1,
        &["shm:0 stays: it belongs to the user root"],
    );
}

#[test]
fn what_is_left_over_is_removed_when_the_user_agrees() {
    let Some(mut room) = Room::make() else { return };
    let left = room.actor.get("child 0x4d01 4096 0600");
    let lives = room.actor.get("shmget 0x4d02 4096 0600");
    let used = room.actor.get("child 0x4d03 4096 0600");
    let at = room.actor.get(&format!("shmat {used}"));
    let attached = room.actor.get("child 0x4d04 4096 0600");
    room.actor.get(&format!("shmat {attached}"));
    room.actor.get(&format!("shmdt {at}"));
    room.actor.get("semget 0x77 1 0600");
    room.actor.get("msgget 0x77 1 0600");
    let file = room.actor.get("shm_open /object 4096 0600");
    room.actor.get(&format!("close {file}"));
    let by = format!("{} actor", room.actor.pid());
    let gc = |arguments: &[&str]| room.mapsan(&[&["ipc", "gc"], arguments].concat());
    let kept = [
        &format!("shm:{lives} stays: its creator lives: {by}"),
        &format!("shm:{used} stays: its last user lives: {by}"),
        &format!("shm:{attached} stays: it is attached once, by {by}"),
        "sem:0 stays: the kernel does not remember who made a semaphore set",
        "msg:0 stays: the kernel does not remember who made a message queue",
        "/object stays: the kernel does not remember who made a file in /dev/shm",
    ];
    let found = format!("shm:{left} is left over: 4096 bytes, made by ");
    says(&gc(&["--dry-run"]), 0, &[&kept[..], &[&found, "1 segment (4096 bytes) would be removed"]].concat());
    says(
        &gc(&["--yes", "--older-than", "1h"]),
        0,
        &[&format!("shm:{left} stays: it was made or used "), "nothing that is left over"],
    );
    // No answer is none.
    says(&gc(&[]), 0, &["remove 1 segment (4096 bytes)? [y/N] mapsan: nothing was removed"]);
    assert_eq!(ids(&room, "-m").len(), 4);
    assert_eq!(gc(&["--older-than", "soon"]).status, 2);
    let mut command = room.command(env!("CARGO_BIN_EXE_mapsan"));
    let mut asked = command.args(["ipc", "gc"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    asked.stdin.take().unwrap().write_all(b"y\n").unwrap();
    assert!(asked.wait().unwrap().success());
    assert_eq!(ids(&room, "-m").len(), 3);
    says(&room.mapsan(&["ipc", "gc", "--yes"]), 0, &["nothing that is left over was found"]);
}

/// The question is asked, something happens, and then the answer is yes.
fn gc_while(room: &mut Room, happens: &str) -> String {
    let mut command = room.command(env!("CARGO_BIN_EXE_mapsan"));
    let mut asked = command.args(["ipc", "gc"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut words = BufReader::new(asked.stderr.take().unwrap());
    let mut question = Vec::new();
    words.read_until(b'?', &mut question).unwrap();
    room.actor.get(happens);
    asked.stdin.take().unwrap().write_all(b"yes\n").unwrap();
    let mut rest = String::new();
    words.read_to_string(&mut rest).unwrap();
    format!("{rest}{}", asked.wait().unwrap().code().unwrap())
}

#[test]
fn what_happens_between_the_question_and_the_answer_counts() {
    let Some(mut room) = Room::make() else { return };
    let id = room.actor.get("child 0x4d01 4096 0640");
    let said = gc_while(&mut room, &format!("shmat {id}"));
    assert!(said.contains("mapsan: shm:0 stays: it was used or changed while this command looked at it\n1"), "{said}");
    let shown: Said = room.command("ipcs").arg("-m").output().unwrap().into();
    assert!(shown.out.contains(" 640 ") && shown.out.contains("0x00004d01"), "{}", shown.out);
    let id = room.actor.get("child 0x4d02 4096 0600");
    let said = gc_while(&mut room, &format!("shmrm {id}"));
    assert!(said.contains("mapsan: shm:1 has gone meanwhile: another has removed it\n0"), "{said}");
}

#[test]
fn what_can_not_be_read_removes_nothing() {
    let Some(mut room) = Room::make() else { return };
    room.actor.get("setuid 65534");
    let left = room.actor.get("child 0x4d01 4096 0600");
    let lives = room.actor.get("shmget 0x4d02 4096 0600");
    room.actor.get("semget 0x77 1 0");
    let file = room.actor.get("shm_open /object 4096 0");
    room.actor.get(&format!("close {file}"));
    let mapsan = env!("CARGO_BIN_EXE_mapsan");
    let without = |what: &str, arguments: &str| -> Said {
        let script =
            format!("{what} && exec setpriv --reuid=65534 --regid=65534 --clear-groups {mapsan} ipc {arguments}");
        room.command("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap().into()
    };
    // Neither its /dev/shm nor /proc is there.
    let absent = "umount /dev/shm; mount -t tmpfs tmpfs /dev && test ! -e /dev/shm";
    let why = "'/object': no object has the name '/object' in this IPC namespace; /dev/shm can't be read: No such file or \
               directory (ENOENT); ";
    says(&without(absent, "rm shm:0 /object"), 127, &[why]);
    let absent = "mount -t tmpfs tmpfs /proc";
    let why = "'shm:0': no object has the id 0 in this IPC namespace; /proc/sysvipc/shm can't be read: ";
    says(&without(absent, "rm shm:0"), 127, &[why]);
    says(
        &without(absent, "gc --yes"),
        0,
        &["/proc/sysvipc/shm can't be read: ", "nothing that is left over was found"],
    );
    // What its owner may not read, in use or not.
    let why = [
        "sem:0 stays: whether a thread waits for it may not be asked: its mode does not let its owner read",
        "/object stays: whether it is in use can't be found out: Permission denied (EACCES)",
    ];
    says(&without("true", "rm sem:0 /object"), 1, &why);
    // With hidepid the creator can't be looked at, and is known to live all the same.
    let hidden = "mount -t proc -o hidepid=2 proc /proc";
    let said = without(hidden, "gc --yes");
    says(&said, 0, &[&format!("shm:{lives} stays: its creator lives: "), &format!("shm:{left} is removed")]);
    assert_eq!(ids(&room, "-m"), [lives.to_string()]);
}

#[test]
fn makers_in_other_pid_namespaces_may_live() {
    let Some(room) = Room::make() else { return };
    let actor = room.folder.path().join("actor");
    let inside = |what: &str| -> Said {
        let script = format!("{what}; true");
        room.command("unshare").args(["--pid", "--fork", "sh", "-c", &script]).output().unwrap().into()
    };
    // Made in a namespace below this one, whose processes have numbers here; then looked at from one that has none of them.
    let made = inside(&format!("echo shmget 1 4096 0600 | {}", actor.display()));
    assert_eq!(made.status, 0, "{}", made.err);
    let mut outside = room.actor();
    outside.get("shmget 2 4096 0600");
    drop(outside);
    let said = inside(&format!("mount -t proc proc /proc; {} ipc gc --yes", env!("CARGO_BIN_EXE_mapsan")));
    says(
        &said,
        0,
        &["shm:1 stays: its creator is in another PID namespace, and may live", "nothing that is left over was found"],
    );
    assert_eq!(ids(&room, "-m").len(), 2);
}

/// The kernel is waited for once for many: removing them takes nothing like as many times as long as removing one.
#[test]
fn hundreds_are_removed_together() {
    const SEGMENTS: usize = 300;
    let Some(mut room) = Room::make() else { return };
    for key in 1..=SEGMENTS {
        room.actor.get(&format!("child {key} 4096 0600"));
    }
    let started = Instant::now();
    says(&room.mapsan(&["ipc", "rm", "shm:0"]), 0, &["shm:0 is removed"]);
    let one = started.elapsed();
    let attached = room.actor.get("shmget 290 0 0");
    room.actor.get(&format!("shmat {attached} 0"));
    let started = Instant::now();
    let said = room.mapsan(&["ipc", "gc", "--yes"]);
    let all = started.elapsed();
    says(&said, 0, &[&format!("shm:{attached} stays: ")]);
    assert_eq!(said.err.lines().filter(|line| line.ends_with(" is removed")).count(), SEGMENTS - 2);
    assert_eq!(ids(&room, "-m"), [attached.to_string()]);
    assert!(all < one * 60, "{all:?} for all, {one:?} for one");
}

/// Segments that dead processes have made, while others attach them and leave, and `gc` and `rm` are at work: who is
/// attached finds that the key leads to the segment, always.
#[test]
fn nothing_attached_is_removed_in_a_thousand_schedules() {
    const SEGMENTS: usize = 50;
    const ROUNDS: usize = 20;
    let Some(mut room) = Room::make() else { return };
    let mut storms = [room.actor(), room.actor(), room.actor()];
    for actor in storms.iter_mut().chain([&mut room.actor]) {
        actor.get(&format!("setuid {NOBODY}"));
    }
    let (mut removed, mut attached) = (0, 0);
    for round in 0..ROUNDS {
        let first = 0x1000 * (round + 1);
        let names: Vec<String> = (0..SEGMENTS)
            .map(|number| format!("shm:{}", room.actor.get(&format!("child {} 4096 0600", first + number))))
            .collect();
        for storm in &mut storms {
            storm.tell(&format!("storm {first} {SEGMENTS} 100"));
        }
        for name in 0..4 {
            let words: Vec<&str> = match (round + name) % 2 {
                0 => vec!["ipc", "gc", "--yes"],
                _ => ["ipc", "rm"].into_iter().chain(names.iter().skip(name).step_by(8).map(String::as_str)).collect(),
            };
            let said = room.mapsan_as(65534, &words);
            removed += said.err.lines().filter(|line| line.ends_with(" is removed")).count();
            assert!(!said.err.contains("in the moment in which it was removed"), "{}", said.err);
        }
        for storm in &mut storms {
            // `-` where one was attached, and the key led elsewhere.
            attached += storm.answer().parse::<usize>().unwrap();
        }
        // What stays has its mode.
        let left: Said = room.command("ipcs").arg("-m").output().unwrap().into();
        let lines = left.out.lines().filter(|line| line.starts_with("0x"));
        assert!(lines.clone().all(|line| line.split_whitespace().nth(3) == Some("600")), "{}", left.out);
        room.mapsan_as(65534, &["ipc", "gc", "--yes"]);
    }
    assert!(removed > SEGMENTS && attached > SEGMENTS * ROUNDS, "{removed} removed, {attached} attached");
}
