"""The filters of SEARCH for persons, requests and certificates; who may look for what."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.lists import filtering
from identity_manager.models import (
    Account,
    AskedApprover,
    Certificate,
    OutgoingMail,
    Person,
    PersonKind,
    Role,
    SignInCode,
    TokenRequest,
)
from identity_manager.people.api_access import api_clients
from identity_manager.workflow.people import sign_in_codes
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.database, pytest.mark.long_on_postgresql]
SEARCH = reverse("console:search")


def persons(client: Client, **asked: str) -> list[str]:
    rows = client.get(SEARCH, {"kind": "employee", **asked}).context["rows"]
    return [row.person.given_name for row in rows]


def requests(client: Client, **asked: str) -> set[TokenRequest]:
    return set(client.get(SEARCH, {"kind": "request", **asked}).context["rows"])


def certificates(client: Client, **asked: str) -> set[Certificate]:
    rows = client.get(SEARCH, {"kind": "certificate", **asked}).context["rows"]
    return {row.certificate for row in rows}


def in_days(days: int) -> str:
    return f"{timezone.localdate() + timedelta(days=days):%Y-%m-%d}"


# --- persons ---------------------------------------------------------------------------------------
def test_who_is_called_so_comes_before_who_works_there(ada: Client) -> None:
    cast.person("abel", department="Uma Products", surname="Aaron", display_name="Abel Aaron")

    assert persons(ada, q="uma") == ["Uma", "Abel"]
    assert persons(ada, q="uma", sort="name") == ["Abel", "Uma"]


def test_without_words_nobody_is_nearer(ada: Client) -> None:
    assert persons(ada, sort="relevance") == persons(ada)


def test_clients_of_the_api_are_no_external_persons(ada: Client, company: cast.Company) -> None:
    cast.person("erik", kind=PersonKind.EXTERNAL)
    sven = cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    api_clients.make(
        actor=sven, wanted=api_clients.ApiClientInput(name="Erik", days=30, scopes=["persons:read"])
    )
    assert Person.objects.filter(kind=PersonKind.EXTERNAL).count() == 2
    for text in ("", "erik", "api"):
        assert persons(ada, kind="external", q=text) == (["Erik"] if text != "api" else [])


def test_who_has_never_signed_in_is_found_and_whose_code_ends_by_who_makes_codes(
    ada: Client, company: cast.Company
) -> None:
    rita = signed_in(company.rita)
    assert persons(rita, sign_in="never", q="uma") == ["Uma"]
    Account.objects.create(person=company.uma, username="uma", last_login=timezone.now())
    assert persons(rita, sign_in="never", q="uma") == []

    code = sign_in_codes.ask(actor=company.rita, person_id=company.sam.pk)
    made = SignInCode.objects.filter(pk=code.pk)
    made.update(made_at=timezone.now(), expires_at=timezone.now() + timedelta(days=3))
    assert persons(rita, sign_in="code-ends") == []
    made.update(expires_at=timezone.now() + timedelta(days=1))
    assert persons(rita, sign_in="code-ends") == ["Sam"]
    made.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert persons(rita, sign_in="code-ends") == []
    assert persons(rita, sign_in="code-ended") == ["Sam"]
    account = Account.objects.create(person=company.sam, username="sam")
    Account.objects.filter(pk=account.pk).update(last_login=timezone.now() - timedelta(days=1))
    assert persons(rita, sign_in="code-ended") == ["Sam"]
    Account.objects.filter(pk=account.pk).update(last_login=timezone.now())
    assert persons(rita, sign_in="code-ended") == []
    Account.objects.filter(pk=account.pk).update(last_login=None)
    made.update(used_at=timezone.now())
    assert persons(rita, sign_in="code-ended") == []
    for choice in ("code-ends", "code-ended"):
        assert ada.get(SEARCH, {"kind": "employee", "sign_in": choice}).status_code == 422


def test_departments_and_units_that_are_known_can_be_chosen(ada: Client) -> None:
    cast.person("dora", department="Büro & Söhne", organisational_unit="Süd")
    page = ada.get(SEARCH, {"kind": "employee"}).text

    assert "Büro &amp; Söhne" in page
    assert persons(ada, department="Büro & Söhne") == persons(ada, unit="Süd") == ["Dora"]


def test_a_department_that_is_gone_finds_nobody_and_stays_chosen(ada: Client) -> None:
    response = ada.get(SEARCH, {"kind": "employee", "department": "Gone & away"})

    assert response.context["rows"] == []
    assert '<option value="Gone &amp; away" selected>' in response.text


def test_departments_of_other_units_are_not_told(company: cast.Company) -> None:
    cast.person("dora", department="Secret Project", organisational_unit="Süd")
    north = signed_in(officer("olga", Role.TOKEN_ADMINISTRATOR, unit="Nord"))

    assert "Secret Project" not in north.get(SEARCH, {"kind": "employee"}).text


def test_departments_and_units_are_those_of_the_kind(ada: Client) -> None:
    cast.person("dora", department="Works", organisational_unit="Süd")
    cast.person("xenia", department="Agency", organisational_unit="West", kind=PersonKind.EXTERNAL)

    def offered(kind: str) -> list[set[str]]:
        form = ada.get(SEARCH, {"kind": kind}).context["form"]
        return [{value for value, _ in form.fields[name].choices} for name in ("department", "unit")]

    assert offered("employee") == [{"", "Works", "Research"}, {"", "-none", "Nord", "Süd"}]
    assert offered("external") == [{"", "Agency"}, {"", "-none", "West"}]


@pytest.fixture(params=[1000, 0], ids=["few", "many"])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few lead to their things; of many, each thing is asked for its own."""
    monkeypatch.setattr(filtering, "MANY", request.param)


