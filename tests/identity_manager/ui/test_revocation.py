"""The three moments of a revocation, as both portals draw them: never more than is known."""

import re
from datetime import timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from identity_manager.models import Certificate, CertificateProfile, CertificateState, IssuerCrl

pytestmark = pytest.mark.django_db
NOW = timezone.now()
ASKED = {"revocation_decided_at": NOW - timedelta(hours=3)}
REVOKED = {**ASKED, "revoked_at": NOW - timedelta(hours=2), "state": CertificateState.REVOKED}
LASTING = {"not_after": NOW + timedelta(days=1)}


def drawn(**columns: object) -> str:
    profile = CertificateProfile(ca="corporate")
    row = Certificate(
        profile=profile, issuer="CN=Issuing CA", **{"state": CertificateState.VALID, **LASTING, **columns}
    )
    html = Template("{% revocation row %}").render(Context({"row": row}))
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def crl(fault: str = "") -> None:
    IssuerCrl.objects.create(ca="corporate", issuer="CN=Issuing CA", looked_at=NOW, fault=fault)


def test_asked_for_and_not_done_yet() -> None:
    words = drawn(**ASKED)
    assert words.startswith("asked for")
    assert "the certificate authority is being told" in words
    assert "revocation list" not in words, "nobody says anything of a list before the CA has revoked"


def test_left_to_hands_or_ended_before() -> None:
    assert "by hand" in drawn(**ASKED, by_hand_since=NOW)
    assert "ended before its authority had done it" in drawn(**ASKED, state=CertificateState.EXPIRED)


def test_done_at_the_ca_and_not_on_its_list() -> None:
    assert "has not been looked at yet" in drawn(**REVOKED)
    crl()
    words = drawn(**REVOKED)
    assert "revoked at the certificate authority" in words
    assert "not on the revocation list yet; looked" in words


def test_on_its_list() -> None:
    words = drawn(**REVOKED, on_crl_at=NOW - timedelta(hours=1))
    assert "seen on the revocation list" in words
    assert "not on the revocation list" not in words


def test_a_list_that_cannot_be_looked_up_says_why() -> None:
    crl("unreachable")
    words = drawn(**REVOKED)
    assert "cannot be looked up: The revocation list cannot be fetched." in words
    assert "since" not in words


def test_one_that_has_ended_is_not_looked_up() -> None:
    crl("unreachable")
    words = drawn(**{**REVOKED, "not_after": NOW - timedelta(minutes=1)})
    assert "not looked at any more" in words
