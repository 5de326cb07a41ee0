"""What every connector owes to the bridge (ca_bridge.contract)."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.connectors.sectigo.connector import SectigoConnector
from ca_bridge.contract import (
    Connector,
    Drafts,
    FindsOrders,
    Issued,
    KeptCertificate,
    KeyAlgorithm,
    ListsIssued,
    Refused,
    ReleasesHold,
    RevocationOutcome,
    RevocationReason,
)
from ca_bridge.contract_operation import ErasesRecords
from ca_bridge.x509 import lint, verification
from ca_bridge.x509.certificates import describe
from tests.ca_bridge.connectors.neighbours import decided

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def issue(connector, order) -> Issued:
    answer = decided(connector, order)
    assert isinstance(answer, Issued), answer
    return answer


def faults_of(connector, order, answer) -> tuple[str, ...]:
    return verification.faults(order, answer, connector.chain())


def test_is_a_connector_with_options(connector):
    assert isinstance(connector, Connector)
    assert isinstance(connector.options, type(connector).Options)


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_issues_what_was_ordered_for_every_kind_of_key(connector, ordered, content, algorithm, key_of):
    usage = "keyEncipherment" if algorithm.startswith("rsa") else "keyAgreement"
    content = replace(content, key_usage=("digitalSignature", usage))
    order = ordered(key=key_of(algorithm), content=content)
    answer = issue(connector, order)
    assert verification.faults(order, answer, connector.chain()) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"sid": None, "policies": ()},
        {"subject_alt_names": ()},
        {"extended_key_usage": ()},
        {"key_usage": ("digitalSignature", "nonRepudiation")},
        {"subject": (("commonName", "山田太郎"), ("countryName", "JP"))},
        {"subject": (("commonName", "Doe, Jane + O=Evil"), ("organizationName", 'a "b" <c> \\ #'))},
        {"subject_alt_names": (("uri", "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-4"),)},
    ],
)
def test_issues_every_kind_of_content(connector, ordered, content, changes):
    order = ordered(content=replace(content, **changes))
    assert verification.faults(order, issue(connector, order), connector.chain()) == ()


def test_the_same_order_gets_the_same_certificate(connector, ordered):
    """Where the CA keeps what was asked; elsewhere the bridge searches, or keeps what came first."""
    if not isinstance(connector, EmbeddedConnector):
        return
    order = ordered()
    first = issue(connector, order)
    assert issue(connector, order) == first


def test_never_longer_than_ordered(connector, ordered, validity):
    """A CA that decides itself is found out; the others end where they are told to."""
    order = ordered(not_after=validity.not_before + timedelta(hours=2))
    if isinstance(connector, SectigoConnector):
        assert isinstance(connector.issue(order), Refused)  # none of its terms is as short
        return
    answer = issue(connector, order)
    until = describe(answer.certificate).not_after
    if until > order.not_after:
        assert any("longer than ordered" in fault for fault in faults_of(connector, order, answer))
    else:
        assert order.not_after - until < timedelta(minutes=1)  # some count in minutes


def test_serial_numbers_are_random_and_long(connector, ordered):
    if not isinstance(connector, EmbeddedConnector):
        return  # another's numbers are not ours to make
    serials = {describe(issue(connector, ordered()).certificate).serial for _each in range(5)}
    assert len(serials) == 5
    assert all(0 < serial < 1 << 159 for serial in serials)
    assert max(serial.bit_length() for serial in serials) > 64  # CA/B 7.1: at least 64 random bits


def test_the_chain_ends_with_the_root(connector):
    issuing, root = connector.chain()[0], connector.chain()[-1]
    assert describe(issuing).issuer == describe(root).subject == describe(root).issuer
    if isinstance(connector, EmbeddedConnector):  # another's certificates are not ours to mend
        assert lint.errors(issuing) == lint.errors(root) == ()


def test_finds_what_it_issued(connector, ordered):
    if not isinstance(connector, FindsOrders):
        return
    order = ordered()
    assert connector.find(order) is None
    answer = issue(connector, order)
    assert connector.find(order) == answer


def test_a_draft_says_what_the_certificate_will_say(connector, ordered):
    if not isinstance(connector, Drafts):
        return
    order = ordered()
    draft, certificate = describe(connector.draft(order)), describe(issue(connector, order).certificate)
    assert (draft.subject, draft.subject_alt_names, draft.not_after, draft.public_key_sha256) == (
        certificate.subject,
        certificate.subject_alt_names,
        certificate.not_after,
        certificate.public_key_sha256,
    )
    assert draft.serial != certificate.serial


def test_an_embedded_ca_signs_to_the_byte_what_was_linted(embedded_ca, ordered):
    """A second later, too; what has waited for long begins later than its draft, and is linted again."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        order = ordered()
        draft = embedded_ca.draft(order)
        clock.shift(timedelta(seconds=2))
        assert lint.is_linted(issue(embedded_ca, order).certificate, draft)
        later = ordered()
        draft = embedded_ca.draft(later)
        clock.shift(timedelta(hours=1))
        assert not lint.is_linted(issue(embedded_ca, later).certificate, draft)


