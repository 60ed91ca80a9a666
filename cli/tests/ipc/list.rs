//! `mapsan ipc list`: what there is, compared with what others say of it.

use crate::room::{Room, Said};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The document, which is as its schema says.
fn json(said: &Said) -> Value {
    assert_eq!(said.status, 0, "{}", said.err);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../../docs/ipc.schema.json")).unwrap();
    if let Err(error) = jsonschema::validate(&schema, &document) {
        panic!("{error} at {}: {}", error.instance_path(), said.out);
    }
    document
}

fn object<'a>(document: &'a Value, name: &str) -> &'a Value {
    document["objects"].as_array().unwrap().iter().find(|one| one["object"] == name).unwrap_or(&Value::Null)
}

fn pids(object: &Value) -> Vec<u64> {
    object["users"].as_array().unwrap().iter().map(|user| user["pid"].as_u64().unwrap()).collect()
}

/// The lines of `ipcs` for a kind: key, id, owner, mode and numbers.
fn ipcs(room: &Room, kind: &str) -> BTreeSet<Vec<String>> {
    let said: Said = room.command("ipcs").arg(kind).output().unwrap().into();
    let lines = said.out.lines().filter(|line| line.starts_with("0x"));
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// The same of `lsipc`, which does not say what is marked for removal. It shows no mode of queues (util-linux 2.38), so that is
/// taken from `ipcs`.
fn lsipc(room: &Room, kind: &str) -> BTreeSet<Vec<String>> {
    let numbers = match kind {
        "-m" => "SIZE,NATTCH",
        "-s" => "NSEMS",
        _ => "USEDBYTES,MSGS",
    };
    let columns = format!("KEY,ID,OWNER,{numbers}");
    let arguments = [kind, "--raw", "--noheadings", "--bytes", "--output", &columns];
    let said: Said = room.command("lsipc").args(arguments).output().unwrap().into();
    assert_eq!(said.status, 0, "{}", said.err);
    let modes: BTreeMap<String, String> =
        ipcs(room, kind).into_iter().map(|line| (line[1].clone(), line[3].clone())).collect();
    let line = |line: &str| {
        let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        words.insert(3, modes[&words[1]].clone());
        words
    };
    said.out.lines().map(line).collect()
}

#[test]
fn it_lists_what_ipcs_and_lsipc_list() {
    let Some(mut room) = Room::make() else { return };
    let actor = &mut room.actor;
    for number in 0..20 {
        let id = actor.get(&format!("shmget {number} {} {}", 4096 * (number + 1), 0o600 + number));
        for _ in 0..number % 3 {
            actor.get(&format!("shmat {id}"));
        }
        actor.get(&format!("semget {number} {} {}", number + 1, 0o640));
        let id = actor.get(&format!("msgget {} 0 {}", -number, 0o644));
        if number % 2 == 0 {
            actor.get(&format!("msgsnd {id} {number}"));
        }
    }
    let removed = actor.get("shmget 0 4096 0600");
    actor.get(&format!("shmat {removed}"));
    actor.get(&format!("shmrm {removed}"));
    let document = json(&room.mapsan(&["ipc", "--json"]));
    let listed = |kind: &str, numbers: &[&str]| -> BTreeSet<Vec<String>> {
        let objects = document["objects"].as_array().unwrap().iter().filter(|one| one["kind"] == kind);
        let line = |one: &Value| {
            let key = one["key"].as_str().unwrap_or("0x00000000").to_owned();
            let mode = one["mode"].as_str().unwrap().trim_start_matches('0').to_owned();
            let mut line = vec![key, one["id"].to_string(), one["owner"].as_str().unwrap().to_owned(), mode];
            line.extend(numbers.iter().map(|number| one[*number].to_string()));
            line.extend((one["removed"] == true).then(|| "dest".to_owned()));
            line
        };
        objects.map(line).collect()
    };
    assert_eq!(listed("segment", &["size", "attachments"]), ipcs(&room, "-m"));
    assert_eq!(listed("semaphore set", &["semaphores"]), ipcs(&room, "-s"));
    assert_eq!(listed("message queue", &["size", "messages"]), ipcs(&room, "-q"));
    for (kind, name, numbers) in [
        ("-m", "segment", &["size", "attachments"][..]),
        ("-s", "semaphore set", &["semaphores"]),
        ("-q", "message queue", &["size", "messages"]),
    ] {
        let plain =
            listed(name, numbers).into_iter().map(|line| line.into_iter().filter(|word| word != "dest").collect());
        assert_eq!(plain.collect::<BTreeSet<Vec<String>>>(), lsipc(&room, kind), "{kind}");
    }
    assert_eq!(document["objects"].as_array().unwrap().len(), 61);
}

#[test]
fn posix_objects_are_listed_as_their_files_are() {
    let Some(mut room) = Room::make() else { return };
    for what in ["shm_open /one 5000 0600", "shm_open /sem. 1 0640", "sem_open /s 0 0644", "mq_open /q 0 0600"] {
        room.actor.get(what);
    }
    let queue = room.actor.get("mq_open /q2 0 0600");
    room.actor.get(&format!("mq_send {queue} 7"));
    let document = json(&room.mapsan(&["ipc", "list", "--json"]));
    let about = |name: &str, field: &str| object(&document, name)[field].to_string();
    assert_eq!((about("/one", "size"), about("/one", "mode")), ("5000".to_owned(), "\"0600\"".to_owned()));
    assert_eq!(
        (about("/sem.", "kind"), about("/sem.", "mode")),
        ("\"shared memory object\"".into(), "\"0640\"".into())
    );
    assert_eq!((about("sem:/s", "kind"), about("sem:/s", "name")), ("\"named semaphore\"".into(), "\"/s\"".into()));
    assert_eq!((about("mq:/q", "size"), about("mq:/q2", "size")), ("0".to_owned(), "7".to_owned()));
    for name in ["/one", "/sem.", "sem:/s", "mq:/q"] {
        assert_eq!(pids(object(&document, name)), [u64::from(room.actor.pid())], "{name}");
    }
}

/// The attachments of a process by another way: the links of `map_files`, each with the inode of what is mapped.
fn map_files(pid: u32) -> BTreeSet<(u64, String)> {
    let folder = format!("/proc/{pid}/map_files");
    let links = fs::read_dir(folder).unwrap().flatten();
    let attached = links.filter(|link| fs::read_link(link.path()).unwrap().starts_with("/SYSV00000000 (deleted)"));
    let range = |name: &str| name.split('-').map(|end| format!("0x{end}")).collect::<Vec<_>>().join("-");
    attached.map(|link| (fs::metadata(link.path()).unwrap().ino(), range(link.file_name().to_str().unwrap()))).collect()
}

#[test]
fn who_is_attached_is_told_as_proc_tells_it_another_way() {
    let Some(mut room) = Room::make() else { return };
    let ids: Vec<i64> = (0..5).map(|_| room.actor.get("shmget 0 8192 0600")).collect();
    let mut actors = [room.actor(), room.actor(), room.actor()];
    for (number, actor) in actors.iter_mut().enumerate() {
        for id in ids.iter().skip(number) {
            actor.get(&format!("shmat {id} {}", if number == 1 { libc::SHM_RDONLY } else { 0 }));
            actor.get(&format!("shmat {id}"));
        }
    }
    let document = json(&room.mapsan(&["ipc", "list", "--json"]));
    for actor in &actors {
        let mut told = BTreeSet::new();
        for object in document["objects"].as_array().unwrap() {
            let users = object["users"].as_array().unwrap().iter().filter(|user| user["pid"] == actor.pid());
            for used in users.flat_map(|user| user["uses"].as_array().unwrap()) {
                let end = |which: &str| used["mapped"][which].as_str().unwrap().to_owned();
                told.insert((object["id"].as_u64().unwrap(), format!("{}-{}", end("start"), end("end"))));
            }
        }
        assert_eq!(told, map_files(actor.pid()));
    }
    let shown = room.mapsan(&["ipc"]);
    assert!(shown.out.contains(&format!("{} actor r, rw", actors[1].pid())), "{}", shown.out);
}

#[test]
fn makers_and_last_users_are_told_alive_or_dead() {
    let Some(mut room) = Room::make() else { return };
    let left = room.actor.get("child 0x4d01 4096 0600");
    let own = room.actor.get("shmget 0x4d02 4096 0600");
    room.actor.get(&format!("shmat {own}"));
    let document = json(&room.mapsan(&["ipc", "--json"]));
    let left = object(&document, &format!("shm:{left}"));
    assert_eq!(
        (&left["creator"]["state"], &left["last_users"], &left["used"]),
        (&"dead".into(), &Value::Array(vec![]), &Value::Null)
    );
    let own = object(&document, &format!("shm:{own}"));
    for party in [&own["creator"], &own["last_users"][0]] {
        assert_eq!(
            (&party["state"], &party["name"], party["pid"].as_u64()),
            (&"alive".into(), &"actor".into(), Some(room.actor.pid().into()))
        );
    }
    let shown = room.mapsan(&["ipc", "--columns", "object,creator", "--sort", "key"]);
    let lines: Vec<&str> = shown.out.lines().collect();
    assert!(
        lines[0].starts_with("OBJECT") && lines[1].ends_with("(dead)") && lines[2].ends_with(" actor"),
        "{lines:?}"
    );
}

#[test]
fn files_of_keys_are_told_where_they_are_named() {
    let Some(mut room) = Room::make() else { return };
    let file = room.folder.path().join("actor").display().to_string();
    let key = room.actor.get(&format!("ftok {file} 77"));
    let id = room.actor.get(&format!("shmget {key} 4096 0600"));
    room.actor.get("shmget 0x1234 4096 0600");
    for named in [file.clone(), format!("{file}:M"), format!("{file}:0x4d")] {
        let document = json(&room.mapsan(&["ipc", "--json", "--ftok", &named]));
        assert_eq!(object(&document, &format!("shm:{id}"))["file"], format!("{file}:0x4d"), "{named}");
        assert_eq!(document["objects"].as_array().unwrap().iter().filter(|one| one["file"].is_string()).count(), 1);
    }
    for (arguments, status, why) in [
        (["--ftok", "/no/such/file"], 2, "No such file or directory (ENOENT)"),
        (["--ftok", &format!("{file}:0")], 2, "no project id"),
        (["--records", "/no/such/file"], 125, "can't be read"),
        (["--columns", "siz"], 2, "'size'"),
        (["--sort", ""], 2, "possible values"),
    ] {
        let said = room.mapsan(&[&["ipc", "list"], &arguments[..]].concat());
        assert!(said.status == status && said.err.contains(why), "{arguments:?}: {} {}", said.status, said.err);
    }
}

/// What the kernel does not remember: the maker of a file, and the file of a key.
#[test]
fn records_of_a_run_tell_makers_and_files_of_keys() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/release/libmapsan.so");
    let library = std::env::var_os("MAPSAN_RUNTIME").map_or(built, PathBuf::from);
    if !library.exists() {
        eprintln!("SKIPPED: there is no libmapsan.so; build it with 'cargo build --release'");
        return;
    }
    let Some(mut room) = Room::make() else { return };
    let file = room.folder.path().join("actor").display().to_string();
    let records = room.folder.path().join("records.json").display().to_string();
    let mut command = room.command(env!("CARGO_BIN_EXE_mapsan"));
    command.args(["run", "--format", "json", "-o", &records, "--", &file]).env("MAPSAN_RUNTIME", library);
    let mut run = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // An id of which the low 8 bits count alone is a finding, which has the key.
    write!(run.stdin.take().unwrap(), "shm_open /made 4096 0600\nftok {file} 333\n").unwrap();
    let said: Said = run.wait_with_output().unwrap().into();
    let key = said.out.lines().last().unwrap().to_owned();
    room.actor.get(&format!("shmget {key} 4096 0600"));
    let without = json(&room.mapsan(&["ipc", "--json"]));
    assert_eq!(
        (&object(&without, "/made")["creator"], &object(&without, "shm:0")["file"]),
        (&Value::Null, &Value::Null)
    );
    let document = json(&room.mapsan(&["ipc", "list", "--json", "--records", &records]));
    assert_eq!(object(&document, "shm:0")["file"], format!("{file}:333"));
    let started = fs::read_to_string(&records).unwrap();
    let started: Value = serde_json::from_str(started.lines().next().unwrap()).unwrap();
    let creator = &object(&document, "/made")["creator"];
    assert_eq!((&creator["pid"], &creator["state"]), (&started["pid"], &"dead".into()));
    // A file of that name that was made later is another one.
    let again = format!(
        "rm /dev/shm/made; sleep 2.1; touch /dev/shm/made; {} ipc --json --records {records}",
        env!("CARGO_BIN_EXE_mapsan")
    );
    let document = json(&room.command("sh").args(["-c", &again]).output().unwrap().into());
    assert_eq!(object(&document, "/made")["creator"], Value::Null);
}

