"""A run that is stopped or killed, at any moment, leaves whole files of one run, and says what it did."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from small_pack import write_small_pack

from riskflags.batch import Store
from riskflags.cli.course import Course, stoppable
from riskflags.cli.exits import Exit, Stopped
from riskflags.report.tables import TABLES
from riskflags.samples.generate import write_canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
KILLS = 10
FILES = {*(f"{name}.csv" for name in TABLES), "summary.json"}
BEFORE, AS_OF = "2025-11-01T09:00", "2026-06-01T09:00"
CODES = {signal.SIGINT: Exit.stopped, signal.SIGTERM: Exit.ended}


class Runs:
    """The same run again and again, over what an earlier one wrote: what the files were, what they are to be."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "out"
        write_canonical(folder / "incidents.csv", rows=300, seed=3)
        rules = [] if LONG else ["--rules", str(write_small_pack(folder / "rules")), "--drafts"]
        self._command = [
            sys.executable,
            "-m",
            "riskflags",
            "run",
            str(folder / "incidents.csv"),
            *rules,
            "--verify",
            "5",
        ]
        self._command += ["--backend", "duckdb", "--out", str(self.out)]
        self.whole(BEFORE)
        self.old = self.there()
        shutil.copytree(self.out, folder / "old")
        start = time.monotonic()
        self.whole(AS_OF)
        self.seconds = time.monotonic() - start
        self.new = self.there()
        self._kept = folder / "old"

    def begin(self, as_of: str = AS_OF) -> subprocess.Popen[str]:
        command = [*self._command, "--as-of", as_of]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def whole(self, as_of: str) -> None:
        process = self.begin(as_of)
        assert (process.communicate()[1], process.returncode) == ("", 0)

    def reset(self) -> None:
        """Put back the files of the earlier run. What a killed run left hidden stays."""
        for name in FILES:
            shutil.copyfile(self._kept / name, self.out / name)

    def stopped(self, number: int, part: float) -> tuple[int, str]:
        """Run over the earlier files, with a signal after a part of the time; return the exit code and the words."""
        self.reset()
        process = self.begin()
        try:
            process.wait(part * self.seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        words = process.communicate()[1]
        return process.returncode, words

    def there(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.out.iterdir() if not path.name.startswith(".")}

    def is_of_one_run(self) -> bool:
        """Return whether the files are whole and all of one run, and complete if there is a summary."""
        there = self.there()
        is_complete = "summary.json" not in there or there.keys() == FILES
        return is_complete and (there.items() <= self.old.items() or there.items() <= self.new.items())

    def hidden(self) -> list[Path]:
        return [path for path in self.out.iterdir() if path.name.startswith(".")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


def moments(seed: int, number: int) -> Iterator[float]:
    """Yield parts of the time of a run, one in each of equal stretches: the last may find it ended."""
    rng = random.Random(seed)
    yield from ((turn + rng.random()) / number for turn in range(number))


def test_killed_at_ten_moments_it_leaves_whole_files_of_one_run(runs: Runs) -> None:
    for part in moments(1, KILLS):
        runs.stopped(signal.SIGKILL, part)
        assert runs.is_of_one_run(), part
    runs.whole(AS_OF)
    assert runs.there() == runs.new
    assert runs.hidden() == []


@pytest.mark.parametrize("number", CODES)
def test_stopped_at_any_moment_it_leaves_whole_files_of_one_run_and_nothing_hidden(
    runs: Runs, number: signal.Signals
) -> None:
    ends: list[int] = []
    for part in moments(2, KILLS if LONG else 3):
        code, words = runs.stopped(number, part)
        assert runs.is_of_one_run(), part
        assert runs.hidden() == []
        ends.append(code)
        if code == CODES[number]:
            assert words.startswith("Stopped")
            assert words.count("\n") == 1
            assert f"nothing was written to {runs.out}" not in words or runs.there() == runs.old
    assert CODES[number] in ends


@pytest.mark.usefixtures("interruptible")
def test_a_statement_of_the_database_is_interrupted_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(Stopped) as stopped:
        endless(Course(Path("out")))
    assert time.monotonic() - start < 20
    assert (stopped.value.message, stopped.value.code) == ("Stopped while deciding: nothing was written to out.", 130)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def endless(course: Course) -> None:
    """Make a table that takes days, with Ctrl-C after half a second."""
    pressed = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    with stoppable(course), course.stage("Deciding"), contextlib.closing(Store()) as store:
        pressed.start()
        store.connection.execute("CREATE TABLE t AS SELECT a.range + b.range FROM range(1000000) a, range(1000000) b")


def test_a_store_that_is_closed_is_not_interrupted() -> None:
    with pytest.raises(Stopped):
        closed_and_stopped()


@pytest.mark.parametrize("where", ["between stages", "within one"])
def test_a_signal_that_a_library_swallows_stops_the_run_at_the_next_step(where: str) -> None:
    with pytest.raises(Stopped) as stopped:
        swallowed(Course(Path("out")), where)
    assert stopped.value.message == "Stopped while reading: nothing was written to out."


def swallowed(course: Course, where: str) -> None:
    with stoppable(course):
        with course.stage("Reading") as bar:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            if where == "within one":
                bar.step(1)
        with course.stage("Writing"):
            pytest.fail("it went on")


def closed_and_stopped() -> None:
    with stoppable(Course(None)):
        Store().close()
        signal.raise_signal(signal.SIGINT)


def test_a_run_of_one_record_after_another_says_how_far_it_came(tmp_path: Path) -> None:
    pipe, out = tmp_path / "incidents.csv", tmp_path / "out"
    os.mkfifo(pipe)
    rules = ["--rules", str(write_small_pack(tmp_path / "rules")), "--drafts"]
    command = [sys.executable, "-m", "riskflags", "run", str(pipe), *rules, "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with pipe.open("wb", buffering=0):  # it is read from here on, and never ends
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.communicate()[1] == f"Stopped while reading: nothing was written to {out}.\n"
    assert process.returncode == Exit.stopped
    assert not out.exists()


def told(course: Course, *steps: str) -> str:
    for step in steps:
        course.tell(step)
    return course.words()


@pytest.mark.parametrize(
    ("out", "more", "steps", "words"),
    [
        (None, [], [], "Stopped."),
        (None, [], ["2 rows read"], "Stopped: 2 rows read."),
        (Path("out"), [], ["2 rows read", "done"], "Stopped: 2 rows read, done; nothing was written to out."),
        (None, [Path("p.html")], [], "Stopped: nothing was written to p.html."),
        (Path("out"), [Path("p.html")], [], "Stopped: nothing was written to out or p.html."),
    ],
)  # fmt: skip
def test_what_was_done_is_told_and_what_was_not(
    out: Path | None, more: list[Path], steps: Sequence[str], words: str
) -> None:
    assert told(Course(out, more), *steps) == words


def test_files_that_have_their_names_are_told() -> None:
    course = Course(Path("out"), [Path("p.html")])
    with course.stage("Deciding", total=1_000, unit="records") as bar:
        bar.step(250)
    assert course.words().startswith("Stopped while deciding: 250 of 1,000 records; nothing")
    with course.stage("Writing"):
        course.placed()
        assert course.words() == "Stopped while writing: all tables are in out; nothing was written to p.html."
        course.placed(Path("p.html"))
        assert course.words() == "Stopped while writing: all tables are in out."
