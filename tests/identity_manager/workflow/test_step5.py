"""Step 5: claim, act, settle; what may fail there, and that it is survived."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from ca_bridge import issuing
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import Pending, Refused, Unknown
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from ca_bridge.x509 import lint
from identity_manager.models import AuditEvent, Certificate, Person, SoftwareToken, TokenRequest
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import step5_issue, step6_passphrase
from identity_manager.workflow.issuance import failures, retry, settlement
from identity_manager.workflow.requests import cancellation
from identity_manager.workflow.revocation import revoke
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


def the_certificate() -> Certificate:
    return Certificate.objects.select_related("order").get()


def issue() -> Certificate:
    one_step.issue(the_certificate().pk)
    return the_certificate()


def answering(monkeypatch: pytest.MonkeyPatch, answer: Callable[..., Any]) -> None:
    monkeypatch.setattr(EmbeddedConnector, "issue", answer)


def down(self: Any, order: Any) -> None:
    raise CaError("The certificate authority cannot be reached.", "connection refused")


def test_the_key_is_wrapped_and_the_order_journalled_before_the_ca_is_asked(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    seen = []
    original = EmbeddedConnector.issue

    def looking(self: EmbeddedConnector, order: Any) -> Any:
        row = the_certificate()
        seen.append((row.private_key_wrapped is not None, row.order.state, row.public_key_sha256))
        return original(self, order)

    answering(monkeypatch, looking)
    certificate = issue()

    assert seen == [(True, "asked", certificate.public_key_sha256)]
    assert certificate.state == "valid"


def test_nobody_waits_for_a_linter(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a transaction is open nobody else writes on SQLite: what takes its time is done outside any."""
    company.request_in("issuing")
    outside, seen = len(connection.atomic_blocks), transactions_at_lints(monkeypatch)
    assert issue().state == "valid"
    assert seen == [outside]  # what is signed says to the byte what was linted before


