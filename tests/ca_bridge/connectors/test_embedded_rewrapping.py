"""Another passphrase for the embedded CA's keys: at any moment, and after any kill, one opens them all."""

import errno
import os
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded import key_store, passphrase_change
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.contract import Issued
from ca_bridge.errors import CaError
from identity_manager.models import AuditEvent

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]
NEW = "another passphrase of the CA"
KEYS = ("issuing.key", "root.key")


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def ca(settings: Any, ca_options: dict[str, str], tmp_path: Path) -> EmbeddedConnector:
    """An embedded CA of this test alone, with a passphrase of its own."""
    shutil.copytree(ca_options["directory"], tmp_path / "ca")
    shutil.copy(ca_options["passphrase_file"], tmp_path / "passphrase")
    (tmp_path / "new").write_text(NEW, encoding="utf-8")
    places = {"directory": str(tmp_path / "ca"), "passphrase_file": str(tmp_path / "passphrase")}
    connector = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
    settings.CA_CONNECTORS = {"corporate": {"CONNECTOR": connector, "OPTIONS": ca_options | places}}
    found = registry.connector("corporate")
    assert isinstance(found, EmbeddedConnector)
    return found


def command(*arguments: str | Path) -> str:
    said = StringIO()
    call_command("change_ca_passphrase", *map(str, arguments), stdout=said)
    return said.getvalue()


def put_in_place(folder: Path) -> None:
    shutil.copy(folder / "new", folder / "passphrase")


def opened(folder: Path, passphrase: str) -> list[str]:
    """The files whose key opens with it, and is the key that it was."""
    found = []
    for name in KEYS:
        try:
            key = key_store.decrypt((folder / "ca" / name).read_bytes(), passphrase.encode())
        except ValueError:
            continue
        certificate = EmbeddedConnector(registry.connector("corporate").options)._authority.certificate(
            name.removesuffix(".key")
        )
        assert key.public_key() == certificate.public_key()
        found.append(name)
    return found


def former(folder: Path) -> str:
    return (folder / "passphrase").read_text(encoding="utf-8").strip()


def test_it_is_changed_in_two_steps(ca, ordered, tmp_path):
    old = former(tmp_path)
    said = command("--to", tmp_path / "new")
    assert said.startswith("Keys that open with either passphrase: 2.")
    assert opened(tmp_path, old) == opened(tmp_path, NEW) == [*KEYS]
    with pytest.raises(CommandError, match="former passphrase is still in use"):
        command("--finish")
    assert isinstance(ca.issue(ordered()), Issued)

    put_in_place(tmp_path)
    assert command("--finish") == "Keys from which the former passphrase was dropped: 2.\n"
    assert (opened(tmp_path, old), opened(tmp_path, NEW)) == ([], [*KEYS])
    assert isinstance(ca.issue(ordered()), Issued)
    assert ca.health().ok
    assert command("--finish").endswith(" 0.\n"), "given again it has nothing to do"
    names = ["ca.passphrase-added", "ca.passphrase-changed"]
    assert [*AuditEvent.objects.order_by("pk").values_list("name", flat=True)] == names
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "ca").glob("*.key"))


def test_nothing_that_is_said_holds_a_passphrase(ca, tmp_path, caplog):
    old = former(tmp_path)
    said = command("--to", tmp_path / "new")
    put_in_place(tmp_path)
    said += command("--finish") + caplog.text
    said += str([*AuditEvent.objects.values_list("facts", flat=True)])
    assert old not in said
    assert NEW not in said


def before(act: Callable[..., Any]) -> Callable[..., Any]:
    def killed(*_arguments: Any, **_more: Any) -> Any:
        raise Killed

    return killed


def after(act: Callable[..., Any]) -> Callable[..., Any]:
    def killed(*arguments: Any, **more: Any) -> Any:
        act(*arguments, **more)
        raise Killed

    return killed


