"""Files under their final names: those of one run and whole, or none of it.

What a run writes goes into a hidden folder beside its place. Only when all of it is complete is what an earlier run
left taken away, and each file given its name, in order. Wherever a run is killed, what stands under a final name is
whole, and all of one run. What a killed run leaves in its hidden folder is cleared away by the next.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import threading
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

_fcntl: Any = import_module("fcntl") if importlib.util.find_spec("fcntl") else None  # Windows has none
_HELD_BACK = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Staging:
    """The hidden folder of one run: `new` is where it writes, `old` what it takes away."""

    folder: Path
    new: Path
    old: Path


def place(
    folder: Path,
    writers: Mapping[str, Callable[[Path], None]],
    *,
    mark: str,
    earlier: Callable[[Sequence[Path]], Iterable[str]],
    told: Callable[[int, int], None],
    placed: Callable[[], None],
) -> None:
    """Write files by name, or all that a folder of that name holds, and give them their places in `folder`.

    The last is the sign that all are there: of what was there before it goes first. `earlier` gives the names of all
    that the run before wrote, from the folders in which a summary of one may stand. `mark` tells hidden folders of one
    purpose from others. `told` hears how many are written, of how many; `placed` is called as soon as all have their
    names. OSError where anything cannot be written: then all is as it was.
    """
    with _staged(folder, mark) as (staging, left):
        for done, (name, write) in enumerate(writers.items()):
            told(done, len(writers))
            path = staging.new / name
            path.parent.mkdir(exist_ok=True)
            write(path)
        tops = list(dict.fromkeys(name.partition("/")[0] for name in writers))
        gone = dict.fromkeys([*reversed(tops), *earlier([folder, *left])])
        with no_interrupt(), _alone(folder):
            _exchange(staging, folder, [name for name in gone if _is_there(folder / name)], tops)
            placed()
            for one in left:
                _clear(one)


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _exchange(staging: Staging, folder: Path, gone: Sequence[str], names: Sequence[str]) -> None:
    """Take away what is gone and give all names; if one cannot be given, put everything back."""
    moved: list[tuple[Path, Path]] = []
    try:
        for name in gone:
            (folder / name).replace(staging.old / name)
            moved.append((staging.old / name, folder / name))
        for name in names:
            (staging.new / name).replace(folder / name)
            moved.append((folder / name, staging.new / name))
    except OSError:
        for now, before in reversed(moved):
            now.replace(before)
        raise


# ---- hidden folders --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _staged(folder: Path, mark: str) -> Generator[tuple[Staging, list[Path]]]:
    """Make a hidden folder, which is removed in the end; and give those that killed runs have left."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    prefix, is_done = f".{mark}-", False
    with contextlib.ExitStack() as locks:
        with _alone(folder):
            left = [one for one in sorted(folder.glob(f"{prefix}*")) if _is_left(one)]
            own = Path(mkdtemp(prefix=prefix, dir=folder))
            locks.enter_context(_held(own))
        staging = Staging(own, own / "new", own / "old")
        try:
            staging.new.mkdir()
            staging.old.mkdir()
            yield staging, left
            is_done = True
        finally:
            _clear(own)
            for path in () if is_done else made:
                if path.exists() and not any(path.iterdir()):
                    path.rmdir()


def _clear(folder: Path) -> None:
    """Remove a hidden folder. What cannot be removed harms nobody, and the next run tries again."""
    shutil.rmtree(folder, ignore_errors=True)


def _is_left(folder: Path) -> bool:
    """Return whether the run of a hidden folder is no more: nobody holds its lock. Not where there are no locks."""
    if _fcntl is None or not folder.is_dir():
        return False
    number = os.open(folder, os.O_RDONLY)
    try:
        return _lock(number, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    finally:
        os.close(number)


@contextlib.contextmanager
def _held(folder: Path) -> Generator[None]:
    """Hold the lock of a folder; it goes with the process, however that ends."""
    if _fcntl is None:
        yield
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        _lock(number, _fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


_alone = _held
"""Be the only run that gives names in a folder."""


def _lock(number: int, how: int) -> bool:
    """Return whether a lock is taken; never where the file system has none: then no run clears up after another."""
    try:
        _fcntl.flock(number, how)
    except OSError:
        return False
    return True


# ---- interrupts ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def no_interrupt() -> Generator[None]:
    """Hold back Ctrl-C and the signal to end until names are given; then they do what they did before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = {one: signal.signal(one, lambda number, _frame: pressed.append(number)) for one in _HELD_BACK}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    for number in pressed[:1]:
        signal.raise_signal(number)
