"""Progress of requests in SQL: what each waits for, or how it ended; counted in one statement."""

from collections.abc import Mapping

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextChoices,
    Value,
    When,
)
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from identity_manager.models import BatchLine, RequestState, SoftwareToken, TokenRequest
from identity_manager.models.batch.line import BatchLineQuerySet
from identity_manager.models.requests.token_states import ENDED_UNUSED, TokenState


class Became(TextChoices):
    """Progress categories for whoever requested many; each request is in exactly one."""

    APPROVAL = "approval", _("Waits for approval")
    ACCEPTANCE = "acceptance", _("Waits for acceptance")
    ISSUING = "issuing", _("Is being made")
    FAILED = "failed", _("Has failed")
    PASSPHRASE = "passphrase", _("Passphrase waits to be noted")
    DELIVERY = "delivery", _("Waits for delivery")
    DONE = "done", _("Done")
    REJECTED = "rejected", pgettext_lazy("request", "Rejected")
    DECLINED = "declined", pgettext_lazy("request", "Declined")
    LAPSED = "lapsed", pgettext_lazy("request", "Lapsed")
    CANCELLED = "cancelled", pgettext_lazy("request", "Cancelled")


def condition(became: str) -> Q:
    """Condition on TokenRequest: requests in this category."""
    return _CONDITIONS[Became(became)]


def counted(requests: QuerySet[TokenRequest]) -> Mapping[str, int]:
    """Number of requests by category, empty categories left out."""
    rows = requests.annotate(became=_became()).order_by().values_list("became")
    return {became: number for became, number in rows.annotate(number=Count("pk")) if became}


def with_became_of_request(lines: BatchLineQuerySet) -> BatchLineQuerySet:
    """Annotate lines of batch orders with `became`, the category of their request; null without one."""
    request = TokenRequest.objects.filter(pk=OuterRef("request")).annotate(became=_became()).order_by()
    return lines.annotate(became=Subquery(request.values("became")))


def _became() -> Case:
    whens = [When(rule, then=Value(each.value)) for each, rule in _CONDITIONS.items()]
    return Case(*whens, default=Value(""), output_field=CharField())


def of_order(reference: str) -> Q:
    """Condition on TokenRequest: opened by batch orders whose reference begins so."""
    lines = BatchLine.objects.filter(order__reference__startswith=reference, request__isnull=False)
    return Q(pk__in=lines.order_by().values("request"))


def _tokens() -> QuerySet[SoftwareToken]:
    return SoftwareToken.objects.filter(request=OuterRef("pk"), taken_out_by=None).order_by()


_TO_BE_NOTED = Exists(_tokens().filter(passphrase_wrapped__isnull=False, acknowledged_at=None))
_CAME_TO_SOMETHING = Exists(_tokens().exclude(state__in=ENDED_UNUSED))
_LAPSED = Exists(_tokens().filter(state=TokenState.LAPSED))
_ISSUED, _COMPLETED = Q(state=RequestState.ISSUED), Q(state=RequestState.COMPLETED)
_UNUSED = _COMPLETED & ~Q(_CAME_TO_SOMETHING)
_CONDITIONS = {
    Became.APPROVAL: Q(state__in=(RequestState.REQUESTED, RequestState.APPROVED)),
    Became.ACCEPTANCE: Q(state=RequestState.AWAITING_ACCEPTANCE),
    Became.ISSUING: Q(state=RequestState.ISSUING),
    Became.FAILED: Q(state=RequestState.FAILED),
    Became.PASSPHRASE: _ISSUED & Q(_TO_BE_NOTED),
    Became.DELIVERY: _ISSUED & ~Q(_TO_BE_NOTED),
    Became.DONE: _COMPLETED & Q(_CAME_TO_SOMETHING),
    Became.REJECTED: Q(state=RequestState.REJECTED),
    Became.DECLINED: Q(state=RequestState.DECLINED),
    Became.LAPSED: Q(state=RequestState.LAPSED) | (_UNUSED & Q(_LAPSED)),
    Became.CANCELLED: Q(state=RequestState.CANCELLED) | (_UNUSED & ~Q(_LAPSED)),
}
