"""Put on hold, Reinstate: by an administrator; and what reaches the CA, whatever it answers and when."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError
from identity_manager.models import (
    AuditEvent,
    Certificate,
    Person,
    Role,
    RoleAssignment,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow.delivery import resending
from identity_manager.workflow.revocation import hold, revoke
from tests.identity_manager.workflow.worker import works
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def put(company: Company) -> SoftwareToken:
    return hold.put_on_hold(
        actor=company.ada, token_id=SoftwareToken.objects.get().pk, reason="the laptop is missing"
    )


def reinstate(company: Company) -> SoftwareToken:
    return hold.reinstate(actor=company.ada, token_id=SoftwareToken.objects.get().pk)


def the_certificate() -> Certificate:
    return Certificate.objects.get()


def reason_at_the_ca() -> str:
    return str(IssuedCertificate.objects.get().reason)


@pytest.mark.parametrize(("state", "back"), [("issued", "sealed"), ("completed", "active")])
def test_there_and_back(company: Company, state: str, back: str) -> None:
    request = company.request_in(state)
    put(company)
    works()
    assert (SoftwareToken.objects.get().state, the_certificate().state) == ("on_hold", "on_hold")
    assert reason_at_the_ca() == "certificateHold"
    assert TokenRequest.objects.get(pk=request.pk).state == state

    reinstate(company)
    works()
    token = SoftwareToken.objects.get()
    assert (token.state, token.reason, the_certificate().state) == (back, "", "valid")
    assert reason_at_the_ca() == ""
    names = [event.name for event in AuditEvent.objects.filter(token=token).order_by("pk")][-5:]
    assert "certificate.held" in names
    assert "token.reinstated" in names
    assert "certificate.released" in names


@pytest.mark.parametrize("state", ["requested", "awaiting_acceptance", "issuing", "failed", "cancelled"])
def test_only_what_is_in_use_is_held(company: Company, state: str) -> None:
    company.request_in(state)
    with pytest.raises(Stale):
        put(company)
    with pytest.raises(Stale):
        reinstate(company)


def test_who_may_and_why(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    for actor in (company.uma, company.paul, company.rita):
        with pytest.raises(NotAllowed):
            hold.put_on_hold(actor=actor, token_id=token.pk, reason="x")
    with pytest.raises(NotPossible) as refused:
        hold.put_on_hold(actor=company.ada, token_id=token.pk, reason=" ")
    assert refused.value.field == "reason"


def test_nobody_reinstates_their_own(company: Company) -> None:
    """Somebody else has held it, because the device may be lost."""
    token = company.request_in("completed").tokens.get()
    put(company)
    RoleAssignment.objects.create(person=company.uma, role=Role.TOKEN_ADMINISTRATOR)
    uma = Person.objects.get(pk=company.uma.pk)
    with pytest.raises(NotAllowed) as refused:
        hold.reinstate(actor=uma, token_id=token.pk)
    assert refused.value.reason.code == "own-token-to-administer"


def test_nothing_is_handed_out_of_a_token_on_hold(company: Company) -> None:
    token = company.request_in("issued").tokens.get()
    put(company)
    with pytest.raises(Refused):
        cast.shown(token)
    with pytest.raises(Refused):
        resending.send_again(actor=company.uma, token_id=token.pk, container_format="compatible")
    assert cast.delivered(token.request).mails.get(message="delivery").state == "queued"


def test_a_token_on_hold_can_be_revoked(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    put(company)
    works()
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    works()
    assert (the_certificate().state, reason_at_the_ca()) == ("revoked", "keyCompromise")


def test_a_ca_that_cannot_release_is_not_asked_and_we_remember(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("completed")
    monkeypatch.setattr(issuing, "ReleasesHold", type("NoConnectorDoes", (), {}))
    put(company)
    works()
    assert (the_certificate().state, the_certificate().held_at_ca) == ("on_hold", False)
    assert reason_at_the_ca() == ""
    assert AuditEvent.objects.get(name="certificate.held").facts["at_ca"] is False
    reinstate(company)
    works()
    assert the_certificate().state == "valid"


@pytest.mark.parametrize("answer", [CaError("It is down.", "refused"), RevocationOutcome.PENDING])
def test_a_ca_that_is_down_delays(company: Company, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    company.request_in("completed")
    put(company)

    def answers(*_args: Any) -> RevocationOutcome:
        if isinstance(answer, CaError):
            raise answer
        return RevocationOutcome(answer)

    with monkeypatch.context() as down:
        down.setattr(EmbeddedConnector, "revoke", answers)
        works()
    certificate = the_certificate()
    assert (certificate.state, bool(certificate.last_error)) == ("valid", True)
    with time_machine.travel(certificate.next_attempt_at):
        works()
    assert the_certificate().state == "on_hold"


def while_asked(monkeypatch: pytest.MonkeyPatch, call: str, event: Callable[[], object]) -> None:
    """The event happens once, after the CA has done its part and before we have its answer."""
    original = getattr(issuing, call)

    def meanwhile(**asked: Any) -> Any:
        answer = original(**asked)
        monkeypatch.setattr(issuing, call, original)
        event()
        return answer

    monkeypatch.setattr(issuing, call, meanwhile)


def test_reinstated_while_the_ca_is_asked_for_the_hold(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("completed")
    put(company)
    while_asked(monkeypatch, "hold", lambda: reinstate(company))
    works()
    assert (the_certificate().state, the_certificate().held_at_ca, reason_at_the_ca()) == ("valid", False, "")


def test_reinstated_before_the_ca_was_asked_leaves_nothing_to_ask_for(company: Company) -> None:
    company.request_in("completed")
    put(company)
    assert the_certificate().next_attempt_at is not None
    reinstate(company)
    assert the_certificate().next_attempt_at is None


def test_reinstated_while_the_answer_to_the_hold_is_lost(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CA may have it on hold, so that it is asked for the release at once, and not after the fault."""
    company.request_in("completed")
    put(company)

    def lost() -> None:
        reinstate(company)
        raise CaError("No answer within 30 s.")

    while_asked(monkeypatch, "hold", lost)
    works()
    assert (the_certificate().state, the_certificate().held_at_ca, reason_at_the_ca()) == ("valid", False, "")


def test_held_again_while_the_ca_is_asked_for_the_release(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("completed")
    put(company)
    works()
    reinstate(company)
    while_asked(monkeypatch, "release", lambda: put(company))
    works()
    assert (the_certificate().state, reason_at_the_ca()) == ("on_hold", "certificateHold")


def test_revoked_while_the_ca_is_asked_for_the_hold(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = company.request_in("completed").tokens.get()
    put(company)
    while_asked(
        monkeypatch,
        "hold",
        lambda: revoke.revoke_token(
            actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE
        ),
    )
    works()
    assert (the_certificate().state, reason_at_the_ca()) == ("revoked", "keyCompromise")


def test_a_worker_that_died_after_the_ca_held_it_leaves_nothing_on_hold(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("completed")
    put(company)

    def dies() -> None:
        raise KeyboardInterrupt

    while_asked(monkeypatch, "hold", dies)
    with pytest.raises(KeyboardInterrupt):
        works()
    assert reason_at_the_ca() == "certificateHold"
    reinstate(company)
    works()
    assert reason_at_the_ca() == "certificateHold", "the lease of the dead worker"
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        works()
    assert (the_certificate().state, reason_at_the_ca()) == ("valid", "")
