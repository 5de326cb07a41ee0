"""The pages of recoveries by officers: asked for, listed, decided, and hidden from whom they concern."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.recovery import page as recovery_page
from identity_manager.models import (
    ArchivedKey,
    Opening,
    OwnerConsent,
    Person,
    Recovery,
    RequestKind,
    RequestOrigin,
    RequestState,
    Role,
    TokenRequest,
)
from identity_manager.workflow.recovery import decisions, policy, sealed_decisions
from tests.identity_manager.console.visitors import officer, tasks
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
LIST, OPEN_TASKS = reverse("console:recoveries"), reverse("console:approvals")


@pytest.fixture
def staff(company: Company) -> Officers:
    return recovery.officers()


@pytest.fixture
def dora(company: Company) -> Person:
    """Who is to get the keys."""
    return cast.person("dora", sid="")


@pytest.fixture
def asked(company: Company, staff: Officers, dora: Person) -> Recovery:
    """For uma's keys, asked for by ada, for dora; nobody has decided yet."""
    return made(company, dora)


def made(company: Company, beneficiary: Person, *, minutes_ago: int = 0) -> Recovery:
    request = TokenRequest.objects.create(
        kind=RequestKind.RECOVERY,
        state=RequestState.REQUESTED,
        origin=RequestOrigin.ADMINISTRATOR,
        person=beneficiary,
        requested_by=company.ada,
        approvals_needed=2,
    )
    return Recovery.objects.create(
        request=request,
        owner=company.uma,
        opening=Opening.OFFICERS,
        purpose="A court asks for it.",
        consent=OwnerConsent.ASKED,
        created_at=timezone.now() - timedelta(minutes=minutes_ago),
    )


def page(row: Recovery, name: str = "") -> str:
    return reverse(f"console:recovery{name}", args=[row.pk])


def shown(row: Recovery, **more: str) -> dict[str, str]:
    """A form about what the page shows now."""
    return {"seen": sealed_decisions.digest(row)} | more


# --- Asked for
def test_without_an_archived_key_nothing_is_asked_for(ada: Client, company: Company) -> None:
    address = reverse("console:person-recover", args=[company.uma.pk])
    text = ada.get(address).text
    assert "No key of this person was archived" in text
    assert "Ask for the recovery" not in text


def test_bad_input_says_why_and_loses_nothing(ada: Client, company: Company, staff: Officers) -> None:
    recovery.online_in_force(staff)
    key = recovery.archived_key(company)
    address = reverse("console:person-recover", args=[company.uma.pk])
    typed = {"purpose": "Her files are gone.", "beneficiary": "P-none", "until": "tomorrow"}
    nobody = ada.post(address, {"keys": [str(key.pk)]} | typed)
    assert nobody.status_code == 422
    assert set(nobody.context["form"].errors) == {"beneficiary", "until"}
    assert "Nobody has this personnel number." in nobody.text
    for words in typed.values():
        assert words in nobody.text
    foreign = ada.post(address, {"keys": [str(uuid.uuid4())]})
    assert foreign.context["form"].errors["keys"] == [str(policy.UNKNOWN_KEY)]
    assert ada.post(address, {}).context["form"].errors["keys"] == [str(policy.NO_KEYS)]
    assert not Recovery.objects.exists()

    done = ada.post(address, {"keys": [str(key.pk)], "purpose": "Her files are gone."}, follow=True)
    assert "Two Recovery Officers decide." in done.text
    assert Recovery.objects.get().keys.get().archived_key == ArchivedKey.objects.get()


