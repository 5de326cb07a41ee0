"""Contingents of certificates: how many a dry run would take of each limited CA."""

from collections import Counter
from collections.abc import Iterable

from django.db.models import Count, QuerySet

from ca_bridge.orders import allowances as journal
from identity_manager.console.enable import allowances
from identity_manager.models import BatchKind, BatchLine, BatchOrder, BatchState, LineOutcome, TokenType
from identity_manager.models.batch.line import BatchLineQuerySet

ISSUES = (BatchKind.ENABLE, BatchKind.RENEW, BatchKind.REPLACE)


def of_dry_run(order: BatchOrder) -> list[str]:
    """One sentence for each such CA; empty before and after the dry run."""
    is_shown = order.state == BatchState.CHECKED and order.kind in ISSUES
    if not is_shown or not journal.configured():
        return []
    ready = BatchLine.objects.filter(order=order, outcome=LineOutcome.READY)
    if order.kind == BatchKind.ENABLE:
        return list(allowances.sentences(_enabled(order, ready)))
    return list(allowances.sentences(_succeeded(ready)))


def _enabled(order: BatchOrder, ready: BatchLineQuerySet) -> Counter[str]:
    lines = ready.order_by().values_list("types").annotate(number=Count("pk"))
    types = {each.code: each for each in _with_profiles(order.types.all())}
    return _taken((types.get(code), number) for codes, number in lines for code in codes)


def _succeeded(ready: BatchLineQuerySet) -> Counter[str]:
    lines = dict(ready.order_by().values_list("token__token_type").annotate(number=Count("pk")))
    types = {each.pk: each for each in _with_profiles(TokenType.objects.filter(pk__in=list(lines)))}
    return _taken((types.get(pk), number) for pk, number in lines.items())


def _with_profiles(types: QuerySet[TokenType]) -> QuerySet[TokenType]:
    return types.prefetch_related("token_type_profiles__profile")


def _taken(numbers: Iterable[tuple[TokenType | None, int]]) -> Counter[str]:
    """Certificates by CA, of so many tokens of each type."""
    taken: Counter[str] = Counter()
    for token_type, number in numbers:
        for link in token_type.token_type_profiles.all() if token_type else ():
            taken[link.profile.ca] += number
    return taken
