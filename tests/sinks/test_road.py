"""The whole road through the pages of both portals; afterwards no sink holds a passphrase or a key."""

import pytest

from tests.journeys.office import Office
from tests.sinks.recording import EXCHANGES, FAULTS, Exchange
from tests.sinks.search import Search
from tests.sinks.walk import walk
from tests.sinks.watched import Watched

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]


def test_no_sink_holds_a_secret(office: Office, watched: Watched, capfd: pytest.CaptureFixture[str]) -> None:
    walk(office, watched)
    caught = watched.caught
    assert (len(caught.passphrases), len(caught.keys), len(caught.codes)) == (3, 4, 1)
    assert FAULTS == []
    search = caught.search()

    read = {name: list(sink) for name, sink in watched.sinks().items()}
    assert [name for name, sink in read.items() if not sink] == ["exceptions"]
    found = {name: search.all_findings(sink) for name, sink in read.items()}
    assert {name: findings for name, findings in found.items() if findings} == {}
    assert search.findings("standard output", "\n".join(capfd.readouterr()).encode()) == []
    _check_answers(watched, search)


def _check_answers(watched: Watched, search: Search) -> None:
    """A passphrase is in the answers to the clicks that show it, a code in one answer; a key in none."""
    showing = [each for each in EXCHANGES if each.method == "POST" and b"</output>" in each.body]
    found = search.all_findings(watched.answers())
    assert {finding.where for finding in found} == {str(each) for each in showing}
    shown = {secret.name for secret in watched.caught.secrets() if "key" not in secret.name}
    assert {finding.secret for finding in found} == shown
    for each in showing:
        assert each.status == 200
        assert "no-store" in cache_control(each), each


def cache_control(exchange: Exchange) -> str:
    headers = (line.partition(":") for line in exchange.headers.splitlines())
    return " ".join(value for name, _colon, value in headers if name.lower() == "cache-control")
