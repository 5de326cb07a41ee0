"""Jobs on tokens and requests: resumable scans of rows that are due by time or by a change."""

from functools import partial

from django.db.models import QuerySet
from django.utils import timezone

from identity_manager.jobs import resumable_scan
from identity_manager.models import HolderChange, InstallationNotice, Person, SoftwareToken, TermsVersion
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
    return resumable_scan.in_turn(_notice_changed_persons, _start_renewals_again)


def _notice_changed_persons() -> int:
    notice = partial(for_all_or_each, verb=holder_changes.notice)
    return resumable_scan.of_written("holders.notice", Person.objects.all(), notice)


def _start_renewals_again() -> int:
    rows = HolderChange.objects.not_started()  # start() looks at each once more
    start = partial(for_all_or_each, verb=holder_changes.start)
    return resumable_scan.of_portions("holders.renew", rows, start)


def check_installations() -> int:
    """Job: ask persons whether their token is installed, and act where nobody answered in time."""
    return resumable_scan.in_turn(_ask_of_installation, _check_answers)


def _ask_of_installation() -> int:
    tokens = SoftwareToken.objects.to_be_asked_of_installation()
    ask = partial(for_all_or_each, verb=installation_check.ask)
    return resumable_scan.of_portions("installations.ask", tokens, ask)


def _check_answers() -> int:
    rows = InstallationNotice.objects.due(timezone.now())
    return resumable_scan.of_rows("installations.check", rows, installation_check.check)


def ask_for_terms_again() -> int:
    """Job: ask persons to accept a new version of the terms, for each version that asks for it."""
    return resumable_scan.in_turn(*(partial(_ask_for, *each) for each in ask_again.scans()))


def _ask_for(version: TermsVersion, persons: QuerySet[Person]) -> int:
    ask = partial(ask_again.check, version)
    return resumable_scan.of_rows(f"terms.ask_again:{version.pk}", persons, ask)


def archive_late() -> int:
    return resumable_scan.of_rows("archive.late_intake", late_intake.candidates(), late_intake.archive_token)


def read_crls() -> int:
    rows = crl_listing.to_be_looked_up()
    return resumable_scan.of_portions("ca.read_crls", rows, crl_listing.CrlLookup().look_up)
