"""Does what a page says, in its order, in one folder: pages.py SOURCES FOLDER-OF-THE-COMMAND INSTALLER PAGE

Of each fenced block the words behind the language say what it is:

    c file=NAME         the file NAME, of any language
    diff file=NAME      a change of it: lines with - and without a mark are there, and give way to those with + and without
    sh run              commands, which end with 0; run=3: with 3; a signal is 128 and its number
    text output         what the commands before it print, on both outputs; '...' alone on a line stands for any lines
    sh                  commands that are not run: c-tests/docs/not-run.txt says why

PAGE.sh beside this file, if there is one, runs first. What differs from run to run (addresses, process ids, times) is not compared.
MAPSAN_UPDATE=1 writes what was printed into the page, but for outputs with '...'.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FENCE = re.compile(r"^```(\w+)([^\n`]*)\n(.*?)^```$", re.S | re.M)
VARYING = [
    (r"0x[0-9a-f]{5,}", "0xADDRESS"),
    (r"/tmp/[\w.-]+/page", "/home/you/page"),
    (r"\b\d{7,}\b", "NUMBER"),
    (r"\b(pid|process|PID) \d+", r"\1 PID"),
    (r"\d+\.\d+ sec", "0.00 sec"),
    (r"\b(segment|ipcrm -m|uid) \d+", r"\1 N"),
    (r"\(\d+, IPC_RMID", "(ID, IPC_RMID"),
    (r"\) = \d+$", ") = ID"),
]


def plain(text):
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text, flags=re.M)
    return [line.rstrip() for line in text.splitlines()]


def fits(expected, got):
    """Whether lines are what is expected, where '...' is any number of lines."""
    pattern = "".join(r"(\n.*)*" if line == "..." else re.escape("\n" + line) for line in expected)
    return re.fullmatch(pattern, "".join("\n" + line for line in got)) is not None


def changed(text, change):
    """A file after a change."""
    lines = change.splitlines()
    before = "".join(line[1:] + "\n" for line in lines if not line.startswith("+"))
    after = "".join(line[1:] + "\n" for line in lines if not line.startswith("-"))
    if text.count(before) != 1:
        raise SystemExit(f"FAILED: what a diff changes is there {text.count(before)} times:\n{before}")
    return text.replace(before, after)


def not_run(here):
    reasons = {}
    for line in (here / "not-run.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            page, command, _ = line.split(" | ")
            reasons[(page, command)] = False
    return reasons


def commands_outside(page, text):
    """Commands in blocks that are only indented, which no word says to run."""
    return [line for line in FENCE.sub("", text).splitlines() if re.match(r"^ {4}(\$ )?(mapsan|cargo|cmake|ctest|gcc|cc|docker|podman) ", line)]


def main():
    sources, built, installer, name = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
    if os.geteuid() == 0 and "MAPSAN_PAGE_ALONE" not in os.environ and shutil.which("unshare"):
        # Segments and the like are everybody's.
        os.environ["MAPSAN_PAGE_ALONE"] = "1"
        os.execvp("unshare", ["unshare", "--ipc", sys.executable, *sys.argv])
    here = pathlib.Path(__file__).parent
    page = sources / name
    text = page.read_text()
    failures = [f"'{line.strip()}' stands in a block that is only indented" for line in commands_outside(name, text)]
    reasons = {key: used for key, used in not_run(here).items() if key[0] == name}
    environment = dict(os.environ, NO_COLOR="1", COLUMNS="100")
    for unset in ("MAPSAN_OPTIONS", "MAPSAN_RUNTIME", "LD_PRELOAD", "MAKEFLAGS"):
        environment.pop(unset, None)
    with tempfile.TemporaryDirectory() as top:
        work = pathlib.Path(top) / "page"
        work.mkdir()
        prefix = None
        if "find_package(mapsan" in text:
            # The installer, or what it has installed.
            prefix = f"{top}/installed" if os.path.isfile(installer) else installer
            if prefix != installer:
                subprocess.run([installer, "install", "--prefix", prefix], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            environment["CMAKE_PREFIX_PATH"], built = prefix, f"{prefix}/bin"
        environment["PATH"] = built + ":" + environment["PATH"]
        # As an installation has it where the loader looks.
        environment["LD_LIBRARY_PATH"] = f"{prefix}/lib" if prefix else built
        environment["MAPSAN_SOURCES"] = str(sources)
        setup = here / (page.stem + ".sh")
        if setup.exists() and subprocess.run(["sh", "-eu", setup], cwd=work, env=environment).returncode == 77:
            return 77
        printed, updates, ran = "", [], 0
        for block in FENCE.finditer(text):
            language, words, body = block[1], block[2].split(), block[3]
            said = dict(word.split("=", 1) if "=" in word else (word, "0") for word in words)
            if language == "diff" and "file" in said:
                file = work / said["file"]
                file.write_text(changed(file.read_text(), body))
            elif "file" in said:
                file = work / said["file"]
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(body)
            elif language == "sh" and "run" in said:
                done = subprocess.run(["bash", "-ec", body], cwd=work, env=environment, text=True, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
                printed, ran = done.stdout, ran + 1
                printed += "" if printed.endswith("\n") or not printed else "\n"
                # The shell tells how the program ended, in words of its own.
                printed = re.sub(r"^bash: line \d+: .*\n", "", printed, flags=re.M)
                status = done.returncode if done.returncode >= 0 else 128 - done.returncode
                if status != int(said["run"]):
                    failures.append(f"it ends with {status}, not {said['run']}:\n{body}{printed}")
            elif "output" in said:
                if fits(plain(body), plain(printed)):
                    continue
                if os.environ.get("MAPSAN_UPDATE") and "\n...\n" not in "\n" + body:
                    updates.append((block.span(3), printed.replace(f"{top}/page", "/home/you/page")))
                else:
                    failures.append("another output:\n" + "\n".join(plain(printed)) + "\nin place of\n" + "\n".join(plain(body)))
            elif language == "sh":
                key = (name, body.splitlines()[0])
                if key in reasons:
                    reasons[key] = True
                else:
                    failures.append(f"'{key[1]}' is neither run nor in not-run.txt")
        for (start, end), printed in reversed(updates):
            text = text[:start] + printed + text[end:]
        if updates:
            page.write_text(text)
    failures += [f"not-run.txt has '{command}', which the page has not" for (_, command), used in reasons.items() if not used]
    for failure in failures:
        print(f"FAILED: {name}: {failure}")
    print(f"{name}: {ran} blocks run")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
