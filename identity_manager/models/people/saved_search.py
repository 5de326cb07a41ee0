"""Saved searches: what an officer looks for again and again, under a name of their own."""

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person


class SavedSearch(models.Model):
    """A search of one officer, private to them. query is what the address says: text, filters, order."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=16)
    query = models.CharField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint("owner", Lower("name"), name="saved_search_name_once")]

    def __str__(self) -> str:
        return self.name
