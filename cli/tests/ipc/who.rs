//! `mapsan who`: who has one object, file or mapping, compared with what /proc says in another place.

use crate::room::{Actor, Room, Said};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The answer, which is as its schema says.
#[track_caller]
fn json(said: &Said) -> Value {
    assert_eq!(said.status, 0, "{}", said.err);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../../docs/who.schema.json")).unwrap();
    if let Err(error) = jsonschema::validate(&schema, &document) {
        panic!("{error} at {}: {}", error.instance_path(), said.out);
    }
    document
}

/// Process, range or descriptor of each use that is told of an object.
fn told(object: &Value) -> BTreeSet<(u64, String)> {
    let mut told = BTreeSet::new();
    for user in object["users"].as_array().unwrap() {
        for used in user["uses"].as_array().unwrap() {
            let place = match &used["open"]["descriptor"] {
                Value::Null => {
                    let end = |which: &str| used["mapped"][which].as_str().unwrap().trim_start_matches("0x").to_owned();
                    format!("{}-{}", end("start"), end("end"))
                }
                descriptor => descriptor.to_string(),
            };
            told.insert((user["pid"].as_u64().unwrap(), place));
        }
    }
    told
}

/// The same by another way: the links in `map_files` and `fd` that lead to a file.
fn linked(actors: &[&Actor], inode: u64, target: &str) -> BTreeSet<(u64, String)> {
    let mut linked = BTreeSet::new();
    for actor in actors {
        for folder in ["map_files", "fd"] {
            for link in fs::read_dir(format!("/proc/{}/{folder}", actor.pid())).unwrap().flatten() {
                let leads_there = fs::read_link(link.path()).is_ok_and(|path| path == Path::new(target));
                if leads_there && fs::metadata(link.path()).unwrap().ino() == inode {
                    linked.insert((u64::from(actor.pid()), link.file_name().to_str().unwrap().to_owned()));
                }
            }
        }
    }
    linked
}

#[test]
fn who_has_an_object_is_told_as_proc_tells_it_another_way() {
    let Some(mut room) = Room::make() else { return };
    let segments: Vec<i64> = (0..3).map(|key| room.actor.get(&format!("shmget {} 8192 0600", 0x4d01 + key))).collect();
    let path = room.folder.path().join("data").display().to_string();
    let mut actors: Vec<Actor> = (0..3).map(|_| room.actor()).collect();
    for (number, actor) in actors.iter_mut().enumerate() {
        for id in segments.iter().skip(number) {
            actor.get(&format!("shmat {id} {}", if number == 1 { libc::SHM_RDONLY } else { 0 }));
            actor.get(&format!("shmat {id}"));
        }
        let object = actor.get("shm_open /one 12288 0600");
        let file = actor.get(&format!("open {path}"));
        for descriptor in [object, file] {
            actor.get(&format!("mmap {descriptor} 8192 4096"));
        }
        if number == 2 {
            actor.get(&format!("close {object}"));
        }
    }
    let all: Vec<&Actor> = actors.iter().collect();
    for (number, id) in segments.iter().enumerate() {
        let key = 0x4d01 + number;
        let inode = u64::try_from(*id).unwrap();
        let expected = linked(&all, inode, &format!("/SYSV{key:08x} (deleted)"));
        assert_eq!(expected.len(), 2 * (number + 1));
        for word in [format!("shm:{id}"), format!("{key:#x}"), format!("shm:{key:#x}")] {
            let document = json(&room.mapsan(&["who", &word, "--json"]));
            assert_eq!(told(&document["objects"][0]), expected, "{word}");
        }
    }
    let said: Said = room.command("stat").args(["-c", "%i", "/dev/shm/one"]).output().unwrap().into();
    let expected = linked(&all, said.out.trim().parse().unwrap(), "/dev/shm/one");
    assert_eq!(expected.len(), 5);
    for word in ["/one", "one", "shm:/one", "/dev/shm/one"] {
        assert_eq!(told(&json(&room.mapsan(&["who", word, "--json"]))["objects"][0]), expected, "{word}");
    }
    let expected = linked(&all, fs::metadata(&path).unwrap().ino(), &path);
    assert_eq!(expected.len(), 6);
    let link = room.folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for word in [path.as_str(), link.to_str().unwrap()] {
        assert_eq!(told(&json(&room.mapsan(&["who", "--json", word]))["objects"][0]), expected, "{word}");
    }
}

