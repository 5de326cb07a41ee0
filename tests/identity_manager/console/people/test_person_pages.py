"""Pages of Registration Officers: enter, edit, activate, deactivate, lock, decide on a change of identity."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse, reverse_lazy

from identity_manager.console.forms import refusals
from identity_manager.console.people import second_officers
from identity_manager.models import IdentityChange, Person, PersonSource, Role, SoftwareToken
from identity_manager.people import persons
from identity_manager.people.identity import identity_changes
from identity_manager.workflow.people import leave_and_return
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(company: Company) -> Client:
    """A Registration Officer's browser."""
    return signed_in(company.rita)


@pytest.fixture
def rolf(company: Company) -> Client:
    """The second Registration Officer's browser."""
    return signed_in(officer("rolf", Role.REGISTRATION_OFFICER))


def url(name: str, row: Any) -> str:
    return reverse(f"console:{name}", args=[row.pk])


def typed(person: Person, **changes: str) -> dict[str, str]:
    fields = {name: str(getattr(person, name) or "") for name in persons.EDITABLE}
    return {**fields, "version": str(person.version), **changes}


NEW = {
    "personnel_number": "4711", "given_name": "Nina", "surname": "Neu", "email": "nina@example.com",
    "kind": "employee", "language": "de", "time_zone": "Europe/Berlin", "active": "on",
}  # fmt: skip


# --- the record


def test_a_person_is_entered(rita: Client) -> None:
    assert "Enter a person" in rita.get(reverse("console:search")).text
    assert rita.get(reverse("console:person-create")).status_code == 200
    response = rita.post(reverse("console:person-create"), NEW)
    made = Person.objects.get(personnel_number="4711")
    assert response.headers["Location"] == url("person", made)
    assert (made.state, made.display_name, made.language) == ("active", "Nina Neu", "de")


def test_what_is_wrong_is_told_at_each_field_at_once_and_what_was_typed_is_kept(rita: Client) -> None:
    bad = {**NEW, "email": "nobody", "time_zone": "Mars", "surname": "", "department": "Forschung"}
    response = rita.post(reverse("console:person-create"), bad)
    assert response.status_code == 422
    errors = response.context["form"].errors
    assert set(errors) == {"email", "time_zone", "surname"}
    assert "Forschung" in response.text
    assert not Person.objects.filter(personnel_number="4711").exists()


def test_what_is_needed_is_not_called_optional(rita: Client) -> None:
    form = rita.get(reverse("console:person-create")).context["form"]
    drawn = {name: form[name].as_field_group() for name in form.fields}
    assert [name for name, field in drawn.items() if "(optional)" not in field] == [
        "personnel_number", "given_name", "surname", "kind", "language", "time_zone", "active",
    ]  # fmt: skip


def test_a_number_that_is_taken_is_told_at_its_field(rita: Client, company: Company) -> None:
    response = rita.post(reverse("console:person-create"), {**NEW, "personnel_number": "P-uma"})
    assert response.status_code == 422
    assert "personnel_number" in response.context["form"].errors


def test_a_plain_edit_is_saved_and_an_identity_waits(rita: Client, company: Company) -> None:
    page = rita.get(url("person-edit", company.uma))
    assert "uma@example.com" in page.text
    rita.post(url("person-edit", company.uma), typed(company.uma, department="Sales", email="u@example.com"))
    uma = Person.objects.get(pk=company.uma.pk)
    assert (uma.department, uma.email) == ("Sales", "uma@example.com")
    text = rita.get(url("person", uma)).text
    assert "A change of identity waits" in text
    assert "u@example.com" in text


def test_an_old_page_says_what_differs_and_keeps_what_was_typed(rita: Client, company: Company) -> None:
    old = typed(company.uma, surname="Typed")
    rita.post(url("person-edit", company.uma), typed(company.uma, department="Sales"))
    response = rita.post(url("person-edit", company.uma), old)
    assert response.status_code == 409
    assert "Typed" in response.text
    assert [now for _label, now, _typed in response.context["meanwhile"]] == ["Lindqvist", "Sales"]
    assert Person.objects.get(pk=company.uma.pk).surname == "Lindqvist"

    # As the page sends it: each field as it is drawn.
    drawn = response.context["form"]
    again = {**{name: drawn[name].value() for name in drawn.fields}, "department": "Sales"}
    assert again == {**old, "department": "Sales", "version": again["version"]}
    assert rita.post(url("person-edit", company.uma), again).status_code == 302
    assert Person.objects.get(pk=company.uma.pk).surname == "Typed"


