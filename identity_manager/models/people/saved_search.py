"""Saved searches and reports of officers, under a name of their own."""

from datetime import datetime, time, timedelta

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person

MAILED_AT = time(6)


class Mailing(models.TextChoices):
    """How often a link to the report is mailed to its owner."""

    NEVER = "", _("Never")
    WEEKLY = "weekly", _("Each Monday")
    MONTHLY = "monthly", _("On the first day of each month")


class SavedSearch(models.Model):
    """A search or a report of one officer, private to them. query is what the address says: text, filters.

    mailing: only of reports. mail_due_at: when the next link is mailed; null: never.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=16)
    query = models.CharField(max_length=2000)
    mailing = models.CharField(max_length=8, choices=Mailing, blank=True, default="", db_default="")
    mail_due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint("owner", Lower("name"), name="saved_search_name_once")]

    def __str__(self) -> str:
        return self.name

    def schedule(self, mailing: Mailing, now: datetime) -> None:
        """Set how often a link is mailed, first on the next such day in the owner's time zone."""
        self.mailing, self.mail_due_at = mailing, None
        today = timezone.localdate(now, self.owner.zone)
        if mailing == Mailing.WEEKLY:
            day = today + timedelta(days=7 - today.weekday())
        elif mailing == Mailing.MONTHLY:
            day = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        else:
            return
        self.mail_due_at = timezone.make_aware(datetime.combine(day, MAILED_AT), self.owner.zone)
