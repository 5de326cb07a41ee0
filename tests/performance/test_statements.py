"""How often a token asks the database: what the road costs beyond its cryptography is mostly this."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from identity_manager.models import Certificate, OutgoingMail, RequestState, TokenRequest
from identity_manager.transactions import issuance_locks
from identity_manager.workflow import step4_accept, step5_issue, step7_deliver
from tests.performance.statements import asked
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]
MOST = 28  # from Accept to the mail that is queued; one certificate
MOST_IN_GROUPS = 12
MOST_TO_DELIVER = 7


def accepting(request: TokenRequest) -> CaptureQueriesContext:
    """The statements of the person's acceptance."""
    text_ids = [version.text_in("en").pk for version in step4_accept.terms_of(request)]
    with CaptureQueriesContext(connection) as statements:
        step4_accept.accept(
            actor=request.person,
            request_id=request.pk,
            snapshot_hash=request.snapshot_hash,
            text_ids=text_ids,
        )
    return statements


def issuing(certificate_id: uuid.UUID) -> CaptureQueriesContext:
    """The statements of a worker, to the mail that is queued."""
    with CaptureQueriesContext(connection) as statements:
        step5_issue.issue(certificate_id=certificate_id)
    return statements


def test_a_token_asks_the_database_seldom() -> None:
    company = Company()
    accepting(cast.enabled(company.ada, company.sam, company.vpn))  # what is kept in memory is there
    request = company.request_in("awaiting_acceptance")
    found = asked(accepting(request))
    found += asked(issuing(request.tokens.get().certificates.get().pk))

    assert TokenRequest.objects.get(pk=request.pk).state == RequestState.ISSUED
    assert 0 < len(found) <= MOST, "\n".join([str(len(found)), *(each[:110] for each in found)])


def test_in_a_group_a_token_asks_the_database_still_more_seldom() -> None:
    company = Company()
    people = [cast.person(f"u{each}") for each in range(issuance_locks.GROUP)]
    accepting(cast.enabled(company.ada, company.sam, company.vpn))
    Certificate.objects.update(next_attempt_at=None)
    requests = [cast.enabled(company.ada, person, company.vpn) for person in people]
    found = [sql for request in requests for sql in asked(accepting(request))]
    ours = Certificate.objects.filter(token__request__in=requests)
    ours.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    found += asked(issuing(ours.values_list("pk", flat=True)[0]))

    states = TokenRequest.objects.filter(pk__in=[request.pk for request in requests])
    assert set(states.values_list("state", flat=True)) == {RequestState.ISSUED}
    assert 0 < len(found) <= MOST_IN_GROUPS * len(requests), len(found)


def test_a_mail_asks_the_database_seldom() -> None:
    company = Company()
    cast.delivered(company.request_in("issued"))  # what is kept in memory is there
    request = cast.issued(cast.accepted(cast.enabled(company.ada, company.sam, company.vpn)))
    mail = OutgoingMail.objects.get(request=request, message="delivery")
    with CaptureQueriesContext(connection) as statements:
        step7_deliver.send(mail_id=mail.pk)
    found = asked(statements)

    assert request.tokens.get().delivery == "sent"
    assert 0 < len(found) <= MOST_TO_DELIVER, "\n".join([str(len(found)), *(each[:110] for each in found)])