@pytest.mark.parametrize("name", ["person-edit", "person-deactivate", "person-lock", "person-activate"])
def test_for_others_the_pages_are_closed(company: Company, ada: Client, paul: Client, name: str) -> None:
    assert ada.get(url(name, company.uma)).status_code == 403
    assert paul.get(url(name, company.uma)).status_code == 403
    elsewhere = signed_in(officer("olaf", Role.REGISTRATION_OFFICER, unit="Sued"))
    assert elsewhere.get(url(name, company.uma)).status_code == 404


def test_the_own_record_says_who_else_does_it(rita: Client, company: Company) -> None:
    response = rita.get(url("person-edit", company.rita))
    assert "Another Registration Officer does it." in response.text
    assert "<form" not in response.text.split("page-head")[1].split("</main>")[0]
    assert rita.post(url("person-lock", company.rita), {"reason": "keyCompromise"}).status_code == 403


# --- leave, return, the end


def test_the_pages_name_what_will_happen_to_what(rita: Client, company: Company) -> None:
    company.request_in("completed")
    cast.enabled(company.ada, company.uma, company.signature)
    page = rita.get(url("person-deactivate", company.uma)).text
    assert "1 token is put on hold." in page
    assert "comes back when the person is activated; of the roles, Self-Service User alone." in page
    assert "1 request waits." in page
    assert "Self-Service User" in page
    page = rita.get(url("person-lock", company.uma)).text
    assert "1 token is revoked" in page
    assert "1 request is cancelled." in page
    assert Person.objects.get(pk=company.uma.pk).state == "active", "looking changes nothing"


def test_no_role_is_promised_back_to_who_does_not_use_self_service(rita: Client) -> None:
    page = rita.get(url("person-deactivate", officer("paula", Role.APPROVER))).text
    assert "What waits or is on hold comes back when the person is activated; roles do not." in page
    assert "Self-Service User" not in page


def test_deactivate_activate_lock(rita: Client, company: Company) -> None:
    company.request_in("completed")
    assert rita.post(url("person-deactivate", company.uma), {"reason": ""}).status_code == 422
    rita.post(url("person-deactivate", company.uma), {"reason": "parental leave"})
    assert SoftwareToken.objects.get().state == "on_hold"
    page = rita.get(url("person", company.uma)).text
    assert "On leave" in page
    assert "parental leave" in page
    assert "1 token comes back from hold" in rita.get(url("person-activate", company.uma)).text
    rita.post(url("person-activate", company.uma))
    assert SoftwareToken.objects.get().state == "active"
    assert rita.post(url("person-lock", company.uma), {"reason": "superseded"}).status_code == 422
    rita.post(url("person-lock", company.uma), {"reason": "affiliationChanged"})
    assert Person.objects.get(pk=company.uma.pk).state == "locked"


def test_a_lock_tells_of_the_authority_only_where_there_is_something_to_tell(
    rita: Client, company: Company
) -> None:
    reason = {"reason": "affiliationChanged"}
    told = "The certificate authority is told now."
    company.request_in("completed")
    assert f"Locked for good. {told}" in rita.post(url("person-lock", company.uma), reason, follow=True).text
    page = rita.post(url("person-lock", company.sam), reason, follow=True).text
    assert "Locked for good." in page
    assert told not in page


@pytest.mark.parametrize(
    ("at_ca", "ended", "words"),
    [
        (True, False, "The token is in use again. The certificate authority is told now."),
        (False, False, "The token is in use again."),
        (False, True, "The certificates of this token have ended meanwhile. The token has expired."),
    ],
)
def test_the_end_of_a_hold_says_what_came_of_it(
    ada: Client, company: Company, words: str, *, at_ca: bool, ended: bool
) -> None:
    token = company.request_in("completed").tokens.get()
    ada.post(url("token-hold", token), {"reason": "laptop is missing"})
    state = {"state": "expired"} if ended else {"state": "on_hold", "held_at_ca": at_ca}
    token.certificates.update(**state, hold_wanted=not ended)

    page = ada.post(url("token-reinstate", token), follow=True)

    assert str(list(page.context["messages"])[-1]) == f"Uma Lindqvist, VPN: {words}"


def test_a_stale_page_shows_the_present_state(rita: Client, company: Company) -> None:
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="x")
    response = rita.post(url("person-deactivate", company.uma), {"reason": "again"})
    assert response.status_code == 409
    assert "Only a Registered or Active person can be deactivated." in response.text
    assert "Inactive" in response.text


# --- two officers for an identity


@pytest.fixture
def change(rita: Client, company: Company) -> IdentityChange:
    rita.post(url("person-edit", company.uma), typed(company.uma, email="u@example.com"))
    return IdentityChange.objects.get()


