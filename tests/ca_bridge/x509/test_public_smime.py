"""Public S/MIME: what the Baseline Requirements forbid is refused in a sentence, before the CA is asked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from django.utils import timezone
from pytest_django import Settings

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.contract import CertificateContent, RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError
from ca_bridge.issuing import Validity
from ca_bridge.models import CaOrder
from ca_bridge.x509 import lint, preview, public_smime
from ca_bridge.x509.public_smime import SPONSOR_MULTIPURPOSE, SPONSOR_STRICT
from tests.ca_bridge.scripted import Issuance, issued

CLIENT_AUTH, EMAIL_PROTECTION, SERVER_AUTH = (f"1.3.6.1.5.5.7.3.{number}" for number in (2, 4, 1))
SUBJECT = (
    ("organizationName", "Example Corporation"),
    ("organizationIdentifier", "NTRDE-DER3306.HRB12345"),
    ("commonName", "Jürgen Müller-Groß"),
    ("givenName", "Jürgen"),
    ("surname", "Müller-Groß"),
)
MAIL = "juergen@example.com"
STRICT = CertificateContent(
    subject=SUBJECT,
    subject_alt_names=(("email", MAIL),),
    key_usage=("digitalSignature", "nonRepudiation"),
    extended_key_usage=(EMAIL_PROTECTION,),
    policies=(SPONSOR_STRICT,),
)
MULTIPURPOSE = replace(
    STRICT, policies=(SPONSOR_MULTIPURPOSE,), extended_key_usage=(EMAIL_PROTECTION, CLIENT_AUTH)
)


def without(name: str) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in SUBJECT if pair[0] != name)


# What is wrong -> the content, and the sentence that says so.
WRONG: dict[str, tuple[CertificateContent, str]] = {
    "clientAuth in strict": (
        replace(STRICT, extended_key_usage=(EMAIL_PROTECTION, CLIENT_AUTH)),
        "In the strict generation, e-mail protection stands alone; remove 1.3.6.1.5.5.7.3.2.",
    ),
    "a server's usage in multipurpose": (
        replace(MULTIPURPOSE, extended_key_usage=(EMAIL_PROTECTION, SERVER_AUTH)),
        "A public S/MIME certificate must not serve 1.3.6.1.5.5.7.3.1.",
    ),
    "no e-mail protection": (
        replace(MULTIPURPOSE, extended_key_usage=(CLIENT_AUTH,)),
        "A public S/MIME certificate needs the extended key usage e-mail protection.",
    ),
    "nonRepudiation alone": (
        replace(STRICT, key_usage=("nonRepudiation",)),
        "In a public S/MIME certificate, nonRepudiation needs digitalSignature beside it.",
    ),
    "e-mail in the name only": (
        replace(STRICT, subject=(*SUBJECT, ("emailAddress", MAIL)), subject_alt_names=()),
        "The e-mail address of the subject must stand among the alternative names too.",
    ),
    "another e-mail in the name": (
        replace(STRICT, subject=(*SUBJECT, ("emailAddress", "j@example.com"))),
        "The e-mail address of the subject must stand among the alternative names too.",
    ),
    "no e-mail": (
        replace(STRICT, subject_alt_names=()),
        "A public S/MIME certificate needs the e-mail address as an alternative name.",
    ),
    "a UPN in strict": (
        replace(STRICT, subject_alt_names=(("email", MAIL), ("upn", "j@corp.example.com"))),
        "In the strict generation, a UPN must not stand among the alternative names.",
    ),
    "a URI": (
        replace(MULTIPURPOSE, subject_alt_names=(("email", MAIL), ("uri", "https://example.com/j"))),
        "A public S/MIME certificate must not hold a URI as an alternative name.",
    ),
    "no organizationIdentifier": (
        replace(STRICT, subject=without("organizationIdentifier")),
        "A sponsor-validated S/MIME certificate needs organizationIdentifier in its subject.",
    ),
    "no organizationName": (
        replace(STRICT, subject=without("organizationName")),
        "A sponsor-validated S/MIME certificate needs organizationName in its subject.",
    ),
    "nobody's name": (
        replace(STRICT, subject=SUBJECT[:3]),
        "A sponsor-validated S/MIME certificate needs one of givenName, surname, pseudonym in its subject.",
    ),
    "the legacy generation": (
        replace(STRICT, policies=("2.23.140.1.5.3.1",)),
        "The legacy generation of public S/MIME certificates ended in July 2025.",
    ),
    "a common name of 65 characters": (
        replace(STRICT, subject=(*without("commonName"), ("commonName", "x" * 65))),
        "commonName is longer than 64 characters.",
    ),
    "a country in small letters": (
        replace(STRICT, subject=(("countryName", "de"), *SUBJECT)),
        "countryName must be two capital letters.",
    ),
    "an organizationIdentifier of no scheme": (
        replace(STRICT, subject=(*without("organizationIdentifier"), ("organizationIdentifier", "HRB 1"))),
        "A certificate of this profile would break the rules for certificates.",  # the linter's, in detail
    ),
}


@pytest.fixture
def ca(settings: Settings) -> Any:
    """A CA elsewhere, which shows no draft and remembers whether it was called."""
    alias = str(uuid4())
    settings.CA_CONNECTORS = {alias: {"CONNECTOR": "tests.ca_bridge.scripted.ScriptedConnector"}}
    connector: Any = registry.connector(alias)
    connector.alias = alias
    return connector


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_before_the_ca_is_asked(
    db: None, ca: Any, prepared: Callable[..., CaOrder], what: str
) -> None:
    content, sentence = WRONG[what]
    with pytest.raises(CaError) as caught:
        prepared(ca=ca.alias, content=content)
    assert caught.value.message == sentence
    assert caught.value.permanent
    assert ca.calls == []
    assert not CaOrder.objects.exists()


kinds = pytest.mark.parametrize("content", [STRICT, MULTIPURPOSE], ids=["strict", "multipurpose"])


@kinds
@pytest.mark.parametrize("days", [1, 824])
def test_up_to_824_days(
    db: None, ca: Any, prepared: Callable[..., CaOrder], content: CertificateContent, days: int
) -> None:
    now = timezone.now()
    order = prepared(ca=ca.alias, content=content, validity=Validity(now, now + timedelta(days=days)))
    assert order.state == CaOrder.State.PREPARED


@kinds
@pytest.mark.parametrize("days", [825, 900])
def test_no_longer_than_824_days(
    db: None, ca: Any, prepared: Callable[..., CaOrder], content: CertificateContent, days: int
) -> None:
    now = timezone.now()
    with pytest.raises(CaError, match=f"at most 824 days; this one would for {days}"):
        prepared(ca=ca.alias, content=content, validity=Validity(now, now + timedelta(days=days)))
    assert ca.calls == []
    assert not CaOrder.objects.exists()


def test_a_private_certificate_is_under_none_of_this(content: CertificateContent) -> None:
    assert list(public_smime.faults(replace(content, key_usage=("nonRepudiation",)))) == []
    assert not public_smime.validity_fault(content.policies, timedelta(days=3650))


def test_the_embedded_ca_on_this_machine_can_try_them_out(
    db: None, settings: Settings, ca_options: dict[str, str], prepared: Callable[..., CaOrder]
) -> None:
    """Where it publishes is no fault of the profile; with an address inside, the profile is at fault."""
    options = ca_options | {"publication_url": "http://localhost:8000/pki"}
    connector = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
    settings.CA_CONNECTORS = {"corporate": {"CONNECTOR": connector, "OPTIONS": options}}
    order = prepared(content=STRICT)
    assert issuing.record(order.pk, issuing.ask(order.pk)).state == CaOrder.State.ISSUED
    with pytest.raises(CaError, match="break the rules") as caught:
        prepared(content=replace(STRICT, subject_alt_names=(("email", "juergen@mail.internal"),)))
    assert "internal" in caught.value.detail


def test_what_comes_back_is_read_by_the_same_rules(
    db: None, ca: Any, prepared: Callable[..., CaOrder]
) -> None:
    """A CA whose CRL is in a directory only: right by RFC 5280, wrong for public e-mail."""
    order = prepared(ca=ca.alias, content=STRICT)
    address = x509.UniformResourceIdentifier("ldap://directory.example.com/cn=ca?certificateRevocationList")
    point = x509.DistributionPoint([address], None, None, None)
    ca.script.append(issued(Issuance(add=((x509.CRLDistributionPoints([point]), False),))))
    recorded = issuing.record(order.pk, issuing.ask(order.pk))
    assert recorded.state == CaOrder.State.REFUSED
    assert "cabf.no_http_crldp_uri" in recorded.detail


def test_drafts_of_both_kinds_are_clean(ca: Any, db: None, prepared: Callable[..., CaOrder]) -> None:
    for content in (STRICT, MULTIPURPOSE):
        order = prepared(ca=ca.alias, content=content)
        found = [each for each in lint.findings(preview.draft_of(order.request)) if each.severity != "INFO"]
        assert found == []


@pytest.mark.parametrize(
    ("content", "outcome"),
    [(STRICT, RevocationOutcome.UNSUPPORTED), (MULTIPURPOSE, RevocationOutcome.REVOKED)],
    ids=["strict", "multipurpose"],
)
def test_a_strict_one_is_never_on_a_crl_as_on_hold(
    embedded_ca: Any,
    prepared: Callable[..., CaOrder],
    content: CertificateContent,
    outcome: RevocationOutcome,
) -> None:
    order = prepared(content=content)
    certificate = issuing.record(order.pk, issuing.ask(order.pk)).certificate
    assert certificate is not None
    assert issuing.hold(ca="corporate", certificate=certificate) == outcome
    found = embedded_ca.published("corporate.crl")
    assert found is not None
    listed = {entry.serial_number for entry in x509.load_der_x509_crl(found[1])}
    serial = x509.load_der_x509_certificate(certificate).serial_number
    assert (serial in listed) == (outcome == RevocationOutcome.REVOKED)
    reason = RevocationReason.KEY_COMPROMISE  # a revocation is another matter
    assert issuing.revoke(ca="corporate", certificate=certificate, reason=reason) == RevocationOutcome.REVOKED
