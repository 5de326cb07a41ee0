"""Recorded keys: the list that the whole road and the bare loop both take theirs from.

How long an RSA key takes is luck: from a tenth of a second to two. So keys are made once and written down,
each with the processor time that making it took. Whoever takes a key from the list spends that time first,
outside the interpreter's lock as the real thing does, so that both sides of a ratio have the same luck. The
keys are for benchmarks alone: they lie in var/bench and certify nobody.
"""

import base64
import fcntl
import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.keys import keys
from tests.performance.place import PLACE

ROUNDS = 80  # of PBKDF2 between two looks at the clock: about 20 microseconds


def path_of(algorithm: KeyAlgorithm) -> Path:
    return PLACE / f"keys-{algorithm.value}.jsonl"


def record(algorithm: KeyAlgorithm, number: int) -> None:
    """Have so many keys on the list; makes those that are missing, on all cores."""
    path = path_of(algorithm)
    missing = number - len(_lines(path))
    if missing <= 0:
        return
    path.touch(mode=0o600)
    with ProcessPoolExecutor() as processes, path.open("a", encoding="utf-8") as stream:
        for line in processes.map(_made, [algorithm] * missing):
            stream.write(line + "\n")


def _made(algorithm: KeyAlgorithm) -> str:
    began = time.thread_time()
    key = keys.generate(algorithm)
    seconds = time.thread_time() - began
    content = {"key": base64.b64encode(keys.to_pkcs8(key)).decode(), "seconds": round(seconds, 6)}
    return json.dumps(content)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


class Turn:
    """Whose turn it is: a number in a file, which several processes draw from."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def set(self, number: int) -> None:
        with self._locked() as stream:
            _write(stream, number)

    def draw(self, *, below: int | None = None) -> int | None:
        """The next number, which nobody else gets; None where it is not below the bound."""
        with self._locked() as stream:
            number = int(stream.read() or 0)
            if below is not None and number >= below:
                return None
            _write(stream, number + 1)
            return number

    @contextmanager
    def _locked(self) -> Iterator[IO[str]]:
        self._path.touch(mode=0o600)
        with self._path.open("r+", encoding="ascii") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield stream


def _write(stream: IO[str], number: int) -> None:
    stream.seek(0)
    stream.truncate()
    stream.write(str(number))
    stream.flush()


def turn_of(directory: Path, algorithm: KeyAlgorithm) -> Turn:
    """The turn of one installation."""
    return Turn(directory / f"turn-{algorithm.value}")


class Replay:
    """Hands out the keys of the list, in its order, among all processes of one installation."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._recorded: dict[KeyAlgorithm, list[str]] = {}

    def load(self, algorithm: KeyAlgorithm) -> None:
        self._recorded[algorithm] = _lines(path_of(algorithm))

    def take(self, algorithm: KeyAlgorithm) -> keys.PrivateKey:
        """The next key, after the time that it took."""
        number = turn_of(self._directory, algorithm).draw()
        assert number is not None
        return self.key(algorithm, number)

    def key(self, algorithm: KeyAlgorithm, number: int) -> keys.PrivateKey:
        if algorithm not in self._recorded:
            self.load(algorithm)
        content = json.loads(self._recorded[algorithm][number])
        _spend(content["seconds"])
        return keys.from_pkcs8(base64.b64decode(content["key"]))


def _spend(seconds: float) -> None:
    """So much processor time of this thread; other threads go on meanwhile."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        hashlib.pbkdf2_hmac("sha256", b"spent", b"time", ROUNDS)