def test_the_second_officer_finds_it_in_open_tasks_and_confirms(
    rita: Client, rolf: Client, change: IdentityChange, company: Company
) -> None:
    assert "Changes of identity to confirm" not in rita.get(reverse("console:approvals")).text
    assert "Changes of identity to confirm" in rolf.get(reverse("console:approvals")).text
    assert "Rolf Muster" in rita.get(url("identity-change", change)).text
    assert rita.post(url("identity-change-confirm", change)).status_code == 403
    assert rolf.post(url("identity-change-confirm", change)).status_code == 302
    assert Person.objects.get(pk=company.uma.pk).email == "u@example.com"
    response = rolf.post(url("identity-change-confirm", change))
    assert response.status_code == 409
    assert "does not wait for a decision any more" in response.text


def test_what_was_overtaken_is_not_confirmed(rolf: Client, change: IdentityChange, company: Company) -> None:
    page, confirm = url("identity-change", change), url("identity-change-confirm", change)
    assert confirm in rolf.get(page).text

    Person.objects.filter(pk=company.uma.pk).update(email="meanwhile@example.com")

    text = unescape(rolf.get(page).text)
    assert str(identity_changes.MOVED_ON) in text
    assert confirm not in text
    assert url("identity-change-refuse", change) in text
    assert rolf.post(confirm).status_code == 409


def test_not_confirmed_needs_a_reason(rolf: Client, change: IdentityChange) -> None:
    assert rolf.post(url("identity-change-refuse", change), {"reason": ""}).status_code == 422
    rolf.post(url("identity-change-refuse", change), {"reason": "not in the directory"})
    assert "not in the directory" in rolf.get(url("identity-change", change)).text


def test_it_is_taken_back(rita: Client, change: IdentityChange) -> None:
    assert "Withdraw the change" in rita.get(url("identity-change", change)).text
    rita.post(url("identity-change-withdraw", change))
    assert IdentityChange.objects.get().state == "withdrawn"


# --- one token


def test_an_administrator_puts_a_token_on_hold_and_reinstates_it(ada: Client, company: Company) -> None:
    request = company.request_in("completed")
    token = request.tokens.get()
    assert "Put on hold" in ada.get(url("request", request)).text
    assert ada.get(url("token-hold", token)).status_code == 200
    assert ada.post(url("token-hold", token), {"reason": ""}).status_code == 422
    too_long = ada.post(url("token-hold", token), {"reason": "x" * 301})
    assert too_long.context["form"].errors == {"reason": ["At most 300 characters; these are 301."]}
    ada.post(url("token-hold", token), {"reason": "laptop is missing"})
    page = ada.get(url("request", request)).text
    assert "laptop is missing" in page
    assert "Reinstate" in page
    assert ada.post(url("token-hold", token), {"reason": "again"}).status_code == 409
    ada.post(url("token-reinstate", token))
    assert SoftwareToken.objects.get().state == "active"


# --- several identities at once

SEVERAL = reverse_lazy("console:identity-changes")


@pytest.fixture
def moved(company: Company) -> list[IdentityChange]:
    """The mail domain of uma, sam and paul has a new name."""
    persons_ = (company.uma, company.sam, company.paul)
    return [
        identity_changes.ask(
            person, new={"email": f"{person.pk.hex}@new.example"}, source=PersonSource.CSV, actor=None
        )
        for person in persons_
    ]


def confirmed() -> set[Any]:
    return set(IdentityChange.objects.filter(state="confirmed").values_list("pk", flat=True))


def test_several_changes_are_confirmed_at_once(rita: Client, moved: list[IdentityChange]) -> None:
    assert str(SEVERAL) in rita.get(reverse("console:approvals")).text
    page = rita.get(SEVERAL)
    assert [row.pk for row in page.context["rows"]] == [row.pk for row in moved]
    assert moved[0].new["email"] in page.text
    assert page.text.count("<bdi>who operates the machine</bdi>") == 3

    response = rita.post(SEVERAL, {"changes": [moved[0].pk, moved[2].pk]}, follow=True)

    assert "2 changes are confirmed." in response.text
    assert confirmed() == {moved[0].pk, moved[2].pk}
    assert [row.pk for row in response.context["rows"]] == [moved[1].pk]


def test_what_cannot_be_confirmed_is_named_and_the_others_are(
    rita: Client, company: Company, moved: list[IdentityChange]
) -> None:
    Person.objects.filter(pk=company.uma.pk).update(email="meanwhile@example.com")

    response = rita.post(SEVERAL, {"changes": [row.pk for row in moved]}, follow=True)

    assert confirmed() == {moved[1].pk, moved[2].pk}
    assert f"{company.uma.display_name}: {identity_changes.MOVED_ON}" in unescape(response.text)


