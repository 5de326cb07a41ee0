"""Recovery certificates: who brings them in, who confirms, and what becomes of whoever cheats."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.keys import recovery_keys
from identity_manager.models import (
    AuditEvent,
    Person,
    PersonState,
    RecoveryCertificate,
    RecoveryShare,
    Role,
    RoleAssignment,
)
from identity_manager.transactions.refusals import Refused
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_ring import KeyRing
from identity_manager.workflow.archive import recovery_certificates
from identity_manager.workflow.recovery import officers_keys
from tests.tools import cast, recovery
from tests.tools.recovery import Officers

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def staff() -> Officers:
    return recovery.officers()


@pytest.fixture
def brought_in(staff: Officers) -> RecoveryCertificate:
    return recovery_certificates.bring_in(actor=staff.sven, content=recovery.ceremony()[0].to_json())


def confirm(row: RecoveryCertificate, actor: Person, fingerprint: str = "") -> RecoveryCertificate:
    fingerprint = fingerprint or recovery.ceremony()[0].fingerprint
    return recovery_certificates.confirm(actor=actor, certificate_id=row.pk, fingerprint=fingerprint)


def refusal(call: Callable[[], object]) -> tuple[str, int]:
    """What is refused leaves rows and log as they were."""
    before = list(RecoveryCertificate.objects.values().order_by("pk")), AuditEvent.objects.count()
    with pytest.raises(Refused) as caught:
        call()
    assert (list(RecoveryCertificate.objects.values().order_by("pk")), AuditEvent.objects.count()) == before
    return caught.value.reason.code, caught.value.status


def test_two_who_did_not_bring_it_in_put_it_in_force(
    staff: Officers, brought_in: RecoveryCertificate
) -> None:
    shares = [(share.number, share.officer) for share in RecoveryShare.objects.all()]
    assert shares == [(1, staff.rene), (2, staff.rosa), (3, staff.ruth)]
    assert confirm(brought_in, staff.rene).state == "imported"
    assert not recovery_certificates.is_as_confirmed(brought_in)
    assert not RecoveryCertificate.objects.in_force(timezone.now()).exists()
    done = confirm(brought_in, staff.rosa, " ".join(recovery.ceremony()[0].fingerprint.upper()))
    assert done.state == "in_force"
    (row,) = RecoveryCertificate.objects.in_force(timezone.now())
    assert recovery_certificates.is_as_confirmed(row)
    assert not RecoveryCertificate.objects.in_force(timezone.now() + timedelta(days=3651)).exists()
    events = AuditEvent.objects.filter(name__startswith="archive.certificate-").order_by("at", "pk")
    assert [(event.name.partition("-")[2], event.actor) for event in events] == [
        *(("brought-in", staff.sven), ("confirmed", staff.rene), ("in-force", staff.rosa))
    ]


def test_who_brought_it_in_confirms_nothing(staff: Officers) -> None:
    row = recovery_certificates.bring_in(actor=staff.ruth, content=recovery.ceremony()[0].to_json())
    assert refusal(lambda: confirm(row, staff.ruth)) == ("brought-in", 403)


def test_nobody_confirms_twice(staff: Officers, brought_in: RecoveryCertificate) -> None:
    confirm(brought_in, staff.rene)
    assert refusal(lambda: confirm(brought_in, staff.rene)) == ("confirmed-already", 403)
    confirm(brought_in, staff.rosa)
    assert refusal(lambda: confirm(brought_in, staff.ruth)) == ("recovery-certificate-not-waiting", 409)


@pytest.mark.parametrize("role", [each for each in Role if each != Role.RECOVERY_OFFICER])
def test_no_other_role_confirms(brought_in: RecoveryCertificate, role: Role) -> None:
    other = cast.person("other", sid="", roles=(role,))
    assert refusal(lambda: confirm(brought_in, other)) == ("not-recovery-officer", 403)
    assert refusal(lambda: recovery_certificates.retire(actor=other, certificate_id=brought_in.pk))[1] == 403


def test_not_for_one_unit_alone_and_not_once_they_have_left(brought_in: RecoveryCertificate) -> None:
    limited, gone = cast.person("lim", sid="", roles=()), cast.person("gone", sid="", state="inactive")
    RoleAssignment.objects.create(person=limited, role=Role.RECOVERY_OFFICER, organisational_unit="Nord")
    RoleAssignment.objects.create(person=gone, role=Role.RECOVERY_OFFICER)
    for each in (limited, gone):
        assert refusal(lambda each=each: confirm(brought_in, each))[0] == "not-recovery-officer"


@pytest.mark.parametrize("typed", ["", "0" * 64, "ab cd", "☃"])
def test_another_fingerprint(staff: Officers, brought_in: RecoveryCertificate, typed: str) -> None:
    typed = typed or recovery.ceremony()[0].fingerprint[:-1]
    assert refusal(lambda: confirm(brought_in, staff.rene, typed)) == ("other-fingerprint", 422)


def test_exchanged_between_the_confirmations(staff: Officers, brought_in: RecoveryCertificate) -> None:
    """A database writer puts a certificate of their own there: the fingerprint is worked out, not read."""
    confirm(brought_in, staff.rene)
    theirs = recovery.ceremony(1)[0]
    RecoveryCertificate.objects.update(certificate=theirs.certificate)
    assert refusal(lambda: confirm(brought_in, staff.rosa)) == ("other-fingerprint", 422)


@pytest.mark.parametrize(
    "forged", ["certificate", "transport", "kind", "second_by", "first_by", "seal", "not_after"]
)
def test_exchanged_once_it_is_in_force(staff: Officers, forged: str) -> None:
    row = recovery.in_force(staff)
    values = {
        "certificate": recovery.ceremony(1)[0].certificate,
        "transport": "oaep-sha1",
        "kind": "online",
        "second_by": staff.ruth,
        "first_by": staff.ruth,
        "seal": b"\x011" + bytes(120),
        "not_after": timezone.now() + timedelta(days=9999),
    }
    RecoveryCertificate.objects.update(**{forged: values[forged]})
    row.refresh_from_db()
    assert not recovery_certificates.is_as_confirmed(row)


def test_a_seal_of_another_row_proves_nothing(staff: Officers) -> None:
    row, other = recovery.in_force(staff), recovery.in_force(staff, 1)
    RecoveryCertificate.objects.filter(pk=other.pk).update(seal=row.seal)
    other.refresh_from_db()
    assert not recovery_certificates.is_as_confirmed(other)


def test_a_process_without_the_ring_believes_nothing(staff: Officers, settings: Settings) -> None:
    row = recovery.in_force(staff)
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "other": {}}
    assert not recovery_certificates.is_as_confirmed(row)


# --- The key that sealed the confirmations is lost --------------------------------------------------
def lose_the_key(settings: Settings) -> None:
    """A new ring, as docs/how-to/rotate-keys.md says, with a version that was never used."""
    ring = KeyRing.fixed(f"9:{base64.b64encode(bytes(range(32))).decode()}")
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "other": ring}


def test_where_the_key_is_lost_two_confirm_anew(staff: Officers, settings: Settings) -> None:
    row, key = recovery.in_force(staff), recovery.archived_key(cast.Company())
    lose_the_key(settings)
    assert officers_keys.choose([key.pk], now=timezone.now()) is None, "nobody could recover it"

    done = confirm(row, staff.rene)
    assert (done.state, done.second_by, done.seal) == ("imported", None, row.seal)
    assert not recovery_certificates.is_as_confirmed(done)
    assert RecoveryCertificate.objects.waiting_for(staff.rosa).get() == row
    assert refusal(lambda: confirm(row, staff.rene)) == ("confirmed-already", 403)
    done = confirm(row, staff.ruth)
    assert (done.state, done.first_by, done.second_by) == ("in_force", staff.rene, staff.ruth)
    assert recovery_certificates.is_as_confirmed(done)
    assert officers_keys.choose([key.pk], now=timezone.now()) == row
    assert refusal(lambda: confirm(row, staff.rosa)) == ("recovery-certificate-not-waiting", 409)


def test_who_brought_it_in_does_not_confirm_it_anew(staff: Officers, settings: Settings) -> None:
    row = recovery_certificates.bring_in(actor=staff.ruth, content=recovery.ceremony()[0].to_json())
    for officer in (staff.rene, staff.rosa):
        confirm(row, officer)
    lose_the_key(settings)
    assert refusal(lambda: confirm(row, staff.ruth)) == ("brought-in", 403)
    assert refusal(lambda: confirm(row, staff.sven)) == ("not-recovery-officer", 403)


def test_what_a_database_writer_exchanges_is_not_confirmed_anew(staff: Officers) -> None:
    """They write a seal that names a key which nobody has, so that officers are asked."""
    row, planted = recovery.in_force(staff), b"\x019" + bytes(120)
    theirs = recovery.ceremony(1)[0]
    RecoveryCertificate.objects.update(seal=planted, certificate=theirs.certificate)
    assert refusal(lambda: confirm(row, staff.rene)) == ("other-fingerprint", 422)
    RecoveryCertificate.objects.update(
        certificate=row.certificate, not_after=timezone.now() + timedelta(days=9999)
    )
    assert refusal(lambda: confirm(row, staff.rene)) == ("recovery-certificate-record-changed", 422)


def test_one_that_was_retired_is_confirmed_anew_for_what_is_sealed_for_it(
    staff: Officers, settings: Settings
) -> None:
    row, empty = recovery.in_force(staff), recovery.in_force(staff, 1)
    recovery_certificates.retire(actor=staff.rosa, certificate_id=empty.pk)
    key = recovery.archived_key(cast.Company())
    recovery_certificates.retire(actor=staff.rosa, certificate_id=row.pk)
    lose_the_key(settings)
    assert refusal(lambda: confirm(empty, staff.ruth, empty.fingerprint))[1] == 409, (
        "nothing is sealed for it"
    )

    with time_machine.travel(row.not_after + timedelta(days=1)):
        for officer in (staff.rene, staff.rosa):
            done = confirm(row, officer)
        assert (done.state, done.retired_by, done.is_in_force(timezone.now())) == ("in_force", None, False)
        assert officers_keys.choose([key.pk], now=timezone.now()) == row
        retired = recovery_certificates.retire(actor=staff.rosa, certificate_id=row.pk)
    assert (retired.keys_when_retired, recovery_certificates.is_as_confirmed(retired)) == (1, True)


@pytest.mark.parametrize("ring", ["none", "whole"])
def test_nothing_is_confirmed_anew_without_the_ring_or_while_the_key_is_there(
    staff: Officers, settings: Settings, ring: str
) -> None:
    row = recovery.in_force(staff)
    if ring == "none":
        settings.VAULT_KEYS = {**settings.VAULT_KEYS, "other": {}}
    assert recovery_certificates.is_as_confirmed(row) == (ring == "whole")
    assert refusal(lambda: confirm(row, staff.ruth)) == ("recovery-certificate-not-waiting", 409)


def test_a_record_that_says_another_end_is_not_confirmed(
    staff: Officers, brought_in: RecoveryCertificate
) -> None:
    RecoveryCertificate.objects.update(not_after=timezone.now() + timedelta(days=9999))
    assert refusal(lambda: confirm(brought_in, staff.rene)) == ("recovery-certificate-record-changed", 422)


def test_the_database_wants_three_persons(staff: Officers, brought_in: RecoveryCertificate) -> None:
    forged: list[dict[str, object]] = [
        {"state": "in_force"},
        {"state": "in_force", "first_by": staff.rene, "second_by": staff.rosa},
        {"first_by": staff.sven},
        {"first_by": staff.rene, "second_by": staff.rene},
        {"first_by": staff.rene, "second_by": staff.sven},
        {"state": "elsewhere"},
        {"kind": "paper"},
        {"transport": "pkcs1"},
    ]
    for values in forged:
        with pytest.raises(IntegrityError), transaction.atomic():
            RecoveryCertificate.objects.filter(pk=brought_in.pk).update(**values)


def test_brought_in_once_and_by_whom(staff: Officers, brought_in: RecoveryCertificate) -> None:
    content = recovery.ceremony()[0].to_json()
    again = refusal(lambda: recovery_certificates.bring_in(actor=staff.ruth, content=content))
    assert again == ("recovery-certificate-there", 422)
    ada = cast.person("ada")
    assert refusal(lambda: recovery_certificates.bring_in(actor=ada, content=content)) == (
        "not-to-bring-in",
        403,
    )
    broken = refusal(lambda: recovery_certificates.bring_in(actor=staff.sven, content=b"{}"))
    assert broken == ("recovery-document-unreadable", 422)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda person: Person.objects.filter(pk=person.pk).delete(), "unknown-share-holder"),
        (lambda person: Person.objects.filter(pk=person.pk).update(state="locked"), "unknown-share-holder"),
        (lambda person: person.roles.all().delete(), "share-holder-without-role"),
    ],
)
def test_each_share_is_an_active_recovery_officers(
    staff: Officers, change: Callable[[Person], object], code: str
) -> None:
    change(staff.ruth)
    content = recovery.ceremony()[0].to_json()
    assert refusal(lambda: recovery_certificates.bring_in(actor=staff.sven, content=content)) == (code, 422)


def test_other_officers_take_over_at_once(staff: Officers) -> None:
    row, (document, circle) = recovery.in_force(staff), recovery.ceremony()
    recovery_key = recovery_keys.open_with_shares(document, circle.texts[:2])
    later = recovery_keys.new_circle(("P-rene", "P-ruth"), needed=2, number=2)
    handed = recovery_keys.wrap(recovery_key.private, document.certificate, later)
    done = recovery_certificates.bring_in(actor=staff.sven, content=handed.to_json())
    assert (done.pk, done.state) == (row.pk, "in_force")
    present = done.wrappings.get(erased_at=None)
    assert [share.officer for share in present.shares.all()] == [staff.rene, staff.ruth]
    assert done.wrappings.get(number=1).content is None
    assert AuditEvent.objects.get(name="archive.officers-changed").actor == staff.sven
    older = refusal(lambda: recovery_certificates.bring_in(actor=staff.sven, content=document.to_json()))
    assert older == ("older-officers", 422)
    recovery_certificates.retire(actor=staff.ruth, certificate_id=row.pk)
    retired = refusal(lambda: recovery_certificates.bring_in(actor=staff.sven, content=handed.to_json()))
    assert retired == ("retired-already", 409)


def test_nobody_else_hands_the_shares_over(staff: Officers) -> None:
    """Whoever brings documents in makes one of their own for a certificate that is in force."""
    recovery.in_force(staff)
    document = recovery.ceremony()[0]
    for forged in (replace(document, number=2), replace(document, number=2, holders=("P-sven", "P-rene"))):
        code, _status = refusal(
            lambda forged=forged: recovery_certificates.bring_in(actor=staff.sven, content=forged.to_json())
        )
        assert code == "recovery-document-changed"


def test_one_that_has_ended_before_it_was_confirmed(staff: Officers, brought_in: RecoveryCertificate) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=3651)):
        code, status = refusal(lambda: confirm(brought_in, staff.rene))
    assert (code, status) == ("recovery-certificate-ended", 422)


def test_retired_for_good(staff: Officers) -> None:
    row = recovery.in_force(staff)
    assert recovery_certificates.retire(actor=staff.ruth, certificate_id=row.pk).state == "retired"
    assert AuditEvent.objects.get(name="archive.certificate-retired").actor == staff.ruth
    assert not RecoveryCertificate.objects.in_force(timezone.now()).exists()
    assert refusal(lambda: recovery_certificates.retire(actor=staff.ruth, certificate_id=row.pk)) == (
        "retired-already",
        409,
    )
    assert refusal(lambda: confirm(row, staff.ruth))[1] == 409


def test_an_online_key_is_wrapped_and_confirmed_like_any(staff: Officers) -> None:
    row = recovery_certificates.make_online(name="Online", bits=3072, days=30)
    assert (row.transport, row.imported_by) == ("oaep-sha256", None)
    assert AuditEvent.objects.get(name="archive.certificate-brought-in").actor is None
    wrapping = row.wrappings.get()
    plain = vault.unwrap(wrapping.content or b"", purpose=vault.Purpose.RECOVERY_KEYS, record=row.pk)
    assert plain[:1] == b"\x30"
    assert plain not in (wrapping.content or b"")
    for officer in (staff.rene, staff.rosa):
        row = confirm(row, officer, row.fingerprint)
    assert recovery_certificates.is_as_confirmed(row)


def test_a_locked_holder_is_no_obstacle_to_what_is_there(staff: Officers) -> None:
    row = recovery.in_force(staff)
    Person.objects.filter(pk=staff.ruth.pk).update(state=PersonState.LOCKED)
    row.refresh_from_db()
    assert recovery_certificates.is_as_confirmed(row)
