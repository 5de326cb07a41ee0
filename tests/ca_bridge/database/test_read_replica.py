"""When a read replica is trusted: by log positions, not by what anybody's clock says."""

import logging

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError

from ca_bridge.database import read_replica
from ca_bridge.database.read_replica import Noted, ReplicaFault, Standby, Watch


class Servers:
    """A primary and a replica, as the watch hears of them; time stands still until it is moved on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.written, self.replayed = 100.0, 10, 10
        self.is_standby, self.cluster, self.answers, self.asked = True, "ours", True, 0
        self.timeline = self.its_timeline = 3
        monkeypatch.setattr("ca_bridge.database.read_replica.time.monotonic", lambda: self.now)
        monkeypatch.setattr(read_replica, "_primary_now", self._primary)
        monkeypatch.setattr(read_replica, "_replica_now", self._replica)

    def _primary(self) -> tuple[str, Noted]:
        return "ours", Noted(self.written, self.now, self.timeline)

    def _replica(self) -> Standby:
        self.asked += 1
        if not self.answers:
            raise OperationalError("no route to host")
        return Standby(self.cluster, self.is_standby, self.replayed, self.its_timeline)

    def wait(self, seconds: float, watch: Watch) -> list[ReplicaFault]:
        """What is said each half second meanwhile."""
        said = []
        for _half in range(int(seconds * 2)):
            self.now += 0.5
            said.append(watch.trouble())
        return said


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Servers:
    return Servers(monkeypatch)


def test_a_replica_that_holds_everything_is_read_at_once(servers: Servers) -> None:
    watch = Watch()
    assert watch.trouble() == ReplicaFault.NONE
    assert set(servers.wait(30, watch)) == {ReplicaFault.NONE}
    assert servers.asked == 31, "once a second"


def test_one_that_does_not_follow_is_not_read_any_more(servers: Servers) -> None:
    """Also one that is cut off, and says that it has replayed all that it has received."""
    watch = Watch()
    assert watch.trouble() == ReplicaFault.NONE
    servers.written += 1
    said = servers.wait(10, watch)
    assert said[0] == ReplicaFault.NONE
    assert said[-1] == ReplicaFault.BEHIND
    assert said.index(ReplicaFault.BEHIND) / 2 <= read_replica.MAX_LAG
    servers.replayed = servers.written
    assert servers.wait(3, watch)[-1] == ReplicaFault.NONE


def test_one_that_is_behind_from_the_beginning(servers: Servers) -> None:
    servers.replayed = 9
    assert Watch().trouble() == ReplicaFault.BEHIND


def test_one_that_is_away_is_asked_again_later(servers: Servers, caplog: pytest.LogCaptureFixture) -> None:
    watch, servers.answers = Watch(), False
    with caplog.at_level(logging.WARNING):
        assert watch.trouble() == ReplicaFault.SILENT
        assert set(servers.wait(read_replica.RETRY - 0.5, watch)) == {ReplicaFault.SILENT}
        assert servers.asked == 1
        servers.wait(30, watch)
    assert len(caplog.records) == 1, "it is said once"
    servers.answers = True
    assert servers.wait(read_replica.RETRY, watch)[-1] == ReplicaFault.NONE


@pytest.mark.parametrize("wrong", ["promoted", "foreign"])
def test_what_is_no_replica_of_ours_is_not_read(servers: Servers, wrong: str) -> None:
    """After a failover the address may name the new primary; and an address may be wrong."""
    if wrong == "promoted":
        servers.is_standby = False
    else:
        servers.cluster = "theirs"
    watch = Watch()
    assert watch.trouble() == ReplicaFault.NO_REPLICA
    assert set(servers.wait(5, watch)) == {ReplicaFault.NO_REPLICA}


def test_one_that_follows_the_old_primary_is_not_read_however_far_it_has_come(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch()
    assert watch.trouble() == ReplicaFault.NONE
    servers.timeline, servers.replayed = 4, 1_000
    with caplog.at_level(logging.WARNING):
        assert set(servers.wait(6, watch)[2:]) == {ReplicaFault.OTHER_TIMELINE}
    assert len(caplog.records) == 1, "it is said once"
    servers.its_timeline = 4
    assert servers.wait(2, watch)[-1] == ReplicaFault.NONE


def test_one_that_was_promoted_is_read_no_more_from_the_next_second_on(servers: Servers) -> None:
    watch = Watch()
    assert watch.trouble() == ReplicaFault.NONE
    servers.is_standby, servers.replayed = False, 1_000
    assert set(servers.wait(5, watch)[1:]) == {ReplicaFault.NO_REPLICA}


def test_one_that_is_changed_for_a_foreign_one_while_it_is_behind(servers: Servers) -> None:
    watch = Watch()
    assert watch.trouble() == ReplicaFault.NONE
    servers.written += 1
    servers.wait(2, watch)
    servers.cluster, servers.replayed = "theirs", 1_000
    assert servers.wait(1, watch)[-1] == ReplicaFault.NO_REPLICA


def test_a_page_that_fails_takes_the_replica_out(servers: Servers) -> None:
    watch = Watch()
    assert watch.trouble() == ReplicaFault.NONE
    watch.failed(OperationalError("gone"))
    assert watch.trouble() == ReplicaFault.SILENT


def test_positions_are_bytes() -> None:
    assert read_replica._bytes_of("16/B374D848") == 0x16B374D848


@pytest.mark.django_db
@pytest.mark.database
@pytest.mark.usefixtures("postgresql_only")
def test_what_is_asked_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both statements, by a primary: it has replayed nothing, and is on its own timeline."""
    monkeypatch.setattr(read_replica, "ALIAS", DEFAULT_DB_ALIAS)
    cluster, noted = read_replica._primary_now()
    assert noted.position > 0
    assert read_replica._replica_now() == Standby(
        cluster, is_standby=False, reached=0, timeline=noted.timeline
    )
