"""Typed readers of the environment: what they take, and that a refusal never shows a value."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import env


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("THING", raising=False)
    monkeypatch.delenv("THING_FILE", raising=False)
    return monkeypatch


def refusal(call: object, *args: object, **named: object) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        call(*args, **named)  # type: ignore[operator]  # each reader has parameters of its own
    return str(caught.value)


def test_a_value_may_lie_in_a_file(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "thing").write_text("from a file\n", encoding="utf-8")
    given.setenv("THING_FILE", str(tmp_path / "thing"))
    assert env.text("THING") == "from a file"


def test_both_at_once_is_refused(given: pytest.MonkeyPatch) -> None:
    given.setenv("THING", "hidden")
    given.setenv("THING_FILE", "/x")
    assert refusal(env.text, "THING") == "Set THING or THING_FILE, not both."


def test_what_is_missing_is_named(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert refusal(env.text, "THING") == "THING is not set; set it, or name a file in THING_FILE."
    assert refusal(env.secret_file, "THING", tmp_path / "no").endswith("does not exist; run: make setup")
    given.setenv("THING_FILE", str(tmp_path / "no"))
    assert "cannot be read: No such file or directory." in refusal(env.text, "THING")


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (lambda: env.integer("THING", 1), "hidden"),
        (lambda: env.integer("THING", 1, maximum=5), "6"),
        (lambda: env.boolean("THING", default=True), "hidden"),
        (lambda: env.choice("THING", ("a", "b"), "a"), "hidden"),
        (lambda: env.json_object("THING", {}), "hidden"),
        (lambda: env.json_object("THING", {}), "[1]"),
        (lambda: env.key_ring("THING", Path("/no")), "hidden"),
        (lambda: env.database("THING", None), "mysql://hidden"),
        (lambda: env.directory("THING", Path("/a")), ""),
        (lambda: env.directory("THING", Path("/a")), " "),
        (lambda: env.time_zone("THING", "UTC"), "hidden"),
        (lambda: env.time_zone("THING", "UTC"), "../hidden"),
        (lambda: env.time_zone("THING", "UTC"), ""),
        (lambda: env.web_address("THING", None), "hidden"),
        (lambda: env.web_address("THING", None), "http://[hidden"),
        (lambda: env.web_address("THING", None), "http://a.net:hidden"),
        (lambda: env.web_address("THING", None), "http://a.net/?hidden"),
        (lambda: env.web_address("THING", None), ""),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_not_shown(
    given: pytest.MonkeyPatch, reader: object, value: str
) -> None:
    given.setenv("THING", value)
    sentence = refusal(reader)
    assert sentence.startswith("THING must ")
    assert "hidden" not in sentence


@pytest.mark.parametrize("reader", [env.text, lambda name: env.key_ring(name, Path("/no"))])
def test_a_file_that_is_no_text_is_refused_and_not_shown(
    given: pytest.MonkeyPatch, tmp_path: Path, reader: object
) -> None:
    """Such as the compressed file, or the 32 bytes of a key as they are."""
    (tmp_path / "thing").write_bytes(b"hidden\xca\xfe")
    given.setenv("THING_FILE", str(tmp_path / "thing"))
    sentence = refusal(reader, "THING")
    assert "THING" in sentence
    assert "hidden" not in sentence


def test_a_ring_holds_a_key_a_line_and_the_newest_last(given: pytest.MonkeyPatch) -> None:
    given.setenv("THING", "1:YQ==;2:Yg==\n3:Yw==")
    assert list(env.key_ring("THING", Path("/no")).items()) == [("1", "YQ=="), ("2", "Yg=="), ("3", "Yw==")]


def test_a_ring_that_is_given_as_empty_is_empty(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ring").write_text("1:YQ==", encoding="utf-8")
    assert env.key_ring("THING", tmp_path / "ring") == {"1": "YQ=="}
    given.setenv("THING", "")
    assert env.key_ring("THING", tmp_path / "ring") == {}


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("1", True), ("false", False), ("0", False), (None, True)]
)
def test_a_truth_has_two_spellings(given: pytest.MonkeyPatch, value: str | None, *, expected: bool) -> None:
    if value is not None:
        given.setenv("THING", value)
    assert env.boolean("THING", default=True) is expected


def test_a_database_may_lie_at_any_path(given: pytest.MonkeyPatch) -> None:
    given.setenv("THING", "sqlite:///srv/a%20b%23c/db.sqlite3")
    assert env.database("THING", None)["NAME"] == "/srv/a b#c/db.sqlite3"


def test_a_postgresql_address_is_taken_apart(given: pytest.MonkeyPatch) -> None:
    given.setenv("THING", "postgresql://us%40er:p%2Fw@db.acme.net:6432/name")
    found = env.database("THING", None)
    parts = [found[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")]
    assert parts == ["us@er", "p/w", "db.acme.net", 6432, "name"]
    given.setenv("THING", "postgresql://postgres@/name?host=/run/pg")
    assert env.database("THING", None)["HOST"] == "/run/pg"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ["a", "b"]), ("b", ["b"]), ("b, a", ["a", "b"]), ("", None), ("c", None), ("a,c", None)],
)
def test_one_or_more_of_a_list(
    given: pytest.MonkeyPatch, value: str | None, expected: list[str] | None
) -> None:
    if value is not None:
        given.setenv("THING", value)
    if expected is None:
        assert refusal(env.choices, "THING", ("a", "b")) == "THING must be one or more of a, b."
    else:
        assert env.choices("THING", ("a", "b")) == expected


@pytest.mark.parametrize("value", ["https://a.net", "https://a.net/", "http://localhost:8000"])
def test_an_address_of_a_portal_is_scheme_and_host(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("THING", value)
    assert env.base_url("THING", None) == value.rstrip("/")


@pytest.mark.parametrize(
    "value",
    ["a.net", "https://a.net/im", "ftp://a.net", "https://a.net?x", "https://[a", "https://a.net:99999", ""],
)
def test_and_nothing_else(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("THING", value)
    assert refusal(env.base_url, "THING", None) == "THING must be https:// and a host name, without a path."


@pytest.mark.parametrize("value", ["http://a.net", "http://a.net/", "http://[::1]:8000", "https://a.net/ca/"])
def test_an_address_of_the_web_may_have_a_path(given: pytest.MonkeyPatch, value: str) -> None:
    """What is put behind it begins with a slash."""
    given.setenv("THING", value)
    assert env.web_address("THING", None) == value.rstrip("/")


def test_networks(given: pytest.MonkeyPatch) -> None:
    given.setenv("THING", "10.0.0.0/8, ::1")
    assert env.networks("THING", []) == ["10.0.0.0/8", "::1"]
    given.setenv("THING", "10.0.0.1/8")
    assert refusal(env.networks, "THING", []).startswith("THING must hold IP addresses and networks")
