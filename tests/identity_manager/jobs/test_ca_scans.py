"""Jobs on orders at CAs: one CA that hangs or is down keeps the others from nothing."""

from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.utils import timezone

from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder, SurplusCertificate
from identity_manager.jobs import ca_scans
from identity_manager.transactions import time_limit
from tests.ca_bridge.orders.test_journal import order_in

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_a_ca_that_hangs_keeps_its_jobs_for_a_minute_only(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def hangs(order_id: int, **_record: object) -> None:
        compared.append(order_id)
        raise CaError("No answer within 30 s.")

    monkeypatch.setattr(time_limit, "time", SimpleNamespace(monotonic=lambda: 30.0 * len(compared)))
    monkeypatch.setattr(ca_scans.reconciliation, "due", lambda limit: list(range(limit)))
    monkeypatch.setattr(ca_scans.reconciliation, "compare", hangs)
    assert ca_scans.compare_with_cas() == "3: No answer within 30 s."
    assert compared == [0, 1, 2]


def test_a_ca_that_is_down_keeps_no_surplus_of_others_from_being_revoked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[UUID] = []

    def down_at_first(order_id: UUID) -> int:
        asked.append(order_id)
        if len(asked) == 1:
            raise CaError("No answer within 30 s.")
        return 1

    for name in ("of one CA", "of another"):
        order, ends = order_in(CaOrder.State.REFUSED), timezone.now() + timedelta(days=9)
        SurplusCertificate.objects.create(
            order=order, certificate=b"x", sha256_fingerprint=name, not_after=ends
        )
    monkeypatch.setattr(ca_scans.surplus, "revoke_of_order", down_at_first)
    assert ca_scans.revoke_surplus() == 1
    assert len(asked) == 2
