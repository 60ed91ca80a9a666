"""mapsan in gdb: stops at findings, the call that a finding is about, and what is at an address.

    (gdb) source /usr/local/share/mapsan/mapsan.py     or this line in ~/.gdbinit
    (gdb) mapsan preload                               if the program is not linked with the library
    (gdb) mapsan stop
    (gdb) run

See docs/gdb.md. Nothing is written to the program's heap: what its functions fill in lies on the stack of the thread that
has stopped, below what is in use.
"""

import os
import re
import shutil
import subprocess

import gdb

SEVERITIES = ("note", "warning", "error")
HOOK = "mapsan_on_finding"
# gdb knows the script's own name only while it reads the script.
HERE = os.path.dirname(os.path.abspath(__file__))
# struct mapsan_finding of mapsan.h.
RULE, SEVERITY, ERRNO, MESSAGE, SITE, SIZE = 0, 48, 52, 56, 456, 464


def is_core():
    """Whether a core is looked at, in which no function can be called."""
    return core_file() is not None


def core_file():
    """The core that is looked at."""
    try:
        files = gdb.execute("info files", to_string=True)
    except gdb.error:
        return None
    found = re.search(r"Local core dump file:\s*`(.*?)', file type", files)
    return found.group(1) if found else None


def require_process():
    """Fails where no program runs."""
    if not gdb.selected_inferior().threads():
        raise gdb.GdbError("mapsan: no program runs; start it with run")


def evaluate(expression):
    """The value of an expression of C, whatever language the frame is written in."""
    language = gdb.parameter("language")
    gdb.execute("set language c", to_string=True)
    try:
        return gdb.parse_and_eval(expression)
    finally:
        gdb.execute(f"set language {language}", to_string=True)


def function(name, result):
    """A function of the library that gives a result of this type, for an expression."""
    try:
        address = int(evaluate(f"(unsigned long) &{name}"))
    except gdb.error:
        raise gdb.GdbError(
            f"mapsan: {name} is not in this program: link it with the library, or preload it (mapsan preload, before run)"
        ) from None
    return f"(({result} (*)()) {address:#x})"


def last_finding():
    """The last finding as a tuple of rule, severity, errno, message and site; None if there was none."""
    ask = function("mapsan_last_finding", "int")
    selected = gdb.selected_frame()
    gdb.newest_frame().select()
    before = int(evaluate("(unsigned long) $sp"))
    # Below the red zone.
    room = (before - 128 - SIZE) & ~0xF
    evaluate(f"$sp = {room:#x}")
    try:
        if int(evaluate(f"{ask}({room:#x}UL)")) == 0:
            return None
        memory = gdb.selected_inferior().read_memory(room, SIZE).tobytes()
    finally:
        evaluate(f"$sp = {before:#x}")
        if selected.is_valid():
            selected.select()

    def text(start, end):
        return memory[start:end].split(b"\0", 1)[0].decode(errors="replace")

    def number(start, length):
        return int.from_bytes(memory[start : start + length], "little")

    severity = SEVERITIES[min(number(SEVERITY, 4), 2)]
    return text(RULE, SEVERITY), severity, number(ERRNO, 4), text(MESSAGE, SITE), number(SITE, 8)


def frame_of(site):
    """The frame whose next instruction is at this address."""
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.pc() == site:
            return frame
        frame = frame.older()
    return None


def inspect(subject, addresses):
    """What `mapsan inspect` says."""
    command = shutil.which("mapsan") or os.path.join(HERE, "../../bin/mapsan")
    if not os.path.exists(command):
        raise gdb.GdbError("mapsan: the command mapsan is not in PATH; in a core it is what reads the library's memory")
    words = [command, "inspect", subject, *addresses]
    program = gdb.current_progspace().filename
    if program is not None:
        words += ["--program", program]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    gdb.write(done.stdout)
    if done.returncode != 0:
        raise gdb.GdbError((done.stderr or "mapsan inspect failed").strip())


def address_of(argument):
    """The address that an expression gives."""
    try:
        return int(gdb.parse_and_eval(argument)) & 0xFFFF_FFFF_FFFF_FFFF
    except (gdb.error, TypeError) as error:
        raise gdb.GdbError(f"mapsan: '{argument}' gives no address: {error}") from None


class Mapsan(gdb.Command):
    """Findings of mapsan, and what it knows of memory.

    mapsan stop               stops the program at each finding, in the frame of the call
    mapsan caller             goes to the frame of the call that the last finding is about
    mapsan findings           how many findings there were, and the last one
    mapsan address P          what is, or was, at an address (any expression)
    mapsan mappings           what the library follows: mappings and segments, and where they were made
    mapsan preload [LIBRARY]  has the program started with the library"""

    def __init__(self):
        super().__init__("mapsan", gdb.COMMAND_DATA, prefix=True)


