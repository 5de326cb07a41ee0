"""What is kept about a person, printed for them: complete, without secrets, without other people."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager import audit
from identity_manager.audit import Event
from identity_manager.models import (
    Account,
    ApproverGroup,
    AuditEvent,
    Deputy,
    Person,
    Recertification,
    ReviewDecision,
    Role,
    RoleAssignment,
    TokenRequest,
)
from identity_manager.workflow import step1_enable
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
# Where a person stands in other tables, and on the page: its heading, or why it is not there.
PLACES = {
    "roles": "Roles",
    "role_reviews": "Recertification of roles",
    "deputies": "Deputies",
    "deputyships": "Deputies",
    "approver_groups": "Approver groups",
    "standing_memberships": "Standing orders",
    "archived_keys": "Archived encryption keys",
    "leaves": "Leaves",
    "tokens": "Software tokens",
    "requests": "Requests",
    "events": "What the audit log says about the person",
    "directory_memberships": "Groups of the directory",
    "identity_changes": "Changes of identity",
    "account": "Account and sign-in",
    "sign_in_codes": "Account and sign-in",
    "saved_searches": "Record",
    "directory_link": "the record itself, as the directory gave it",
    "search_row": "the record once more, for the search",
    "audit_salt": "a random number",
    "erasures": "events of the audit log say the same",
    "terms_notices": "mails and accepted terms say the same",
    "recovery_shares": "an officer's share of a key, which is encrypted",
    "recoveries": "of keys for others: told by mail, or kept from the owner by two officers",
    "api_client": "the person of a program: nobody who could ask",
    "editors": "who has edited a version: an act as an officer",
}


def address(person: Person) -> str:
    return reverse("console:person-data", args=[person.pk])


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.fixture
def rita(company: Company) -> Client:
    return signed_in(company.rita, 0)


def a_life(company: Company) -> TokenRequest:
    request = step1_enable.enable(
        actor=company.ada,
        person_id=company.uma.pk,
        type_ids=[company.signature.pk],
        purpose="Signs offers",
    )
    request = cast.delivered(cast.issued(cast.accepted(cast.approved(company.paul, request))))
    cast.noted(request.tokens.get())
    return TokenRequest.objects.get(pk=request.pk)


def test_it_has_everything(company: Company, rita: Client) -> None:
    request = a_life(company)
    uma = Person.objects.get(pk=company.uma.pk)

    page = rita.post(address(uma))

    text, certificate = text_of(page.text), request.tokens.get().certificates.get()
    for said in (
        uma.personnel_number,
        uma.email,
        uma.upn,
        uma.department,
        request.reference,
        "Signs offers",
        str(company.ada),
        str(company.paul),
        request.acceptances.get().text.title,
        certificate.serial,
        certificate.subject,
        "The passphrase was noted",
        "Invitation to accept the terms",
        "Copies in backups",
        "after 1,095 days" if "after 1,095 days" in text else "after 1095 days",
    ):
        assert said in text, said
    assert page.headers["Cache-Control"] == "no-store"
    for heading in {each for each in PLACES.values() if each[0].isupper()}:
        assert heading in text, heading


def test_each_place_where_a_person_stands_is_on_the_page_or_says_why_not() -> None:
    accessors = {each.related_name or each.field.name for each in Person._meta.related_objects}
    named = {"editors" if name.endswith("+") else name for name in accessors}
    assert named == set(PLACES)


def test_it_asks_first_and_is_audited(company: Company, rita: Client) -> None:
    question = rita.get(address(company.uma))
    assert question.status_code == 200
    assert company.uma.email not in question.text
    assert not AuditEvent.objects.filter(name="person.data-taken").exists()

    rita.post(address(company.uma))

    event = AuditEvent.objects.get(name="person.data-taken")
    assert (event.actor, event.person) == (company.rita, company.uma)


def test_who_has_not_just_proved_who_they_are_is_asked_first(company: Company) -> None:
    answer = signed_in(company.rita).post(address(company.uma))

    assert (answer.status_code, "reauthenticate" in answer.headers["Location"]) == (302, True)
    assert not AuditEvent.objects.filter(name="person.data-taken").exists()


def test_only_registration_officers_of_the_unit_print_it(company: Company) -> None:
    elsewhere = officer("rolf", Role.REGISTRATION_OFFICER, unit="Elsewhere")
    others = (company.ada, company.paul, company.uma, elsewhere)

    refused = [signed_in(person, 0).post(address(company.uma)).status_code for person in others]

    assert refused == [403, 403, 403, 404]
    assert not AuditEvent.objects.filter(name="person.data-taken").exists()


def test_no_secret_is_on_it(company: Company, rita: Client) -> None:
    request = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, company.vpn)))
    passphrase = cast.shown(request.tokens.get())
    account, _created = Account.objects.get_or_create(person=company.uma, defaults={"username": "uma"})
    account.set_password("correct horse battery")
    account.save()

    text = rita.post(address(company.uma)).text

    assert "uma" in text
    assert passphrase not in text
    assert account.password not in text
    for mail in request.mails.all():
        assert mail.body_text[:80] not in unescape(text), "texts of mails are not printed"


def test_other_people_are_not_on_it(company: Company, rita: Client) -> None:
    """Names of who asked and decided alone: the person sees them in Self-Service."""
    a_life(company)
    zoe = cast.person("zoe", roles=())
    Person.objects.filter(pk=company.uma.pk).update(manager=zoe)
    audit.record(Event.PERSON_CHANGED, actor=zoe, subject=company.uma, fields=["department"])
    audit.record(
        Event.REQUEST_REJECTED, actor=company.uma, subject=cast.enabled(company.ada, company.sam, company.vpn)
    )

    page = rita.post(address(company.uma))
    text = text_of(page.text)

    assert str(zoe) not in text
    assert "An officer" in text
    assert str(company.sam) not in text, "what somebody did as an officer concerns others"
    assert "act as an officer is recorded" in text


def test_who_reviewed_and_who_stands_in_is_not_on_it(company: Company, rita: Client) -> None:
    """That there was a review, a deputy and a group is: what it says is about the person."""
    zoe, day = cast.person("zoe", roles=()), timezone.localdate()
    role = RoleAssignment.objects.filter(person=company.paul, role=Role.APPROVER).get()
    Recertification.objects.create(due_at=timezone.now()).reviews.create(
        person=company.paul,
        role=role.role,
        organisational_unit="Reviewed",
        assignment_id=role.pk,
        assigned_at=role.assigned_at,
        decision=ReviewDecision.CONFIRMED,
        decided_by=zoe,
        decided_at=timezone.now(),
    )
    for one, other in ((company.paul, zoe), (zoe, company.paul)):
        Deputy.objects.create(principal=one, deputy=other, valid_from=day, valid_until=day, assigned_by=zoe)
    ApproverGroup.objects.create(name="Two keys").members.create(person=company.paul, added_by=zoe)

    text = text_of(rita.post(address(company.paul)).text)

    for said in ("Reviewed", "Confirmed", "is a deputy", "has a deputy", "Two keys"):
        assert said in text, said
    assert str(zoe) not in text


def test_what_two_officers_keep_from_the_owner_is_not_told_by_paper(company: Company, rita: Client) -> None:
    audit.record(Event.RECOVERY_ASKED, actor=company.ada, subject=company.uma, reason="a court")
    theirs = cast.enabled(company.ada, company.sam, company.vpn)
    event = audit.event_about(Event.RECOVERY_APPROVED, actor=company.paul, subject=theirs)
    event.person = company.uma
    audit.append([event])

    text = text_of(rita.post(address(company.uma)).text).lower()

    assert "recover" not in text.replace("recovery officer", "")


def test_of_who_was_erased_nothing_is_left_to_print(company: Company, rita: Client) -> None:
    company.uma.erasures.create(
        asked_by=company.rita,
        decided_by=company.ada,
        decided_at=company.uma.created_at,
        erased_at=company.uma.created_at,
    )

    assert rita.post(address(company.uma)).status_code == 422
    assert not AuditEvent.objects.filter(name="person.data-taken").exists()
