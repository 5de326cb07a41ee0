"""Issuance and faults by certificate authority."""

from collections.abc import Iterator

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import offices, requests
from identity_manager.console.reports.report import Asked, Report, ReportColumn, ReportLine, ValueKind
from identity_manager.console.search import forms as search_forms
from identity_manager.models import CaOutage, Certificate, CertificateState, Role
from identity_manager.ui.context import REQUEST_READERS

OPERATORS = frozenset({Role.SYSTEM_ADMINISTRATOR})
ORDERED = Q(state=CertificateState.ORDERED)
UNIT = "token__person__organisational_unit"
PARKED = Q(order__parked_at__isnull=False)
# Column, and the state that SEARCH knows.
STATES = {
    "issued": search_forms.ISSUED,
    "waiting": search_forms.AWAITED,
    "parked": search_forms.PARKED,
    "refused": CertificateState.REFUSED.value,
}


def _lines(asked: Asked) -> Iterator[ReportLine]:
    """Certificates issued here, by connection; and since when a connection has not answered."""
    rows = requests.visible_certificates(asked.actor)
    if offices.holds(asked.actor, OPERATORS):  # who reads of each authority, and of no person
        rows = Certificate.objects.filter(offices.within_units(asked.actor, OPERATORS, UNIT))
    chosen = asked.within(unit=UNIT, type_code="token__type_code")
    rows = rows.filter(imported=None, created_at__gte=asked.since, **chosen)
    counted = (
        rows.order_by()
        .values_list("profile__ca")
        .annotate(
            issued=Count("pk", filter=~Q(serial="")),
            waiting=Count("pk", filter=ORDERED & ~PARKED),
            parked=Count("pk", filter=ORDERED & PARKED),
            refused=Count("pk", filter=Q(state=CertificateState.REFUSED)),
        )
    )
    silent = dict(CaOutage.objects.open().values_list("alias", "since"))
    for alias, issued, waiting, parked, refused in counted.order_by("profile__ca"):
        numbers = {"issued": issued, "waiting": waiting, "parked": parked, "refused": refused}
        yield ReportLine({"ca": alias, **numbers, "silent": silent.get(alias)}, _searches(asked, alias))


def _searches(asked: Asked, alias: str) -> dict[str, str]:
    """None for operators: they count what they cannot search."""
    if offices.holds(asked.actor, OPERATORS):
        return {}
    since = asked.since.date().isoformat()
    return {
        name: asked.search(
            "certificate",
            state=state,
            ca=alias,
            ordered_from=since,
            unit=asked.unit,
            token_type=asked.token_type,
        )
        for name, state in STATES.items()
    }


REPORT = Report(
    name="issuance",
    title=_("Issuance and faults"),
    question=_("What has each certificate authority issued, and what has it not?"),
    icon="certificate",
    readers=REQUEST_READERS | OPERATORS,
    columns=(
        ReportColumn("ca", _("Certificate authority"), ValueKind.TEXT),
        ReportColumn("issued", _("Issued"), charted=True),
        ReportColumn("waiting", _("Ordered"), charted=True),
        ReportColumn("parked", _("Outcome not known"), charted=True),
        ReportColumn("refused", _("Refused"), charted=True),
        ReportColumn("silent", _("No answer since"), ValueKind.MOMENT),
    ),
    read=_lines,
    nothing=_("Nothing was ordered in this time."),
    periods=(90, 30, 365),
    filters=frozenset({"unit", "token_type"}),
)