#[test]
fn what_a_process_shares_is_told_with_whom() {
    let Some(mut room) = Room::make() else { return };
    let id = room.actor.get("shmget 0x4d01 8192 0600");
    let at = room.actor.get(&format!("shmat {id}"));
    let memory = room.actor.get("memfd pool 8192");
    let pool = room.actor.get(&format!("mmap {memory} 8192"));
    let mut other = room.actor();
    other.get(&format!("shmat {id} {}", libc::SHM_RDONLY));
    let pid = room.actor.pid();
    let document = json(&room.mapsan(&["who", &pid.to_string(), "--json"]));
    let objects = document["objects"].as_array().unwrap();
    let of = |name: &str| objects.iter().find(|one| one["object"] == name).unwrap_or(&Value::Null);
    assert_eq!(told(of(&format!("shm:{id}"))).len(), 2);
    assert_eq!(told(of("/memfd:pool (deleted)")).len(), 2, "mapped, and open");
    let at_address = |address: i64| json(&room.mapsan(&["who", "--json", &format!("{pid}:{address:#x}")]));
    assert_eq!(at_address(at + 8191)["objects"][0]["object"], format!("shm:{id}"));
    assert_eq!(at_address(pool)["objects"][0]["object"], "/memfd:pool (deleted)");
    // The program itself, which is mapped privately, and its stack.
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let start = |what: &str| {
        let line = maps.lines().find(|line| line.ends_with(what)).unwrap();
        i64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap()
    };
    assert!(told(&at_address(start("/actor"))["objects"][0]).iter().any(|(user, _)| *user == u64::from(other.pid())));
    let stack = at_address(start("[stack]"));
    assert_eq!(stack["objects"][0]["kind"], "private memory of no file");
    assert_eq!(told(&stack["objects"][0]).len(), 1);
    let shown = room.mapsan(&["who", &format!("shm:{id}")]);
    let uses: Vec<Vec<&str>> =
        shown.out.lines().skip(2).map(|line| line.split_whitespace().take(3).collect()).collect();
    let (one, two) = (pid.to_string(), other.pid().to_string());
    let mut expected = vec![vec![one.as_str(), "actor", "rw"], vec![two.as_str(), "actor", "r"]];
    expected.sort_by_key(|line| line[0].parse::<u32>().unwrap());
    assert_eq!(uses, expected, "{}", shown.out);
}

#[test]
fn columns_fit_80_cells() {
    let Some(mut room) = Room::make() else { return };
    let name = format!("/{}", "n".repeat(60));
    let file = room.actor.get(&format!("shm_open {name} 4096 0600"));
    room.actor.get(&format!("mmap {file} 4096"));
    for word in [name, room.actor.pid().to_string(), room.folder.path().join("actor").display().to_string()] {
        let mut command = room.command("env");
        let said: Said =
            command.args(["COLUMNS=80", env!("CARGO_BIN_EXE_mapsan"), "who", &word]).output().unwrap().into();
        assert!(said.out.lines().count() >= 3 && said.out.contains("HOW"), "{}", said.out);
        // Names stand whole, on lines of their own.
        let lines = said.out.lines().filter(|line| !line.starts_with('/'));
        assert!(lines.clone().all(|line| line.chars().count() <= 80), "{}", said.out);
    }
}

