"""Real processes on a real database: one mail for each occasion, whatever number of nodes think of it."""

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from identity_manager import queue
from identity_manager.jobs.month_division import OCCASIONS
from identity_manager.mail import outbox
from identity_manager.mail.messages import request_messages
from identity_manager.models import OutgoingMail, TokenRequest
from identity_manager.workflow.requests import reminders
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.processes import Ending, at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long]
NODES = 4
PERSONS = 3


@pytest.fixture
def company(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Company:
    """The worker's part is played by the tests: nothing is published."""
    monkeypatch.setattr(queue, "publish", lambda *_message: None)
    company = Company()
    for number in range(PERSONS):
        person = cast.person(f"p{number}", roles=(), sid="")
        cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn)))
        cast.enabled(company.ada, person, cast.token_type("other"))
    return company


def remind(day: float) -> None:
    """All that reminds, on every node at once."""

    def node() -> None:
        with time_machine.travel(timezone.now() + timedelta(days=day)):
            reminders.remind_of_passphrases()
            reminders.remind_of_acceptance()
            reminders.escalate_all_undecided()

    assert at_once(*[node] * NODES) == [Ending()] * NODES


def number(message: str) -> int:
    return OutgoingMail.objects.filter(message=message).count()


def test_one_reminder_for_each_threshold_whatever_number_of_nodes(company: Company) -> None:
    company.request_in("requested")

    for day in (6.9, 7.1, 11.1, 13.1):  # passphrases: 7, 3 and 1 days before 14
        remind(day)
    assert number("passphrase_reminder") == 3 * PERSONS
    asked = number("approval_needed")
    assert number("approval_reminder") == asked  # two days after they were asked

    for day in (16.1, 23.1, 27.1, 29.1):  # terms: 14, 7, 3 and 1 days before 30
        remind(day)
    assert number("acceptance_reminder") == 4 * PERSONS
    occasions = Counter(OutgoingMail.objects.values_list("occasion", flat=True))
    assert set(occasions.values()) == {1}


def test_an_occasion_that_many_think_of_at_once_has_one_mail(company: Company) -> None:
    request = TokenRequest.objects.filter(state="awaiting_acceptance").latest("created_at")
    OutgoingMail.objects.filter(request=request).delete()
    with connection.cursor() as cursor:
        if OCCASIONS in connection.introspection.table_names(cursor):  # divided by month; nobody else deletes
            cursor.execute(f"DELETE FROM {OCCASIONS}")  # noqa: S608 a constant

    def node() -> None:
        with transaction.atomic():
            outbox.enqueue(request_messages.information(request))

    assert at_once(*[node] * NODES) == [Ending()] * NODES
    assert OutgoingMail.objects.filter(request=request).count() == 1
