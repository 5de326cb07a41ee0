"""Rows are locked with their parents in one statement: the outermost first, and as they stand then."""

import threading
import time
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, models, transaction
from django.utils import timezone

from identity_manager import audit, audit_proof
from identity_manager.models import AuditSalt, Certificate, Person, SoftwareToken, TokenRequest
from identity_manager.models.lease import LeasedQuerySet
from identity_manager.models.requests.certificate import CertificateQuerySet
from identity_manager.transactions import locking
from identity_manager.workflow.requests import cancellation
from tests.tools import one_step
from tests.tools.cast import Company, person

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
PATIENCE_SECONDS = 20


class Locker(threading.Thread):
    """Locks a certificate and its parents in a connection of its own, and lets go."""

    def __init__(self, certificate: Certificate, *, among: CertificateQuerySet | None = None) -> None:
        super().__init__(daemon=True)
        self._pk, self._among = certificate.pk, among
        self.found: Certificate | Certificate.DoesNotExist | None = None

    def run(self) -> None:
        try:
            with transaction.atomic():
                self.found = locking.certificate(self._pk, among=self._among)
        except Certificate.DoesNotExist as error:
            self.found = error
        finally:
            connection.close()


@pytest.fixture
def certificate(transactional_db: None, postgresql_only: None) -> Certificate:
    return Company().request_in("issuing").tokens.get().certificates.get()


def rows_of(certificate: Certificate) -> dict[type[models.Model], models.Model]:
    """The certificate and its parents, the outermost first."""
    token = certificate.token
    rows = (token.person, token.request, token, certificate)
    return {type(row): row for row in rows}


def until_somebody_waits() -> None:
    """Raises AssertionError where nobody waits for a lock within the time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("Nobody waits for a lock.")


def is_free(row: models.Model) -> bool:
    rows = type(row)._default_manager.select_for_update(skip_locked=True)
    return bool(list(rows.filter(pk=row.pk).values_list("pk")))


@pytest.mark.parametrize("held", [Person, TokenRequest, SoftwareToken, Certificate])
def test_who_waits_has_the_outer_rows_and_none_of_the_inner(
    certificate: Certificate, held: type[models.Model]
) -> None:
    rows = rows_of(certificate)
    order = list(rows)
    locker = Locker(certificate)
    with transaction.atomic():
        held._default_manager.select_for_update(of=("self",)).get(pk=rows[held].pk)
        locker.start()
        until_somebody_waits()
        free = {kind: is_free(row) for kind, row in rows.items() if kind is not held}
    locker.join(PATIENCE_SECONDS)

    inner = order[order.index(held) + 1 :]
    assert free == {kind: kind in inner for kind in order if kind is not held}
    assert isinstance(locker.found, Certificate)


def test_who_has_waited_finds_every_row_as_it_stands_then(certificate: Certificate) -> None:
    token, locker = certificate.token, Locker(certificate)
    with transaction.atomic():
        locking.person(token.person_id)
        locker.start()
        until_somebody_waits()
        Person.objects.filter(pk=token.person_id).update(department="Moved")
        TokenRequest.objects.filter(pk=token.request_id).update(delivery_address="moved@example.org")
        SoftwareToken.objects.filter(pk=token.pk).update(reason="moved")
        Certificate.objects.filter(pk=certificate.pk).update(refusal="moved")
    locker.join(PATIENCE_SECONDS)

    found = locker.found
    assert isinstance(found, Certificate)
    assert (found.refusal, found.token.reason) == ("moved", "moved")
    assert found.token.request.delivery_address == "moved@example.org"
    assert found.token.person.department == "Moved"
    assert found.token.person is found.token.request.person


def test_who_has_waited_for_an_erasure_names_the_person_by_a_salt_that_is_there(
    certificate: Certificate,
) -> None:
    """The reference from before is destroyed: it would say whom the events mean that are nobody's now."""
    owner, locker = certificate.token.person, Locker(certificate)
    before = AuditSalt.objects.get(person=owner).salt
    with transaction.atomic():
        locking.person(owner.pk)
        locker.start()
        until_somebody_waits()
        Person.objects.filter(pk=owner.pk).update(state="locked")
        AuditSalt.objects.filter(person=owner).delete()
    locker.join(PATIENCE_SECONDS)

    assert isinstance(locker.found, Certificate)
    event = audit.record(audit.Event.CONTAINERS_REMOVED, actor=None, subject=locker.found.token)
    after = AuditSalt.objects.get(person=owner).salt
    assert after != before
    assert event.person_ref == audit_proof.reference(after, str(owner.pk))