# --- Listed
def test_all_are_listed_page_by_page(
    ada: Client, company: Company, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No recovery yet" in ada.get(LIST).text
    monkeypatch.setattr(recovery_page, "PER_PAGE", 2)
    rows = [made(company, dora, minutes_ago=minutes) for minutes in range(3)]
    assert list(ada.get(LIST).context["page"]) == rows[:2]
    assert list(ada.get(LIST, {"page": "2"}).context["page"]) == rows[2:]
    assert page(rows[2]) in ada.get(LIST, {"page": "2"}).text


@pytest.mark.parametrize("whose", ["owner", "beneficiary"])
def test_who_is_concerned_finds_nothing_whatever_roles_they_hold(
    company: Company, asked: Recovery, dora: Person, whose: str
) -> None:
    concerned = company.uma if whose == "owner" else dora
    for role in (Role.RECOVERY_OFFICER, Role.TOKEN_ADMINISTRATOR, Role.AUDITOR):
        concerned.roles.create(role=role)
    browser = signed_in(concerned, 0)
    assert list(browser.get(LIST).context["page"]) == []
    assert tasks(browser.get(OPEN_TASKS), "recoveries") == []
    for address in (page(asked), page(asked, "-share")):
        assert browser.get(address).status_code == 404
    for name in ("-approve", "-reject", "-share"):
        assert browser.post(page(asked, name), shown(asked, reason="Mine.")).status_code == 404
    assert not asked.request.approvals.exists()


def test_an_administrator_of_another_unit_does_not_find_it(asked: Recovery) -> None:
    far = signed_in(officer("far", Role.TOKEN_ADMINISTRATOR, unit="Sued"))
    assert list(far.get(LIST).context["page"]) == []
    assert far.get(page(asked)).status_code == 404


# --- Decided
def test_two_officers_decide_and_one_counts_once(staff: Officers, asked: Recovery) -> None:
    rene, rosa = signed_in(staff.rene, 0), signed_in(staff.rosa, 0)
    assert tasks(rene.get(OPEN_TASKS), "recoveries") == [asked]
    assert "Your decision" in rene.get(page(asked)).text
    told = rene.post(page(asked, "-approve"), shown(asked), follow=True).text
    assert "Another Recovery Officer decides, too." in told
    assert "Your decision" not in told
    assert tasks(rene.get(OPEN_TASKS), "recoveries") == []
    assert rene.post(page(asked, "-approve"), shown(asked)).status_code == 403
    assert tasks(rosa.get(OPEN_TASKS), "recoveries") == [asked]

    empty = rosa.post(page(asked, "-reject"), shown(asked, reason=" "))
    assert empty.status_code == 422
    assert empty.context["reject_form"].errors == {"reason": [str(decisions.NO_REASON)]}
    assert rosa.post(page(asked, "-reject"), shown(asked, reason="No court asks.")).status_code == 302
    asked.request.refresh_from_db()
    assert asked.request.state == RequestState.REJECTED
    text = rosa.get(page(asked)).text
    assert "No court asks." in text
    assert "Your decision" not in text


@pytest.mark.parametrize("name", ["-approve", "-reject"])
def test_a_decision_wants_the_page_as_it_is_and_a_fresh_proof(
    staff: Officers, asked: Recovery, name: str
) -> None:
    rene = signed_in(staff.rene, 0)
    form = shown(asked, reason="No.")
    Recovery.objects.update(purpose="Something else entirely.")
    stale = rene.post(page(asked, name), form)
    assert stale.status_code == 409
    assert str(decisions.SEEN_DIFFERS) in stale.text
    assert "Something else entirely." in stale.text
    asked.refresh_from_db()
    late = signed_in(staff.rene, 3600).post(page(asked, name), shown(asked, reason="No."))
    assert late["Location"].startswith(reverse("account_reauthenticate"))
    assert rene.get(page(asked, name))["Location"] == page(asked)
    assert not asked.request.approvals.exists()


def test_who_asked_and_who_audits_decide_nothing(company: Company, asked: Recovery) -> None:
    for reader in (company.ada, officer("otto", Role.AUDITOR)):
        browser = signed_in(reader, 0)
        text = browser.get(page(asked)).text
        assert "A court asks for it." in text
        assert "Your decision" not in text
        for name in ("-approve", "-reject", "-share"):
            assert browser.post(page(asked, name), shown(asked, reason="No.")).status_code == 403
    company.ada.roles.create(role=Role.RECOVERY_OFFICER)
    both = signed_in(company.ada, 0)
    assert "Your decision" not in both.get(page(asked)).text
    assert both.post(page(asked, "-approve"), shown(asked)).status_code == 403
    assert not asked.request.approvals.exists()


def test_a_share_is_not_typed_in_vain(staff: Officers, asked: Recovery) -> None:
    rene = signed_in(staff.rene, 0)
    text = rene.get(page(asked, "-share")).text
    assert str(decisions.NO_SHARES_WANTED) in text
    assert 'name="share"' not in text
    assert rene.post(page(asked, "-share"), shown(asked, share="academic acid")).status_code == 409
    unproven = signed_in(staff.rosa, 3600).get(page(asked, "-share"))
    assert unproven["Location"].startswith(reverse("account_reauthenticate"))
