"""What begins with something is found by its beginning, whatever rules the database sorts text by."""

from typing import Any

import pytest
from django.db import connection, models

from identity_manager.models import Certificate, TokenRequest
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database]
REFERENCE = "7K2M-QLNJ"


@pytest.fixture
def request_of_that_reference() -> TokenRequest:
    request = Company().request_in("requested")
    TokenRequest.objects.update(reference=REFERENCE)
    return request


@pytest.mark.parametrize("length", range(1, len(REFERENCE) + 1))
def test_every_beginning_finds(request_of_that_reference: TokenRequest, length: int) -> None:
    assert TokenRequest.objects.with_reference(REFERENCE[:length]).get() == request_of_that_reference


@pytest.mark.parametrize("text", ["7k2m", "7K2N", "K2M", "7K2M-QLNJ-", "7K2MQ", "7K2M-%", "_K2M", "8", "\\"])
@pytest.mark.usefixtures("request_of_that_reference")
def test_nothing_else_does(text: str) -> None:
    assert not TokenRequest.objects.with_reference(text).exists()


@pytest.mark.usefixtures("postgresql_only")
@pytest.mark.parametrize(
    ("rows", "index"),
    [
        (TokenRequest.objects.with_reference("7K2M"), "reference_"),
        (Certificate.objects.filter(serial__begins="0a1b"), "certificate_serial_begins"),
        (Certificate.objects.filter(subject__icontains="meier"), "certificate_subject_parts"),
    ],
    ids=["reference", "serial", "subject"],
)
def test_on_postgresql_an_index_answers(rows: models.QuerySet[Any], index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    # Asked for in no order: of an empty table, reading all in the order of another index costs the same.
    assert index in rows.order_by().explain()
