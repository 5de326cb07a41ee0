"""Attacks on the archive: by one person with two roles, with a stolen session, after an office has ended."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import combinations

import pytest
from django.urls import reverse
from django.utils import timezone

from ca_bridge.errors import CaError
from ca_bridge.keys import envelopes, keys
from identity_manager.models import (
    ArchivedKey,
    ArchiveExport,
    AuditEvent,
    Person,
    RecoveryCertificate,
    Role,
    RoleAssignment,
)
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.archive import export, recovery_certificates
from tests.identity_manager.workflow.archive.test_intake import issuing
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db

PAIRS = [pytest.param(pair, id="+".join(pair)) for pair in combinations(Role, 2)]


@pytest.fixture
def staff(db: None) -> Officers:
    return recovery.officers()


def document() -> bytes:
    return recovery.ceremony()[0].to_json()


def tried(call: Callable[[], object]) -> bool:
    """Whether it was done; what else can happen is a refusal."""
    try:
        call()
    except Refused:
        return False
    return True


@pytest.mark.parametrize("pair", PAIRS)
def test_one_person_with_two_roles_puts_nothing_in_force_and_exports_nothing(
    staff: Officers, pair: tuple[Role, Role]
) -> None:
    """Also with roles that go together only where the installation allows it."""
    mallory = cast.person("mallory", sid="", roles=pair)
    if not tried(partial(recovery_certificates.bring_in, actor=mallory, content=document())):
        recovery_certificates.bring_in(actor=staff.sven, content=document())
    row = RecoveryCertificate.objects.get()
    confirm = partial(
        recovery_certificates.confirm, actor=mallory, certificate_id=row.pk, fingerprint=row.fingerprint
    )
    assert [tried(confirm), tried(confirm)][1] is False
    assert not RecoveryCertificate.objects.in_force(timezone.now()).exists()

    if tried(partial(export.ask, actor=mallory, purpose="Mine")):
        asked = ArchiveExport.objects.get()
        assert not tried(partial(export.confirm, actor=mallory, export_id=asked.pk))
    assert not tried(export.begin)


def test_an_office_that_has_ended_meanwhile_confirms_nothing(staff: Officers) -> None:
    """A page that was opened before is sent afterwards."""
    row = recovery_certificates.bring_in(actor=staff.sven, content=document())
    asked = export.ask(actor=staff.rene, purpose="A day without it")
    yesterday = timezone.localdate() - timedelta(days=1)
    RoleAssignment.objects.filter(person=staff.rosa).update(valid_until=yesterday)
    Person.objects.filter(pk=staff.ruth.pk).update(state="locked")
    for officer in (staff.rosa, staff.ruth):
        stale = Person.objects.get(pk=officer.pk)
        for act in (
            partial(
                recovery_certificates.confirm,
                actor=stale,
                certificate_id=row.pk,
                fingerprint=recovery.ceremony()[0].fingerprint,
            ),
            partial(recovery_certificates.retire, actor=stale, certificate_id=row.pk),
            partial(export.confirm, actor=stale, export_id=asked.pk),
        ):
            with pytest.raises(Refused) as refused:
                act()
            assert refused.value.status == 403


def test_a_stolen_session_confirms_retires_and_exports_nothing(staff: Officers) -> None:
    """Each asks who sits there: the session alone, however it was taken, changes no row."""
    row = recovery_certificates.bring_in(actor=staff.sven, content=document())
    asked = export.ask(actor=staff.rene, purpose="A day without it")
    events, thief = AuditEvent.objects.count(), signed_in(staff.rosa)
    for name, pk, data in (
        ("recovery-certificate-confirm", row.pk, {"fingerprint": recovery.ceremony()[0].fingerprint}),
        ("recovery-certificate-retire", row.pk, {}),
        ("archive-export-ask", None, {"purpose": "Theirs"}),
        ("archive-export-confirm", asked.pk, {}),
    ):
        answer = thief.post(reverse(f"console:{name}", args=[pk] if pk else []), data)
        assert answer["Location"].startswith(reverse("account_reauthenticate")), name
    row.refresh_from_db()
    assert (row.state, row.first_by, ArchiveExport.objects.get().state) == ("imported", None, "waiting")
    assert AuditEvent.objects.count() == events


def test_a_forged_export_takes_out_what_is_still_sealed(company: Company, staff: Officers) -> None:
    """A database writer who forges both officers, on the machine of the workers."""
    row = recovery.in_force(staff)
    cast.issued(issuing(company, recovery.archiving_type()))
    now = timezone.now()
    ArchiveExport.objects.create(
        purpose="x", asked_by=staff.rene, state="confirmed", decided_by=staff.rosa, decided_at=now
    )
    export.begin()
    (taken,) = export.exported()
    assert envelopes.recipients_of(taken.envelope) == {bytes.fromhex(row.key_id)}
    with pytest.raises(CaError):
        keys.from_pkcs8(taken.envelope)


def test_an_envelope_that_is_moved_between_rows_opens_no_more(company: Company, staff: Officers) -> None:
    """A database writer swaps the envelopes of two persons, and leaves the owners as they are."""
    recovery.in_force(staff)
    for person in (company.uma, company.sam):
        cast.issued(cast.accepted(cast.enabled(company.ada, person, recovery.archiving_type())))
    first, second = ArchivedKey.objects.all()
    ArchivedKey.objects.filter(pk=first.pk).update(envelope_wrapped=second.envelope_wrapped)
    ArchivedKey.objects.filter(pk=second.pk).update(envelope_wrapped=first.envelope_wrapped)
    assert [bool(each.error) for each in export.exported()] == [True, True]
