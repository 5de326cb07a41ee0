"""What ends with a client or its certificate, what a batch order takes, and that no event is missed."""

import uuid
from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.audit import sealing
from identity_manager.models import ApiScope, AuditEvent, BatchOrder, Certificate, Role
from identity_manager.people.api_access import api_clients
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow.batch import breaker
from identity_manager.workflow.revocation import hold, revoke
from tests.identity_manager.api.v1.conftest import Caller, make_client, problem_of
from tests.identity_manager.workflow.batch.orders import with_token, work
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db]
REVOKE = {"kind": "revoke", "chosen_as": "persons", "options": {"reason": "superseded"}, "note": "a test"}
SYSTEM = (Role.SYSTEM_ADMINISTRATOR,)
Door = tuple[Certificate, "CallerByCertificate"]


class CallerByCertificate:
    """Calls through the proxy, which passes the certificate on."""

    def __init__(self, der: bytes) -> None:
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
        self.headers = {"X-SSL-Client-Cert": quote(pem), "X-Client-Cert-Secret": "of the proxy"}

    def status(self) -> int:
        return Client().get("/api/v1/persons", headers=self.headers).status_code


@pytest.fixture
def by_certificate(company: Company, settings: Settings) -> Door:
    """A client whose certificate this installation has issued."""
    settings.CERTIFICATE_PROXY_SECRET = "of the proxy"
    settings.CERTIFICATE_HEADER = "x-ssl-client-cert"
    certificate = with_token(company, company.uma).certificates.get()
    der = bytes(certificate.certificate)
    first, second = (cast.person(name, roles=SYSTEM, sid="") for name in ("first", "second"))
    wanted = api_clients.ApiClientInput(name="HR", days=30, scopes=tuple(ApiScope.values), certificate=der)
    row, _secret = api_clients.make(actor=first, wanted=wanted)
    api_clients.confirm(actor=second, client_id=row.pk)
    caller = CallerByCertificate(der)
    assert caller.status() == 200
    return certificate, caller


def test_a_revoked_certificate_opens_nothing(company: Company, by_certificate: Door) -> None:
    """From the decision on, whatever its CA has done of it."""
    certificate, caller = by_certificate
    revoke.revoke_token(
        actor=company.ada, token_id=certificate.token_id, reason=RevocationReason.KEY_COMPROMISE
    )
    assert caller.status() == 401
    Certificate.objects.filter(pk=certificate.pk).update(state="revoked")
    assert caller.status() == 401


def test_a_certificate_on_hold_opens_nothing_until_it_is_reinstated(
    company: Company, by_certificate: Door
) -> None:
    certificate, caller = by_certificate
    hold.put_on_hold(actor=company.ada, token_id=certificate.token_id, reason="lost for a day")
    assert caller.status() == 401
    hold.reinstate(actor=company.ada, token_id=certificate.token_id)
    assert caller.status() == 200


def test_no_client_is_made_with_a_revoked_certificate(company: Company) -> None:
    certificate = with_token(company, company.uma).certificates.get()
    revoke.revoke_token(
        actor=company.ada, token_id=certificate.token_id, reason=RevocationReason.KEY_COMPROMISE
    )
    der = bytes(certificate.certificate)
    wanted = api_clients.ApiClientInput(name="HR", days=30, scopes=tuple(ApiScope.values), certificate=der)
    with pytest.raises(NotPossible) as refused:
        api_clients.make(actor=cast.person("first", roles=SYSTEM, sid=""), wanted=wanted)
    assert refused.value.reason.code == api_clients.NO_CERTIFICATE.code


def test_a_batch_order_of_an_expired_client_stops(
    caller: Caller, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the day of its expiry, to whose end its role lasts."""
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 1000)
    token = with_token(company, company.uma)
    with time_machine.travel(caller.row.expires_at - timedelta(minutes=1), tick=False):
        placed = caller.post("/batch-orders", {**REVOKE, "chosen": [str(company.uma.pk)]})
        order = BatchOrder.objects.get(pk=placed.json()["id"])
        work(order)
        assert caller.post(f"/batch-orders/{order.pk}/start", {"note": "a test"}).status_code == 200
    with time_machine.travel(caller.row.expires_at + timedelta(minutes=1), tick=False):
        work(order)
    token.refresh_from_db()
    assert token.state == "active"


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        *((kind, "tokens:revoke") for kind in ("revoke", "hold", "reinstate", "replace")),
        *((kind, "requests:write") for kind in ("enable", "renew", "cancel", "replace")),
    ],
)
def test_a_batch_order_takes_the_scopes_of_what_it_does(company: Company, kind: str, missing: str) -> None:
    scopes = tuple(scope for scope in ApiScope.values if scope != missing)
    body = {**REVOKE, "kind": kind, "chosen": [str(company.uma.pk)]}
    refused = make_client(scopes=scopes).post("/batch-orders", body)
    assert problem_of(refused) == (403, "insufficient-scope")
    assert missing in refused["WWW-Authenticate"]
    assert not BatchOrder.objects.exists()


def test_a_number_among_the_ids_is_refused_at_once(caller: Caller, company: Company) -> None:
    body = {**REVOKE, "chosen": [str(company.uma.pk), "E-00010"]}
    assert problem_of(caller.post("/batch-orders", body)) == (422, "not-valid")
    assert not BatchOrder.objects.exists()


def test_ids_are_taken_in_either_case(caller: Caller, company: Company) -> None:
    with_token(company, company.uma)
    placed = caller.post("/batch-orders", {**REVOKE, "chosen": [str(company.uma.pk).upper()]})
    order = BatchOrder.objects.get(pk=placed.json()["id"])
    work(order)
    assert [line.outcome for line in order.lines.all()] == ["ready"]


def test_an_event_that_is_committed_late_is_listed(caller: Caller) -> None:
    """Its key was made when its transaction began, before those of events that a client has read."""
    nina = cast.person("nina", sid="")
    for _number in range(3):
        audit.record(audit.Event.PERSON_CHANGED, actor=None, subject=nina)
    sealing.seal()
    page = caller.read("/events", person=str(nina.pk), limit="2")
    earliest = AuditEvent.objects.filter(person=nina).earliest("pk")
    audit.record(audit.Event.PERSON_LOCKED, actor=None, subject=nina)
    late = AuditEvent.objects.filter(person=nina, name="person.locked")
    late.update(id=uuid.UUID(int=earliest.pk.int - 1), at=timezone.now())
    sealing.seal()

    names = [row["name"] for row in page["items"]]
    while page["next"]:
        page = caller.read("/events", person=str(nina.pk), limit="2", cursor=page["next"])
        names += [row["name"] for row in page["items"]]
    assert names.count("person.locked") == 1
    assert len(names) == AuditEvent.objects.filter(person=nina).count()
