"""manage.py load_demo: the demo organisation, its catalogue and its cast. What is there is left as it is."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from identity_manager.demo import cast, catalogue, organisation
from identity_manager.directory import csv_file
from identity_manager.models import Person
from identity_manager.people import importing
from identity_manager.people.importing import Outcome


class Command(BaseCommand):
    help = "Loads the demo organisation, where it is not loaded yet. Not in production."

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("There is no demo in production: DEPLOYMENT says production.")
        persons = _load_persons()
        accounts = cast.open_accounts()
        system_administrator = Person.objects.get(account__username="sven")
        entries = catalogue.load(actor=system_administrator)
        if options["verbosity"] > 0:
            self.stdout.write(f"New: {persons} persons, {accounts} accounts, {entries} catalogue entries.")


def _load_persons() -> int:
    """By the road of every CSV file; once, so that what happened to the persons since then stays."""
    if Person.objects.filter(personnel_number=cast.CAST[0].personnel_number).exists():
        return 0
    plan = importing.plan(csv_file.read(organisation.as_csv()))
    return importing.carry_out(plan, actor=None).count(Outcome.CREATE)
