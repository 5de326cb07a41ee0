"""manage.py siem: how far behind each SIEM sink is; send events again from a number on."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from identity_manager.events import forwarding
from identity_manager.models import SiemSink
from identity_manager.transactions.refusals import Refused


class Command(BaseCommand):
    help = "Says how far each SIEM has got (`status`), and sends events again (`resend NAME --from NUMBER`)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("status", help="what each sink has confirmed, and why it got no further")
        resend = actions.add_parser("resend", help="send everything again from an event on")
        resend.add_argument("name", help="the sink, by its name in SIEM_SINKS")
        resend.add_argument(
            "--from", dest="number", type=int, required=True, help="number of the first event"
        )

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        if action == "status":
            self._status()
        else:
            self._resend(options["name"], options["number"])

    def _status(self) -> None:
        rows = {row.name: row for row in SiemSink.objects.configured()}
        for name, sink in settings.SIEM_SINKS.items():
            row = rows.get(name, SiemSink(name=name))
            line = f"{name} {sink.address}: confirmed up to #{row.number}, {forwarding.behind(row)} behind"
            self.stdout.write(f"{line}. {row.last_error}".rstrip())

    def _resend(self, name: str, number: int) -> None:
        try:
            row = forwarding.resend(actor=None, name=name, number=number)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"{forwarding.behind(row)} events are sent to {name} again, from #{number} on.")
