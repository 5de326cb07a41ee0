"""An archived key is opened: both layers, the right recovery key, and the certificate that it belongs to."""

import uuid

import pytest
from pytest_django import Settings

from ca_bridge.keys import keys, recovery_keys
from ca_bridge.keys.envelopes import RecoveryKey
from identity_manager.models import ArchivedKey, Certificate, RecoveryCertificate, SharePurpose
from identity_manager.transactions.refusals import Reason
from identity_manager.vault.key_ring import KeyRing
from identity_manager.workflow.archive import key_opening, recovery_certificates, share_rounds
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def staff(db: None) -> Officers:
    return recovery.officers()


def archived(company: Company) -> ArchivedKey:
    cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, recovery.archiving_type())))
    return ArchivedKey.objects.get()


def officers_key(number: int = 0) -> RecoveryKey:
    document, circle = recovery.ceremony(number)
    return recovery_keys.open_with_shares(document, circle.texts[1:])


def refused(row: ArchivedKey, recovery_key: RecoveryKey | None = None) -> str:
    reason = key_opening.open_key(row, recovery_key or officers_key())
    assert isinstance(reason, Reason)
    return reason.code


def test_the_key_of_the_certificate_comes_out(company: Company, staff: Officers) -> None:
    recovery.in_force(staff)
    row = archived(company)
    key = key_opening.open_key(row, officers_key())
    assert not isinstance(key, Reason)
    assert keys.public_key_sha256(key).hex() == Certificate.objects.get().public_key_sha256


def test_what_does_not_fit_is_refused_by_name(company: Company, staff: Officers, settings: Settings) -> None:
    recovery.in_force(staff)
    row = archived(company)
    assert refused(row, officers_key(1)) == "envelope-for-others"
    mistaken = RecoveryKey(officers_key(1).private, officers_key().key_id)
    assert refused(row, mistaken) == "recovery-key-wrong"

    other = cast.issued(cast.accepted(cast.enabled(company.ada, company.sam))).tokens.get()
    row.certificate = other.certificates.get()
    assert refused(row) == "key-of-another-certificate"
    row.certificate.certificate = b"no certificate"
    assert refused(row) == "key-of-another-certificate"
    row.public_key_sha256 = str(row.certificate.public_key_sha256)
    assert refused(row) == "key-of-another-certificate"

    row.refresh_from_db()
    row.owner = company.sam
    assert refused(row) == "archive-layer-does-not-open"
    row.refresh_from_db()
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "archive": KeyRing.fixed("")}
    assert refused(row) == "archive-layer-does-not-open"


def test_shares_open_the_key_that_was_wrapped_for_the_present_officers(staff: Officers) -> None:
    share_rounds.publish_keys()
    certificate = recovery.in_force(staff)
    document, circle = recovery.ceremony()
    private = recovery_keys.open_with_shares(document, circle.texts[:2]).private
    other = recovery_keys.new_circle(document.holders, needed=2, number=2)
    newer = recovery_keys.wrap(private, document.certificate, other)
    recovery_certificates.bring_in(actor=staff.sven, content=newer.to_json())
    wrapping = certificate.wrappings.get(erased_at=None)
    subject = share_rounds.Subject(SharePurpose.DRILL, uuid.uuid4(), "0" * 64)
    for officer, text in ((staff.rene, other.texts[0]), (staff.rosa, other.texts[1])):
        present = share_rounds.put(actor=officer, wrapping=wrapping, subject=subject, text=text)

    certificate.refresh_from_db()
    recovery_key = key_opening.key_with_shares(certificate, present)

    assert isinstance(recovery_key, RecoveryKey)
    assert recovery_key.key_id == officers_key().key_id


def test_a_confirmed_online_key_opens(company: Company, staff: Officers, settings: Settings) -> None:
    officers, online = recovery.in_force(staff), recovery.online_in_force(staff)
    row = archived(company)
    recovery_certificates.retire(actor=staff.ruth, certificate_id=online.pk)
    recovery_key = key_opening.online_recovery_key([officers.pk, online.pk])
    assert isinstance(recovery_key, RecoveryKey)
    assert not isinstance(key_opening.open_key(row, recovery_key), Reason)
    assert key_opening.online_recovery_key([officers.pk]) == key_opening.NO_ONLINE_KEY

    held = settings.VAULT_KEYS
    settings.VAULT_KEYS = {**held, "recovery-keys": KeyRing.fixed("")}
    assert key_opening.online_recovery_key([online.pk]) == key_opening.ONLINE_KEY_DOES_NOT_OPEN
    settings.VAULT_KEYS = held
    RecoveryCertificate.objects.filter(pk=online.pk).update(certificate=officers.certificate)
    assert key_opening.online_recovery_key([online.pk]) == key_opening.ONLINE_KEY_CHANGED