def test_who_has_waited_takes_nothing_that_is_done_then(certificate: Certificate) -> None:
    """As two workers that have the same nudge."""
    locker = Locker(certificate, among=Certificate.objects.filter(refusal=""))
    with transaction.atomic():
        locking.certificate(certificate.pk)
        locker.start()
        until_somebody_waits()
        Certificate.objects.filter(pk=certificate.pk).update(refusal="done")
    locker.join(PATIENCE_SECONDS)

    assert isinstance(locker.found, Certificate.DoesNotExist)


def test_who_has_waited_for_a_leave_takes_nothing(certificate: Certificate) -> None:
    """The person has become Inactive meanwhile: the certificate waits for them, and nothing fails."""
    locker = Locker(certificate, among=Certificate.objects.to_be_issued())
    with transaction.atomic():
        person = locking.person(certificate.token.person_id)
        locker.start()
        until_somebody_waits()
        person.deactivate()
        person.save()
    locker.join(PATIENCE_SECONDS)

    assert isinstance(locker.found, Certificate.DoesNotExist)


class Namer(threading.Thread):
    """Locks one person and writes an event that names another, both before the end of a barrier."""

    def __init__(self, own: Person, other: Person, meet: threading.Barrier) -> None:
        super().__init__(daemon=True)
        self._own, self._other, self._meet = own, other, meet
        self.trouble: Exception | None = None

    def run(self) -> None:
        try:
            with transaction.atomic():
                person = locking.person(self._own.pk)
                self._meet.wait(PATIENCE_SECONDS)
                audit.record(
                    audit.Event.ROLE_ASSIGNED, actor=self._other, subject=person, role="self-service-user"
                )
        except Exception as error:  # noqa: BLE001 a thread: the test looks at it
            self.trouble = error
        finally:
            connection.close()


def test_two_verbs_that_name_each_other_s_persons_do_not_block_each_other(
    transactional_db: None, postgresql_only: None
) -> None:
    """As two officers who approve each other's requests at the same moment."""
    paul, quinn, meet = person("paul"), person("quinn"), threading.Barrier(2)
    for each in (paul, quinn):  # their first event makes a salt, which is no person
        audit.record(audit.Event.PERSON_CREATED, actor=None, subject=each)
    verbs = [Namer(paul, quinn, meet), Namer(quinn, paul, meet)]
    for verb in verbs:
        verb.start()
    for verb in verbs:
        verb.join(PATIENCE_SECONDS)

    assert [verb.trouble for verb in verbs] == [None, None]
    assert not any(verb.is_alive() for verb in verbs)


class Claimer(threading.Thread):
    """Claims a row in a connection of its own."""

    def __init__(self, rows: LeasedQuerySet[Any], pk: UUID) -> None:
        super().__init__(daemon=True)
        self._rows, self._pk = rows, pk
        self.claim: UUID | None = None

    def run(self) -> None:
        try:
            with transaction.atomic():
                self.claim = self._rows.claim_through_subquery(self._pk, now=timezone.now())
        finally:
            connection.close()


def test_a_token_that_two_want_to_seal_is_had_by_one(certificate: Certificate) -> None:
    """Also where the first has it sealed before the second goes on."""
    one_step.issue(certificate.pk)
    rows, pk = SoftwareToken.objects.to_be_sealed(), certificate.token_id
    SoftwareToken.objects.filter(pk=pk).update(next_attempt_at=timezone.now(), leased_until=None)
    assert rows.filter(pk=pk).exists()
    second = Claimer(rows, pk)
    with transaction.atomic():
        assert rows.claim_through_subquery(pk, now=timezone.now()) is not None
        second.start()
        until_somebody_waits()
        SoftwareToken.objects.filter(pk=pk).update(next_attempt_at=None, leased_until=None)
    second.join(PATIENCE_SECONDS)
    assert second.claim is None


def test_what_was_left_behind_is_cleared_up_by_one(certificate: Certificate) -> None:
    assert one_step.claim(certificate.pk) is not None
    with transaction.atomic():
        cancellation.end_request(
            locking.request(certificate.token.request_id), actor=None, reason="withdrawn"
        )
    Certificate.objects.filter(pk=certificate.pk).update(next_attempt_at=timezone.now(), leased_until=None)
    rows = Certificate.objects.with_orphaned_order()
    assert rows.filter(pk=certificate.pk).exists()
    second = Claimer(rows, certificate.pk)
    with transaction.atomic():
        assert rows.claim_through_subquery(certificate.pk, now=timezone.now()) is not None
        second.start()
        until_somebody_waits()
    second.join(PATIENCE_SECONDS)
    assert second.claim is None
