"""What is peculiar to EST: requests that wait, labels, no revocation, and what the options must say."""

import base64
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.est import wire
from ca_bridge.connectors.est.options import EstOptions
from ca_bridge.contract import Issued, Pending, Refused, RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError, InDoubtError
from tests.ca_bridge.connectors.servers import est as server

pytestmark = [pytest.mark.needs_program("estserver"), pytest.mark.long]


def test_a_request_that_waits_is_fetched_by_the_same_request(tmp_path, ordered):
    """The server says an hour, and has decided after two seconds: the wait is bounded."""
    with server.est(tmp_path, "-m", "2") as neighbour:
        connector = neighbour.make(longest_wait=5)
        order = ordered()
        answer = connector.issue(order)
        assert isinstance(answer, Pending)
        assert timedelta(0) < answer.not_before - timezone.now() <= timedelta(seconds=5)
        until = time.monotonic() + 10
        while isinstance(fetched := connector.fetch(order, answer.handle), Pending):
            assert time.monotonic() < until
            time.sleep(0.5)
        assert isinstance(fetched, Issued)


def test_a_label_that_the_server_does_not_have_is_refused(est, ordered):
    assert isinstance(est.make(labels=True).issue(ordered(ca_profile="no such label")), Refused)
    assert wire.path(wire.ENROLL, "a/b c") == "/.well-known/est/a%2Fb%20c/simpleenroll"


def test_it_knows_no_revocation(est, ordered):
    connector = est.make()
    certificate = connector.issue(ordered()).certificate
    assert connector.revoke(certificate, RevocationReason.KEY_COMPROMISE) == RevocationOutcome.UNSUPPORTED


def test_ca_certificates_of_somebody_else_are_noticed(est, bao):
    health = est.make(chain_file=bao[1].options["chain_file"]).health()
    assert not health.ok
    assert "cacerts" in health.detail


@pytest.mark.parametrize(
    ("said", "seconds"), [("7", 7), ("3600", 900), ("0", 1), ("Fri, 01 Jan 2027 00:00:00 GMT", 60), ("", 60)]
)
def test_how_long_to_wait(said, seconds):
    reply = Reply(202, {"Retry-After": said}, b"", in_doubt=True)
    assert wire.wait_of(reply, 900) == timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [401, 403, 408, 425, 429, 503])
def test_what_was_not_carried_out_passes(est, ordered, monkeypatch, status):
    """408: what stands before the server has not got the whole request (RFC 9110 15.5.9)."""
    answer = Reply(status, {}, b"<html>", in_doubt=True)
    monkeypatch.setattr(Http, "call", lambda *_arguments, **_options: answer)
    with pytest.raises(CaError) as fault:
        est.make().issue(ordered())
    assert not fault.value.permanent


@pytest.mark.parametrize("body", [b"", b"<html>", base64.b64encode(b"no CMS"), b"\xff"])
def test_an_answer_that_is_none_leaves_doubt(ordered, body):
    with pytest.raises(InDoubtError):
        wire.issued(Reply(200, {}, body, in_doubt=True), ordered())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "http://127.0.0.1:8085"}, "url must be https"),
        ({"user": ""}, "user and password_file go together"),
        ({"user": "", "password_file": ""}, "Give user and password_file, or client_certificate_file"),
        ({"user": "a:b"}, "no colon"),
        ({"longest_wait": 1}, "longest_wait must be"),
    ],
)
def test_options_say_what_is_wrong(est, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        EstOptions(**{**est.options, **changes})
