"""The ceremony of a recovery key: its dialog, and the command on a machine without a database."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ca_bridge.keys import envelopes, recovery_keys
from ca_bridge.keys.envelopes import Recipient
from ca_bridge.keys.recovery_keys import Document
from identity_manager.management.ceremony import CLEAR, Ceremony
from tests.architecture.source import ROOT

pytestmark = pytest.mark.long

HOLDERS = ("P-1", "P-2", "P-3")


@dataclass
class Room:
    """Officers who write down what the screen shows them, and type it from their notes."""

    screen: str = ""
    notes: dict[str, str] = field(default_factory=dict)
    present: str = ""
    everything: list[str] = field(default_factory=list)
    slips: int = 0
    opening: Iterator[str] = field(default_factory=lambda: iter(()))

    def say(self, line: str) -> None:
        self.everything.append(line)
        self.screen = line.rpartition(CLEAR)[2] if CLEAR in line else f"{self.screen}\n{line}"

    def ask(self, prompt: str) -> str:
        self.say(prompt)
        if match := re.search(r"Officer (\S+) alone", prompt):
            self.present = match[1]
        if "Write the 33 words down" in prompt:
            words = dict(re.findall(r"(\d+)  ([a-z]+)", self.screen))
            self.notes[self.present] = " ".join(words[str(number)] for number in range(1, 34))
        if "from your note" in prompt:
            assert self.notes[self.present] not in self.screen
            assert not re.search(r"33  [a-z]+", self.screen)
            self.slips -= 1
            return "a mistake" if self.slips >= 0 else self.notes[self.present]
        return next(self.opening) if "type your share" in prompt else ""

    @property
    def ceremony(self) -> Ceremony:
        return Ceremony(self.ask, self.say)


def make(room: Room, needed: int = 2) -> Document:
    return room.ceremony.make(name="Recovery", bits=3072, days=30, holders=HOLDERS, needed=needed)


def test_each_officer_sees_their_share_and_types_it_back() -> None:
    room = Room(slips=1)
    document = recovery_keys.read(make(room).to_json(), now=datetime.now(UTC))
    assert set(room.notes) == set(HOLDERS)
    assert any("differs" in line for line in room.everything)
    opened = recovery_keys.open_with_shares(document, [room.notes["P-3"], room.notes["P-1"]])
    recovery_keys.probe(opened, Recipient(document.certificate))


def test_other_officers_take_over_and_the_old_shares_open_nothing_more() -> None:
    room = Room()
    former = make(room)
    old = dict(room.notes)
    room.opening = iter([old["P-1"], "a mistake", old["P-2"]])
    written: list[Document] = []
    room.ceremony.hand_over(former, holders=("P-7", "P-8"), needed=2, write=written.append)
    (later,) = written
    assert (later.number, later.certificate) == (2, former.certificate)
    envelope = envelopes.seal(b"key", [Recipient(former.certificate)])
    opened = recovery_keys.open_with_shares(later, [room.notes["P-7"], room.notes["P-8"]])
    assert envelopes.unseal(envelope, opened) == b"key"
    with pytest.raises(recovery_keys.KeyArchiveError):
        recovery_keys.open_with_shares(later, [old["P-1"], old["P-2"]])


def test_shares_of_another_set_are_asked_for_again() -> None:
    room, other = Room(), Room()
    document = make(room)
    make(other)
    mine = room.notes
    room.opening = iter([other.notes["P-1"], mine["P-1"], mine["P-1"], mine["P-2"], mine["P-3"]])
    recovery_keys.probe(room.ceremony.open(document), Recipient(document.certificate))
    assert any("of another set" in line for line in room.everything)
    assert any("entered twice" in line for line in room.everything)


# --- The command
def offline() -> dict[str, str]:
    """No database, no broker, nobody to ask."""
    return os.environ | {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "recovery_ceremony", *arguments]


def in_terminal(arguments: list[str], answer: Callable[[Room, str], str], seconds: float = 120) -> str:
    """Run it in a terminal of its own, with somebody who answers its prompts; returns all that it showed."""
    process, screen = pty.fork()
    if process == 0:
        os.execve(arguments[0], arguments, offline())  # noqa: S606 a terminal has no shell before it
    room, shown, seen, until = Room(), "", 0, time.monotonic() + seconds
    while time.monotonic() < until:
        if not select.select([screen], [], [], 0.3)[0]:
            prompt = shown[seen:].replace("\r\n", "\n")
            if prompt.rstrip().endswith((">", "share.", "screen.")):
                seen = len(shown)
                os.write(screen, f"{answer(room, prompt)}\n".encode())
            continue
        try:
            chunk = os.read(screen, 65536).decode()
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.waitpid(process, 0)
    return shown


def test_it_runs_without_a_database_and_writes_nothing_secret(tmp_path: Path) -> None:
    officers = [option for holder in HOLDERS for option in ("--officer", holder)]
    shown = in_terminal(
        command("make", "--name", "Recovery", "--needed", "2", "--directory", str(tmp_path), *officers),
        lambda room, prompt: room.ask(prompt),
    )
    (path,) = tmp_path.glob("recovery-*.json")
    document = recovery_keys.read(path.read_bytes(), now=datetime.now(UTC))
    assert document.holders == HOLDERS
    assert path.stat().st_mode & 0o777 == 0o600
    (certificate,) = tmp_path.glob("recovery-*.pem")
    assert "PRIVATE" not in certificate.read_text()
    assert document.fingerprint.upper() in re.sub(r"\s", "", shown)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, certificate.name])


def test_no_share_is_shown_where_there_is_no_terminal(tmp_path: Path) -> None:
    done = subprocess.run(
        command("make", "--name", "R", "--needed", "2", "--officer", "P-1", "--officer", "P-2"),
        env=offline(), cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "at a terminal alone" in done.stderr
    assert list(tmp_path.iterdir()) == []