def test_tokens_in_use_by_type(ada: Client, company: cast.Company, many: None) -> None:
    company.request_in("completed")
    everybody = set(persons(ada))

    assert persons(ada, token_type="vpn") == persons(ada, token_type="any") == ["Uma"]
    assert persons(ada, token_type="signature") == []
    assert set(persons(ada, token_type="none")) == everybody - {"Uma"}


def test_a_token_that_expires_before_a_day(ada: Client, company: cast.Company, many: None) -> None:
    company.request_in("completed")
    Certificate.objects.update(not_after=timezone.now() + timedelta(days=30))

    assert persons(ada, expires_before=in_days(40)) == ["Uma"]
    assert persons(ada, expires_before=in_days(20)) == []
    assert persons(ada, expires_before=in_days(40), token_type="vpn") == ["Uma"]
    assert persons(ada, expires_before=in_days(40), token_type="signature") == []


@pytest.mark.parametrize("kind", ["request", "certificate"])
def test_requests_and_certificates_by_token_type(
    ada: Client, company: cast.Company, many: None, kind: str
) -> None:
    company.request_in("completed")

    answers = [ada.get(SEARCH, {"kind": kind, "token_type": code}) for code in ("vpn", "signature")]

    assert [len(answer.context["rows"]) for answer in answers] == [1, 0]


def test_words_find_the_same_however_many_persons_they_name(
    ada: Client, company: cast.Company, many: None
) -> None:
    uma, sam = (
        cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn)))
        for person in (company.uma, company.sam)
    )
    certificate = uma.tokens.get().certificates.get()
    of_request = [
        {"kind": "request", "q": words} for words in ("uma", uma.reference, "uma@", "zzz", "example")
    ]
    of_certificate = [
        {"kind": "certificate", "q": words}
        for words in ("uma", certificate.serial, certificate.subject[:12], "zzz")
    ]

    def found(**asked: str) -> set[TokenRequest]:
        rows = ada.get(SEARCH, asked).context["rows"]
        return {row.certificate.token.request if asked["kind"] == "certificate" else row for row in rows}

    assert [found(**asked) for asked in of_request] == [{uma}, {uma}, {uma}, set(), {uma, sam}]
    assert [found(**asked) for asked in of_certificate][:2] == [{uma}, {uma}]
    assert uma in found(**of_certificate[2])
    assert found(**of_certificate[3]) == set()
    assert found(kind="request", asked_by="ada") == {uma, sam}
    assert found(kind="request", asked_by="sam") == set()


