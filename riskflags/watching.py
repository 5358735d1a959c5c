"""Which databases are open in what goes on, so that whoever stops it can interrupt them from another thread."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator


class Interruptible(Protocol):
    """A connection whose statement can be interrupted from another thread while it is open."""

    def interrupt(self) -> None:
        """End the statement that runs."""
        ...


class Opened:
    """The connections that are open."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connections: list[Interruptible] = []

    def add(self, connection: Interruptible) -> None:
        """Take in a connection."""
        with self._lock:
            self._connections.append(connection)

    def drop(self, connection: Interruptible) -> None:
        """Let go of a connection, before it is closed."""
        with self._lock:
            self._connections = [one for one in self._connections if one is not connection]

    def interrupt(self) -> None:
        """End the statements that run."""
        with self._lock:
            for one in self._connections:
                one.interrupt()


_OPENED: ContextVar[Opened | None] = ContextVar("opened", default=None)


@contextmanager
def watching() -> Generator[Opened]:
    """Give the connections that are opened from here on."""
    opened = Opened()
    token = _OPENED.set(opened)
    try:
        yield opened
    finally:
        _OPENED.reset(token)


def opened_here() -> Opened | None:
    """Return where connections are taken in; None where nobody asks."""
    return _OPENED.get()
