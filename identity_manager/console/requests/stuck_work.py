"""Stuck work of a request: last error, attempts, next attempt."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from identity_manager.models import (
    PersonState,
    RequestState,
    TokenRequest,
)
from identity_manager.models.lease import ERRORS
from identity_manager.models.words import Words
from identity_manager.workflow.issuance import failures
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.targets import sole_delivery


@dataclass(frozen=True)
class Stuck:
    """Stuck work: its name, the last error and its time, number of attempts, next attempt.

    waits_for_return: not retried before its person returns from leave. is_in_english: the error was
    written by a worker.
    """

    what: str | Promise
    error: Words
    since: datetime | None
    attempts: int
    next_attempt: datetime | None
    waits_for_return: bool = False
    is_in_english: bool = False

    @property
    def is_due(self) -> bool:
        """Whether it is due and waits for a worker."""
        return self.next_attempt is not None and self.next_attempt <= timezone.now()


def stuck_parts(row: TokenRequest) -> list[Stuck]:
    """Certificates, tokens and mails with errors; the failed request itself where none has one."""
    parts = [*_certificates(row), *_tokens(row), *_at_targets(row), *_mails(row)]
    if row.state == RequestState.FAILED and not parts:
        said = failures.for_officers(row.failure, row.failure_facts) or row.reason
        return [Stuck(_("The request"), said, None, 0, None)]
    return parts


def _certificates(row: TokenRequest) -> Iterator[Stuck]:
    for token in row.lines:
        for certificate in token.certificates.all():
            if certificate.left_out_at is not None:
                continue
            if certificate.last_error or (certificate.refusal and row.is_open):
                words = {"type": token, "certificate": certificate.profile.name}
                what = _("%(type)s: certificate “%(certificate)s”") % words
                said = certificate.refusal or certificate.error_in_words
                by_officer = bool(certificate.refusal) and row.failure == failures.GIVEN_UP
                is_ours = by_officer or (not certificate.refusal and certificate.last_error in ERRORS)
                yield _stuck(row, certificate, what, said, is_in_english=not is_ours)


def _tokens(row: TokenRequest) -> Iterator[Stuck]:
    for token in row.lines:
        if token.last_error:
            is_ours = token.last_error in ERRORS
            yield _stuck(row, token, str(token), token.error_in_words, is_in_english=not is_ours)


def _at_targets(row: TokenRequest) -> Iterator[Stuck]:
    """Keys that do not reach the targets that alone deliver them."""
    if any(token.is_by_targets for token in row.lines):
        for placement, words in sole_delivery.troubles(row):
            what = _("Key for %(target)s") % {"target": placement.target}
            due, since = placement.next_attempt_at, placement.last_error_at
            yield Stuck(what, words, since, placement.attempts, due)


def _mails(row: TokenRequest) -> Iterator[Stuck]:
    for mail in row.mails.all():
        if mail.is_stuck or mail.is_in_trouble:
            yield _stuck(row, mail, _("Mail to %(address)s") % {"address": mail.to_address}, mail.last_error)


def _stuck(
    row: TokenRequest,
    lease: eligibility.EligibilityWork,
    what: str,
    error: Words,
    *,
    is_in_english: bool = False,
) -> Stuck:
    due = lease.next_attempt_at
    waits = row.person.state == PersonState.INACTIVE and eligibility.waits_for_return(lease)
    is_late = due is not None and waits
    return Stuck(what, error, lease.last_error_at, lease.attempts, due, is_late, is_in_english)
