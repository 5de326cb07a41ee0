"""A person who leaves, returns or is locked between every two steps of the road."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import Refused, RevocationReason
from identity_manager.models import Certificate, OutgoingMail, SoftwareToken, TokenRequest
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.people import leave_and_return
from tests.identity_manager.workflow.worker import works
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]


@dataclass(frozen=True)
class Picture:
    """Everything that an event can change: states, the CA's word, the delivery mail, what secrets exist."""

    request: str
    token: str
    certificate: str = ""
    ca: str | None = None
    mail: str = ""
    passphrase: bool = False
    key: bool = False


def picture(request: TokenRequest) -> Picture:
    token = SoftwareToken.objects.get(request=request)
    certificate = Certificate.objects.filter(token=token).first()
    at_ca = IssuedCertificate.objects.first()
    mail = OutgoingMail.objects.filter(token=token, message="delivery").first()
    return Picture(
        request=TokenRequest.objects.get(pk=request.pk).state,
        token=token.state,
        certificate=certificate.state if certificate else "",
        ca=at_ca.reason if at_ca else None,
        mail=mail.state if mail else "",
        passphrase=token.passphrase_wrapped is not None,
        key=certificate is not None and certificate.private_key_wrapped is not None,
    )


# --- the events


def deactivate(company: Company) -> None:
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="parental leave")


def deactivate_and_activate(company: Company) -> None:
    deactivate(company)
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)


def lock(company: Company) -> None:
    leave_and_return.lock(
        actor=company.rita, person_id=company.uma.pk, reason=RevocationReason.KEY_COMPROMISE
    )


Event = Callable[[Company], None]
EVENTS: dict[str, Event] = {"leave": deactivate, "return": deactivate_and_activate, "lock": lock}


# --- the places on the road


def issued_not_sealed(company: Company) -> TokenRequest:
    request = company.request_in("issuing")
    one_step.issue(Certificate.objects.get().pk)
    return request


def mailed(company: Company) -> TokenRequest:
    return cast.delivered(company.request_in("issued"))


def noted_not_mailed(company: Company) -> TokenRequest:
    request = company.request_in("issued")
    cast.noted(request.tokens.get())
    return request