def test_mails_are_found_the_same_however_many_persons_the_words_name(
    ada: Client, company: cast.Company, many: None
) -> None:
    request = company.request_in("issued")
    cast.enabled(company.ada, company.sam, company.vpn)
    theirs = set(request.mails.all())

    def found(words: str) -> set[OutgoingMail]:
        return {line.mail for line in ada.get("/mails/", {"q": words}).context["lines"]}

    assert theirs
    assert found("uma") == found(request.reference) == found(company.uma.email) == theirs
    assert found("example") == set(OutgoingMail.objects.all()) > theirs
    assert found("zzz") == set()


def test_certificates_that_are_searched_by_their_end_come_in_that_order(
    ada: Client, company: cast.Company
) -> None:
    late = company.request_in("completed").tokens.get().certificates.get()
    request = cast.issued(cast.accepted(cast.enabled(company.ada, company.sam, company.vpn)))
    soon = request.tokens.get().certificates.get()
    Certificate.objects.filter(pk=late.pk).update(not_after=timezone.now() + timedelta(days=90))
    Certificate.objects.filter(pk=soon.pk).update(not_after=timezone.now() + timedelta(days=30))

    def listed(**asked: str) -> list[Certificate]:
        response = ada.get(SEARCH, {"kind": "certificate", **asked})
        return [row.certificate for row in response.context["rows"]]

    assert listed(expires_before=in_days(100)) == listed(expires_from=in_days(1)) == [soon, late]
    assert listed(expires_before=in_days(100), sort="-issued") == listed() == [soon, late]
    assert listed(expires_before=in_days(100), sort="-expires") == [late, soon]


def test_a_revoked_certificate_is_none_that_expires(ada: Client, company: cast.Company) -> None:
    company.request_in("completed")
    for certificate in Certificate.objects.all():
        certificate.revoke(now=timezone.now())
        certificate.save()

    assert persons(ada, expires_before="2199-01-01") == []


def test_who_holds_a_role(ada: Client) -> None:
    assert persons(ada, role="approver") == ["Petra", "Paul"]
    assert persons(ada, role="auditor") == []


def test_external_persons_are_filtered_alike(ada: Client) -> None:
    cast.person("xenia", kind=PersonKind.EXTERNAL, department="Guests")

    rows = ada.get(SEARCH, {"kind": "external", "department": "Guests"}).context["rows"]

    assert [row.person.given_name for row in rows] == ["Xenia"]


def test_the_filters_of_another_kind_are_left_behind(ada: Client, company: cast.Company) -> None:
    request = company.request_in("requested")

    response = ada.get(SEARCH, {"kind": "request", "of": "employee", "state": "active", "q": "uma"})

    assert response.status_code == 200
    assert response.context["rows"] == [request]


def test_what_was_filtered_is_said(ada: Client) -> None:
    text = ada.get(SEARCH, {"kind": "employee", "state": "active", "expires_before": "2030-04-05"}).text

    assert "State: Active" in text
    assert "A token expires before: 5 April 2030" in text
    assert "Clear the filters" in text


# --- requests --------------------------------------------------------------------------------------
@pytest.fixture
def pair(company: cast.Company) -> tuple[TokenRequest, TokenRequest]:
    """uma's by ada for a signature; sam's own for VPN."""
    return company.request_in("requested"), cast.asked(company.sam, company.vpn)


def test_a_reference_is_found_with_and_without_its_hyphen(
    ada: Client, pair: tuple[TokenRequest, TokenRequest]
) -> None:
    reference = pair[0].reference

    for text in (reference, reference.lower(), reference.replace("-", ""), reference[:6], f" {reference} "):
        assert requests(ada, q=text) == {pair[0]}, text


