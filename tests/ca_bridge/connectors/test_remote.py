"""What every connector to a CA elsewhere owes to the bridge when that CA, or the way to it, is in trouble."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import product
from urllib.parse import urlsplit

import pytest

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.contract import (
    FindsAll,
    FindsOrders,
    Issued,
    Pending,
    Refused,
    RevocationOutcome,
    RevocationReason,
    Unknown,
)
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.models import CaOrder
from ca_bridge.x509 import verification
from ca_bridge.x509.certificates import describe
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.meddler import Meddler, Mood, between
from tests.ca_bridge.connectors.neighbours import UP_WITHIN, Neighbour, decided
from tests.tools.running import free_port

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def meddler(neighbour: Neighbour) -> Iterator[Meddler]:
    port = int(urlsplit(neighbour.options["url"]).port or 0)
    with between(port, neighbour.identity, neighbour.client) as found:
        yield found


@pytest.fixture
def meddled(neighbour: Neighbour, meddler: Meddler):
    return {"url": at_port(neighbour, meddler.port), "timeout": 1}


def nowhere(neighbour: Neighbour) -> str:
    """Its address with a port at which nobody listens."""
    return at_port(neighbour, free_port())


def at_port(neighbour: Neighbour, port: int) -> str:
    url = str(neighbour.options["url"])
    return url.replace(f":{urlsplit(url).port}", f":{port}")


@pytest.fixture
def configured(settings, neighbour: Neighbour, meddled):
    """The CA behind an alias, with somebody between."""
    name = f"{neighbour.connector.__module__}.{neighbour.connector.__qualname__}"

    def configure(**changes):
        options = {**neighbour.options, **meddled}
        settings.CA_CONNECTORS = {"corporate": {"CONNECTOR": name, "OPTIONS": options, **changes}}
        connector = registry.connector("corporate")
        assert is_well(connector)  # and signed in
        return connector

    return configure


def test_wrong_credentials_pass_once_they_are_mended(neighbour, ordered):
    with pytest.raises(CaError) as fault:
        neighbour.make(**neighbour.wrong_credentials).issue(ordered(ca_profile=neighbour.profile))
    assert not fault.value.permanent
    if neighbour.health_signs_in:
        assert not is_well(neighbour.make(**neighbour.wrong_credentials))


def test_a_server_that_we_do_not_trust_gets_nothing(neighbour, ordered, tmp_path):
    """Its TLS certificate comes from somebody else than ca_file says."""
    if neighbour.identity is None:
        return  # it speaks no TLS
    TestCa("Another CA", tmp_path)
    with pytest.raises(CaError) as fault:
        neighbour.make(ca_file=str(tmp_path / "ca.pem")).issue(ordered(ca_profile=neighbour.profile))
    assert not fault.value.permanent
    assert "CERTIFICATE_VERIFY_FAILED" in fault.value.detail


def test_nobody_listens(neighbour, ordered):
    connector = neighbour.make(url=nowhere(neighbour))
    with pytest.raises(CaError) as fault:
        connector.issue(ordered(ca_profile=neighbour.profile))
    assert not fault.value.permanent
    assert not is_well(connector)


def is_well(connector) -> bool:
    try:
        return bool(connector.health().ok)
    except CaError:
        return False


def asked_until_decided(order: CaOrder):
    """What the CA answers; one that takes an order first is asked for it until it has decided."""
    until = time.monotonic() + UP_WITHIN
    while isinstance(answer := issuing.ask(order.pk), Pending) and time.monotonic() < until:
        issuing.record(order.pk, answer)
    return answer


def test_an_unknown_profile_is_refused(neighbour, ordered):
    if neighbour.unknown_profile:
        assert isinstance(neighbour.make().issue(ordered(ca_profile="no-such-profile")), Refused)


@pytest.mark.parametrize(
    "mood", [each for each in Mood if each is not Mood.PASSES], ids=lambda each: each.name
)
def test_an_answer_that_is_lost_leaves_the_order_in_doubt(neighbour, configured, meddler, prepared, mood):
    """And the next attempt gets it settled by the same key, wherever the CA cannot be searched."""
    connector = configured(UNKNOWN=registry.ASK_AGAIN)
    order = prepared(ca_profile=neighbour.profile)
    meddler.mood, passed = mood, meddler.passed
    answer = issuing.ask(order.pk)
    assert isinstance(answer, Unknown), answer
    assert issuing.record(order.pk, answer).state == CaOrder.State.UNKNOWN
    assert (meddler.passed > passed) == (mood is not Mood.GARBLES)

    meddler.mood = Mood.PASSES
    answer = asked_until_decided(order)
    assert isinstance(answer, Issued), answer
    settled = issuing.record(order.pk, answer)
    assert settled.state == CaOrder.State.ISSUED
    assert verification.faults(settled.request, answer, connector.chain()) == ()
    if isinstance(connector, FindsAll):
        assert list(connector.find_all(settled.request)) == [answer.certificate]


def test_a_parked_order_is_not_asked_again(neighbour, configured, meddler, prepared):
    connector = configured(UNKNOWN=registry.PARK)
    order = prepared(ca_profile=neighbour.profile)
    meddler.mood = Mood.GARBLES
    issuing.record(order.pk, issuing.ask(order.pk))
    meddler.mood = Mood.PASSES
    passed = meddler.passed
    answer = issuing.ask(order.pk)
    assert isinstance(answer, Unknown)
    if isinstance(connector, FindsOrders):
        assert connector.find(order.request) is None
    else:
        assert meddler.passed == passed
    issuing.let_ask_again(order.pk)
    assert isinstance(asked_until_decided(order), Issued)


def test_a_revocation_without_an_answer_is_asked_again(neighbour, configured, meddler, ordered):
    connector = configured()
    if not neighbour.revokes:
        return
    certificate = decided(connector, ordered(ca_profile=neighbour.profile)).certificate
    meddler.mood = Mood.CUTS
    with pytest.raises(CaError) as fault:
        connector.revoke(certificate, RevocationReason.KEY_COMPROMISE)
    assert not fault.value.permanent
    meddler.mood = Mood.PASSES
    again = connector.revoke(certificate, RevocationReason.KEY_COMPROMISE)
    assert again in {RevocationOutcome.REVOKED, RevocationOutcome.ALREADY_REVOKED}


CALLS = {
    "issue": lambda connector, order: connector.issue(order),
    "fetch": lambda connector, order: connector.fetch(order, ""),
    "find": lambda connector, order: connector.find(order),
    "find_all": lambda connector, order: connector.find_all(order),
    "revoke": lambda connector, _order: connector.revoke(connector.chain()[0], RevocationReason.SUPERSEDED),
    "release": lambda connector, _order: connector.release(connector.chain()[0]),
    "health": lambda connector, _order: connector.health(),
    "profiles": lambda connector, _order: connector.profiles(),
    "validations": lambda connector, _order: connector.validations(),
}
FIELDS = (
    *("auth", "data", "errors", "error", "message", "result", "success", "certificate", "certificates"),
    *("certChain", "crt", "ca", "provisioners", "procedures", "certificate_authorities", "keys"),
    *("searchHits", "dataToSign", "status", "slug", "revocation_reason", "version", "ca_chain"),
    *("access_token", "backendCertId", "code", "organizationId", "terms", "state", "id", "name"),
)
ODD = (None, 7, float("inf"), "x", [], [7], {}, [{"code": 7, "name": []}])
INNER = dict.fromkeys(FIELDS, 7) | {"client_token": "x", "lease_duration": float("inf"), "pem": 7}
ANSWERS = [b"", b"\xff\xfe", b"<html>", b"[]", b"7", b"[" * 100_000, b"0\x82\xff\xff"]
ANSWERS += [
    json.dumps({**dict.fromkeys(FIELDS, each), "success": True}).encode()
    for each in (*ODD, INNER, {**INNER, "lease_duration": 60})
]
ANSWERS += [json.dumps([dict.fromkeys(FIELDS, each)]).encode() for each in (7, [7])]


@pytest.mark.parametrize("call", CALLS)
def test_whatever_it_answers_becomes_an_error_of_ours(neighbour, monkeypatch, ordered, call):
    """Octets, JSON of another kind, fields with something else in them: never an error that is not ours."""
    connector, order = neighbour.make(), ordered(ca_profile=neighbour.profile)
    if not hasattr(connector, call):
        return
    for status, body in product((200, 400), ANSWERS):
        answer = partial(Reply, status, {}, body)
        monkeypatch.setattr(Http, "call", lambda *_args, orders=False, answer=answer, **_more: answer(orders))
        with suppress(CaError, InDoubtError):
            assert not isinstance(CALLS[call](connector, order), Issued), (status, body[:50])


def test_nothing_is_asked_of_it_at_the_start(neighbour):
    """A worker starts while the CA is away."""
    connector = neighbour.make(url=nowhere(neighbour))
    assert describe(connector.chain()[0]).subject
