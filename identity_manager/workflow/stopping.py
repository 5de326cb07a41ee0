"""Whether a request stands still because its person is not who was approved any more (changes.py)."""

from collections.abc import Iterable

from django.utils import timezone

from identity_manager import audit
from identity_manager.models import SoftwareToken, TokenRequest
from identity_manager.workflow import snapshot, standing_still


def stops(request: TokenRequest, lines: Iterable[SoftwareToken]) -> bool:
    """Whether a change of the person stops the request; writes down the news. All is locked by the caller.

    A request that fails while it is issued is stopped by step 5.
    """
    changed = snapshot.differences(lines)
    if changed and request.stopped_at is None:
        _stop(request, fields=[difference.field for difference in changed])
    elif not changed and request.stopped_at is not None:
        standing_still.make_up(request, since=request.stopped_at)
        request.stopped_at = None
        request.save()
        audit.record(audit.Event.REQUEST_RESUMED, actor=None, subject=request)
    return bool(changed)


def _stop(request: TokenRequest, *, fields: list[str]) -> None:
    request.stopped_at = timezone.now()
    request.save()
    audit.record(audit.Event.REQUEST_STOPPED, actor=None, subject=request, fields=fields)