#[test]
fn other_users_objects_are_counted_and_shown_if_asked_for() {
    let Some(mut room) = Room::make() else { return };
    room.actor.get("shmget 1 4096 0600");
    let mut other = room.actor();
    other.get("setuid 65534");
    let id = other.get("shmget 2 4096 0600");
    other.get(&format!("shmat {id}"));
    let own = room.mapsan(&["ipc"]);
    assert_eq!(own.out.lines().count(), 2, "{}", own.out);
    assert!(own.err.contains("1 object of another user is not shown; --all-users shows it"), "{}", own.err);
    let all = json(&room.mapsan(&["ipc", "--all-users", "--json"]));
    assert_eq!((all["objects"].as_array().unwrap().len(), all["of_other_users"].as_u64()), (2, Some(0)));
    // That user may not look at the processes of root, and says so.
    room.actor.get("shmat 0");
    let theirs = json(&room.mapsan_as(65534, &["ipc", "--all-users", "--json"]));
    let gaps = theirs["not_seen"].to_string();
    assert!(gaps.contains("may not be looked at by this user"), "{gaps}");
    assert!(gaps.contains("attachments that no process was seen to have: 1 to shm:0"), "{gaps}");
    let shown = room.mapsan_as(65534, &["ipc", "--all-users"]);
    assert!(shown.out.contains("1 not seen"), "{}", shown.out);
}