def test_those_that_are_not_named_are_counted(
    rita: Client, moved: list[IdentityChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "REFUSED_NAMED", 1)
    for row in moved:
        Person.objects.filter(pk=row.person_id).update(email=f"{row.pk}@example.com")

    response = rita.post(SEVERAL, {"changes": [row.pk for row in moved]}, follow=True)

    assert unescape(response.text).count(str(identity_changes.MOVED_ON)) == 1
    assert "2 more are not confirmed." in response.text


def test_the_page_of_several_stands_under_open_tasks(rita: Client, moved: list[IdentityChange]) -> None:
    text = rita.get(SEVERAL).text
    assert re.search(r'href="/open-tasks/" aria-current="page"', text)


def test_more_officers_than_are_named_are_told_of(
    company: Company, moved: list[IdentityChange], monkeypatch: pytest.MonkeyPatch
) -> None:
    IdentityChange.objects.update(asked_by=company.rita)
    asker = signed_in(company.rita)
    page = reverse("console:identity-change", args=[moved[0].pk])
    officer("rolf", Role.REGISTRATION_OFFICER, sid="")
    assert "Rolf Muster" in asker.get(page).text
    assert "and others" not in asker.get(page).text
    officer("nora", Role.REGISTRATION_OFFICER, sid="")
    monkeypatch.setattr(second_officers, "NAMED", 1)
    assert "and others" in asker.get(page).text


def test_own_changes_and_those_of_other_units_are_not_confirmed(
    company: Company, moved: list[IdentityChange]
) -> None:
    Person.objects.filter(pk=company.sam.pk).update(organisational_unit="Sued")
    of_the_unit = signed_in(officer("rolf", Role.REGISTRATION_OFFICER, unit="Sued"))

    refused = of_the_unit.post(SEVERAL, {"changes": [moved[0].pk]})
    of_the_unit.post(SEVERAL, {"changes": [moved[1].pk]})

    assert refused.status_code == 422
    assert confirmed() == {moved[1].pk}


@pytest.mark.parametrize("sent", [[], ["no id"], ["0190d3a0-0000-7000-8000-000000000000"]])
def test_nothing_chosen_or_nothing_known_is_said(
    rita: Client, moved: list[IdentityChange], sent: list[str]
) -> None:
    response = rita.post(SEVERAL, {"changes": sent})
    assert response.status_code == 422
    assert "There is a problem" in response.text
    assert not confirmed()


@pytest.mark.parametrize(
    ("what", "sent", "state"),
    [("hold", {"reason": "lost"}, "on_hold"), ("revoke", {"reason": "keyCompromise"}, "revoked")],
)
def test_an_administrator_acts_on_each_token_on_the_page_of_the_person(
    ada: Client, company: cast.Company, what: str, sent: dict[str, str], state: str
) -> None:
    token = company.request_in("completed").tokens.get()
    place = reverse("console:person", args=[company.uma.pk])
    address = f"{reverse(f'console:token-{what}', args=[token.pk])}?back=person"
    assert f'href="{address}"' in ada.get(place).text
    assert f'href="{place}"' in ada.get(address).text, "where Go back leads"

    response = ada.post(address, sent)

    assert response.headers["Location"] == place
    token.refresh_from_db()
    assert token.state == state
    text = ada.get(place).text
    if what == "hold":
        assert f"{reverse('console:token-reinstate', args=[token.pk])}?back=person" in text
    else:
        assert "Revoke: This token is not in use" in text


def test_only_who_administers_the_person_has_the_actions(company: cast.Company) -> None:
    token = company.request_in("completed").tokens.get()
    address = reverse("console:token-revoke", args=[token.pk])
    elsewhere = signed_in(officer("elsa", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere"))
    place = reverse("console:person", args=[company.uma.pk])

    assert address not in signed_in(company.rita).get(place).text
    assert elsewhere.get(place).status_code == 404


def test_what_waits_of_a_new_person_is_said_when_they_are_entered_and_on_their_page(
    rita: Client, rolf: Client, company: Company
) -> None:
    text = rita.post(reverse("console:person-create"), NEW, follow=True).text
    assert "Another Registration Officer confirms: e-mail." in text
    assert "The identity of this person waits" in text
    made = Person.objects.get(personnel_number="4711")
    ada = signed_in(company.ada)
    waits = "The e-mail address of this person waits for a second Registration Officer"
    assert waits in unescape(ada.get(url("person", made)).text)
    change = IdentityChange.objects.get()
    assert url("identity-change", change) in rolf.get(reverse("console:approvals")).text
    rolf.post(url("identity-change-confirm", change))
    assert Person.objects.get(pk=made.pk).email == "nina@example.com"
    assert waits not in unescape(ada.get(url("person", made)).text)
