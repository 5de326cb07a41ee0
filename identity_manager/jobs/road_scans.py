"""Jobs on tokens and requests: resumable scans of rows that are due by time or by a change."""

from functools import partial

from django.utils import timezone

from identity_manager.jobs import resumable_scan
from identity_manager.models import HolderChange, InstallationNotice, Person, SoftwareToken
from identity_manager.transactions.retry_later import for_all_or_each
from identity_manager.workflow.archive import late_intake
from identity_manager.workflow.delivery import installation_check
from identity_manager.workflow.renewal import expiry_check, holder_changes
from identity_manager.workflow.revocation import crl_listing
from identity_manager.workflow.terms import ask_again


def check_expiry() -> int:
    """Job: send expiry mails and start renewals. Idempotent: once for each threshold."""
    rows, check = expiry_check.running_out(timezone.now()), expiry_check.check
    return resumable_scan.of_portions("renewals.expiry_check", rows, partial(for_all_or_each, verb=check))


def notice_holder_changes() -> int:
    """Job: find tokens that a change of their holder affects, and retry renewals that were not possible."""
    notice, start = partial(for_all_or_each, verb=holder_changes.notice), holder_changes.start
    noticed = resumable_scan.of_written("holders.notice", Person.objects.all(), notice)
    rows = HolderChange.objects.not_started()  # start() looks at each once more
    return noticed + resumable_scan.of_portions("holders.renew", rows, partial(for_all_or_each, verb=start))


def check_installations() -> int:
    tokens = SoftwareToken.objects.to_be_asked_of_installation()
    asked = resumable_scan.of_portions("installations.ask", tokens, installation_check.ask)
    rows = InstallationNotice.objects.due(timezone.now())
    return asked + resumable_scan.of_rows("installations.check", rows, installation_check.check)


def ask_for_terms_again() -> int:
    return sum(
        resumable_scan.of_rows(f"terms.ask_again:{version.pk}", persons, partial(ask_again.check, version))
        for version, persons in ask_again.scans()
    )


def archive_late() -> int:
    return resumable_scan.of_rows("archive.late_intake", late_intake.candidates(), late_intake.archive_token)


def read_crls() -> int:
    rows = crl_listing.to_be_looked_up()
    return resumable_scan.of_portions("ca.read_crls", rows, crl_listing.CrlLookup().look_up)