def transactions_at_lints(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many are open, at each one from now on."""
    findings, seen = lint.findings, []

    def looking(der: bytes) -> Any:
        seen.append(len(connection.atomic_blocks))
        return findings(der)

    monkeypatch.setattr(lint, "findings", looking)
    return seen


@pytest.mark.parametrize("what", ["validity", "line", "number"])
def test_what_was_drawn_up_of_something_else_is_not_ordered(
    company: Company, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """While it is drawn up anything may happen to the certificate."""
    company.request_in("issuing")
    original = issuing.draft

    def meanwhile(**wanted: Any) -> issuing.DraftOrder:
        token = SoftwareToken.objects.get()
        if what == "validity":
            token.snapshot["validity_days"] -= 1
        elif what == "line":
            token.snapshot["certificates"][0]["ca_profile"] = "another"
        SoftwareToken.objects.update(snapshot=token.snapshot, version=F("version") + 1)
        Certificate.objects.update(orders_made=1 if what == "number" else 0, version=F("version") + 1)
        return original(**wanted)

    with monkeypatch.context() as patched:
        patched.setattr(issuing, "draft", meanwhile)
        row = issue()
    assert (row.state, row.order_id, row.claim_id, row.private_key_wrapped) == ("ordered", None, None, None)
    assert not CaOrder.objects.exists()

    row = issue()
    assert (row.state, row.order.idempotency_key) == ("valid", row.order_key(row.orders_made))


def test_of_two_messages_one_draws_an_order_up(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is claimed before its key is made: nobody makes one in vain."""
    original, drawn_with = issuing.draft, []
    company.request_in("issuing")

    def meanwhile(**wanted: Any) -> issuing.DraftOrder:
        drawn_with.append(wanted["key"])
        if len(drawn_with) == 1:
            step5_issue.issue(certificate_id=the_certificate().pk)
        return original(**wanted)

    monkeypatch.setattr(issuing, "draft", meanwhile)
    assert issue().state == "valid"
    assert len(drawn_with) == 1


def test_an_order_that_nobody_puts_to_its_ca_any_more_is_closed(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be among those that wait for their CA for ever."""
    company.request_in("issuing")
    with monkeypatch.context() as while_down:
        answering(while_down, down)
        assert issue().order.state == "asked"
    Person.objects.filter(pk=company.uma.pk).update(department="Elsewhere")
    with time_machine.travel(the_certificate().next_attempt_at + timedelta(seconds=1)):
        certificate = issue()
    assert (certificate.state, certificate.order.state) == ("refused", "refused")


def test_an_order_whose_ca_is_configured_no_more_is_closed_with_its_reason(
    company: Company, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    request = company.request_in("issuing")
    with monkeypatch.context() as while_down:
        answering(while_down, down)
        assert issue().order.state == "asked"
    settings.CA_CONNECTORS = {}
    with time_machine.travel(the_certificate().next_attempt_at + timedelta(seconds=1)):
        certificate = issue()
    assert (certificate.state, certificate.order.state) == ("refused", "refused")
    request.refresh_from_db()
    assert certificate.order.error == request.failure_facts["message"] == certificate.refusal
    assert certificate.order.detail in certificate.last_error


def test_what_is_issued_says_what_was_approved(company: Company) -> None:
    company.request_in("issuing")
    certificate = issue()

    facts = issuing.describe(certificate.certificate)
    assert "CN=Uma Lindqvist" in facts.subject
    assert ("email", "uma@example.com") in facts.subject_alt_names
    assert facts.serial_hex == certificate.serial
    assert certificate.not_after - certificate.not_before <= timedelta(days=730, minutes=6)


def test_a_ca_that_is_down_delays_and_comes_back_with_the_same_key(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    with monkeypatch.context() as while_down:
        answering(while_down, down)
        certificate = issue()

    assert certificate.state == "ordered"
    assert certificate.next_attempt_at > timezone.now()
    assert "cannot be reached" in certificate.last_error
    assert TokenRequest.objects.get(pk=request.pk).state == "issuing"
    key = certificate.public_key_sha256

    one_step.issue(certificate.pk)
    assert the_certificate().state == "ordered", "not before its next try"
    with time_machine.travel(certificate.next_attempt_at + timedelta(seconds=1)):
        certificate = issue()

    assert (certificate.state, certificate.public_key_sha256) == ("valid", key)
    assert CaOrder.objects.count() == IssuedCertificate.objects.count() == 1


def test_the_delay_doubles_up_to_an_hour(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("issuing")
    answering(monkeypatch, down)
    delays = []
    at = timezone.now()
    for _attempt in range(12):
        with time_machine.travel(at, tick=False):
            certificate = issue()
            delays.append((certificate.next_attempt_at - timezone.now()).total_seconds())
        at = certificate.next_attempt_at

    assert delays[:4] == [5, 10, 20, 40]
    assert delays[-1] == 3600
    assert certificate.attempts == 12


def test_a_ca_that_says_no_fails_the_request_and_an_officer_has_it_tried_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    with monkeypatch.context() as refusing:
        answering(refusing, lambda self, order: Refused("The CA does not know this profile.", "profile 17"))
        certificate = issue()

    assert (certificate.state, certificate.private_key_wrapped) == ("refused", None)
    request.refresh_from_db()
    assert (request.state, request.failure) == ("failed", failures.REFUSED)
    assert request.failure_facts["message"] == "The CA does not know this profile."
    first_key = certificate.public_key_sha256

    retry.retry(actor=company.ada, request_id=request.pk)
    certificate = issue()

    assert certificate.state == "valid"
    assert certificate.public_key_sha256 != first_key
    assert CaOrder.objects.count() == 2


def test_a_retry_has_the_token_sealed_whose_certificates_are_all_there(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one of the request was refused before it was sealed."""
    request = cast.accepted(cast.enabled(company.ada, company.uma, company.vpn, cast.token_type("other")))
    complete, refused = Certificate.objects.order_by("pk")
    one_step.issue(complete.pk)
    with monkeypatch.context() as refusing:
        answering(refusing, lambda self, order: Refused("No.", ""))
        one_step.issue(refused.pk)
    assert TokenRequest.objects.get(pk=request.pk).state == "failed"
    SoftwareToken.objects.update(next_attempt_at=None)

    retry.retry(actor=company.ada, request_id=request.pk)

    due = SoftwareToken.objects.exclude(next_attempt_at=None)
    assert [token.pk for token in due] == [complete.token_id]


def test_pending_is_fetched_later(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("issuing")
    later = timezone.now() + timedelta(hours=2)
    with monkeypatch.context() as pending:
        answering(pending, lambda self, order: Pending("handle-1", later))
        certificate = issue()

    assert (certificate.state, certificate.order.state) == ("ordered", "pending")
    assert certificate.next_attempt_at == later
    with time_machine.travel(later + timedelta(seconds=1)):
        assert issue().state == "valid"


def test_pending_whose_fetching_fails_is_fetched_later_and_later(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the CA promised once is over, and says nothing about the next try."""
    certificate = company.request_in("issuing").tokens.get().certificates.get()
    past = timezone.now() - timedelta(hours=1)
    answers = [Pending("no. 7", past), *[Unknown("no answer")] * 4]
    monkeypatch.setattr(issuing, "_asked", lambda *_: answers.pop(0))
    delays = []
    for _answer in tuple(answers):
        Certificate.objects.filter(pk=certificate.pk).update(next_attempt_at=past)
        one_step.issue(certificate.pk)
        row = Certificate.objects.get(pk=certificate.pk)
        delays.append(round((row.next_attempt_at - timezone.now()).total_seconds()))
    assert delays[1:] == [10, 20, 40, 80]


def test_a_worker_that_died_after_the_ca_accepted_leaves_one_certificate(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")

    def issued_but_the_worker_dies(order_id: Any) -> None:
        original(order_id)
        raise KeyboardInterrupt

    original = issuing.ask
    with monkeypatch.context() as dying:
        dying.setattr(issuing, "ask", issued_but_the_worker_dies)
        with pytest.raises(KeyboardInterrupt):
            issue()

    assert the_certificate().state == "ordered"
    assert issue().state == "ordered", "the lease holds"
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        certificate = issue()

    assert certificate.state == "valid"
    assert IssuedCertificate.objects.count() == 1


def test_no_answer_is_looked_up_before_it_is_asked_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    original = EmbeddedConnector.issue

    def accepted_but_silent(self: EmbeddedConnector, order: Any) -> Unknown:
        original(self, order)
        return Unknown("time-out after the request was sent")

    with monkeypatch.context() as silent:
        answering(silent, accepted_but_silent)
        certificate = issue()
    assert (certificate.state, certificate.order.state) == ("ordered", "unknown")

    answering(monkeypatch, down)  # only the search answers
    with time_machine.travel(certificate.next_attempt_at + timedelta(seconds=1)):
        certificate = issue()

    assert certificate.state == "valid"
    assert IssuedCertificate.objects.count() == 1


def test_a_worker_that_outlives_its_lease_settles_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")
    certificate_id = the_certificate().pk
    original = issuing.ask

    def slow(order_id: Any) -> Any:
        answer = original(order_id)
        monkeypatch.setattr(issuing, "ask", original)
        with time_machine.travel(timezone.now() + timedelta(seconds=301)):
            one_step.issue(certificate_id)
        return answer

    monkeypatch.setattr(issuing, "ask", slow)
    issue()

    assert the_certificate().state == "valid"
    assert AuditEvent.objects.filter(name="certificate.issued").count() == 1
    assert IssuedCertificate.objects.count() == 1


def test_a_person_locked_during_the_call_has_it_revoked(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    original = EmbeddedConnector.issue

    def locked_meanwhile(self: EmbeddedConnector, order: Any) -> Any:
        uma = Person.objects.get(pk=company.uma.pk)
        uma.lock()
        uma.save()
        return original(self, order)

    answering(monkeypatch, locked_meanwhile)
    certificate = issue()

    assert certificate.revocation_decided_at is not None
    assert certificate.private_key_wrapped is None
    assert TokenRequest.objects.get(pk=request.pk).state == "failed"
    revoke.revoke_at_ca(certificate_id=certificate.pk)
    assert the_certificate().state == "revoked"


def test_a_request_cancelled_during_the_call_has_it_revoked(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    original = EmbeddedConnector.issue

    def cancelled_meanwhile(self: EmbeddedConnector, order: Any) -> Any:
        cancellation.cancel(actor=company.ada, request_id=request.pk, reason="left")
        return original(self, order)

    answering(monkeypatch, cancelled_meanwhile)
    certificate = issue()

    assert certificate.revocation_decided_at is not None
    revoke.revoke_at_ca(certificate_id=certificate.pk)
    assert the_certificate().state == "revoked"
    assert TokenRequest.objects.get(pk=request.pk).state == "cancelled"


def test_what_a_cancelled_request_left_at_the_ca_is_found_and_revoked(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    original = EmbeddedConnector.issue

    def accepted_but_silent(self: EmbeddedConnector, order: Any) -> Unknown:
        original(self, order)
        return Unknown("time-out")

    with monkeypatch.context() as silent:
        answering(silent, accepted_but_silent)
        certificate = issue()
    cancellation.cancel(actor=company.ada, request_id=request.pk, reason="left")
    assert the_certificate().private_key_wrapped is None

    outside, seen = len(connection.atomic_blocks), transactions_at_lints(monkeypatch)
    with time_machine.travel(certificate.next_attempt_at + timedelta(seconds=1)):
        step5_issue.resolve_orphaned_order(certificate_id=certificate.pk)
        revoke.revoke_at_ca(certificate_id=certificate.pk)
    assert seen == [outside], "nobody waits for a linter here, either"

    assert the_certificate().state == "revoked"
    assert IssuedCertificate.objects.get().revoked_at is not None


def test_what_was_never_issued_for_a_cancelled_request_is_not_asked_for(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")
    with monkeypatch.context() as while_down:
        answering(while_down, down)
        certificate = issue()
    cancellation.cancel(actor=company.ada, request_id=request.pk, reason="left")

    with time_machine.travel(certificate.next_attempt_at + timedelta(seconds=1)):
        step5_issue.resolve_orphaned_order(certificate_id=certificate.pk)

    assert the_certificate().state == "refused"
    assert not IssuedCertificate.objects.exists()


def test_a_change_between_acceptance_and_issuance_stops_before_the_ca(company: Company) -> None:
    request = company.request_in("issuing")
    Person.objects.filter(pk=company.uma.pk).update(email="other@example.com")

    certificate = issue()

    assert certificate.state == "refused"
    request.refresh_from_db()
    assert request.state == "failed"
    assert (request.failure, request.failure_facts) == (failures.PERSON_CHANGED, {"fields": ["email"]})
    assert request.stopped_at is not None
    assert not CaOrder.objects.exists()


def test_the_wrapped_key_belongs_to_its_row(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("issuing")
    answering(monkeypatch, down)
    certificate = issue()

    def opened(
        *, purpose: str = "private-keys", record: Any = certificate.pk, owner: Any = company.uma.pk
    ) -> bytes:
        wrapped = certificate.private_key_wrapped
        return vault.unwrap(wrapped, purpose=vault.Purpose(purpose), record=record, owner=owner)

    assert opened().startswith(b"\x30")
    for other in ({"purpose": "passphrases"}, {"record": company.uma.pk}, {"owner": company.sam.pk}):
        with pytest.raises(vault.VaultError):
            opened(**other)


def test_a_fault_that_nobody_foresaw_stands_on_the_certificate_and_is_tried_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")

    def broken(*_: object, **__: object) -> bytes:
        raise vault.VaultError("There is no such key.")

    with monkeypatch.context() as patched:
        patched.setattr(vault, "wrap", broken)
        for attempt in (1, 2):
            Certificate.objects.update(next_attempt_at=timezone.now())
            with pytest.raises(vault.VaultError):
                issue()
            row = the_certificate()
            assert (row.state, row.last_error, row.attempts) == ("ordered", "VaultError", attempt)
            assert row.order_id is None
            assert row.next_attempt_at > timezone.now()
    with time_machine.travel(row.next_attempt_at):
        assert issue().state == "valid"


def test_a_fault_of_that_kind_at_the_ca_leaves_the_order_in_doubt(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issuing")

    def broken(*_: object, **__: object) -> None:
        raise LookupError("a slip of ours")

    with monkeypatch.context() as patched:
        patched.setattr(step5_issue, "_finish", broken)
        patched.setattr(settlement, "settle", broken)
        with pytest.raises(LookupError):
            issue()
    row = the_certificate()
    assert (row.state, row.last_error, row.leased_until) == ("ordered", "LookupError", None)
    with time_machine.travel(row.next_attempt_at):
        assert issue().state == "valid"
    assert IssuedCertificate.objects.count() == 1


def test_a_token_waits_for_all_its_certificates(company: Company) -> None:
    pair = cast.token_type("pair", profiles=("signing", "encryption"))
    request = cast.accepted(cast.enabled(company.ada, company.uma, pair))
    first, second = Certificate.objects.all()
    token = request.tokens.get()

    one_step.issue(first.pk)
    step6_passphrase.seal(token_id=token.pk)
    assert SoftwareToken.objects.get().state == "issuing"

    one_step.issue(second.pk)
    step6_passphrase.seal(token_id=token.pk)
    assert SoftwareToken.objects.get().state == "sealed"
