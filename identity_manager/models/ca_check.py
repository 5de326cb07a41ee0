"""What came of the last test of each CA connection."""

from django.db import models

from identity_manager.models.person import Person


class CaCheck(models.Model):
    """The last test of a connection, by its alias in CA_CONNECTORS. checked_by: empty for the schedule.

    fault: a name of ca_bridge.contract.Fault, where one was found.  offered: the names of the CA's profiles,
    as it last told them; empty where it cannot.
    """

    alias = models.CharField(max_length=40, primary_key=True)
    ok = models.BooleanField()
    detail = models.TextField()
    fault = models.CharField(max_length=20, blank=True, db_default="")
    offered = models.JSONField(default=list, db_default=[])
    took = models.DurationField()
    checked_at = models.DateTimeField()
    checked_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.alias
