"""The tasks of docs/usability.md, done as a first-time user does them: same words, no more clicks."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from identity_manager.models import (
    ApiClient,
    BatchOrder,
    BatchState,
    CaCheck,
    Certificate,
    Deputy,
    LossRule,
    Mailing,
    MailText,
    Person,
    RenewalNotice,
    RequestState,
    Role,
    SavedSearch,
    SoftwareToken,
    StandingBasis,
    StandingMember,
    StandingOrder,
    TokenRequest,
    TokenState,
)
from identity_manager.models.standing_orders.member import MemberStep
from tests.browser import usability
from tests.browser.conftest import NEEDS, WIDE
from tests.browser.usability import FirstTimeUser, Task, WithoutMouse
from tests.journeys.office import links_in, mails_to
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.timeout(240), *NEEDS, pytest.mark.long]
TASKS = usability.tasks()
STARTS = {"Self-Service": "/my/", "START": "/"}
USER = (Role.SELF_SERVICE_USER,)


@pytest.fixture
def open_context(browser: Browser, live_server: LiveServer) -> Iterator[Callable[[Person], BrowserContext]]:
    """A browser where the person has just signed in, with a second factor where they have one."""
    contexts = []

    def opened(person: Person) -> BrowserContext:
        context = browser.new_context(base_url=live_server.url, viewport=WIDE, reduced_motion="reduce")
        contexts.append(context)
        session = {"name": "sessionid", "value": _session_of(person), "url": live_server.url}
        context.add_cookies([session])  # type: ignore[list-item]  # names and values
        return context

    yield opened
    for context in contexts:
        context.close()


def _session_of(person: Person) -> str:
    browser = signed_in(person, 0)
    session, now = browser.session, time.time()
    shown = [
        {"method": "mfa", "type": "webauthn", "id": factor.pk, "at": now}
        for factor in Authenticator.objects.filter(user__person=person)
    ]
    session["account_authentication_methods"] = [{"method": "password", "at": now}, *shown]
    session.save()
    return browser.cookies["sessionid"].value


# --- who does the task, with what they have; by the number that the document gives it


def _user(name: str) -> Person:
    return cast.person(name, roles=USER, sid="", organisational_unit="Nord")


def _holder(company: Company, name: str) -> Person:
    """A user with a token of which the passphrase is noted."""
    person = _user(name)
    request = cast.accepted(cast.enabled(company.ada, person, company.vpn))
    cast.noted(cast.delivered(cast.issued(request)).tokens.get())
    return person


def _renewer(company: Company, name: str) -> Person:
    person = _holder(company, name)
    token, now = person.tokens.get(), timezone.now()
    ends_at = now + timedelta(days=20)
    Certificate.objects.filter(token=token).update(not_after=ends_at)
    RenewalNotice.objects.create(token=token, person=person, ends_at=ends_at, created_at=now)
    return person


def _invited(company: Company) -> Person:
    cast.enabled(company.ada, company.uma, company.vpn)
    return company.uma


def _with_archived_key(company: Company) -> Person:
    recovery.online_in_force(recovery.officers())
    person = _user("olga")
    recovery.archived_key(company, owner=person)
    recovery.factor_of(person)
    return person


def _approver(company: Company) -> Person:
    cast.enabled(company.ada, company.sam, company.signature)
    return company.paul


def _finder(company: Company) -> Person:
    _user("rosa")
    return company.ada


def _asker_why(company: Company) -> Person:
    order = StandingOrder(
        name="VPN for all",
        basis=StandingBasis.UNIT,
        criteria={"organisational_unit": "Sued"},
        type_code="vpn",
        loss_rule=LossRule.HOLD,
        asked_by=company.ada,
    )
    order.conclude_dry_run(figures={"members": 1, "gain": 1, "lose": 0, "present": 0}, now=timezone.now())
    order.put_in_force(by=cast.person("orla", roles=(Role.TOKEN_ADMINISTRATOR,)), now=timezone.now())
    order.save()
    StandingMember.objects.create(order=order, person=_user("wanda"), step=MemberStep.GIVEN)
    return company.ada


def _batch_giver(company: Company) -> Person:
    _user("bert")
    _user("berta")
    return company.ada


def _officer(name: str, role: Role) -> Person:
    return cast.person(name, roles=(role,), sid="")


def _one_of_two_system_administrators() -> Person:
    for name in ("sven", "svea"):
        if not Person.objects.filter(given_name=name.capitalize()).exists():
            _officer(name, Role.SYSTEM_ADMINISTRATOR)
    return Person.objects.get(given_name="Sven")


WHO: dict[str, Callable[[Company], Person]] = {
    "Accept the terms and note the passphrase": _invited,
    "Work on after the passphrase was forgotten": lambda company: _holder(company, "frida"),
    "Renew a token before it ends": lambda company: _renewer(company, "rudi"),
    "Say that a token is not needed any more": lambda company: _renewer(company, "nora"),
    "Read old mail again with archived keys": _with_archived_key,
    "Revoke the token of a lost device": lambda company: _holder(company, "lena"),
    "Replace everything after a theft": lambda company: _holder(company, "theo"),
    "Enable a person for a token": lambda company: company.ada,
    "Approve a request": _approver,
    "Find a person and what they have": _finder,
    "See why a person has a token": _asker_why,
    "Filter a list and keep the filter": lambda company: company.ada,
    "Enable several persons at once": _batch_giver,
    "Give a token to whoever is in a unit": lambda company: company.ada,
    "Have a report mailed each week": lambda company: company.ada,
    "Name a deputy for an approver": lambda _company: _officer("ursula", Role.USER_ADMINISTRATOR),
    "Do the next step of the first set-up": lambda _company: _one_of_two_system_administrators(),
    "Change the text of a mail": lambda _company: _one_of_two_system_administrators(),
    "Let a program use the API": lambda _company: _one_of_two_system_administrators(),
    "Take what an audit asks for": lambda _company: _officer("otto", Role.AUDITOR),
}


# --- what is so afterwards


def _of(name: str) -> list[tuple[str, str]]:
    """Kind and state of each token of the user."""
    rows = SoftwareToken.objects.filter(person__given_name=name).order_by("created_at")
    return [(row.kind, row.state) for row in rows]


DONE: dict[str, Callable[[], bool]] = {
    "Accept the terms and note the passphrase": lambda: _of("Uma")[0] == ("initial", TokenState.ACTIVE),
    "Work on after the passphrase was forgotten": lambda: (
        _of("Frida")[1] == ("replacement", TokenState.ACTIVE)
    ),
    "Renew a token before it ends": lambda: _of("Rudi")[1] == ("renewal", TokenState.ACTIVE),
    "Say that a token is not needed any more": lambda: RenewalNotice.objects.exclude(
        not_needed_reason=""
    ).exists(),
    "Read old mail again with archived keys": lambda: _of("Olga")[1] == ("recovery", TokenState.ACTIVE),
    "Revoke the token of a lost device": lambda: _of("Lena") == [("initial", TokenState.REVOKED)],
    "Replace everything after a theft": lambda: _of("Theo")[1] == ("replacement", TokenState.ACTIVE),
    "Enable a person for a token": lambda: _asked("Uma") == [RequestState.AWAITING_ACCEPTANCE],
    "Approve a request": lambda: _asked("Sam") == [RequestState.AWAITING_ACCEPTANCE],
    "Filter a list and keep the filter": lambda: "state=active" in _saved("Who is active").query,
    "Enable several persons at once": lambda: BatchOrder.objects.get().state == BatchState.FINISHED,
    "Give a token to whoever is in a unit": lambda: _standing().criteria == {"organisational_unit": "Nord"},
    "Have a report mailed each week": lambda: _saved("What ends").mailing == Mailing.WEEKLY,
    "Name a deputy for an approver": lambda: Deputy.objects.get().deputy.given_name == "Petra",
    "Do the next step of the first set-up": lambda: CaCheck.objects.filter(ok=True).exists(),
    "Change the text of a mail": lambda: MailText.objects.get().asked_at is not None,
    "Let a program use the API": lambda: ApiClient.objects.get().name == "Personnel system",
}
READ_ALONE = {
    "Find a person and what they have",
    "See why a person has a token",
    "Take what an audit asks for",
}


def _asked(name: str) -> list[str]:
    return list(TokenRequest.objects.filter(person__given_name=name).values_list("state", flat=True))


def _saved(name: str) -> SavedSearch:
    return SavedSearch.objects.get(name=name)


def _standing() -> StandingOrder:
    return StandingOrder.objects.get(name="VPN for Nord")


def test_every_task_is_done_and_looked_after() -> None:
    goals = [task.goal for tasks in TASKS.values() for task in tasks]
    assert len(goals) == len(set(goals)) == 20
    assert set(goals) == set(WHO) == set(DONE) | READ_ALONE
    assert sum(task.by_keyboard for tasks in TASKS.values() for task in tasks) == 3


@pytest.mark.nightly
@pytest.mark.parametrize("portal", TASKS)
def test_no_task_takes_more_clicks_than_the_document_says(
    portal: str,
    company: Company,
    settings: Settings,
    open_context: Callable[[Person], BrowserContext],
) -> None:
    settings.CATALOGUE_FOUR_EYES = True  # as in production
    for task in TASKS[portal]:
        context = open_context(WHO[task.goal](company))
        user = FirstTimeUser(context, task)
        assert (task.goal, user.do(_start(task, company))) == (task.goal, task.clicks)
        assert task.goal in READ_ALONE or DONE[task.goal](), task.goal
        context.close()


@pytest.mark.nightly
@pytest.mark.parametrize(
    "task",
    [task for tasks in TASKS.values() for task in tasks if task.by_keyboard],
    ids=lambda task: task.goal,
)
def test_by_keyboard_alone(
    task: Task,
    company: Company,
    settings: Settings,
    open_context: Callable[[Person], BrowserContext],
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    user = WithoutMouse(open_context(WHO[task.goal](company)), task)
    assert user.do(_start(task, company)) == 0
    assert DONE[task.goal]()


def _start(task: Task, company: Company) -> str:
    """The address where the task begins; a mail leads to one."""
    if task.start in STARTS:
        return STARTS[task.start]
    found = {each for each in links_in(mails_to(company.uma.email)[0]) if each.endswith("/my/open-tasks/")}
    return found.pop()
