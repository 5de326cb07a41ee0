"""Roles on the pages: given, taken, refused with the reason, and the list of who holds which office."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.people.roles import who_may_page
from identity_manager.models import (
    AuditEvent,
    IdentityChange,
    Person,
    Recovery,
    Role,
    RoleAssignment,
    SignInCode,
    TokenRequest,
)
from identity_manager.models.people.role import today
from identity_manager.people import registration_policy
from identity_manager.people.officers import roles
from identity_manager.workflow.policy import approvers, eligibility
from identity_manager.workflow.recovery import officers_policy
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

GIVEN = {"role": Role.APPROVER.value, "unit": "", "valid_from": "", "valid_until": ""}


@pytest.fixture
def ulf(company: cast.Company) -> Client:
    """The browser of a User Administrator."""
    return signed_in(officer("ulf", Role.USER_ADMINISTRATOR))


def address(person: Person) -> str:
    return reverse("console:person-roles", args=[person.pk])


def test_a_role_is_given_for_a_unit_and_a_time(ulf: Client, company: cast.Company) -> None:
    last = today() + timedelta(days=90)
    sent = {**GIVEN, "unit": "Nord", "valid_until": last.isoformat()}
    response = ulf.post(address(company.uma), sent, follow=True)
    assert "Uma Lindqvist has the role Approver." in response.text
    held = RoleAssignment.objects.get(person=company.uma, role=Role.APPROVER)
    assert (held.organisational_unit, held.valid_until) == ("Nord", last)
    assert "In force" in response.text


def test_a_conflict_is_refused_with_its_reason_before_and_after_it_is_sent(
    ulf: Client, company: cast.Company
) -> None:
    reason = "This does not go together with the role Software Token Administrator"
    assert reason in ulf.get(address(company.ada)).text
    response = ulf.post(address(company.ada), GIVEN)
    assert response.status_code == 422
    assert reason in response.text
    assert not RoleAssignment.objects.filter(person=company.ada, role=Role.APPROVER).exists()


def test_a_unit_that_nobody_is_in_is_refused_beside_the_field(ulf: Client, company: cast.Company) -> None:
    response = ulf.post(address(company.uma), {**GIVEN, "unit": "Nrod"})
    assert response.status_code == 422
    assert "Nobody is in an organisational unit of this name." in response.text
    assert 'value="Nrod"' in response.text
    assert not RoleAssignment.objects.filter(person=company.uma, role=Role.APPROVER).exists()


def test_a_last_day_that_is_over_is_refused_beside_the_field(ulf: Client, company: cast.Company) -> None:
    response = ulf.post(address(company.uma), {**GIVEN, "valid_until": "2020-01-01"})
    assert response.status_code == 422
    assert response.context["form"].errors["valid_until"] == ["The last day is over already."]


def test_a_role_is_withdrawn_after_a_page_that_names_it(ulf: Client, company: cast.Company) -> None:
    held = RoleAssignment.objects.get(person=company.paul, role=Role.APPROVER)
    page = reverse("console:person-role-withdraw", args=[company.paul.pk, held.pk])
    assert "Withdraw the role Approver from Paul Weber?" in ulf.get(page).text
    assert RoleAssignment.objects.filter(pk=held.pk).exists()
    assert "Paul Weber does not have the role Approver any more." in ulf.post(page, follow=True).text
    assert not RoleAssignment.objects.filter(pk=held.pk).exists()
    assert ulf.post(page).status_code == 404


def test_somebody_elses_role_is_not_found_under_this_person(ulf: Client, company: cast.Company) -> None:
    held = RoleAssignment.objects.get(person=company.paul, role=Role.APPROVER)
    page = reverse("console:person-role-withdraw", args=[company.uma.pk, held.pk])
    assert ulf.post(page).status_code == 404
    assert RoleAssignment.objects.filter(pk=held.pk).exists()


def test_nobody_gives_a_role_to_themselves(company: cast.Company) -> None:
    ulf = officer("ulf", Role.USER_ADMINISTRATOR)
    browser = signed_in(ulf)
    assert "These are your own" in browser.get(address(ulf)).text
    assert browser.post(address(ulf), GIVEN).status_code == 403
    assert ulf.roles.count() == 1


def test_a_registration_officer_gives_self_service_alone(company: cast.Company) -> None:
    rita = signed_in(company.rita)
    sven = cast.person("sven", roles=())
    response = rita.post(address(sven), {**GIVEN, "role": Role.SELF_SERVICE_USER.value})
    assert response.status_code == 302
    assert rita.post(address(sven), GIVEN).status_code == 403
    assert list(sven.roles.values_list("role", flat=True)) == [Role.SELF_SERVICE_USER.value]


def test_a_user_administrator_of_a_unit_sees_no_other_unit(company: cast.Company) -> None:
    ulf = signed_in(officer("ulf", Role.USER_ADMINISTRATOR, unit="Süd"))
    assert ulf.get(address(company.uma)).status_code == 404


def test_an_auditor_reads_and_gives_nothing(company: cast.Company) -> None:
    browser = signed_in(officer("aude", Role.AUDITOR))
    page = browser.get(address(company.uma))
    assert page.status_code == 200
    assert ">Assign</button>" not in page.text
    assert browser.post(address(company.uma), GIVEN).status_code == 403


def test_a_role_that_has_ended_opens_no_page(company: cast.Company) -> None:
    RoleAssignment.objects.filter(person=company.ada).update(valid_until=today() - timedelta(days=1))
    assert signed_in(company.ada).get(reverse("console:search")).status_code == 403


def test_the_list_of_offices_is_narrowed_by_role_and_by_name(ulf: Client, company: cast.Company) -> None:
    page = reverse("console:officers")
    assert "Rita Olsen" in ulf.get(page).text
    narrowed = ulf.get(page, {"role": Role.APPROVER.value, "q": "weber"}).text
    assert "Paul Weber" in narrowed
    assert "Petra Novák" not in narrowed
    assert "Nobody" in ulf.get(page, {"q": "zzz"}).text
    assert signed_in(company.ada).get(page).status_code == 403


@pytest.mark.parametrize("role", [Role.USER_ADMINISTRATOR, Role.AUDITOR])
def test_the_list_of_offices_ends_at_the_unit_and_each_name_leads_on(
    company: cast.Company, role: Role
) -> None:
    otto = officer("otto", Role.APPROVER, organisational_unit="Sued", sid="")
    reader = signed_in(officer("nora", role, unit="Nord", sid=""))

    text = reader.get(reverse("console:officers")).text

    assert ("Rita Olsen" in text, "Otto Muster" in text) == (True, False)
    assert reader.get(address(company.rita)).status_code == 200
    assert reader.get(address(otto)).status_code == 404


def test_who_holds_roles_that_conflict_is_named(ulf: Client, company: cast.Company) -> None:
    page = reverse("console:officers")
    assert "Roles that check each other" not in ulf.get(page).text
    RoleAssignment.objects.create(person=company.ada, role=Role.REGISTRATION_OFFICER)
    text = ulf.get(page).text
    assert "Roles that check each other" in text
    assert "Software Token Administrator with Registration Officer" in " ".join(text.split()) or (
        "Registration Officer with Software Token Administrator" in " ".join(text.split())
    )
    limited = signed_in(officer("una", Role.USER_ADMINISTRATOR, unit="Elsewhere"))
    assert "Roles that check each other" not in limited.get(page).text


def test_who_can_do_what_as_a_file(ulf: Client, company: cast.Company) -> None:
    sent = {"role": Role.APPROVER.value, "q": ""}
    response = ulf.post(reverse("console:officers-export"), sent)
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))
    approvers_of_all = Person.objects.holding(Role.APPROVER)
    assert {row["Name"] for row in rows} == set(approvers_of_all.values_list("display_name", flat=True))
    assert {(row["Role"], row["What the role may do"]) for row in rows} == {
        ("Approver", "Approves, rejects or postpones requests.")
    }
    event = AuditEvent.objects.get(name="list.exported")
    assert event.facts == {"what": "officer", "rows": len(rows), "filters": {"role": "approver"}}


def test_who_can_do_what_for_one_person_is_what_the_verbs_say(company: cast.Company) -> None:
    """Who entered them, made a code, confirmed the identity; another unit; a role that is over."""
    uma, now = company.uma, timezone.now()
    Person.objects.filter(pk=uma.pk).update(organisational_unit="Nord")
    roles_of_officers = [role for role in Role if role != Role.SELF_SERVICE_USER]
    units = {"n": "Nord", "f": "Sued"}
    everybody = {
        name: [officer(f"{name}-{role}", role, unit=units.get(name, "")) for role in roles_of_officers]
        for name in "anfecio"
    }
    RoleAssignment.objects.filter(person__in=everybody["o"]).update(valid_until=today() - timedelta(days=1))
    for maker in everybody["c"]:
        SignInCode.objects.create(
            person=uma, asked_by=maker, made_at=now, used_at=now, needs_confirmation=False
        )
    for confirmer in everybody["i"]:
        IdentityChange.objects.create(
            person=uma,
            old={},
            new={"email": "x@example.com"},
            source="manual",
            decided_by=confirmer,
            state="confirmed",
            decided_at=now,
        )
    uma.refresh_from_db()
    for entered_by in everybody["e"]:
        Person.objects.filter(pk=uma.pk).update(entered_by=entered_by)
        uma.refresh_from_db()
        acts = who_may_page.who_may(uma)
        assert {act.words: able(officers) for act, officers in acts} == {
            act.words: by_verb(act, uma) for act, _officers in acts
        }


def able(officers: list[who_may_page.Able]) -> set[Person]:
    return {each.officer for each in officers if not each.why_not}


def by_verb(act: who_may_page.OfficersAct, person: Person) -> set[Person]:
    """Whom the obstacle of the act's verb lets pass."""
    request = TokenRequest(person=person, requested_by=person)
    recovery = Recovery(request=TokenRequest(person=cast.person("x"), requested_by=person), owner=person)
    Person.objects.filter(pk=recovery.request.person_id).delete()
    obstacles = {
        "Ask for software tokens": lambda officer: eligibility.asking_obstacle(officer, person),
        "Revoke, hold and reinstate software tokens": lambda officer: (
            None if eligibility.administers(officer, person) else eligibility.NOT_ADMINISTRATOR
        ),
        "Approve requests": lambda officer: approvers.decision_obstacle(officer, request),
        "Decide on the recovery of archived keys": lambda officer: officers_policy.obstacle(
            officer, recovery
        ),
        "Change, deactivate and lock": lambda officer: registration_policy.officer_obstacle(officer, person),
        "Give roles": lambda officer: roles.obstacles(actor=officer, person=person)[Role.AUDITOR],
    }
    officers = Person.objects.exclude(pk=person.pk).prefetch_related("roles")
    return {each for each in officers if obstacles[str(act.words)](each) is None}


def test_the_page_says_who_and_why_not(ulf: Client, company: cast.Company) -> None:
    Person.objects.filter(pk=company.uma.pk).update(entered_by=company.paul)
    text = ulf.get(reverse("console:person-who-may", args=[company.uma.pk])).text
    assert "Approve requests" in text
    assert "entered this person" in text
    assert company.ada.display_name in text
    assert reverse("console:person-who-may", args=[company.uma.pk]) in ulf.get(address(company.uma)).text
