"""What is peculiar to django-ca: orders that wait, what it cannot write, and what its answers mean."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.django_ca import wire
from ca_bridge.connectors.django_ca.options import DjangoCaOptions
from ca_bridge.contract import Issued, Pending, Refused, RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.x509 import verification
from ca_bridge.x509.certificates import describe
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import decided

ORDER = '{"slug": "TQDcuKbt8e12", "status": "%s", "serial": null}'


pytestmark = [pytest.mark.nightly, pytest.mark.xdist_group("django_ca")]  # it is installed first


def test_an_order_waits_first_and_is_fetched_by_its_name(django_ca, ordered):
    connector, order = django_ca.make(poll_after=7), ordered()
    answer = connector.issue(order)
    assert isinstance(answer, Pending)
    assert timedelta(seconds=5) < answer.not_before - timezone.now() <= timedelta(seconds=7)
    fetched = connector.fetch(order, answer.handle)
    assert isinstance(fetched, Issued)
    assert connector.fetch(order, answer.handle) == fetched
    assert verification.faults(order, fetched, connector.chain()) == ()


def test_an_order_that_nobody_knows_passes(django_ca, ordered):
    """It answers HTTP 500 to that: nothing is sure."""
    with pytest.raises(CaError) as fault:
        django_ca.make().fetch(ordered(), "nosuchorder")
    assert not fault.value.permanent


@pytest.mark.parametrize(("status", "kind"), [("pending", Pending), ("failed", Refused)])
def test_what_has_become_of_an_order(django_ca, ordered, monkeypatch, status, kind):
    """A server with Celery decides later, or not at all; its answers of then are played."""
    connector, reply = django_ca.make(), Reply(200, {}, (ORDER % status).encode(), in_doubt=False)
    monkeypatch.setattr(connector, "_call", lambda *_args, **_options: reply)
    assert isinstance(connector.fetch(ordered(), "TQDcuKbt8e12"), kind)


def test_what_it_cannot_write_is_refused(django_ca, ordered, content):
    """The security identifier before anything is asked; a URI without a host by django-ca."""
    connector, order = django_ca.make(), ordered()
    for changes in (
        {"sid": "S-1-5-21-1-2-3-4"},
        {"subject_alt_names": (("uri", "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-4"),)},
    ):
        answer = connector.issue(replace(order, content=replace(content, **changes)))
        assert isinstance(answer, Refused), answer


def test_the_reason_of_a_revocation_stays(django_ca, ordered):
    connector = django_ca.make()
    certificate = decided(connector, ordered()).certificate
    assert connector.revoke(certificate, RevocationReason.SUPERSEDED) == RevocationOutcome.REVOKED
    assert connector.revoke(certificate, RevocationReason.KEY_COMPROMISE) == RevocationOutcome.ALREADY_REVOKED
    known = connector._call("GET", f"{connector._ca}/certs/{wire.serial_of(certificate)}/")
    assert wire.text_of(known, "revoked_reason") == "superseded"


def test_what_it_has_not_issued_is_not_revoked(django_ca, tmp_path):
    file, _key = TestCa("Another", tmp_path).identity("jane")
    der = x509.load_pem_x509_certificate(Path(file).read_bytes()).public_bytes(Encoding.DER)
    with pytest.raises(CaError) as fault:
        django_ca.make().revoke(der, RevocationReason.KEY_COMPROMISE)
    assert fault.value.permanent


def test_the_end_is_cut_to_the_minute(django_ca, ordered):
    order = ordered()
    certificate = decided(django_ca.make(), order).certificate
    assert describe(certificate).not_after == order.not_after.replace(second=0, microsecond=0)


def test_a_ca_of_somebody_else_is_noticed(django_ca, ordered, tmp_path):
    TestCa("Another", tmp_path)
    connector = django_ca.make(chain_file=str(tmp_path / "ca.pem"))
    health = connector.health()
    assert not health.ok
    assert "no CA like the first one of chain_file" in health.detail
    with pytest.raises(CaError) as fault:
        connector.issue(ordered())
    assert not fault.value.permanent


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"slug": 7}', b'{"slug": ""}'])
def test_an_answer_that_is_none_leaves_doubt(body):
    with pytest.raises(InDoubtError):
        wire.text_of(Reply(200, {}, body, in_doubt=True), "slug")


@pytest.mark.parametrize("certificate", [None, {}, {"pem": "x"}])
def test_a_certificate_that_is_none_passes(certificate):
    body = json.dumps({"certificate": certificate}).encode()
    with pytest.raises(CaError):
        wire.certificate_of(Reply(200, {}, body, in_doubt=False))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"user": "a:b"}, "user must be a name"),
        ({"user": ""}, "user must be a name"),
        ({"poll_after": 0}, "poll_after must be"),
        ({"password_file": "/nowhere"}, "password_file: /nowhere cannot be read"),
    ],
)
def test_options_say_what_is_wrong(django_ca, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        DjangoCaOptions(**{**django_ca.options, **changes})
