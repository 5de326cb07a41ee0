"""manage.py load_demo: the demo organisation, its catalogue and its cast. What is there is left as it is."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from identity_manager.demo import cast, catalogue, organisation
from identity_manager.directory import csv_file
from identity_manager.management import demo_recovery_key
from identity_manager.models import Person
from identity_manager.people.imports import applying as importing
from identity_manager.people.imports.applying import RowOutcome
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.people import leave_and_return

SYSTEM_ADMINISTRATOR = "sven"


class Command(BaseCommand):
    help = "Loads the demo organisation, where it is not loaded yet. Not in production."

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("There is no demo in production: DEPLOYMENT says production.")
        try:
            persons, accounts = _load_persons(), cast.open_accounts()
            demo_recovery_key.put_in_force()
            types = _load_catalogue()
        except (Refused, Person.DoesNotExist) as error:
            raise CommandError(f"The demo does not fit in with what is here: {error}") from error
        if options["verbosity"] > 0:
            self.stdout.write(f"New: {persons} persons, {accounts} accounts, {types} token types.")


def _load_persons() -> int:
    """Import the persons like any CSV file; only once, so that later changes of the persons stay.

    Identities need no confirmation: the file is part of the product.
    """
    if Person.objects.filter(personnel_number=cast.CAST[0].personnel_number).exists():
        return 0
    plan = importing.plan(csv_file.read(organisation.as_csv()), trusted=True)
    return importing.carry_out(plan, actor=None, change_state=leave_and_return.take_over_state).count(
        RowOutcome.CREATE
    )


def _load_catalogue() -> int:
    """Create the catalogue, as the demo's System Administrator."""
    if not catalogue.lacking():
        return 0
    return catalogue.load(actor=Person.objects.get(account__username=SYSTEM_ADMINISTRATOR))
