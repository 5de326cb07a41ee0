"""A token that uma has under version 1 of the terms."""

from datetime import timedelta

import pytest
from django.utils import timezone

from identity_manager.jobs import schedule
from identity_manager.models import LatePolicy, SoftwareToken, TermsDocument, TermsVersion
from tests.tools import cast
from tests.tools.cast import Company

DAYS = 20  # until the last day


@pytest.fixture
def token(company: Company) -> SoftwareToken:
    """An active token of uma's."""
    return company.request_in("completed").tokens.get()


def run() -> int:
    """The job, once."""
    job = schedule.named("terms.ask_again")
    assert job is not None
    return int(job.run())


def next_version(*, asks: bool = True, late: LatePolicy = LatePolicy.LIST) -> TermsVersion:
    """The next version of the terms is in force, and asks holders of tokens, or does not."""
    version = cast.publish_terms(TermsDocument.objects.get(code="terms"))
    if asks:
        version.accept_again_by = timezone.localdate() + timedelta(days=DAYS)
        version.late_policy = late
        version.save()
    return version
