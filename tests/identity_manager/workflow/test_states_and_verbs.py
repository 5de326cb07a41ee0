"""Every state x every verb: the result, and that nothing at all has changed where the verb is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.forms.models import model_to_dict
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager.models import AuditEvent, Certificate, OutgoingMail, SoftwareToken, TokenRequest
from identity_manager.models.requests.states import RequestState
from identity_manager.models.requests.token_states import TokenState
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow import step2_approve, step4_accept, step6_passphrase
from identity_manager.workflow.delivery import resending
from identity_manager.workflow.issuance import retry
from identity_manager.workflow.requests import cancellation, lapse
from identity_manager.workflow.revocation import revoke
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


@dataclass(frozen=True)
class Verb:
    """How it is called, the state that it leads to from each that allows it, and the event that tells it."""

    call: Callable[[Company, TokenRequest], Any]
    leads_to: dict[str, str]
    event: str


def _approve(company: Company, request: TokenRequest) -> Any:
    return cast.approved(company.paul, request)


def _reject(company: Company, request: TokenRequest) -> Any:
    return step2_approve.reject(
        actor=company.paul, request_id=request.pk, snapshot_hash=request.snapshot_hash, reason="no"
    )


def _postpone(company: Company, request: TokenRequest) -> Any:
    return step2_approve.postpone(
        actor=company.paul,
        request_id=request.pk,
        snapshot_hash=request.snapshot_hash,
        until=timezone.now() + timedelta(days=2),
    )


BEFORE_ISSUED = ("requested", "approved", "awaiting_acceptance", "issuing", "failed")
VERBS = {
    "approve": Verb(_approve, {"requested": "awaiting_acceptance"}, "request.approved"),
    "reject": Verb(_reject, {"requested": "rejected"}, "request.rejected"),
    "postpone": Verb(_postpone, {"requested": "requested"}, "request.postponed"),
    "accept": Verb(
        lambda company, request: cast.accepted(request),
        {"awaiting_acceptance": "issuing"},
        "request.accepted",
    ),
    "decline": Verb(
        lambda company, request: step4_accept.decline(actor=company.uma, request_id=request.pk, reason="no"),
        {"awaiting_acceptance": "declined"},
        "request.declined",
    ),
    "cancel": Verb(
        lambda company, request: cancellation.cancel(actor=company.ada, request_id=request.pk, reason="gone"),
        dict.fromkeys(BEFORE_ISSUED, "cancelled"),
        "request.cancelled",
    ),
    "withdraw": Verb(
        lambda company, request: cancellation.withdraw(actor=company.uma, request_id=request.pk),
        dict.fromkeys(("requested", "approved", "awaiting_acceptance"), "cancelled"),
        "request.cancelled",
    ),
    "retry": Verb(
        lambda company, request: retry.retry(actor=company.ada, request_id=request.pk),
        {"failed": "issuing"},
        "request.retried",
    ),
    "show": Verb(
        lambda company, request: cast.shown(request.tokens.get()),
        {"issued": "issued"},
        "passphrase.shown",
    ),
    "revoke": Verb(
        lambda company, request: revoke.revoke_token(
            actor=company.ada, token_id=request.tokens.get().pk, reason=RevocationReason.KEY_COMPROMISE
        ),
        {"issued": "completed", "completed": "completed"},
        "token.revoked",
    ),
    "send again": Verb(
        lambda company, request: resending.send_again(
            actor=company.uma, token_id=request.tokens.get().pk, container_format="compatible"
        ),
        {"issued": "issued", "completed": "completed"},
        "token.sent-again",
    ),
}


def picture() -> dict[str, list[dict[str, Any]]]:
    """Every row that a verb could have touched."""
    models = (TokenRequest, SoftwareToken, Certificate, OutgoingMail, AuditEvent)
    return {model.__name__: [_values(row) for row in model.objects.order_by("pk")] for model in models}


def _values(row: Any) -> dict[str, Any]:
    return {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields
    } | model_to_dict(row)


@pytest.mark.parametrize("state", RequestState.values)
@pytest.mark.parametrize("name", VERBS)
def test_verb_in_state(company: Company, state: str, name: str) -> None:
    verb, request = VERBS[name], company.request_in(state)
    assert request.state == state
    before = picture()

    if state in verb.leads_to:
        verb.call(company, request)
        assert TokenRequest.objects.get(pk=request.pk).state == verb.leads_to[state]
        told = picture()["AuditEvent"][len(before["AuditEvent"]) :]
        assert verb.event in [event["name"] for event in told]
    else:
        with pytest.raises(Refused) as refusal:
            verb.call(company, request)
        assert str(refusal.value)
        assert picture() == before


@pytest.mark.parametrize("state", RequestState.values)
def test_the_system_does_nothing_out_of_turn(company: Company, state: str) -> None:
    """issue, seal and lapse are called for any row at any time: a message may be delivered twice or late."""
    request = company.request_in(state)
    token = request.tokens.get()
    issuing = state == "issuing"
    before = picture()

    if not issuing:
        for certificate in token.certificates.all():
            one_step.issue(certificate.pk)
    step6_passphrase.seal(token_id=token.pk)
    lapse.lapse_request(request_id=request.pk)
    lapse.lapse_token(token_id=token.pk)

    assert picture() == before


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("requested", TokenState.ORDERED),
        ("rejected", TokenState.CANCELLED),
        ("declined", TokenState.CANCELLED),
        ("lapsed", TokenState.CANCELLED),
        ("cancelled", TokenState.CANCELLED),
        ("issuing", TokenState.ISSUING),
        ("failed", TokenState.ISSUING),
        ("issued", TokenState.SEALED),
        ("completed", TokenState.ACTIVE),
    ],
)
def test_the_token_goes_with_its_request(company: Company, state: str, expected: str) -> None:
    token = company.request_in(state).tokens.get()

    assert token.state == expected
    assert token.is_open == (expected in (TokenState.ORDERED, TokenState.ISSUING, TokenState.SEALED))
