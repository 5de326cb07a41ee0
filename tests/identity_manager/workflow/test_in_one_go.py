"""A token whose last certificates come together is sealed in the transaction that settles them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

import pytest
import time_machine
from celery import current_app
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import CertificateOrder, Pending
from ca_bridge.models import CaAttempt, CaOrder
from ca_bridge.pkcs12 import writer as pkcs12
from identity_manager import task_names
from identity_manager.authorities import circuit_breaker
from identity_manager.mail import outbox
from identity_manager.mail.company_texts.source import IN_FORCE
from identity_manager.mail.company_texts.wording import Wording
from identity_manager.models import (
    AuditEvent,
    CaOutage,
    Certificate,
    CertificateProfile,
    Container,
    MailText,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.workflow import step5_issue, step6_passphrase
from identity_manager.workflow.issuance import claims
from identity_manager.workflow.requests import cancellation
from tests.identity_manager.workflow.worker import works
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def raises(error: Exception) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    return fail


@pytest.fixture
def as_in_a_worker() -> Iterator[None]:
    """There, what a task raises is caught and logged; the tests' settings have it raised."""
    before = current_app.conf.task_eager_propagates
    current_app.conf.task_eager_propagates = False
    yield
    current_app.conf.task_eager_propagates = before


def a_pair(company: Company) -> TokenRequest:
    """A token with two certificates, which are to be issued."""
    pair = cast.token_type("pair", profiles=("signing", "encryption"))
    return cast.accepted(cast.enabled(company.ada, company.uma, pair))


def issue() -> None:
    step5_issue.issue(certificate_id=Certificate.objects.values_list("pk", flat=True)[0])


def events() -> dict[str, int]:
    """How often the log has what happens at the end of the road."""
    names = ("certificate.issued", "certificate.key-erased", "token.sealed", "request.issued")
    return {name: AuditEvent.objects.filter(name=name).count() for name in names}


@pytest.mark.usefixtures("as_in_a_worker")
def test_it_is_sealed_with_its_last_certificate(company: Company) -> None:
    company.request_in("issuing")
    task = current_app.tasks[task_names.ISSUE]
    assert task.apply(args=[str(Certificate.objects.get().pk)]).state == "SUCCESS"
    token = SoftwareToken.objects.get()
    assert (token.state, token.leased_until, token.next_attempt_at) == ("sealed", None, None)


def test_all_certificates_of_a_token_are_issued_and_sealed_together(company: Company) -> None:
    request = a_pair(company)
    issue()
    assert {row.state for row in Certificate.objects.all()} == {"valid"}
    assert not Certificate.objects.exclude(private_key_wrapped=None).exists()
    assert not Certificate.objects.exclude(claim_id=None).exists()
    assert not CaAttempt.objects.exclude(outcome="issued").exists()
    request.refresh_from_db()
    assert request.state == "issued"
    assert (Container.objects.count(), IssuedCertificate.objects.count()) == (4, 2)
    assert OutgoingMail.objects.filter(message="delivery").count() == 1
    assert events() == {
        "certificate.issued": 2,
        "certificate.key-erased": 2,
        "token.sealed": 1,
        "request.issued": 1,
    }


def test_a_request_is_issued_with_its_last_token(company: Company) -> None:
    types = [cast.token_type("vpn"), cast.token_type("mail", profiles=("mail",))]
    request = cast.accepted(cast.enabled(company.ada, company.uma, *types))
    first, second = Certificate.objects.all()
    Certificate.objects.update(next_attempt_at=timezone.now())  # or both go together
    step5_issue.issue(certificate_id=first.pk)
    request.refresh_from_db()
    assert request.state == "issuing"
    step5_issue.issue(certificate_id=second.pk)
    request.refresh_from_db()
    assert request.state == "issued"


