"""Clock skew: proof by signed heads that events are older than a moment, whatever time they say.

A signed head proves that everything up to its number was sealed when it was signed. The clock that dated the
head may have been wrong, too. So a head counts only as far as no other one contradicts it: heads of the
future are passed over, and none of a smaller number may be younger than the moment.
"""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from identity_manager import audit_proof
from identity_manager.audit import heads
from identity_manager.models import AuditEvent, AuditHead, HeadKind


def sealed_by(number: int) -> datetime | None:
    """Time by which the event of this number was sealed: that of the first head over it; None without one."""
    head = heads.over(number)
    return head.signed_at if head is not None and heads.is_signed(head) else None


def head_over(number: int, moment: datetime) -> AuditHead | None:
    """The head that proves the event of this number older than the moment, if its link is proven, too.

    None without two heads, before and after the event, that were signed before the moment.
    """
    after = heads.over(number)
    if after is None or after.signed_at >= moment or not heads.is_signed(after):
        return None
    now = timezone.now()
    earlier = AuditHead.objects.filter(kind=HeadKind.HEAD, signed_at__lte=now, number__lt=number)
    before = earlier.order_by("-number").first()
    if before is None or not heads.is_signed(before) or earlier.filter(signed_at__gte=moment).exists():
        return None
    return after


def links_to(head: AuditHead, number: int) -> dict[int, str]:
    """The links of the events from this number to the head's; empty unless the head stands for them."""
    rows = AuditEvent.objects.sealed().filter(number__gte=number, number__lte=head.number)
    found: dict[int, str] = {}
    columns = rows.values_list("number", "previous", "content_sha256", "chain")
    for place, (each, previous, content_sha256, chain) in enumerate(columns.iterator(chunk_size=2000)):
        follows = not found or previous == found.get(number + place - 1)
        if each != number + place or not follows or audit_proof.link(previous, content_sha256) != chain:
            return {}
        found[number + place] = chain
    return found if found.get(head.number) == head.chain else {}


def are_older(events: Iterable[AuditEvent], moment: datetime) -> bool:
    """Whether heads prove of each event, which is as it was sealed, that it is older than the moment."""
    left = sorted(events, key=lambda event: event.number or 0)
    while left:
        first = left[0].number or 0
        head = head_over(first, moment)
        links = links_to(head, first) if head else {}
        covered = [event for event in left if event.number in links]
        if not covered or any(event.chain != links[event.number or 0] for event in covered):
            return False
        left = left[len(covered) :]
    return True
