"""The whole road through the pages of both portals; afterwards no sink holds a passphrase or a key."""

import pytest

from tests.journeys.office import Office
from tests.sinks.recording import EXCHANGES, Exchange
from tests.sinks.search import Search
from tests.sinks.walk import walk
from tests.sinks.watched import Watched

pytestmark = pytest.mark.django_db(transaction=True)


def test_no_sink_holds_a_secret(office: Office, watched: Watched, capfd: pytest.CaptureFixture[str]) -> None:
    walk(office, watched)
    caught = watched.caught
    assert (len(caught.passphrases), len(caught.keys), len(caught.codes)) == (3, 4, 1)
    search = caught.search()

    read = {name: list(sink) for name, sink in watched.sinks().items()}
    assert [name for name, sink in read.items() if not sink] == []
    found = {name: search.all_findings(sink) for name, sink in read.items()}
    assert {name: findings for name, findings in found.items() if findings} == {}
    assert search.findings("standard output", "\n".join(capfd.readouterr()).encode()) == []
    _check_answers(watched, search)


def _check_answers(watched: Watched, search: Search) -> None:
    """A passphrase is in the answers to the clicks that show it, a code in one answer; a key in none."""
    showing = {str(each) for each in EXCHANGES if _shows(each)}
    found = search.all_findings(watched.answers())
    assert {finding.where for finding in found} == showing
    assert {finding.secret for finding in found} == {
        secret.name for secret in watched.caught.secrets() if "key" not in secret.name
    }


def _shows(exchange: Exchange) -> bool:
    return exchange.method == "POST" and exchange.status == 200 and "</output>" in exchange.body.decode()
