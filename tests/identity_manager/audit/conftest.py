"""A log with some events in it, sealed and signed."""

import pytest

from identity_manager.audit import heads, sealing
from identity_manager.models import AuditEvent, AuditHead
from tests.tools.cast import Company


@pytest.fixture
def log(company: Company) -> list[AuditEvent]:
    """What one rejected request wrote, sealed, and a signed head for it."""
    company.request_in("rejected")
    company.request_in("cancelled")
    sealing.seal()
    heads.sign()
    return list(AuditEvent.objects.sealed())


@pytest.fixture
def head(log: list[AuditEvent]) -> AuditHead:
    found = AuditHead.objects.newest()
    assert found is not None
    return found
