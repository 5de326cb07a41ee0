"""What is due is asked of the database, and of rows that were read: both say the same in every state."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.utils import timezone

from identity_manager.models import (
    Certificate,
    CertificateState,
    Person,
    PersonState,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db]
NOW = timezone.now()
FLAGS: list[dict[str, Any]] = [
    {},
    {"hold_wanted": True},
    {"held_at_ca": True},
    {"revocation_decided_at": NOW},
    {"left_out_at": NOW},
]
AXES = (PersonState.values, RequestState.values, TokenState.values)
BASE = (PersonState.ACTIVE, RequestState.ISSUING, TokenState.ISSUING)


def put(person: str, request: str, token: str) -> None:
    Person.objects.filter(given_name="Uma").update(state=person)
    TokenRequest.objects.update(state=request)
    SoftwareToken.objects.update(state=token, is_open=False)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_rules_agree(company: Company, axis: int) -> None:
    company.request_in("issuing")
    said = set()
    for value, state, flags in product(AXES[axis], CertificateState.values, FLAGS):
        put(*(value if place == axis else base for place, base in enumerate(BASE)))
        plain = {
            "hold_wanted": False,
            "held_at_ca": False,
            "revocation_decided_at": None,
            "left_out_at": None,
        }
        Certificate.objects.update(state=state, **(plain | flags))
        row = Certificate.objects.select_related("token__request__person").get()
        row.token.person = row.token.request.person
        issued, sealed = row.is_to_be_issued, row.token.is_to_be_sealed([row])
        assert issued == Certificate.objects.to_be_issued().exists(), (value, state, flags)
        assert sealed == SoftwareToken.objects.to_be_sealed().exists(), (value, state, flags)
        said.add((issued, sealed))
    assert said == {(True, False), (False, True), (False, False), (True, True)}


@pytest.mark.parametrize("leased", [-1, 0, 1, None])
@pytest.mark.parametrize("next_try", [-1, 0, 1, None])
def test_due_agrees(company: Company, leased: int | None, next_try: int | None) -> None:
    company.request_in("issuing")
    moments = {-1: NOW - timedelta(days=1), 0: NOW, 1: NOW + timedelta(days=1), None: None}
    Certificate.objects.update(leased_until=moments[leased], next_attempt_at=moments[next_try])
    assert Certificate.objects.get().is_due(NOW) == Certificate.objects.due(NOW).exists()
