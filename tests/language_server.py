"""A language server spoken to as an editor does: over its standard input and output, in JSON-RPC."""

from __future__ import annotations

import json
import subprocess
from itertools import count
from typing import IO, TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

Message = dict[str, Any]


class LanguageServer:
    """One process of a language server, with its settings. Files are opened with the text that an editor would hold."""

    def __init__(self, command: list[str], *, folder: Path, settings: Message) -> None:
        self._settings = settings
        self._ids = count(1)
        self._published: dict[str, list[Message]] = {}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._in = cast("IO[bytes]", self._process.stdin)
        self._out = cast("IO[bytes]", self._process.stdout)
        completion = {"completionItem": {"documentationFormat": ["plaintext"]}}
        capabilities = {"workspace": {"configuration": True}, "textDocument": {"completion": completion}}
        self._ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities})
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": settings})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def open(self, path: Path, text: str) -> str:
        """Open a file; return its address, by which it is asked about."""
        uri = path.as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        return uri

    def completions(self, uri: str, *, line: int, column: int) -> list[str]:
        """Return what is proposed at a place; lines and columns count from 0."""
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}
        found = self._ask("textDocument/completion", place)
        return [item["label"] for item in (found["items"] if isinstance(found, dict) else found or [])]

    def problems(self, uri: str) -> list[Message]:
        """Return what the server finds wrong with an open file, when it has looked at it."""
        while uri not in self._published:
            self._take(self._read())
        return self._published.pop(uri)

    def _ask(self, method: str, params: Message) -> Any:
        number = next(self._ids)
        self._write({"id": number, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._take(message)

    def _tell(self, method: str, params: Message) -> None:
        self._write({"method": method, "params": params})

    def _take(self, message: Message) -> None:
        """Answer what the server asks, and keep what it publishes."""
        if message.get("method") == "textDocument/publishDiagnostics":
            self._published[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            wanted = [self._settings.get(item["section"], {}) for item in message["params"]["items"]]
            self._write({"id": message["id"], "result": wanted})
        elif "id" in message:
            self._write({"id": message["id"], "result": None})

    def _write(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._in.flush()

    def _read(self) -> Message:
        length = 0
        while (line := self._out.readline().strip()) or not length:
            assert line or self._process.poll() is None, "the server has ended"
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return cast("Message", json.loads(self._out.read(length)))