def half(act: Callable[..., Any]) -> Callable[..., Any]:
    """The disk has a part of what was to be written."""

    def killed(path: Path, content: bytes, **_more: Any) -> Any:
        path.write_bytes(content[: len(content) // 2])
        raise Killed

    return killed


POINTS = [(key_store, "fill", half), (key_store, "fill", after)] + [
    (place, name, how)
    for place, name in ((Path, "replace"), (passphrase_change, "_sync"))
    for how in (before, after)
]


def kill(
    monkeypatch: pytest.MonkeyPatch, point: tuple[Any, str, Any], at: int, arguments: tuple[Any, ...]
) -> None:
    place, name, how = point
    act, calls = getattr(place, name), []

    def counted(*given: Any, **more: Any) -> Any:
        calls.append(1)
        return (how(act) if len(calls) == at else act)(*given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(place, name, counted)
        with pytest.raises(Killed):
            command(*arguments)


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[2].__name__}-{point[1]}")
def test_a_kill_between_any_two_steps_locks_nobody_out(ca, ordered, tmp_path, monkeypatch, point, at):
    old = former(tmp_path)
    kill(monkeypatch, point, at, ("--to", tmp_path / "new"))
    assert opened(tmp_path, old) == [*KEYS]
    assert isinstance(ca.issue(ordered()), Issued)
    command("--to", tmp_path / "new")
    assert opened(tmp_path, old) == opened(tmp_path, NEW) == [*KEYS]

    put_in_place(tmp_path)
    kill(monkeypatch, point, at, ("--finish",))
    assert opened(tmp_path, NEW) == [*KEYS]
    assert isinstance(ca.issue(ordered()), Issued)
    command("--finish")
    assert (opened(tmp_path, old), opened(tmp_path, NEW)) == ([], [*KEYS])
    assert left(tmp_path / "ca", old) == ([*KEYS], [])


def left(folder: Path, passphrase: str) -> tuple[list[str], list[str]]:
    """All that has to do with keys there, and what of it opens with a passphrase."""
    names = sorted(path.name for path in folder.iterdir() if ".key" in path.name)
    parts = [(name, each) for name in names for each in key_store.parts((folder / name).read_bytes())]
    return names, [name for name, each in parts if opens(each, passphrase)]


def opens(pem: bytes, passphrase: str) -> bool:
    try:
        key_store.decrypt(pem, passphrase.encode())
    except ValueError:
        return False
    return True


def test_what_a_try_that_was_killed_has_left_goes_even_where_nothing_else_is_to_do(ca, tmp_path):
    """Processes in containers often have the same number."""
    old, place = former(tmp_path), tmp_path / "ca" / "issuing.key"
    for name in (".issuing.key.4711", key_store.temporary_path(place).name):
        shutil.copy(place, place.with_name(name))
    command("--to", tmp_path / "new")
    assert left(tmp_path / "ca", old) == ([*KEYS], [*KEYS])
    shutil.copy(place, place.with_name(".issuing.key.4711"))
    put_in_place(tmp_path)
    command("--finish")
    shutil.copy(place, place.with_name(".issuing.key.4711"))
    assert command("--finish").endswith(" 0.\n")
    assert left(tmp_path / "ca", old) == ([*KEYS], [])


def test_files_that_are_not_ours_stay(ca, tmp_path):
    safe = tmp_path / "safe"
    safe.mkdir()
    call_command("sign_root_crl", "--take-away", str(safe / "root.key"), stdout=StringIO())
    names = [".root.key.asc", ".root.key.copy", ".root.key.2026-11-28", ".root.key", "1.root.key.1"]
    for name in names:
        (safe / name).write_text("the operator's", encoding="utf-8")
    command("--to", tmp_path / "new", "--root-key", safe / "root.key")
    put_in_place(tmp_path)
    command("--finish", "--root-key", safe / "root.key")
    assert sorted(path.name for path in safe.iterdir()) == sorted([*names, "root.key"])


# Nobody but root gives files away.
SERVICE = (65534, 65533) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def test_a_file_stays_the_services(ca, tmp_path):
    for name in KEYS:
        os.chown(tmp_path / "ca" / name, *SERVICE)
        (tmp_path / "ca" / name).chmod(0o640)
    command("--to", tmp_path / "new")
    put_in_place(tmp_path)
    command("--finish")
    for name in KEYS:
        found = (tmp_path / "ca" / name).stat()
        assert ((found.st_uid, found.st_gid), found.st_mode & 0o777) == (SERVICE, 0o640)


def test_who_may_not_give_a_file_back_changes_none(ca, tmp_path, monkeypatch):
    def forbidden(*_arguments: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    before = {name: (tmp_path / "ca" / name).read_bytes() for name in KEYS}
    monkeypatch.setattr(key_store, "_owner", lambda found: (found.st_uid, found.st_ino))  # as if another's
    monkeypatch.setattr(os, "fchown", forbidden)
    with pytest.raises(CommandError, match=r"\.key belongs to another user.*nothing was changed"):
        command("--to", tmp_path / "new")
    assert {name: (tmp_path / "ca" / name).read_bytes() for name in KEYS} == before
    assert left(tmp_path / "ca", NEW) == ([*KEYS], [])


def test_a_link_stays_one_and_what_it_leads_to_is_changed(ca, tmp_path):
    old, safe, link = former(tmp_path), tmp_path / "safe.key", tmp_path / "ca" / "root.key"
    link.rename(safe)
    link.symlink_to(safe)
    assert "either passphrase: 2." in command("--to", tmp_path / "new", "--root-key", safe)
    put_in_place(tmp_path)
    assert command("--finish", "--root-key", safe).endswith(": 2.\n"), "one file by two names"
    assert link.is_symlink()
    assert (opens(safe.read_bytes(), old), opens(safe.read_bytes(), NEW)) == (False, True)


@pytest.mark.parametrize(
    "written",
    [
        bytes.rstrip,
        lambda pem: pem + b"\n",
        lambda pem: pem.rstrip() + b"\r\n\r\n",
        lambda pem: b"\r\n".join(pem.splitlines()) + b"\r\n",
        lambda pem: b"\r\n".join(pem.splitlines()),
    ],
    ids=["none", "a blank line", "another blank line", "of another system", "of another system, none"],
)
def test_line_breaks_of_an_editor(ca, ordered, tmp_path, written):
    """They are nothing that opens, or does not."""

    def edit() -> None:
        for name in KEYS:
            path = tmp_path / "ca" / name
            path.write_bytes(written(path.read_bytes()))

    old = former(tmp_path)
    edit()
    assert command("--finish").endswith(" 0.\n"), "there is one passphrase"
    command("--to", tmp_path / "new")
    edit()
    assert opened(tmp_path, old) == opened(tmp_path, NEW) == [*KEYS]
    with pytest.raises(CommandError, match="former passphrase is still in use"):
        command("--finish")
    put_in_place(tmp_path)
    assert command("--finish").endswith(" 2.\n")
    edit()
    assert command("--finish").endswith(" 0.\n")
    assert left(tmp_path / "ca", old) == ([*KEYS], [])
    assert isinstance(ca.issue(ordered()), Issued)


def test_what_would_not_open_is_not_put_in_place(ca, tmp_path, monkeypatch):
    before = {name: (tmp_path / "ca" / name).read_bytes() for name in KEYS}
    monkeypatch.setattr(key_store, "encrypt", lambda *_: b"-----BEGIN X-----\n-----END X-----\n")
    with pytest.raises(CommandError, match="is not the key"):
        command("--to", tmp_path / "new")
    assert {name: (tmp_path / "ca" / name).read_bytes() for name in KEYS} == before


def test_a_step_that_was_left_out_is_not_finished(ca, tmp_path, monkeypatch):
    """The first step broke off, and the passphrase was changed all the same."""
    old = former(tmp_path)
    kill(monkeypatch, (Path, "replace", after), 1, ("--to", tmp_path / "new"))
    put_in_place(tmp_path)
    with pytest.raises(CommandError, match=r"does not open with the passphrase that is in use.*root\.key"):
        command("--finish")
    assert opened(tmp_path, old) == [*KEYS]


def test_one_that_was_added_and_is_not_wanted_is_replaced(ca, tmp_path):
    command("--to", tmp_path / "new")
    (tmp_path / "other").write_text("yet another passphrase", encoding="utf-8")
    command("--to", tmp_path / "other")
    assert opened(tmp_path, NEW) == []
    assert opened(tmp_path, "yet another passphrase") == opened(tmp_path, former(tmp_path)) == [*KEYS]


def test_a_roots_key_that_is_kept_elsewhere_is_named(ca, tmp_path):
    safe = tmp_path / "safe.key"
    call_command("sign_root_crl", "--take-away", str(safe), stdout=StringIO())
    command("--to", tmp_path / "new", "--root-key", safe)
    put_in_place(tmp_path)
    command("--finish", "--root-key", safe)
    call_command("sign_root_crl", "--root-key", str(safe), stdout=StringIO())
    assert len(key_store.parts(safe.read_bytes())) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("short", "shorter than 16"), (None, "cannot be read"), ("", "shorter than 16")],
)
def test_what_is_no_passphrase(ca, tmp_path, content, sentence):
    before = {name: (tmp_path / "ca" / name).read_bytes() for name in KEYS}
    (tmp_path / "new").unlink()
    if content is not None:
        (tmp_path / "new").write_text(content, encoding="utf-8")
    with pytest.raises(CommandError, match=sentence):
        command("--to", tmp_path / "new")
    with pytest.raises(CommandError, match="the passphrase that the keys are under"):
        command("--to", tmp_path / "passphrase")
    assert {name: (tmp_path / "ca" / name).read_bytes() for name in KEYS} == before


def test_two_at_once(ca, tmp_path):
    with passphrase_change._alone(ca.options):
        with pytest.raises(CommandError, match="by another command"):
            command("--to", tmp_path / "new")
        with pytest.raises(CaError):
            passphrase_change.finish(ca.options)
