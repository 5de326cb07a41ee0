"""How far the issuance of a request is: three lines that fill."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from identity_manager.models import (
    Certificate,
    CertificateState,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.ui.parts import StepState

SLOW_AFTER = timedelta(seconds=30)


@dataclass(frozen=True)
class Line:
    """One line: how many of how many are done."""

    words: str
    state: StepState
    done: int
    total: int


@dataclass(frozen=True)
class Progress:
    """The three lines, and what they mean.

    running: they still move.  asked: every key is there, so it is the CA that lets us wait.
    slow: the certificates are late.  failed: refused for good.
    """

    lines: list[Line]
    running: bool
    asked: bool
    slow: bool
    failed: bool


def of(request: TokenRequest, *, now: datetime) -> Progress:
    """Return how far the request is, from the rows of its tokens and certificates."""
    tokens = list(request.tokens.exclude(state=TokenState.CANCELLED))
    certificates = list(Certificate.objects.filter(token__in=tokens))
    issued = [row for row in certificates if row.certificate is not None]
    counts = [
        (
            _("Keys are made"),
            sum(row.public_key_sha256 is not None for row in certificates),
            len(certificates),
        ),
        (_("Certificates are issued"), len(issued), len(certificates)),
        (_("Your file is sealed"), sum(token.sealed_at is not None for token in tokens), len(tokens)),
    ]
    failed = request.state == RequestState.FAILED
    slow = request.state == RequestState.ISSUING and _is_slow(request, certificates, now=now)
    present = StepState.STOPPED if failed else StepState.WAITS if slow else StepState.NOW
    lines = _lines(counts, present)
    return Progress(
        lines=lines,
        running=request.state == RequestState.ISSUING,
        asked=lines[0].state == StepState.DONE,
        slow=slow,
        failed=failed,
    )


def next_passphrase(request: TokenRequest) -> SoftwareToken | None:
    """The request's first token whose passphrase is to be noted."""
    tokens = SoftwareToken.objects.filter(request=request).with_unacknowledged_passphrase()
    return tokens.order_by("sealed_at").first()


def _lines(counts: list[tuple[str, int, int]], present: StepState) -> list[Line]:
    """The first unfinished line is the present one."""
    lines = []
    for words, done, total in counts:
        finished = done == total
        lines.append(Line(words, StepState.DONE if finished else present, done, total))
        if not finished:
            present = StepState.NEXT
    return lines


def _is_slow(request: TokenRequest, certificates: list[Certificate], *, now: datetime) -> bool:
    waiting = [row for row in certificates if row.state == CertificateState.ORDERED]
    late = request.accepted_at is not None and now - request.accepted_at > SLOW_AFTER
    return bool(waiting) and (late or any(row.last_error for row in waiting))
