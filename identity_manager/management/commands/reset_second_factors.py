"""manage.py reset_second_factors: remove an account's second factors, if no officer can do it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from identity_manager.models import Account
from identity_manager.people.sign_in import second_factors


class Command(BaseCommand):
    help = (
        "Removes all second factors and recovery codes of an account and ends its sessions. The person is"
        " told by mail. Where an office can help, a sign-in code does it with a second officer's word."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *_args: Any, **options: Any) -> None:
        account = Account.objects.filter(username=options["username"]).first()
        if account is None:
            raise CommandError(f"There is no account {options['username']}.")
        removed = second_factors.reset(person_id=account.person_id)
        self.stdout.write(f"{removed} second factors of {account.username} were removed.")
