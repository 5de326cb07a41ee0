"""Scripts in a Mozilla program, over its own protocol (Marionette): lengths and JSON on a TCP connection."""

import json
import socket
import time
from pathlib import Path
from typing import Any

OPTIONS = ("--marionette", "--remote-allow-system-access")  # the latter: scripts may do what the program may
PORT = 'user_pref("marionette.port", 0);'  # in user.js: any that is free; the program writes down which
STEP = 0.05
SCRIPT, ANSWER = 90, 120  # seconds, for slow machines: the program ends a script, and we wait no longer


class ScriptError(Exception):
    """The program's word for what went wrong."""


class Marionette:
    """A connection to a program that runs with OPTIONS."""

    def __init__(self, profile: Path) -> None:
        port = int((profile / "MarionetteActivePort").read_text(encoding="ascii"))
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER)
        self._answers = self._socket.makefile("rb")
        self._number = 0
        self._read()  # how it greets
        self._command("WebDriver:NewSession")
        self._command("WebDriver:SetTimeouts", script=SCRIPT * 1000)
        self._command("Marionette:SetContext", value="chrome")

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def run(self, script: str, *arguments: object) -> Any:
        """Do the script, the body of an async function, as the program itself; say what it returns."""
        body = f"return (async function () {{ {script} }}).apply(null, arguments);"
        return self._command("WebDriver:ExecuteScript", script=body, args=list(arguments))["value"]

    def until(self, script: str, *arguments: object, seconds: float = SCRIPT) -> Any:
        """Do it again until it returns something that is true."""
        end = time.monotonic() + seconds
        while not (found := self.run(script, *arguments)):
            if time.monotonic() > end:
                raise TimeoutError(f"after {seconds} s this is not true yet: {script}")
            time.sleep(STEP)
        return found

    def _command(self, name: str, **parameters: object) -> Any:
        self._number += 1
        words = json.dumps([0, self._number, name, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(words), words))
        _kind, number, error, result = self._read()
        if error is not None:
            raise ScriptError(f"{error['error']}: {error['message']}")
        assert number == self._number, f"the answer to {number} instead of {self._number}"
        return result

    def _read(self) -> Any:
        length = b""
        while (digit := self._answers.read(1)) != b":":
            if not digit:
                raise ConnectionError("the program has ended the connection")
            length += digit
        return json.loads(self._answers.read(int(length)))
