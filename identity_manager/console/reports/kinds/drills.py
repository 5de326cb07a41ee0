"""Recovery drills: by recovery certificate, what was proved, what failed, and when the next proof is late."""

from collections.abc import Iterator

from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from identity_manager.console.reports.report import Asked, Report, ReportColumn, ReportLine, ValueKind
from identity_manager.models import RecoveryCertificate
from identity_manager.models.archive.recovery_drill import due_since
from identity_manager.ui.context import ARCHIVE_READERS


def _lines(asked: Asked) -> Iterator[ReportLine]:
    """Lines of certificates in force, and of others that were drilled in this time. One statement."""
    rows = RecoveryCertificate.objects.defer("certificate", "seal").annotate(
        proved=Count("drills", filter=Q(drills__proved_at__gte=asked.since)),
        failed=Count("drills", filter=Q(drills__failed_at__gte=asked.since)),
        last_proof=Max("drills__proved_at"),
    )
    in_force = RecoveryCertificate.objects.in_force(timezone.now()).order_by().values("pk")
    shown = rows.filter(Q(pk__in=in_force) | Q(proved__gt=0) | Q(failed__gt=0))
    for row in shown.order_by("name"):
        last = vars(row)["last_proof"]
        values = {
            "certificate": row.name,
            "state": row.get_state_display(),
            "proved": vars(row)["proved"],
            "failed": vars(row)["failed"],
            "last": last,
            "late": due_since(row, last) if not row.retired_at else None,
        }
        yield ReportLine(values, _addresses(asked, row))


def _addresses(asked: Asked, row: RecoveryCertificate) -> dict[str, str]:
    """The page of the certificate; of a number, the drills there that it counts."""
    url, since = reverse("console:recovery-certificate", args=[row.pk]), asked.since.date().isoformat()
    results = {name: urlencode({"result": name, "since": since}) for name in ("proved", "failed")}
    return {"certificate": url, **{name: f"{url}?{query}#drills" for name, query in results.items()}}


REPORT = Report(
    name="drills",
    title=_("Recovery drills"),
    question=_("When was it proved that archived keys open?"),
    icon="shield",
    readers=ARCHIVE_READERS,
    everywhere=True,
    columns=(
        ReportColumn("certificate", _("Recovery certificate"), ValueKind.TEXT),
        ReportColumn("state", _("State"), ValueKind.TEXT),
        ReportColumn("proved", _("Proved"), charted=True),
        ReportColumn("failed", _("Failed"), charted=True),
        ReportColumn("last", _("Last proof"), ValueKind.MOMENT),
        ReportColumn("late", _("The next one is late from"), ValueKind.MOMENT),
    ),
    read=_lines,
    nothing=_("There is no recovery certificate."),
    periods=(730, 365),
)