def test_what_comes_later_is_waited_for(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA puts one of them off: the other is settled, and the token sealed in the end."""
    a_pair(company)
    original, asked = EmbeddedConnector.issue, []

    def late(self: EmbeddedConnector, order: CertificateOrder) -> Any:
        asked.append(order)
        return Pending("later", timezone.now()) if len(asked) == 2 else original(self, order)

    with monkeypatch.context() as patch:
        patch.delattr(EmbeddedConnector, "issue_many")
        patch.setattr(EmbeddedConnector, "issue", late)
        issue()
    assert sorted(row.state for row in Certificate.objects.all()) == ["ordered", "valid"]
    assert SoftwareToken.objects.get().state == "issuing"
    works(task_names.ISSUE, task_names.SEAL)
    assert SoftwareToken.objects.get().state == "sealed"
    assert events()["certificate.issued"] == 2
    assert Container.objects.count() == 4


def test_what_fails_while_it_is_sealed_leaves_its_certificate_issued(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own task comes back to it, and what fails again stands on the token."""
    company.request_in("issuing")
    with monkeypatch.context() as patch:
        patch.setattr(step6_passphrase, "_build_containers", raises(LookupError("a slip of ours")))
        issue()
        assert Certificate.objects.get().state == "valid"
        with pytest.raises(LookupError):
            works(task_names.SEAL)

    token = SoftwareToken.objects.get()
    assert (token.state, token.last_error, token.leased_until) == ("issuing", "LookupError", None)
    assert token.next_attempt_at is not None
    assert token.next_attempt_at > timezone.now()
    with time_machine.travel(token.next_attempt_at):
        works(task_names.SEAL)
    assert SoftwareToken.objects.get().state == "sealed"
    assert events()["certificate.issued"] == 1


def test_its_mail_is_composed_before_the_last_transaction_begins(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's only writer would draw it while all others wait."""
    company.request_in("issuing")
    within: list[int] = []
    compose, outside = step6_passphrase.queueing.first_delivery, len(connection.savepoint_ids)

    def watched(*given: Any, **named: Any) -> OutgoingMail:
        within.append(len(connection.savepoint_ids) - outside)
        return compose(*given, **named)

    monkeypatch.setattr(step6_passphrase.queueing, "first_delivery", watched)
    issue()
    assert within == [0]
    assert OutgoingMail.objects.get(message="delivery").token == SoftwareToken.objects.get()


def test_a_company_text_names_the_day_until_which_the_passphrase_is_there(company: Company) -> None:
    company.request_in("issuing")
    code = MailText.code_of("delivery", company.uma.language)
    IN_FORCE.remember({code: Wording("Yours", "Until {{ token.until }}.")})
    issue()
    token, mail = SoftwareToken.objects.get(), OutgoingMail.objects.get(message="delivery")
    assert token.passphrase_destroy_at is not None
    with timezone.override(company.uma.zone):
        until = date_format(timezone.localtime(token.passphrase_destroy_at), "DATE_FORMAT")
    assert f"Until {until}." in mail.body_text


def test_a_mail_that_cannot_be_composed_is_left_to_the_tokens_own_task(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    with monkeypatch.context() as patch:
        patch.setattr(step6_passphrase.queueing, "first_delivery", raises(LookupError("a slip of ours")))
        issue()
        assert (Certificate.objects.get().state, SoftwareToken.objects.get().state) == ("valid", "issuing")
    works(task_names.SEAL)
    assert SoftwareToken.objects.get().state == "sealed"
    assert OutgoingMail.objects.filter(message="delivery").count() == 1


def test_a_mail_says_what_was_changed_while_the_ca_was_asked(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    rename = Person.objects.filter(pk=company.uma.pk).update
    while_it_is_asked(monkeypatch, lambda: rename(display_name="Uma Winter", version=company.uma.version + 1))
    issue()
    works(task_names.SEAL)
    assert "Uma Winter" in OutgoingMail.objects.get(message="delivery").body_text


@pytest.mark.parametrize("name", ["enqueue_new", "seal"])
def test_what_fails_in_the_last_transaction_undoes_all_of_it(
    company: Company, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Then the certificate is settled alone."""
    company.request_in("issuing")
    owner = {"seal": SoftwareToken, "enqueue_new": outbox}[name]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, raises(LookupError("a slip of ours")))
        issue()
    assert not Container.objects.exists()
    assert (Certificate.objects.get().state, SoftwareToken.objects.get().state) == ("valid", "issuing")
    works(task_names.SEAL)
    assert SoftwareToken.objects.get().state == "sealed"
    assert set(events().values()) == {1}


def while_it_is_asked(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], object]) -> None:
    original = EmbeddedConnector.issue

    def issue_and(self: EmbeddedConnector, order: CertificateOrder) -> Any:
        answer = original(self, order)
        meanwhile()
        return answer

    monkeypatch.setattr(EmbeddedConnector, "issue", issue_and)


def test_a_request_that_ended_meanwhile_gets_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    while_it_is_asked(
        monkeypatch,
        lambda: cancellation.cancel(actor=company.ada, request_id=request.pk, reason="left"),
    )
    issue()
    certificate = Certificate.objects.get()
    assert (certificate.state, certificate.revocation_decided_at is not None) == ("valid", True)
    assert not Container.objects.exists()
    assert SoftwareToken.objects.get().state == "cancelled"


def test_a_person_who_was_saved_meanwhile_gets_it_all_the_same(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before is not believed any more, and everything is read again."""
    company.request_in("issuing")
    while_it_is_asked(monkeypatch, lambda: Person.objects.get(pk=company.uma.pk).save())
    issue()
    assert Certificate.objects.get().state == "valid"
    works(task_names.SEAL)
    assert SoftwareToken.objects.get().state == "sealed"
    assert set(events().values()) == {1}


def test_a_serial_number_that_is_taken_is_refused(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database refuses it in the last transaction; alone the certificate is found to be wrong."""
    a_pair(company)
    issued: list[Any] = []
    examine = step5_issue.issuing.examine

    def twin(order: Any, answer: Any, **drafted: Any) -> Any:
        found = examine(order, answer, **drafted)
        issued.append(found)
        if len(issued) == 1 or found is None:
            return found
        serial = issued[0].facts.serial_hex
        return replace(found, facts=replace(found.facts, serial_hex=serial))

    monkeypatch.setattr(step5_issue.issuing, "examine", twin)
    issue()
    assert sorted(CaOrder.objects.values_list("state", flat=True)) == ["issued", "refused"]
    assert sorted(row.state for row in Certificate.objects.all()) == ["refused", "valid"]
    assert TokenRequest.objects.get().state == "failed"


def test_a_fault_of_the_circuit_breaker_changes_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    monkeypatch.setattr(circuit_breaker, "record_outcomes", raises(LookupError("a slip of ours")))
    with pytest.raises(LookupError):
        issue()
    assert SoftwareToken.objects.get().state == "sealed"


def test_who_dies_before_the_end_is_followed_once_the_lease_is_over(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And who was thought dead, and goes on, settles nothing any more."""
    company.request_in("issuing")
    check, lost = pkcs12.check, []

    def outlives_its_lease(*args: Any, **named: Any) -> None:
        check(*args, **named)
        if not lost:
            lost.append("the lease")
            Certificate.objects.update(leased_until=timezone.now())
            issue()

    monkeypatch.setattr(pkcs12, "check", outlives_its_lease)
    issue()
    assert SoftwareToken.objects.get().state == "sealed"
    assert (Container.objects.count(), IssuedCertificate.objects.count()) == (2, 1)
    assert set(events().values()) == {1}
    assert OutgoingMail.objects.filter(message="delivery").count() == 1


def test_nothing_is_read_again_that_the_worker_has_in_its_hands(company: Company) -> None:
    company.request_in("issuing")
    with CaptureQueriesContext(connection) as statements:
        issue()
    read = [each["sql"] for each in statements if each["sql"].startswith("SELECT")]
    wide = [sql for sql in read if '"snapshot"' in sql or '"given_name"' in sql or '"csr"' in sql]
    assert len(wide) == 1, wide


def test_a_claim_takes_what_is_due_of_the_token_alone(company: Company) -> None:
    a_pair(company)
    first, second = Certificate.objects.all()
    Certificate.objects.filter(pk=second.pk).update(next_attempt_at=None)
    (token,) = claims.claim(first.pk).tokens
    assert [each.row.pk for each in token.claimed] == [first.pk]
    assert {row.pk for row in token.certificates} == {first.pk, second.pk}
    assert claims.claim(first.pk).tokens == []
    Certificate.objects.filter(pk=second.pk).update(next_attempt_at=timezone.now())
    (token,) = claims.claim(first.pk).tokens
    assert [each.row.pk for each in token.claimed] == [second.pk]


def test_a_certificate_at_a_silent_ca_does_not_hold_up_its_sibling(company: Company) -> None:
    a_pair(company)
    first, second = Certificate.objects.all()
    CertificateProfile.objects.filter(pk=first.profile_id).update(ca="other")
    now = timezone.now()
    CaOutage.objects.create(
        alias="other", faults=9, since=now, last_at=now, opened_at=now, trial_at=now + timedelta(minutes=2)
    )
    group = claims.claim(first.pk)
    assert [each.row.pk for token in group.tokens for each in token.claimed] == [second.pk]
    assert group.left == [first.pk]
    assert claims.claim(first.pk).left == [], "it waits for the CA, and is not enqueued for ever"


@pytest.mark.parametrize("policy", ["park", "ask-again"])
def test_of_what_cannot_be_searched_one_is_asked_at_a_time(
    company: Company, settings: Any, policy: str
) -> None:
    """A crash leaves one order of which nobody can find out; each has a message of its own."""
    corporate = settings.CA_CONNECTORS["corporate"] | {"UNKNOWN": policy}
    settings.CA_CONNECTORS = {**settings.CA_CONNECTORS, "corporate": corporate}
    a_pair(company)
    first, second = Certificate.objects.values_list("pk", flat=True)
    step5_issue.issue(certificate_id=second)
    assert dict(Certificate.objects.values_list("pk", "state")) == {first: "ordered", second: "valid"}
    step5_issue.issue(certificate_id=first)
    assert SoftwareToken.objects.get().state == "sealed"
    assert IssuedCertificate.objects.count() == 2


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
