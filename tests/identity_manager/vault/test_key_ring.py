"""Rings of keys: read again when their files change, used from their moment on, destroyed for good."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from identity_manager.config import secret_files
from identity_manager.vault import key_ring
from identity_manager.vault.key_ring import KeyRing, KeyRingError

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    secret_files.make(tmp_path)
    return KeyRing.of_files(tmp_path / "kek-other")


def test_a_new_epoch_is_held_at_once_and_used_from_its_moment(ring: KeyRing) -> None:
    epoch = key_ring.add_epoch(ring, in_use_from=LATER)

    assert list(ring) == ["1", "2"]
    assert ring["2"] == epoch.key
    assert ring.in_use(NOW).version == "1"
    assert ring.in_use(LATER).version == "2"
    assert epoch.path is not None
    assert epoch.path.name == "kek-other.2"
    assert epoch.path.stat().st_mode & 0o777 == 0o600


def test_a_ring_that_cannot_be_read_is_told_at_once(tmp_path: Path) -> None:
    """When a process starts, not when it first wraps something."""
    (tmp_path / "kek-other").write_text("no key\n")
    with pytest.raises(KeyRingError):
        KeyRing.of_files(tmp_path / "kek-other")


def test_another_process_reads_it_without_a_start(ring: KeyRing) -> None:
    other = KeyRing.of_files(ring.path)
    assert len(other) == 1
    key_ring.add_epoch(ring, in_use_from=NOW)
    assert dict(other) == dict(ring)


def test_a_destroyed_key_is_overwritten_and_gone(ring: KeyRing, tmp_path: Path) -> None:
    old, _new = (*ring.epochs(), key_ring.add_epoch(ring, in_use_from=NOW))
    kept = tmp_path / "kept"
    kept.hardlink_to(ring.path)  # what still has the old file sees that it holds nothing any more

    key_ring.destroy(old)

    assert list(ring) == ["2"]
    assert not ring.path.exists()
    assert old.key.encode() not in kept.read_bytes()


def test_other_keys_in_the_same_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    path.write_text("1:YQ==\n2:Yg==\n", encoding="utf-8")
    ring = KeyRing.of_files(path)
    key_ring.destroy(ring.epochs()[0])
    assert dict(ring) == {"2": "Yg=="}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_destroyed_first_epoch_is_not_made_again(ring: KeyRing, tmp_path: Path) -> None:
    """The programs that start look for missing secrets: one that has become another is not missing."""
    old = ring.epochs()[0]
    key_ring.add_epoch(ring, in_use_from=NOW)
    key_ring.destroy(old)
    assert secret_files.make(tmp_path) == []
    assert list(ring) == ["2"]


def test_versions_are_not_given_twice(ring: KeyRing) -> None:
    first = ring.epochs()[0]
    key_ring.add_epoch(ring, in_use_from=NOW)
    key_ring.destroy(first)
    assert key_ring.add_epoch(ring, in_use_from=NOW).version == "3"


def test_a_ring_from_the_environment_stays_as_it_is() -> None:
    ring = KeyRing.fixed("1:YQ==;2:Yg==@2030-01-01T00:05:00+00:00")
    assert ring.in_use(NOW).version == "1"
    assert ring.in_use(LATER).version == "2"
    with pytest.raises(KeyRingError, match="does not come from a file"):
        key_ring.add_epoch(ring, in_use_from=NOW)
    with pytest.raises(KeyRingError, match="does not come from a file"):
        key_ring.destroy(ring.epochs()[0])


@pytest.mark.parametrize("content", ["hidden", "1:", ":YQ==", "1:YQ==@tomorrow"])
def test_what_is_no_ring_is_refused_and_not_shown(content: str) -> None:
    with pytest.raises(KeyRingError) as refused:
        KeyRing.fixed(content)
    assert "hidden" not in str(refused.value)


def test_a_moment_without_a_zone_is_utc() -> None:
    assert KeyRing.fixed("1:YQ==@2030-01-01T00:05:00").in_use(LATER).version == "1"


def test_no_key_is_in_use_before_the_first_moment() -> None:
    assert KeyRing.fixed("1:YQ==@2030-01-01T00:05:00").in_use(NOW) is None