#[test]
fn tables_fit_the_terminal() {
    let Some(mut room) = Room::make() else { return };
    let id = room.actor.get("shmget 0x7fffffff 1000000 0600");
    for _ in 0..3 {
        room.actor.get(&format!("shmat {id}"));
        room.actor.get(&format!("shmat {id} {}", libc::SHM_RDONLY));
    }
    let mut actors: Vec<_> = (0..5).map(|_| room.actor()).collect();
    for actor in &mut actors {
        actor.get(&format!("shmat {id}"));
    }
    let long = format!("/{}", "long-name-".repeat(20));
    room.actor.get(&format!("shm_open {long} 1 0600"));
    let file = room.folder.path().join("actor").display().to_string();
    for width in ["40", "72", "80", "132"] {
        let mut command = room.command("env");
        command.args([&format!("COLUMNS={width}"), env!("CARGO_BIN_EXE_mapsan"), "ipc", "--ftok", &file]);
        let said: Said = command.output().unwrap().into();
        let widest = said.out.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= width.parse().unwrap(), "{widest} cells:\n{}", said.out);
        for actor in &actors {
            assert!(said.out.contains(&actor.pid().to_string()), "{}", said.out);
        }
    }
    let whole = room.mapsan(&["ipc"]);
    assert_eq!(whole.out.lines().count(), 3, "{}", whole.out);
    assert!(whole.out.contains(&long), "{}", whole.out);
}

