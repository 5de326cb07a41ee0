"""How often a token asks the database: what the road costs beyond its cryptography is mostly this."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity_manager.models import RequestState, TokenRequest
from identity_manager.workflow import step4_accept, step5_issue
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]
MOST = 28  # from Accept to the mail that is queued; one certificate
CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")  # of transactions, which tests nest


def asked(statements: CaptureQueriesContext) -> list[str]:
    """What the database was asked, but for the beginnings and ends of transactions."""
    return [each["sql"] for each in statements if not each["sql"].startswith(CONTROL)]


def test_a_token_asks_the_database_seldom() -> None:
    company = Company()
    cast.issued(company.request_in("issuing"))  # a token before it: what is kept in memory is there
    request = cast.enabled(company.ada, cast.person("ulf"), company.vpn)
    text_ids = [version.text_in("en").pk for version in step4_accept.terms_of(request)]

    with CaptureQueriesContext(connection) as statements:
        step4_accept.accept(
            actor=request.person,
            request_id=request.pk,
            snapshot_hash=request.snapshot_hash,
            text_ids=text_ids,
        )
    certificate = request.tokens.get().certificates.get()
    with CaptureQueriesContext(connection) as rest:
        step5_issue.issue(certificate_id=certificate.pk)

    assert TokenRequest.objects.get(pk=request.pk).state == RequestState.ISSUED
    found = [*asked(statements), *asked(rest)]
    assert 0 < len(found) <= MOST, "\n".join([str(len(found)), *(each[:110] for each in found)])
