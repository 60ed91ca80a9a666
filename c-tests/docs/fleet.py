"""Runs each statement of docs/fleet.md on a million records whose answers are known: fleet.py SOURCES [NUMBER]"""
import collections
import json
import os
import pathlib
import random
import re
import sys
import tempfile
import time

try:
    import duckdb
except ImportError:
    duckdb = None
try:
    import jsonschema
except ImportError:
    jsonschema = None

sources = pathlib.Path(sys.argv[1]).resolve()
# Without the base the records are made for the sake of their form alone, and fewer do: until each form is among them.
number = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000 if duckdb else 200_000
blocks = re.findall(r"```sql\n(.*?)```", (sources / "docs/fleet.md").read_text(), re.S)
random.seed(1)

PLACES = [  # rule, severity, function, offset, and from which build on
    ("munmap-double", "error", "release", 0x1149, 0),
    ("shmat-bad-id", "warning", "attach", 0x1200, 0),
    ("mmap-failed", "note", "grow", 0x1300, 0),
    ("mmap-bad-fd", "error", "read_index", 0x1400, 2),
]
BUILDS = ["aa00", "bb11", "cc22"]
counted = collections.Counter()
processes = collections.defaultdict(set)
machines = collections.defaultdict(set)
days = collections.Counter()
not_covered = unended = written = 0
forms = {}  # a record of each kind and set of fields


def record(kind, day, pid, **fields):
    global written
    written += 1
    stamp = f"2026-11-{day:02d}T{written // 60 % 24:02d}:{written % 60:02d}:00.{written % 1000000:06d}Z"
    made = {"schema": "mapsan/1", "kind": kind, "time": stamp, "pid": pid, "tid": pid, "exe": "/srv/bin/server", **fields}
    forms.setdefault((kind, *fields), made)
    return json.dumps(made) + "\n"


def validate():
    """The records are such as the library writes."""
    if jsonschema is None:
        print("SKIPPED in part: jsonschema is missing, so the records were not compared with their schema: pip install jsonschema")
        return
    validator = jsonschema.Draft202012Validator(json.loads((sources / "model/record.schema.json").read_text()))
    assert {form[0] for form in forms} == {"start", "finding", "end"}, forms
    for made in forms.values():
        errors = [error.message for error in validator.iter_errors(made)]
        assert not errors, f"{errors}: {made}"
    assert not validator.is_valid({**made, "kind": "none"}), "the schema refuses nothing"


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.mkdir("logs")
    pid = 0
    while written < number:
        pid += 1
        machine = f"host{pid % 50}"
        build = min(2, written * 3 // number)
        day = 1 + build * 9 + pid % 9
        with open(f"logs/{machine}.{pid}.jsonl", "w") as log:
            if pid % 97 == 0:
                log.write(record("start", day, pid, version="0.1.0", ppid=1, covered=False, reason="it is static"))
                log.write(record("end", day, pid, errors=0, warnings=0, notes=0, repeated=0))
                not_covered += 1
                continue
            log.write(record("start", day, pid, version="0.1.0", ppid=1))
            for _ in range(1500):
                rule, severity, function, offset, since = random.choice(PLACES)
                if build < since:
                    continue
                frame = {"address": "0x55d0", "module": "/srv/bin/server", "offset": hex(offset + build), "build_id": BUILDS[build], "symbol": f"{function}+0x9"}
                above = {"address": "0x7f00", "module": "/usr/lib/x86_64-linux-gnu/libc.so.6", "offset": "0x10", "build_id": "00", "symbol": "helper+0x1"}
                log.write(record("finding", day, pid, rule=rule, severity=severity, call={"function": "munmap", "args": ["0x1000", "4096"], "result": "-1", "errno": None},
                                 message="m", notes=[], help=[], stack=[above, frame], related=[], repeated=0, rank=pid % 3))
                key = (rule, f"/srv/bin/server+{hex(offset + build)}", BUILDS[build])
                counted[key] += 1
                processes[key].add(pid)
                machines[key].add(machine)
                days[(day, rule)] += 1
            if pid % 10 == 0:
                log.write('{"schema":"mapsan/1","kind":"fin')  # killed while it wrote
                unended += 1
            else:
                log.write(record("end", day, pid, errors=1, warnings=0, notes=0, repeated=0))

    validate()
    if duckdb is None:
        print("SKIPPED: duckdb is missing: pip install duckdb")
        sys.exit(77)
    base = duckdb.connect()
    answers, start = [], time.monotonic()
    for block in blocks:
        answers.append(base.sql(block.strip().rstrip(";")) if block.lstrip().startswith(("SELECT", "WITH")) else base.execute(block))
        answers[-1] = answers[-1].fetchall()
    print(f"{written} records in {pid} files, {len(blocks)} statements, {time.monotonic() - start:.1f} s")

    _, _, by_place, new, by_day, uncovered, without_end, ranks = answers
    expected = {key: count for key, count in counted.items() if key[0] != "mmap-failed"}
    assert {(row[0], row[3], row[4]): row[5] for row in by_place} == expected, by_place
    for row in by_place:
        key = (row[0], row[3], row[4])
        assert (row[6], row[7]) == (len(processes[key]), len(machines[key])), row
    assert [row[:3] for row in new] == [("mmap-bad-fd", "read_index", "/srv/bin/server")], new
    assert {(row[0].day, row[1]): row[2] for row in by_day} == dict(days)
    assert uncovered == [("/srv/bin/server", "it is static", not_covered)], uncovered
    assert without_end == [("/srv/bin/server", unended)], without_end
    assert all(row[2] == [0, 1, 2] for row in ranks) and len(ranks) == len(counted), ranks