class Stop(gdb.Command):
    """Stops the program at each finding of mapsan, in the frame of the call that it is about."""

    point = None

    def __init__(self):
        super().__init__("mapsan stop", gdb.COMMAND_BREAKPOINTS)
        gdb.events.stop.connect(self.stopped)
        gdb.events.exited.connect(self.exited)

    def invoke(self, argument, _from_tty):
        if argument:
            raise gdb.GdbError("mapsan: stop takes no argument")
        if Stop.point is not None and Stop.point.is_valid():
            gdb.write("mapsan: it stops at findings already (breakpoint %d)\n" % Stop.point.number)
            return
        pending = gdb.parameter("breakpoint pending")
        gdb.execute("set breakpoint pending on")
        try:
            # gdb's own words for a library that is yet to be loaded are those of a mistake.
            gdb.execute(f"break {HOOK}", to_string=True)
            Stop.point = gdb.breakpoints()[-1]
        finally:
            words = {True: "on", False: "off"}.get(pending, "auto")
            gdb.execute(f"set breakpoint pending {words}")
        when = ", once the library is loaded" if Stop.point.pending else ""
        gdb.write(f"mapsan: stops at each finding (breakpoint {Stop.point.number}){when}\n")

    @staticmethod
    def stopped(event):
        """Shows the finding, and goes to the call."""
        if isinstance(event, gdb.BreakpointEvent) and Stop.point in event.breakpoints:
            Caller.go()


    @staticmethod
    def exited(_event):
        """Says so where nothing was checked."""
        if Stop.point is not None and Stop.point.is_valid() and Stop.point.pending:
            gdb.write("mapsan: the library was not loaded: nothing was checked (mapsan preload, or link with it)\n")


class Caller(gdb.Command):
    """Goes to the frame of the call that the last finding of mapsan is about."""

    def __init__(self):
        super().__init__("mapsan caller", gdb.COMMAND_STACK)

    @staticmethod
    def go():
        """Shows the last finding, and goes to its call."""
        found = last_finding()
        if found is None:
            raise gdb.GdbError("mapsan: there has been no finding")
        rule, severity, _errno, message, site = found
        gdb.write(f"mapsan: {severity}[{rule}]: {message}\n")
        frame = frame_of(site)
        if frame is None:
            gdb.write(f"mapsan: its call, which returns to {site:#x}, is not on the stack of this thread\n")
            return
        frame.select()
        gdb.execute("frame")

    def invoke(self, argument, _from_tty):
        if argument:
            raise gdb.GdbError("mapsan: caller takes no argument")
        if is_core():
            raise gdb.GdbError("mapsan: no function can be called in a core; 'mapsan findings' shows the call, and 'frame function NAME' goes there")
        require_process()
        self.go()


class Findings(gdb.Command):
    """How many findings of mapsan there were in this process, and the last one."""

    def __init__(self):
        super().__init__("mapsan findings", gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        if argument:
            raise gdb.GdbError("mapsan: findings takes no argument")
        core = core_file()
        if core is not None:
            inspect(core, [])
            return
        require_process()
        count = function("mapsan_count", "unsigned long")
        counts = [(int(evaluate(f"{count}({at})")), name) for at, name in reversed(list(enumerate(SEVERITIES)))]
        said = ", ".join(f"{number} {name}{'' if number == 1 else 's'}" for number, name in counts)
        gdb.write(f"mapsan: {said}\n")
        found = last_finding()
        if found is not None:
            rule, severity, _errno, message, site = found
            gdb.write(f"mapsan: the last: {severity}[{rule}]: {message}\n")
            gdb.execute(f"info symbol {site:#x}")
            gdb.execute(f"info line *{site - 1:#x}")


class Address(gdb.Command):
    """What is, or was, at an address: mapsan address EXPRESSION."""

    def __init__(self):
        super().__init__("mapsan address", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, _from_tty):
        if not argument:
            raise gdb.GdbError("mapsan: address takes an expression, as in 'mapsan address p'")
        address = address_of(argument)
        core = core_file()
        if core is not None:
            inspect(core, [f"{address:#x}"])
            return
        require_process()
        describe = function("mapsan_describe_address", "int")
        # Written by the program, to its standard error.
        evaluate(f"{describe}({address:#x}UL, 2)")


class Mappings(gdb.Command):
    """What mapsan follows: mappings and segments, and where they were made."""

    def __init__(self):
        super().__init__("mapsan mappings", gdb.COMMAND_DATA)

    def invoke(self, argument, _from_tty):
        if argument:
            raise gdb.GdbError("mapsan: mappings takes no argument; 'mapsan address P' looks at one address")
        core = core_file()
        if core is not None:
            inspect(core, [])
            return
        require_process()
        dump = function("mapsan_dump_mappings", "long")
        if int(evaluate(f"{dump}(2)")) == 0:
            gdb.write("mapsan: nothing that the library has seen is mapped\n")


class Preload(gdb.Command):
    """Has the program started with libmapsan.so: mapsan preload [LIBRARY]."""

    def __init__(self):
        super().__init__("mapsan preload", gdb.COMMAND_RUNNING, gdb.COMPLETE_FILENAME)

    def invoke(self, argument, _from_tty):
        library = os.path.expanduser(argument.strip()) if argument else self.installed()
        if not os.path.isfile(library):
            raise gdb.GdbError(f"mapsan: there is no {library}; say where libmapsan.so is: mapsan preload LIBRARY")
        # Not by 'set environment': the shell that gdb starts the program by would have it, too.
        library = os.path.abspath(library)
        gdb.execute(f"set exec-wrapper env 'LD_PRELOAD={library}'")
        gdb.write(f"mapsan: the program will be started with {library}\n")

    @staticmethod
    def installed():
        """The library beside which this is installed."""
        places = [os.path.join(HERE, "../..", folder, "libmapsan.so.0") for folder in ("lib", "lib64")]
        # In the sources, what has been built there.
        places.append(os.path.join(HERE, "../target/release/libmapsan.so"))
        there = [place for place in places if os.path.isfile(place)]
        return os.path.normpath((there or places)[0])


for command in (Mapsan, Stop, Caller, Findings, Address, Mappings, Preload):
    command()
