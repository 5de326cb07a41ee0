"""How often a token asks the database: what the road costs beyond its cryptography is mostly this."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity_manager.models import RequestState, TokenRequest
from identity_manager.workflow import step4_accept, step5_issue, step6_passphrase
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]
MOST = 55  # from Accept to the mail that is queued; one certificate


def test_a_token_asks_the_database_seldom() -> None:
    request = Company().request_in("awaiting_acceptance")
    text_ids = [version.text_in("en").pk for version in step4_accept.terms_of(request)]

    with CaptureQueriesContext(connection) as statements:
        step4_accept.accept(
            actor=request.person,
            request_id=request.pk,
            snapshot_hash=request.snapshot_hash,
            text_ids=text_ids,
        )
    with CaptureQueriesContext(connection) as more:
        token = request.tokens.get()
        taken = step5_issue.issue(certificate_id=token.certificates.get().pk)
        assert taken is not None
        step6_passphrase.seal_taken(taken)

    assert TokenRequest.objects.get(pk=request.pk).state == RequestState.ISSUED
    assert 0 < len(statements) + len(more) <= MOST, len(statements) + len(more)
