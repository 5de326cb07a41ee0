"""The form of every call: problems, cursors, filters, strict bodies, certificates instead of tokens."""

import base64
import json
import uuid
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import ApiScope, AskedApprover, IdempotentCall, Role
from identity_manager.people.api_access import api_calls, api_clients
from tests.identity_manager.api.v1.conftest import Caller, make_client, problem_of
from tests.tools import cast
from tests.tools.x509 import issued, named

pytestmark = [pytest.mark.django_db]


def raw(caller: Caller, content: bytes, content_type: str = "application/json") -> HttpResponse:
    headers = {"Authorization": f"Bearer {caller.secret}", "Idempotency-Key": "a"}
    return caller.browser.post("/api/v1/requests", content, content_type=content_type, headers=headers)


def test_every_error_is_a_problem(caller: Caller) -> None:
    browser, known = Client(), {"Authorization": f"Bearer {caller.secret}"}
    answer = browser.delete("/api/v1/persons", headers=known)
    assert problem_of(answer) == (405, "method-not-allowed")
    assert answer["Allow"] == "GET"
    assert problem_of(browser.options("/api/v1/persons", headers=known)) == (405, "method-not-allowed")
    for path in ("/", "/none", "/tokens/%0A", "/%0A", "/persons/none", "/persons/"):
        assert problem_of(caller.get(path)) == (404, "not-found"), path
    assert problem_of(raw(caller, b"{}", "text/plain")) == (415, "not-json")
    for content in (b"{", b"\xff", b'{"types": ["a"], "types": ["b"]}', b'{"person": NaN}'):
        assert problem_of(raw(caller, content)) == (400, "not-readable"), content
    assert problem_of(raw(caller, b'{"x": "' + b"x" * 3_000_000 + b'"}')) == (413, "too-large")
    answer = raw(caller, json.dumps({"person": "x", "types": [], "more": 1}).encode())
    assert problem_of(answer) == (422, "not-valid")
    assert {each["field"] for each in answer.json()["errors"]} == {"body.person", "body.types", "body.more"}
    no_key = browser.post("/api/v1/requests", {}, content_type="application/json", headers=known)
    assert problem_of(no_key) == (422, "not-valid")


def test_unknown_names_in_the_address_are_refused(caller: Caller) -> None:
    assert problem_of(caller.get("/persons", stat="active")) == (422, "unknown-query-name")
    twice = caller.get("/persons?limit=1&limit=2")
    assert problem_of(twice) == (422, "unknown-query-name")
    for name, value in (
        ("limit", "0"),
        ("limit", "201"),
        ("state", "none"),
        ("expires_before", "2026-13-01"),
    ):
        assert problem_of(caller.get("/persons", **{name: value})) == (422, "not-valid"), name
    assert problem_of(caller.get("/groups", q="x")) == (422, "unknown-query-name")


def test_a_list_is_read_page_by_page_and_filtered_as_in_search(caller: Caller) -> None:
    for number in range(5):
        cast.person(f"page{number}", department="Paging")
    seen, cursor = [], ""
    for _ in range(3):
        more = {"cursor": cursor} if cursor else {}
        page = caller.read("/persons", department="Paging", limit="2", **more)
        seen += [row["personnel_number"] for row in page["items"]]
        cursor = page["next"] or ""
    assert seen == [f"P-page{number}" for number in range(5)]
    assert not cursor
    assert len(caller.read("/persons", q="page3")["items"]) == 1


def test_requests_are_filtered_by_approver_and_answer_as_in_search(caller: Caller) -> None:
    company = cast.Company()
    rejected, waiting = company.request_in("rejected"), company.request_in("requested")
    AskedApprover.objects.all().delete()
    now, paul = timezone.now(), str(company.paul.pk)
    asked = AskedApprover.objects.create(
        request=waiting, round=1, approver=company.paul, level="first", asked_at=now, waits_from=now
    )

    def found(**query: str) -> set[str]:
        return {row["id"] for row in caller.read("/requests", **query)["items"]}

    assert found(approver=paul) == {str(waiting.pk), str(rejected.pk)}
    assert found(approver=paul, answer="waiting") == found(answer="waiting") == {str(waiting.pk)}
    assert found(approver=paul, answer="late") == set()
    asked.reminded_at = now
    asked.save()
    assert found(approver=paul, answer="late") == {str(waiting.pk)}
    assert found(approver=paul, answer="rejected") == {str(rejected.pk)}
    assert found(approver=paul, answer="approved") == set()
    assert found(approver=str(company.uma.pk)) == set()
    for refused in ({"approver": "paul"}, {"approver": str(uuid.uuid4())}, {"answer": "perhaps"}):
        assert problem_of(caller.get("/requests", **refused)) == (422, "not-valid"), refused


