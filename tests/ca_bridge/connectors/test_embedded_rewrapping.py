"""Another passphrase for the embedded CA's keys: at any moment, and after any kill, one opens them all."""

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ca_bridge import registry
from ca_bridge.connectors.embedded import key_store, rewrapping
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.contract import Issued
from ca_bridge.errors import CaError
from identity_manager.models import AuditEvent

pytestmark = [pytest.mark.django_db, pytest.mark.database]
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

    def killed(path: Path, content: bytes) -> Any:
        path.write_bytes(content[: len(content) // 2])
        raise Killed

    return killed


POINTS = [(key_store, "write", half), (key_store, "write", after)] + [
    (place, name, how)
    for place, name in ((Path, "replace"), (rewrapping, "_sync"))
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
    assert sorted(path.name for path in (tmp_path / "ca").glob(".*key*")) == [], "nothing of before is left"


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
    with rewrapping._alone(ca.options):
        with pytest.raises(CommandError, match="by another command"):
            command("--to", tmp_path / "new")
        with pytest.raises(CaError):
            rewrapping.finish(ca.options)