PLACES: dict[str, Callable[[Company], TokenRequest]] = {
    "before approval": lambda company: company.request_in("requested"),
    "approved": lambda company: company.request_in("approved"),
    "awaiting acceptance": lambda company: company.request_in("awaiting_acceptance"),
    "before the CA was asked": lambda company: company.request_in("issuing"),
    "refused by the CA": lambda company: company.request_in("failed"),
    "issued, not sealed": issued_not_sealed,
    "sealed, not mailed": lambda company: company.request_in("issued"),
    "mailed, not noted": mailed,
    "noted, not mailed": noted_not_mailed,
    "in use": lambda company: company.request_in("completed"),
}
HOLD, COMPROMISE = "certificateHold", "keyCompromise"
DELIVERED = Picture("issued", "sealed", "valid", "", "sent", passphrase=True)
IN_USE = Picture("completed", "active", "valid", "", "sent")
CANCELLED = Picture("cancelled", "cancelled")
OUTCOMES: dict[str, dict[str, Picture]] = {
    "before approval": {
        "leave": Picture("requested", "ordered"),
        "return": Picture("requested", "ordered"),
        "lock": CANCELLED,
    },
    "approved": {
        "leave": Picture("approved", "ordered"),
        "return": Picture("approved", "ordered"),
        "lock": CANCELLED,
    },
    "awaiting acceptance": {
        "leave": Picture("awaiting_acceptance", "ordered"),
        "return": Picture("awaiting_acceptance", "ordered"),
        "lock": CANCELLED,
    },
    "before the CA was asked": {
        "leave": Picture("issuing", "issuing", "ordered"),
        "return": DELIVERED,
        "lock": Picture("cancelled", "cancelled", "refused"),
    },
    "refused by the CA": {
        "leave": Picture("failed", "issuing", "refused"),
        "return": Picture("failed", "issuing", "refused"),
        "lock": Picture("cancelled", "cancelled", "refused"),
    },
    "issued, not sealed": {
        "leave": Picture("issuing", "issuing", "on_hold", HOLD, key=True),
        "return": DELIVERED,
        "lock": Picture("cancelled", "cancelled", "revoked", COMPROMISE),
    },
    "sealed, not mailed": {
        "leave": Picture("issued", "on_hold", "on_hold", HOLD, "queued", passphrase=True),
        "return": DELIVERED,
        "lock": Picture("completed", "revoked", "revoked", COMPROMISE, "discarded"),
    },
    "mailed, not noted": {
        "leave": Picture("issued", "on_hold", "on_hold", HOLD, "sent", passphrase=True),
        "return": DELIVERED,
        "lock": Picture("completed", "revoked", "revoked", COMPROMISE, "sent"),
    },
    "noted, not mailed": {
        "leave": Picture("issued", "on_hold", "on_hold", HOLD, "queued"),
        "return": IN_USE,
        "lock": Picture("completed", "revoked", "revoked", COMPROMISE, "discarded"),
    },
    "in use": {
        "leave": Picture("completed", "on_hold", "on_hold", HOLD, "sent"),
        "return": IN_USE,
        "lock": Picture("completed", "revoked", "revoked", COMPROMISE, "sent"),
    },
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("place", PLACES)
def test_at_every_place(company: Company, place: str, event: str) -> None:
    request = PLACES[place](company)

    EVENTS[event](company)
    works()

    assert picture(request) == OUTCOMES[place][event]


@pytest.mark.parametrize("place", PLACES)
def test_who_is_locked_during_a_leave_ends_as_who_is_locked(company: Company, place: str) -> None:
    request = PLACES[place](company)

    deactivate(company)
    works()
    lock(company)
    works()

    assert picture(request) == OUTCOMES[place]["lock"]


@pytest.mark.parametrize("place", PLACES)
def test_a_return_after_the_hold_has_reached_the_ca_ends_as_a_quick_one(company: Company, place: str) -> None:
    request = PLACES[place](company)

    deactivate(company)
    works()
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    works()

    assert picture(request) == OUTCOMES[place]["return"]


# --- while the CA, or the mail server, has it in its hands


@contextmanager
def while_asked(monkeypatch: pytest.MonkeyPatch, event: Callable[[], None]) -> Iterator[None]:
    """The event happens after the CA was asked and before its answer is there."""
    original = EmbeddedConnector.issue

    def meanwhile(self: EmbeddedConnector, order: Any) -> Any:
        answer = original(self, order)
        event()
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedConnector, "issue", meanwhile)
        yield


AT_THE_CA = {
    "leave": Picture("issuing", "issuing", "on_hold", HOLD, key=True),
    "return": DELIVERED,
    "lock": Picture("cancelled", "cancelled", "revoked", "cessationOfOperation"),
}


@pytest.mark.parametrize("event", EVENTS)
def test_at_the_ca(company: Company, monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    request = company.request_in("issuing")

    with while_asked(monkeypatch, lambda: EVENTS[event](company)):
        one_step.issue(Certificate.objects.get().pk)
    works()

    assert picture(request) == AT_THE_CA[event]


def test_who_is_on_leave_is_not_told_that_the_ca_refused(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = company.request_in("issuing")

    def refused(_self: Any, _order: Any) -> Refused:
        deactivate(company)
        return Refused("No.", "")

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedConnector, "issue", refused)
        one_step.issue(Certificate.objects.get().pk)

    assert picture(request).request == "failed"
    assert not OutgoingMail.objects.filter(message="issuance_failed").exists()


@pytest.mark.parametrize("event", EVENTS)
def test_at_the_mail_server(company: Company, monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    """What the mail server has is gone; it is settled on what the event left."""
    request = company.request_in("issued")
    mail = OutgoingMail.objects.get(message="delivery")
    original = step7_deliver.sending.send

    def meanwhile(row: OutgoingMail) -> str:
        provider_id = original(row)
        EVENTS[event](company)
        return provider_id

    with monkeypatch.context() as patched:
        patched.setattr(step7_deliver.sending, "send", meanwhile)
        step7_deliver.send(mail_id=mail.pk)
    works()

    expected = OUTCOMES["mailed, not noted"][event]
    found = picture(request)
    assert (found.request, found.token, found.ca) == (expected.request, expected.token, expected.ca)
    assert found.mail == ("discarded" if event == "lock" else "sent")