def test_the_document_says_what_each_value_of_a_filter_means(caller: Caller) -> None:
    parameters = Client().get("/api/v1/openapi.json").json()["paths"]["/api/v1/requests"]["get"]["parameters"]
    named = {each["name"]: json.dumps(each) for each in parameters}
    assert '"format": "uuid"' in named["approver"]
    assert "the id of a person" in named["approver"]
    assert '"enum": ["waiting", "late", "approved", "rejected"]' in named["answer"]
    assert "late: reminded, and not answered; approved: approved" in named["answer"]


def test_a_cursor_is_signed_for_one_list_one_filter_and_one_client(caller: Caller) -> None:
    for number in range(3):
        cast.person(f"page{number}", department="Paging")
    cursor = caller.read("/persons", limit="1")["next"]
    changed = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    other = make_client(name="ERP")
    for answer in (
        caller.get("/persons", cursor=changed),
        caller.get("/persons", cursor=cursor, department="Paging"),
        caller.get("/groups", cursor=cursor),
        other.get("/persons", cursor=cursor),
        caller.get("/persons", cursor="AAAA"),
    ):
        assert problem_of(answer) == (422, "cursor-not-valid")
    assert caller.get("/persons", cursor=cursor, limit="2").status_code == 200


def test_a_sentence_is_in_the_language_of_the_caller(caller: Caller) -> None:
    headers = {"Authorization": f"Bearer {caller.secret}", "Accept-Language": "de"}
    answer = Client().get("/api/v1/none", headers=headers)
    assert answer.json()["detail"] == "Unter dieser Adresse gibt es nichts."


def test_a_client_shows_its_certificate_through_the_proxy(settings: Settings) -> None:
    settings.CERTIFICATE_HEADER = "client-cert"
    settings.CERTIFICATE_BASE_URL = "https://testserver"
    der = certificate_of("HR", days=9)
    first, second = (cast.person(name, roles=(Role.SYSTEM_ADMINISTRATOR,)) for name in ("first", "second"))
    wanted = api_clients.ApiClientInput(name="HR", days=30, scopes=(ApiScope.PERSONS_READ,), certificate=der)
    row, secret = api_clients.make(actor=first, wanted=wanted)
    assert not secret
    assert row.expires_at <= timezone.now() + timedelta(days=9), "not longer than its certificate"

    def status(shown: bytes, **more: str) -> int:
        headers = {"Client-Cert": f":{base64.b64encode(shown).decode()}:", **more}
        return int(Client().get("/api/v1/persons", headers=headers).status_code)

    assert status(der) == 401
    api_clients.confirm(actor=second, client_id=row.pk)
    assert status(der) == 200
    assert status(certificate_of("HR", days=9)) == 401, "the same subject is not the same certificate"
    assert status(der, Authorization="Bearer imc_0") == 401
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    headers = {"Client-Cert": f":{base64.b64encode(der).decode()}:"}
    assert elsewhere.get("/api/v1/persons", headers=headers).status_code == 401, "not from the proxy"
    bearer = {"Authorization": f"Bearer {base64.b64encode(der).decode()}"}
    assert Client().get("/api/v1/persons", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("host", "secret", "status"),
    [("certificate.example.com", "", 200), ("testserver", "", 401),
     ("testserver", "between the proxy and us alone", 200), ("testserver", "guessed", 401),
     ("certificate.example.com", "guessed", 401)],
)  # fmt: skip
def test_a_certificate_is_public_so_its_header_counts_where_the_proxy_sets_it(
    settings: Settings, host: str, secret: str, status: int
) -> None:
    """A proxy that asks for no certificate at the portals' host names passes on what anybody sends there."""
    settings.CERTIFICATE_HEADER = "client-cert"
    settings.CERTIFICATE_BASE_URL = "https://certificate.example.com"
    settings.CERTIFICATE_PROXY_SECRET = "between the proxy and us alone" if secret else ""
    settings.ALLOWED_HOSTS = ["*"]
    der = certificate_of("HR", days=9)
    first, second = (cast.person(name, roles=(Role.SYSTEM_ADMINISTRATOR,)) for name in ("first", "second"))
    wanted = api_clients.ApiClientInput(name="HR", days=30, scopes=(ApiScope.PERSONS_READ,), certificate=der)
    row, _secret = api_clients.make(actor=first, wanted=wanted)
    api_clients.confirm(actor=second, client_id=row.pk)
    headers = {"Client-Cert": f":{base64.b64encode(der).decode()}:"}
    if secret:
        headers["X-Client-Cert-Secret"] = secret
    assert Client().get("/api/v1/persons", headers={**headers, "Host": host}).status_code == status


def certificate_of(name: str, *, days: int) -> bytes:
    """A certificate that signs itself, in DER."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), named(name)
    return issued(subject, key.public_key(), (subject, key), until=days).public_bytes(Encoding.DER)


def test_old_keys_are_forgotten(caller: Caller) -> None:
    caller.post("/requests", {"person": str(cast.person("uma").pk), "types": ["none"]})
    assert api_calls.forget_old() == 0
    IdempotentCall.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert api_calls.forget_old() == 1
