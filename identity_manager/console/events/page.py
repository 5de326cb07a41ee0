"""Page ADMIN, Other systems: cursors of SIEM sinks and webhooks."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from identity_manager.events import forwarding
from identity_manager.events.siem_configuration import SinkConfiguration
from identity_manager.models import SiemSink
from identity_manager.models.words import Words
from identity_manager.ui.parts import Meaning


@dataclass(frozen=True)
class SinkLine:
    """One SIEM and its cursor."""

    sink: SinkConfiguration
    row: SiemSink
    behind: int

    @property
    def meaning(self) -> Meaning:
        if self.row.last_error:
            return Meaning.STOPPED
        return Meaning.WAITING if self.behind else Meaning.DONE

    @property
    def state(self) -> Words:
        if self.row.last_error:
            return _("Not confirmed")
        return _("Being sent") if self.behind else _("Up to date")


def siem_lines() -> Iterator[SinkLine]:
    """Each SIEM of the settings."""
    rows = {row.name: row for row in SiemSink.objects.configured()}
    end = forwarding.last_number()
    for name, sink in settings.SIEM_SINKS.items():
        row = rows.get(name) or SiemSink(name=name)
        yield SinkLine(sink, row, max(0, end - row.number))
