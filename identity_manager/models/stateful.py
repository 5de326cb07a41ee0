"""The base of every row that has a state: protected transitions and an integer version."""

from typing import Any

from django.db import models
from django_fsm import ConcurrentTransition

from ca_bridge.state import SafeFSM


def state_constraint(choices: type[models.TextChoices], name: str) -> models.CheckConstraint:
    """The database refuses a state outside the set."""
    return models.CheckConstraint(condition=models.Q(state__in=choices.values), name=name)


class Stateful(SafeFSM, models.Model):
    """A row with a state machine. Saving a stale copy raises django_fsm.ConcurrentTransition.

    The state alone would allow A-B-A (failed, issuing, failed again), so a version is compared too.
    """

    version = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._version_read = self.version
        if not self._state.adding:
            self.version += 1
            if kwargs.get("update_fields") is not None:
                kwargs["update_fields"] = {*kwargs["update_fields"], "version"}
        try:
            super().save(*args, **kwargs)
        except ConcurrentTransition:
            self.version = self._version_read
            raise

    def _do_update(self, base_qs: Any, *args: Any, **kwargs: Any) -> Any:
        """Nothing updated and the row there: somebody else saved it. Django would try to insert it anew."""
        updated = super()._do_update(base_qs.filter(version=self._version_read), *args, **kwargs)
        if not updated and base_qs.filter(pk=self.pk).exists():
            raise ConcurrentTransition("This row was saved by somebody else since it was read.")
        return updated