#[test]
fn words_that_ask_about_nothing_are_answered_in_a_line() {
    let Some(mut room) = Room::make() else { return };
    room.actor.get("shmget 0x4d01 4096 0600");
    room.actor.get("semget 0x4d02 1 0600");
    let pid = room.actor.pid();
    for (word, status, why) in [
        ("shm:7", 127, "no object has the id 7"),
        ("0x4d03", 127, "no object has the key 0x00004d03"),
        ("/none", 127, "no object has the name '/none'"),
        ("/no/such", 127, "'/no/such': No such file or directory (ENOENT)"),
        ("4194305", 127, "no process has the pid 4194305"),
        (&format!("{pid}:0x10"), 127, "nothing is mapped at 0x10 in process"),
        (&format!("{pid}:7fff"), 2, "an address is written as in 4242:0x7f0012345000"),
        ("0", 2, "a pid is a number from 1 to 2147483647; a segment is written shm:ID"),
        ("-1", 2, "no id is negative; as a key it is written 0xffffffff"),
        ("0x0", 2, "key 0 is IPC_PRIVATE"),
        ("seg:0", 2, "there is no kind 'seg'"),
        ("", 2, "a name is one slash and what follows"),
        ("/dev", 2, "'/dev' is a directory, which no process maps"),
        ("/\u{1b}[31m", 127, "\\u{1b}[31m"),
        ("shm:0+64", 2, "shm:0 is there: who writes at an offset of it is told by --writes"),
        ("sem:0+64", 2, "what follows the kind is an id, a key such as 0x4d010203, or /NAME"),
        ("shm:0", 1, "no process was seen to have shm:0 mapped or open"),
    ] {
        let said = room.mapsan(&["who", word]);
        assert_eq!((said.status, said.out.as_str()), (status, ""), "{word}: {}", said.err);
        assert!(said.err.lines().next().unwrap().contains(why) && !said.err.contains('\u{1b}'), "{word}: {}", said.err);
    }
    let said = room.mapsan(&["who", "sem:0"]);
    assert!(
        said.err.contains("who uses sem:0 can't be seen: no process maps or opens a semaphore set\n"),
        "{}",
        said.err
    );
    assert_eq!((room.mapsan(&["who"]).status, room.mapsan(&["who", "shm:0", "shm:0"]).status), (2, 2));
    let other = Room::make().unwrap();
    assert_eq!(other.mapsan(&["who", "0x4d01"]).status, 127, "of another namespace");
}

#[test]
fn what_may_not_be_looked_at_is_said() {
    let Some(mut room) = Room::make() else { return };
    let id = room.actor.get("shmget 0x4d01 4096 0666");
    room.actor.get(&format!("shmat {id}"));
    let said = room.mapsan_as(65534, &["who", "shm:0"]);
    assert_eq!(said.status, 1);
    for why in [
        "may not be looked at by this user; root sees more",
        "shm:0 has 1 more attachment, of processes that were not seen",
    ] {
        assert!(said.err.contains(why), "{}", said.err);
    }
    let said = room.mapsan_as(65534, &["who", &room.actor.pid().to_string()]);
    assert_eq!(said.status, 125);
    assert!(said.err.ends_with("may not be looked at: Permission denied (EACCES)\n"), "{}", said.err);
    let mapsan = env!("CARGO_BIN_EXE_mapsan");
    let without = |what: &str, word: &str| -> Said {
        let script = format!("{what} && exec setpriv --reuid=65534 --regid=65534 --clear-groups {mapsan} who {word}");
        room.command("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap().into()
    };
    let said = without("umount /dev/shm; mount -t tmpfs tmpfs /dev && test ! -e /dev/shm", "/object");
    assert!(said.status == 127 && said.err.contains("; /dev/shm can't be read: No such file"), "{}", said.err);
    let hidden = without("mount -t proc -o hidepid=2 proc /proc", "shm:0");
    assert!(
        hidden.status == 1 && hidden.err.contains("hidepid: processes of other users may be hidden"),
        "{}",
        hidden.err
    );
    let hidden = without("mount -t proc -o hidepid=2 proc /proc", &room.actor.pid().to_string());
    assert!(hidden.status == 127 && hidden.err.contains("as far as /proc shows them"), "{}", hidden.err);
}
