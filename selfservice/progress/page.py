"""Progress of issuance: three progress bars (keys, certificates, containers)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from identity_manager.models import (
    CaOutage,
    Certificate,
    CertificateState,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.ui.parts import StepState
from identity_manager.workflow.targets import sole_delivery

SLOW_AFTER = timedelta(seconds=30)


@dataclass(frozen=True)
class ProgressLine:
    """One bar: done of total."""

    words: str
    state: StepState
    done: int
    total: int


@dataclass(frozen=True)
class Progress:
    """The three bars and their meaning.

    running: still moving.  asked: all keys exist, waiting for the CA.
    slow: certificates are late.  failed: refused for good.
    silent_since: since when a needed CA has not answered, if so.
    archive_waits: sealing was put off, and a copy of a key is to be kept.
    targets_wait: sealing was put off, and targets alone are to deliver a token.
    """

    lines: list[ProgressLine]
    running: bool
    asked: bool
    slow: bool
    failed: bool
    silent_since: datetime | None
    archive_waits: bool
    targets_wait: bool = False


def of(request: TokenRequest, *, now: datetime) -> Progress:
    """Progress of a request, from the rows of its tokens and certificates."""
    tokens = [token for token in request.tokens.all() if token.state != TokenState.CANCELLED]
    if request.is_recovery:
        return _of_recovery(request, tokens)
    certificates = list(Certificate.objects.filter(token__in=tokens, left_out_at=None))
    issued = [row for row in certificates if row.certificate is not None]
    counts = [
        (
            _("Keys are made"),
            sum(row.public_key_sha256 is not None for row in certificates),
            len(certificates),
        ),
        (_("Certificates are issued"), len(issued), len(certificates)),
        (_sealed(tokens), sum(token.sealed_at is not None for token in tokens), len(tokens)),
    ]
    failed = request.state == RequestState.FAILED
    slow = request.state == RequestState.ISSUING and _is_slow(request, certificates, now=now)
    running = request.state == RequestState.ISSUING
    moves = StepState.NOW if running else StepState.NEXT
    lines = _lines(counts, StepState.STOPPED if failed else StepState.WAITS if slow else moves)
    return Progress(
        lines=lines,
        running=running,
        asked=lines[0].state == StepState.DONE,
        slow=slow,
        failed=failed,
        silent_since=_silent_since(tokens) if slow else None,
        archive_waits=running and any(token.archives_keys and token.last_error for token in tokens),
        targets_wait=running and any(token.last_error and sole_delivery.is_sole(token) for token in tokens),
    )


def _sealed(tokens: list[SoftwareToken]) -> str:
    has_file = not tokens or not all(map(sole_delivery.is_sole, tokens))
    return _("Your file is sealed") if has_file else _("Your keys are sealed")


def _of_recovery(request: TokenRequest, tokens: list[SoftwareToken]) -> Progress:
    """No CA is asked: the keys are opened and sealed by a worker in one go."""
    sealed = sum(token.sealed_at is not None for token in tokens)
    words = (_("Archived keys are opened"), _("Your file is sealed"))
    counts = [(each, sealed, len(tokens)) for each in words]
    failed, running = request.state == RequestState.FAILED, request.state == RequestState.ISSUING
    moves = StepState.NOW if running else StepState.NEXT
    return Progress(
        lines=_lines(counts, StepState.STOPPED if failed else moves),
        running=running,
        asked=False,
        slow=running and any(token.last_error for token in tokens),
        failed=failed,
        silent_since=None,
        archive_waits=False,
    )


def next_passphrase(request: TokenRequest) -> SoftwareToken | None:
    """First token of the request with a passphrase to note, without those on hold."""
    waiting = [token for token in request.tokens.all() if token.is_to_be_noted]
    return min(waiting, key=lambda token: token.sealed_at or token.created_at, default=None)


def _lines(counts: list[tuple[str, int, int]], present: StepState) -> list[ProgressLine]:
    """The first unfinished bar is current; none before the acceptance."""
    lines = []
    for words, done, total in counts:
        finished = 0 < total == done
        lines.append(ProgressLine(words, StepState.DONE if finished else present, done, total))
        if not finished:
            present = StepState.NEXT
    return lines


def _silent_since(tokens: list[SoftwareToken]) -> datetime | None:
    silent = CaOutage.objects.keeping(Certificate.objects.filter(token__in=tokens)).first()
    return silent.since if silent else None


def _is_slow(request: TokenRequest, certificates: list[Certificate], *, now: datetime) -> bool:
    waiting = [row for row in certificates if row.state == CertificateState.ORDERED]
    late = request.accepted_at is not None and now - request.accepted_at > SLOW_AFTER
    return bool(waiting) and (late or any(row.last_error for row in waiting))
