"""Whoever has the last certificate of a token issued seals the token, as the task that would have done it."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from celery import current_app
from django.utils import timezone

from identity_manager import task_names
from identity_manager.authorities import circuit_breaker
from identity_manager.models import Certificate, Container, OutgoingMail, SoftwareToken
from identity_manager.telemetry import instruments
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import step5_issue, step6_passphrase
from tests.identity_manager.workflow.worker import works
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def as_in_a_worker() -> Iterator[None]:
    """There, what a task raises is caught and logged; the tests' settings have it raised."""
    before = current_app.conf.task_eager_propagates
    current_app.conf.task_eager_propagates = False
    yield
    current_app.conf.task_eager_propagates = before


def issued() -> Any:
    """What came of the task for the only certificate."""
    task = current_app.tasks[task_names.ISSUE]
    return task.apply(args=[str(Certificate.objects.get().pk)])


@pytest.mark.usefixtures("as_in_a_worker")
def test_it_is_sealed_with_its_last_certificate(company: Company) -> None:
    company.request_in("issuing")
    assert issued().state == "SUCCESS"
    token = SoftwareToken.objects.get()
    assert (token.state, token.leased_until, token.next_attempt_at) == ("sealed", None, None)


@pytest.mark.usefixtures("as_in_a_worker")
def test_what_fails_while_it_is_sealed_leaves_its_certificate_issued(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    failures = instruments.TASK_FAILURES.labels(task_names.SEAL)
    before = failures._value.get()

    def slip(*_: object, **__: object) -> None:
        raise LookupError("a slip of ours")

    with monkeypatch.context() as patch:
        patch.setattr(step6_passphrase, "_build", slip)
        assert issued().state == "SUCCESS"

    assert failures._value.get() == before + 1
    assert Certificate.objects.get().state == "valid"
    token = SoftwareToken.objects.get()
    assert (token.state, token.last_error, token.leased_until) == ("issuing", "LookupError", None)
    assert token.next_attempt_at is not None
    assert token.next_attempt_at > timezone.now()
    with time_machine.travel(token.next_attempt_at):
        step6_passphrase.seal(token_id=token.pk)
    assert SoftwareToken.objects.get().state == "sealed"


def test_who_dies_before_sealing_is_followed_once_the_lease_is_over(company: Company) -> None:
    """And who was thought dead, and goes on, seals nothing any more."""
    token = company.request_in("issuing").tokens.get()
    taken = step5_issue.issue(certificate_id=Certificate.objects.get().pk)
    assert taken is not None

    step6_passphrase.seal(token_id=token.pk)
    assert SoftwareToken.objects.get().state == "issuing", "it is another's"
    later = SoftwareToken.objects.get().leased_until
    assert later is not None
    with time_machine.travel(later):
        works(task_names.SEAL)
    sealed = SoftwareToken.objects.get()
    assert sealed.state == "sealed"

    with pytest.raises(vault.VaultError, match="erased"):
        step6_passphrase.seal_taken(taken)
    assert SoftwareToken.objects.get().version == sealed.version
    assert Container.objects.count() == 2


def test_a_fault_before_it_is_sealed_lets_go_of_it(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("issuing")

    def slip(*_: object) -> None:
        raise LookupError("a slip of ours")

    with monkeypatch.context() as patch:
        patch.setattr(circuit_breaker, "record_outcome", slip)
        with pytest.raises(LookupError):
            step5_issue.issue(certificate_id=Certificate.objects.get().pk)

    token = SoftwareToken.objects.get()
    assert (token.state, token.last_error, token.claim_id) == ("issuing", "LookupError", None)
    assert token.next_attempt_at is not None
    with time_machine.travel(token.next_attempt_at):
        works(task_names.SEAL)
    assert SoftwareToken.objects.get().state == "sealed"


@pytest.mark.parametrize("model", [Certificate, SoftwareToken, OutgoingMail])
def test_a_row_is_written_as_it_was_said(company: Company, model: type[Any]) -> None:
    """What is null, JSON, bytes, a moment or a text with signs in it comes back the same."""
    company.request_in("issued")
    row = model.objects.first()
    for field in model._meta.concrete_fields:
        if field.get_internal_type() == "TextField":
            setattr(row, field.attname, "100 % 'of' \"it\" %s ü")
        elif field.get_internal_type() == "BinaryField":
            setattr(row, field.attname, b"\x00\xff%s")
    row.save()

    same = model.objects.get(pk=row.pk)
    for field in model._meta.concrete_fields:
        assert getattr(same, field.attname) == getattr(row, field.attname), field.name


def test_a_new_row_is_written_as_it_was_said(company: Company) -> None:
    company.request_in("issued")
    mail = OutgoingMail.objects.first()
    assert mail is not None
    values = {field.attname: getattr(mail, field.attname) for field in OutgoingMail._meta.concrete_fields}
    new = OutgoingMail(
        **{name: value for name, value in values.items() if name != "id"}
        | {"occasion": "another:%s", "body_text": "100 % 'of' it", "request_id": None, "token_id": None}
    )
    new.save()

    same = OutgoingMail.objects.get(occasion="another:%s")
    assert same.pk == new.pk
    for field in OutgoingMail._meta.concrete_fields:
        assert getattr(same, field.attname) == getattr(new, field.attname), field.name
