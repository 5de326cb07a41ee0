"""Circuit breaker state of CA connections: consecutive faults, and whether orders wait."""

from typing import Self

from django.db import models
from django.db.models import Q

from ca_bridge.connection import registry
from identity_manager.models.requests.certificate import Certificate
from identity_manager.models.requests.certificate_states import CertificateState


class CaOutageQuerySet(models.QuerySet["CaOutage"]):
    def open(self) -> Self:
        """Connections whose orders wait."""
        return self.filter(opened_at__isnull=False)

    def keeping(self, certificates: models.QuerySet[Certificate]) -> Self:
        """Outages that delay one of these certificates, the longest first."""
        ordered = certificates.filter(state=CertificateState.ORDERED).order_by()
        return self.open().filter(alias__in=ordered.values("profile__ca")).order_by("since")

    def shown(self) -> Self:
        """Outages of connections that are still configured."""
        return self.open().filter(alias__in=registry.aliases()).order_by("alias")


class CaOutage(models.Model):
    """Consecutive faults of a connection, by its alias in CA_CONNECTORS; a row without any means healthy.

    since: the first fault. opened_at: since when orders wait; null: closed. trial_at: when the next order
    goes as a probe. trials: failed probes.
    """

    alias = models.CharField(max_length=100, primary_key=True)
    faults = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    last_at = models.DateTimeField()
    detail = models.TextField(blank=True)
    fault = models.CharField(max_length=20, blank=True)
    opened_at = models.DateTimeField(null=True)
    trial_at = models.DateTimeField(null=True)
    trials = models.PositiveIntegerField(default=0)

    objects = CaOutageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(opened_at=None, trial_at=None)
                | Q(opened_at__isnull=False, trial_at__isnull=False),
                name="ca_outage_open_has_a_trial",
            ),
        ]

    def __str__(self) -> str:
        return self.alias

    @property
    def is_open(self) -> bool:
        """Whether orders wait."""
        return self.opened_at is not None