@pytest.mark.parametrize("reason", RevocationReason)
def test_revocation_is_idempotent(connector, ordered, reason):
    certificate = issue(connector, ordered()).certificate
    outcome = connector.revoke(certificate, reason)
    endless = reason is RevocationReason.CERTIFICATE_HOLD and not isinstance(connector, ReleasesHold)
    if endless or not getattr(connector, "revokes", True):
        assert outcome == RevocationOutcome.UNSUPPORTED
        return
    assert outcome == RevocationOutcome.REVOKED
    assert connector.revoke(certificate, reason) == RevocationOutcome.ALREADY_REVOKED


def test_a_hold_is_released(connector, ordered):
    if not isinstance(connector, ReleasesHold):
        return
    certificate = issue(connector, ordered()).certificate
    assert connector.release(certificate) is False
    connector.revoke(certificate, RevocationReason.CERTIFICATE_HOLD)
    assert connector.release(certificate) is True
    assert connector.release(certificate) is False


def test_health(connector):
    health = connector.health()
    assert health.ok
    assert health.detail


def test_what_forgets_keeps_the_serial_on_the_list(connector, ordered):
    """Capability: a revoked certificate stays revoked by its number when its content is let go of."""
    if not isinstance(connector, ErasesRecords):
        return
    certificate = issue(connector, ordered()).certificate
    connector.revoke(certificate, RevocationReason.KEY_COMPROMISE)
    connector.forget(certificate)
    serial = f"{describe(certificate).serial:x}"
    row = IssuedCertificate.objects.get(serial_hex=serial)
    assert (bytes(row.certificate), row.reason) == (b"", "keyCompromise")
    assert row.revoked_at is not None


def listed(connector: ListsIssued, since: datetime) -> set[int]:
    """All that a connector names, over the parts of its list."""
    found, cursor = set(), ""
    for _part in range(200):
        page = connector.list_issued(since, cursor)
        found |= set(page.serials)
        if not (cursor := page.cursor):
            return found
    raise AssertionError("the list has no end")


def test_lists_what_it_issued(connector, ordered):
    """Capability: what was issued since a moment is among what the CA names, and is shown as it is."""
    if not isinstance(connector, ListsIssued):
        return
    issue(connector, ordered())
    since = timezone.now()
    first, second = (issue(connector, ordered()).certificate for _each in range(2))
    serials = {describe(first).serial: first, describe(second).serial: second}
    assert serials.keys() <= listed(connector, since)
    for serial, certificate in serials.items():
        assert connector.kept(serial) == KeptCertificate(certificate, revoked=False)
    connector.revoke(first, RevocationReason.SUPERSEDED)
    kept = connector.kept(describe(first).serial)
    assert kept is not None
    assert kept.revoked
    assert describe(second).serial in listed(connector, since)


def test_knows_nothing_of_a_serial_number_that_it_has_not_issued(connector):
    if isinstance(connector, ListsIssued):
        assert connector.kept((1 << 150) + 12345) is None


def test_which_connectors_list(connector):
    names = {"EmbeddedConnector", "VaultConnector", "EjbcaConnector", "NexusCmConnector", "DjangoCaConnector"}
    assert isinstance(connector, ListsIssued) == (type(connector).__name__ in names)
