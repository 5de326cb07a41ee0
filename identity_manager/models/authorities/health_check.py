"""What came of the last test of each CA connection."""

from datetime import date
from typing import cast

from django.db import models

from ca_bridge import health_findings
from ca_bridge.contract import Concern, Need
from ca_bridge.health_findings import Finding, Found
from identity_manager.models.people.person import Person


class CaCheck(models.Model):
    """The last test of a connection, by its alias in CA_CONNECTORS. checked_by: empty for the schedule.

    fault: a name of ca_bridge.contract.Fault, where one was found.  offered: the names of the CA's profiles,
    as it last told them; empty where it cannot.  needs: what whoever runs it should see to soon; each a
    name of ca_bridge.contract.Need, and the day by which, or null.  findings: what detail says, as far as it
    is not the CA's own words; each a name of health_findings.Finding, and the values in its sentence.
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
    def concerns(self) -> list[Concern | str]:
        """What whoever runs it should see to soon; as it was written where this version cannot read it."""
        needs = self.needs if isinstance(self.needs, list) else [self.needs]
        return [_concern(each) for each in needs]

    @property
    def told(self) -> str:
        """What detail says, in the language of the moment; empty where findings do not tell it.

        An older version writes detail and leaves findings as they were; a newer one may name and fill
        sentences that this one lacks.
        """
        try:
            found = [Found(Finding(finding), dict(values)) for finding, values in self.findings]
            if health_findings.in_english(*found) == self.detail:
                return " ".join(map(health_findings.in_words, found))
        except (KeyError, TypeError, ValueError):
            pass
        return ""


def _concern(written: object) -> Concern | str:
    try:
        need, day = cast("tuple[str, str | None]", written)
        return Concern(Need(need), date.fromisoformat(day) if day else None)
    except (TypeError, ValueError):
        return " ".join(map(str, written)) if isinstance(written, list) else str(written)
