"""Invited persons who cannot sign in: whose task they are, and letters for all of them in one go."""

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import BatchOrder, OutgoingMail, Person, Role, SignInCode
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch.pacing import AT_ONCE
from identity_manager.workflow.people import sign_in_codes
from tests.identity_manager.console.visitors import officer, tasks
from tests.identity_manager.workflow.batch.orders import work
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db
OPEN_TASKS, START = reverse("console:approvals"), reverse("console:start")
LETTERS = reverse("console:letters-for-invited")


def needing(actor: Person) -> list[Person]:
    return tasks(signed_in(actor).get(OPEN_TASKS), "codes-needed")


def invited(company: Company, *names: str) -> list[Person]:
    persons = [cast.person(name, sid="", roles=()) for name in names]
    for each in persons:
        assert cast.enabled(company.ada, each, company.vpn).state == "awaiting_acceptance"
    return persons


def test_who_is_invited_and_cannot_sign_in_is_a_task(company: Company) -> None:
    nora, olaf, pia, quin = invited(company, "nora", "olaf", "pia", "quin")
    signed_in(olaf)
    olaf.account.set_password("a quiet green river")
    olaf.account.save()
    signed_in(quin)  # signed in once: who has forgotten the password comes by themselves
    waits = cast.person("wes", sid="", roles=())
    cast.enabled(company.ada, waits, company.signature)  # nobody has approved it, so they are not invited

    assert needing(company.rita) == [nora, pia]
    page = signed_in(company.rita).get(START)
    assert "invited persons need a sign-in code" in page.text
    assert needing(company.ada) == []


def test_who_may_not_hold_the_code_does_not_see_them(company: Company) -> None:
    (nora,) = invited(company, "nora")
    company.ada.roles.create(role=Role.REGISTRATION_OFFICER)  # from before these roles conflicted
    rolf = officer("rolf", Role.REGISTRATION_OFFICER, unit="Nord")
    elsewhere = officer("ruth", Role.REGISTRATION_OFFICER, unit="Süd")
    nora.roles.create(role=Role.REGISTRATION_OFFICER)

    assert needing(rolf) == [nora]
    assert [needing(each) for each in (company.ada, elsewhere, nora)] == [[], [], []]


def test_what_is_asked_for_or_made_is_no_task_until_it_is_over(company: Company) -> None:
    (nora,) = invited(company, "nora")
    code = sign_in_codes.ask(actor=company.rita, person_id=nora.pk)
    assert needing(company.rita) == []
    sign_in_codes.make(actor=company.rita, code_id=code.pk)
    assert needing(company.rita) == []

    SignInCode.objects.update(expires_at=timezone.now())
    assert needing(company.rita) == [nora]


def test_letters_for_all_of_them_are_one_batch_order(company: Company) -> None:
    persons = invited(company, "nora", "pia")
    rita = signed_in(company.rita)
    assert LETTERS in rita.get(OPEN_TASKS).text

    answer = rita.post(LETTERS)

    order = BatchOrder.objects.get()
    assert answer.url == reverse("console:batch-order", args=[order.pk])
    assert (order.kind, order.asked_by, order.total) == ("letters", company.rita, 2)
    work(order)
    batch_orders.start(actor=company.rita, order_id=order.pk, note="", pacing=AT_ONCE)
    work(order)
    assert {code.person for code in SignInCode.objects.all()} == set(persons)
    assert needing(company.rita) == []
    assert rita.get(answer.url).context["letters"] == 2


def test_letters_for_nobody_are_said(company: Company) -> None:
    answer = signed_in(company.rita).post(LETTERS, follow=True)
    assert "nothing to do" in answer.text
    assert not BatchOrder.objects.exists()


def test_the_invitation_says_whom_to_ask(company: Company, settings: Settings) -> None:
    invited(company, "nora")
    mail = OutgoingMail.objects.get(message="information")
    for body in (mail.body_text, mail.body_html):
        assert "ask your Registration Officer for a sign-in code" in " ".join(body.split())

    settings.SIGN_IN_METHODS = {"console": ["sso"], "selfservice": ["sso"]}
    invited(company, "pia")
    mail = OutgoingMail.objects.get(message="information", person__given_name="Pia")
    for body in (mail.body_text, mail.body_html):
        assert "If you cannot sign in, ask your Registration Officer." in body
