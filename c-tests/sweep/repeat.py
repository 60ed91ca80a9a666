#!/usr/bin/env python3
"""Whether a program's points are the same from run to run, and each run of a sweep repeats its result:

    repeat.py [--times 10] [--most 20] [OPTION OF mapsan sweep]... -- PROGRAM [ARGUMENT]...

Each plain run is to reach the same points. Then the program is swept, and of its runs some are repeated: each that has found something,
by the line that the finding shows, and others by the order of their point, evenly chosen. Each time it is to end with the same
status, and with the same failed calls and findings. MAPSAN names the command, if that is not in PATH.
"""

import collections
import json
import os
import shlex
import subprocess
import sys
import tempfile

COMMAND = os.environ.get("MAPSAN", "mapsan")


def records(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return [json.loads(line) for line in lines]
    except FileNotFoundError:
        return []


def run(arguments, options=None):
    """Runs the command in silence; how it ends, and its records."""
    with tempfile.NamedTemporaryFile() as file:
        environment = dict(os.environ, MAPSAN_OPTIONS=options) if options else None
        command = [COMMAND, arguments[0], "--format", "json", "--output", file.name, *arguments[1:]]
        null = subprocess.DEVNULL
        status = subprocess.run(command, stdin=null, stdout=null, stderr=null, env=environment).returncode
        return status, records(file.name)


def order_of(point):
    return f"{point['call']['function']}@{point['site']}#{point['stack_hash']}"


def of_kind(kind, all_records):
    return [record for record in all_records if record["kind"] == kind]


def main():
    if "--" not in sys.argv:
        sys.exit(__doc__)
    at = sys.argv.index("--")
    options, program = sys.argv[1:at], sys.argv[at + 1 :]
    numbers = {"--times": 10, "--most": 20}
    for name in numbers:
        if name in options:
            place = options.index(name)
            numbers[name] = int(options[place + 1])
            del options[place : place + 2]
    times, most = numbers["--times"], numbers["--most"]
    failures = 0
    # With objects of their own, where that may be.
    private = ["--ipc", "private"]
    if subprocess.run([COMMAND, "run", *private, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        private = []

    seen = collections.Counter()
    for _ in range(times):
        _, plain = run(["run", *private, "--", *program], "points=1")
        seen.update({order_of(point) for point in of_kind("point", plain)})
    others = {point: count for point, count in seen.items() if count != times}
    print(f"{len(seen) - len(others)} points in each of {times} plain runs, {len(others)} in some")
    for point, count in sorted(others.items()):
        print(f"    in {count}: {point}")
    failures += len(others) + (not seen)

    status, swept = run(["sweep", *options, "--", *program])
    findings = [finding for finding in of_kind("finding", swept) if finding.get("replay")]
    points = [point for point in of_kind("point", swept) if point.get("outcome") not in (None, "unreached")]
    unreached = sum(point.get("outcome") == "unreached" for point in of_kind("point", swept))
    failures += status != 0
    step = max(1, -(-len(points) // most))
    repeated = [shlex.split(finding["replay"])[3:] for finding in findings]
    repeated += [[f"{order_of(point)}:{point['what']}:{point['when']}", "--", *program] for point in points[::step]]
    for words in repeated:
        results = collections.Counter()
        for _ in range(times):
            status, told = run(["run", *private, "--inject", *words])
            failed = {f"{record['call']['function']}@{record['site']}" for record in of_kind("injected", told)}
            rules = {record["rule"] for record in of_kind("finding", told)}
            results[(status, *sorted(failed), *sorted(rules))] += 1
        if len(results) > 1 or all("@" not in str(result[1:]) for result in results):
            failures += 1
            print(f"    {words[0]}: {dict(results)}")
    print(f"{len(points)} runs and {unreached} in vain, {len(findings)} findings; {len(repeated)} results, each {times} times")
    sys.exit(failures != 0)


main()
