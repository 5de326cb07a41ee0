"""Containers: PKCS#12 files, each with one key."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.utils import timezone

from ca_bridge.database.binary_field import BytesField
from identity_manager.models.catalogue.token_type import WRITTEN_FORMATS
from identity_manager.models.identifiers import new_id
from identity_manager.models.requests.certificate import Certificate


class ContainerQuerySet(models.QuerySet["Container"]):
    """Containers by owner and download."""

    def fetched_since(self, person_id: uuid.UUID, moment: datetime) -> Self:
        """The person's containers that were downloaded since then, of any of their tokens."""
        return self.filter(token__person_id=person_id, downloaded_at__gte=moment)


class Container(models.Model):
    """A key with its certificate in one PKCS#12 format, under the token's passphrase (125 bits).

    downloads: how often it was downloaded from Self-Service; downloaded_at: the last time.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token = models.ForeignKey(
        "identity_manager.SoftwareToken", on_delete=models.CASCADE, related_name="containers"
    )
    certificate = models.ForeignKey(Certificate, on_delete=models.PROTECT, related_name="containers")
    format = models.CharField(max_length=16, choices=WRITTEN_FORMATS)
    file_name = models.CharField(max_length=120)
    content = BytesField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    downloads = models.PositiveIntegerField(default=0)
    downloaded_at = models.DateTimeField(null=True)

    objects = ContainerQuerySet.as_manager()

    class Meta:
        ordering = ["certificate__position", "format"]
        constraints = [
            models.UniqueConstraint(
                fields=["token", "certificate", "format"], name="container_once_per_format"
            )
        ]