#[test]
fn what_can_not_be_read_is_one_line_each() {
    let Some(room) = Room::make() else { return };
    let mapsan = env!("CARGO_BIN_EXE_mapsan");
    let without = |what: &str| -> Said {
        let mut command = room.command("unshare");
        command.args(["--mount", "sh", "-c", &format!("{what} && exec {mapsan} ipc")]).output().unwrap().into()
    };
    let said = without("umount /dev/shm; mount -t tmpfs tmpfs /dev && test ! -e /dev/shm");
    assert_eq!(said.status, 0);
    assert!(said.err.contains("mapsan: /dev/shm can't be read: No such file or directory (ENOENT)\n"), "{}", said.err);
    let said = without("mount -t tmpfs tmpfs /proc");
    assert_eq!(said.status, 0);
    for why in ["/proc/sysvipc/shm can't be read: No such file", "/proc is not mounted: no process can be seen"] {
        assert!(said.err.contains(why), "{}", said.err);
    }
    let mut command = room.command("unshare");
    let hidden =
        format!("mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=65534 --clear-groups {mapsan} ipc");
    let said: Said = command.args(["--mount", "--pid", "--fork", "sh", "-c", &hidden]).output().unwrap().into();
    assert_eq!(said.status, 0);
    for why in [
        "/proc is mounted with hidepid: processes of other users may be hidden",
        "processes outside this PID namespace",
    ] {
        assert!(said.err.contains(why), "{}", said.err);
    }
}

#[test]
fn objects_that_come_and_go_do_no_harm() {
    let Some(room) = Room::make() else { return };
    let mut busy = room.actor();
    let storm = std::thread::spawn(move || {
        for number in 0..3000 {
            let id = busy.get("shmget 0 4096 0600");
            busy.get(&format!("shmat {id}"));
            busy.get(&format!("shmrm {id}"));
            busy.get(&format!("close {}", 900 + number % 2).replace("close", "msgget"));
        }
    });
    while !storm.is_finished() {
        json(&room.mapsan(&["ipc", "--json"]));
    }
    storm.join().unwrap();
}
