"""Results of the last health check of each CA connection."""

from datetime import date
from typing import cast

from django.db import models

from ca_bridge import health_findings
from ca_bridge.contract_operation import DueMaintenance, MaintenanceNeed
from ca_bridge.health_findings import HealthDetail, HealthFinding
from identity_manager.models.people.person import Person


class CaCheck(models.Model):
    """The last health check of a connection, by its alias in CA_CONNECTORS. checked_by: null for the job.

    fault: a value of ca_bridge.contract.ConnectionFault, or empty.
    offered: the profile names that the CA listed last; empty where it cannot list them.
    needs: maintenance that is due: [ca_bridge.contract_operation.MaintenanceNeed, date or null].
    findings: detail in translatable form: [HealthFinding, values]; empty where detail quotes the CA.
    """

    alias = models.CharField(max_length=40, primary_key=True)
    ok = models.BooleanField()
    detail = models.TextField()
    fault = models.CharField(max_length=20, blank=True, db_default="")
    offered = models.JSONField(default=list, db_default=[])
    needs = models.JSONField(default=list, db_default=[])
    findings = models.JSONField(default=list, db_default=[])
    took = models.DurationField()
    checked_at = models.DateTimeField()
    checked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.alias

    @property
    def concerns(self) -> list[DueMaintenance | str]:
        """Maintenance that is due; the stored text where this version does not know the value."""
        needs = self.needs if isinstance(self.needs, list) else [self.needs]
        return [_concern(each) for each in needs]

    @property
    def detail_in_words(self) -> str:
        """detail in the active language; empty if findings do not correspond to it.

        During an upgrade an older release writes detail without findings, and a newer one may write
        findings that this release does not know.
        """
        try:
            found = [HealthDetail(HealthFinding(finding), dict(values)) for finding, values in self.findings]
            if health_findings.in_english(*found) == self.detail:
                return " ".join(map(health_findings.in_words, found))
        except (KeyError, TypeError, ValueError):
            pass
        return ""


def _concern(written: object) -> DueMaintenance | str:
    try:
        need, day = cast("tuple[str, str | None]", written)
        return DueMaintenance(MaintenanceNeed(need), date.fromisoformat(day) if day else None)
    except (TypeError, ValueError):
        return " ".join(map(str, written)) if isinstance(written, list) else str(written)
