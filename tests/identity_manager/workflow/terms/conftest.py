"""The next version of the terms, and the job that asks for it, beside the token that uma has."""

from datetime import timedelta

from django.utils import timezone

from identity_manager.jobs import schedule
from identity_manager.models import LatePolicy, TermsDocument, TermsVersion
from tests.tools import cast

DAYS = 20  # until the last day


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