def test_requests_are_found_by_person_type_origin_and_who_asked(
    ada: Client, pair: tuple[TokenRequest, TokenRequest]
) -> None:
    by_ada, by_sam = pair

    assert requests(ada, q="lindqvist") == {by_ada}
    assert requests(ada, token_type="vpn") == {by_sam}
    assert requests(ada, origin="administrator") == {by_ada}
    assert requests(ada, asked_by="sam stone") == {by_sam}
    assert requests(ada, state="requested") == {by_ada}


def test_requests_are_found_by_the_day_that_they_were_asked(
    ada: Client, pair: tuple[TokenRequest, TokenRequest]
) -> None:
    TokenRequest.objects.filter(pk=pair[0].pk).update(created_at=timezone.now() - timedelta(days=10))

    assert requests(ada, asked_from=in_days(-1)) == {pair[1]}
    assert requests(ada, asked_until=in_days(-1)) == {pair[0]}
    assert requests(ada, asked_until=in_days(0)) == set(pair)
    assert requests(ada, ended_from=in_days(-1)) == set()


def test_an_approver_finds_what_needs_approval_on_requests(
    paul: Client, pair: tuple[TokenRequest, TokenRequest]
) -> None:
    page = paul.get(reverse("console:requests"), {"token_type": "vpn"})

    assert page.context["rows"] == []
    assert paul.get(reverse("console:requests")).context["rows"] == [pair[0]]


def test_an_approver_in_an_address_is_named_to_who_reads_of_them(
    company: cast.Company, pair: tuple[TokenRequest, TokenRequest]
) -> None:
    AskedApprover.objects.filter(request=pair[0]).delete()
    moment = timezone.now()
    AskedApprover.objects.create(
        request=pair[0], round=1, approver=company.paul, level="first", asked_at=moment, waits_from=moment
    )
    stranger = cast.person("zelda", organisational_unit="Far")

    def named(actor: Person, approver: Person) -> str:
        asked = {"approver": str(approver.pk)}
        form = signed_in(actor).get(reverse("console:requests"), asked).context["form"]
        return str(dict(form.fields["approver"].choices)[str(approver.pk)])

    assert named(company.ada, company.paul) == company.paul.display_name
    assert named(company.ada, stranger) == str(stranger.pk)
    elsewhere = officer("olga", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere")
    assert named(elsewhere, company.paul) == str(company.paul.pk)


# --- who may look for what -------------------------------------------------------------------------
def test_each_officer_is_offered_what_they_may_look_for(ada: Client, company: cast.Company) -> None:
    rita = signed_in(company.rita)

    assert [kind.name for kind in ada.get(SEARCH).context["kinds"]] == [
        "employee",
        "external",
        "request",
        "certificate",
    ]
    assert [kind.name for kind in rita.get(SEARCH).context["kinds"]] == [
        "employee",
        "external",
        "certificate",
    ]
    assert rita.get(SEARCH, {"kind": "request"}).status_code == 403


def test_a_person_without_requests_is_no_obstacle(ada: Client) -> None:
    assert Person.objects.exists()
    assert "No request like this" in ada.get(SEARCH, {"kind": "request"}).text


def test_a_page_of_persons_asks_as_often_however_many_tokens_they_have(
    ada: Client, company: cast.Company
) -> None:
    def asked() -> int:
        """Of the second visit: the first one counts the tasks on the tabs anew, for some seconds."""
        with time_machine.travel(timezone.now(), tick=False):
            ada.get(reverse("console:search"), {"kind": "employee"})
            with CaptureQueriesContext(connection) as statements:
                ada.get(reverse("console:search"), {"kind": "employee"})
        return len(statements)

    company.request_in("completed")
    once = asked()
    for name in ("one", "two"):
        person = cast.person(name, roles=(Role.SELF_SERVICE_USER,))
        request = cast.delivered(cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn))))
        cast.noted(request.tokens.get())
    assert asked() == once
