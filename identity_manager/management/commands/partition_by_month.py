"""manage.py partition_by_month: divide the tables of audit events and mails by month (PostgreSQL)."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from ca_bridge.database import partitions
from identity_manager.jobs import month_division, month_partitions
from identity_manager.models import AuditEvent, OutgoingMail

TABLES = {"audit": AuditEvent, "mails": OutgoingMail}


class Command(BaseCommand):
    help = (
        "Divides the table of audit events, or of mails, by month, while everything runs. Nothing is copied,"
        " and what broke off goes on. See docs/how-to/partition-by-month.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--table", choices=[*TABLES], help="only this one; without it, both")
        parser.add_argument("--status", action="store_true", help="only say which months there are")

    def handle(self, *_args: Any, **options: Any) -> None:
        models = [TABLES[options["table"]]] if options["table"] else [*TABLES.values()]
        try:
            for model in models:
                if not options["status"]:
                    month_division.divide(model, say=self.stdout.write)
                self._say(month_partitions.table_of(model))
        except (month_division.DivisionError, DatabaseError) as error:
            raise CommandError(f"{str(error).strip()} Run it again: it goes on where it stood.") from error

    def _say(self, table: str) -> None:
        there = partitions.partitions(connection, table)
        self.stdout.write(f"{table}: {'' if there else 'not '}divided by month")
        for each in there:
            since, until = (f"{moment:%Y-%m-%d}" if moment else "" for moment in (each.since, each.until))
            span = "what no month holds" if each.is_default else f"{since}..{until}"
            self.stdout.write(f"  {each.name}  {span}")
