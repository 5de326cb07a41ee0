"""What nobody foresaw, in each piece of work that is done on a certificate beside issuing it.

It stands on the row, is raised for the log, and the work is done at the next try.
"""

from collections.abc import Callable

import pytest
import time_machine

from ca_bridge import issuing
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.contract import CertificateOrder, RevocationReason, Unknown
from identity_manager.models import Certificate, SoftwareToken
from identity_manager.workflow import hold, revoke, side_roads, step5_issue
from tests.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def to_be_revoked(company: Company) -> None:
    company.request_in("completed")
    token = SoftwareToken.objects.get()
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)


def to_be_held(company: Company) -> None:
    company.request_in("completed")
    hold.put_on_hold(
        actor=company.ada, token_id=SoftwareToken.objects.get().pk, reason="the laptop is missing"
    )


def left_behind(company: Company) -> None:
    """Nobody knows whether the CA has issued, and the request is cancelled."""
    request = company.request_in("issuing")

    def silent(_self: EmbeddedConnector, _order: CertificateOrder) -> Unknown:
        return Unknown("time-out")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmbeddedConnector, "issue", silent)
        step5_issue.issue(certificate_id=Certificate.objects.get().pk)
    side_roads.cancel(actor=company.ada, request_id=request.pk, reason="left")


@pytest.mark.parametrize(
    ("prepare", "work", "call", "state"),
    [
        (to_be_revoked, revoke.carry_out, "revoke", "revoked"),
        (to_be_held, hold.carry_out, "hold", "on_hold"),
        (left_behind, step5_issue.clear_up, "look_up", "refused"),
    ],
)
def test_it_stands_on_the_certificate_and_is_tried_again(
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Company], None],
    work: Callable[..., None],
    call: str,
    state: str,
) -> None:
    prepare(company)
    certificate = Certificate.objects.get()

    def slip(*_: object, **__: object) -> None:
        raise LookupError("a slip of ours")

    assert certificate.next_attempt_at is not None
    with time_machine.travel(certificate.next_attempt_at), monkeypatch.context() as patch:
        patch.setattr(issuing, call, slip)
        with pytest.raises(LookupError):
            work(certificate_id=certificate.pk)

    row = Certificate.objects.get()
    assert (row.last_error, row.leased_until, row.state) == ("LookupError", None, certificate.state)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > certificate.next_attempt_at
    with time_machine.travel(row.next_attempt_at):
        work(certificate_id=certificate.pk)
    row = Certificate.objects.get()
    assert (row.state, row.next_attempt_at) == (state, None)
    assert row.last_error != "LookupError"
