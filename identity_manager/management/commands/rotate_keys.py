"""manage.py rotate_keys: a new epoch of key-encryption keys, without downtime."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from identity_manager.jobs import key_rotation
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown
from identity_manager.vault.key_references import is_reference
from identity_manager.vault.key_ring import KeyRingError

LONGEST_WAIT = 365 * 24 * 60
SETTINGS = {
    vault.Purpose.PRIVATE_KEYS: "KEYS_PRIVATE_KEYS",
    vault.Purpose.PASSPHRASES: "KEYS_PASSPHRASES",
    vault.Purpose.OTHER: "KEYS_OTHER",
    vault.Purpose.ARCHIVE: "KEYS_ARCHIVE",
    vault.Purpose.SHARE_TRANSPORT: "KEYS_SHARE_TRANSPORT",
}


class Command(BaseCommand):
    help = (
        "Makes a new key for each ring of secrets that lies in a file. Processes read it by themselves and"
        " use it when the wait is over; what is alive moves under it, and the old key is destroyed when"
        " nothing needs it. See docs/how-to/rotate-keys.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--wait",
            type=int,
            default=5,
            metavar="MINUTES",
            help="until the new keys are used: long enough to bring the files to every host (default 5)",
        )
        parser.add_argument(
            "--key",
            metavar="RING=REFERENCE",
            help="the ring's next key lies elsewhere: passphrases=transit:NAME:VERSION or =pkcs11:LABEL",
        )
        parser.add_argument("--audit", action="store_true", help="the key of the audit log instead")
        parser.add_argument("--status", action="store_true", help="only say which keys there are")
        parser.add_argument("--tend", action="store_true", help="move and destroy now, as the job does")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not 0 <= options["wait"] <= LONGEST_WAIT:
            raise CommandError(f"--wait takes a number of minutes, from 0 to {LONGEST_WAIT} (a year).")
        try:
            self._act(options)
        except (KeyRingError, vault.VaultError, KeyServiceDown) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from error

    def _act(self, options: dict[str, Any]) -> None:
        wait = timedelta(minutes=options["wait"])
        if options["status"]:
            self._status()
        elif options["tend"]:
            self.stdout.write(key_rotation.rewrap_and_destroy() or "Nothing is to be done.")
            self._status()
        elif options["key"]:
            self._to_key_service(options["key"], wait)
        elif options["audit"]:
            epoch = key_rotation.rotate_audit_key(actor=None, wait=wait)
            self.stdout.write(f"audit: key {epoch.version} in {epoch.path}; the old keys must stay.")
        else:
            self._rotate(wait)

    def _to_key_service(self, given: str, wait: timedelta) -> None:
        name, _equals, reference = given.partition("=")
        if name not in SETTINGS:
            raise CommandError(f"--key names one of {', '.join(SETTINGS)}.")
        purpose = vault.Purpose(name)
        epoch = key_rotation.rotate_to(actor=None, purpose=purpose, reference=reference, wait=wait)
        self.stdout.write(
            f"{purpose}: {reference} is key {epoch.version}, in {epoch.path},"
            f" in use from {epoch.in_use_from:%Y-%m-%d %H:%M:%S} UTC. Bring this file to every other host."
        )

    def _rotate(self, wait: timedelta) -> None:
        made = key_rotation.rotate(actor=None, wait=wait)
        for purpose, epoch in made:
            self.stdout.write(
                f"{purpose}: key {epoch.version} in {epoch.path},"
                f" in use from {epoch.in_use_from:%Y-%m-%d %H:%M:%S} UTC."
            )
        if made:
            self.stdout.write(
                "Bring these files to every other host before then. Workers move what is alive and destroy"
                " the old keys by themselves; --status says how far they are."
            )
        for purpose in key_rotation.in_key_service():
            self.stdout.write(
                f"{purpose}: its key lies elsewhere. Make the next one there, then name it with"
                f" --key {purpose}=REFERENCE (docs/how-to/key-service.md)."
            )
        for purpose in key_rotation.not_from_files():
            self.stdout.write(self._by_hand(purpose, wait))
        if not made and not (key_rotation.not_from_files() or key_rotation.in_key_service()):
            raise CommandError("This process holds no key; run it where the workers run.")

    @staticmethod
    def _by_hand(purpose: vault.Purpose, wait: timedelta) -> str:
        moment = (timezone.now() + max(wait, timedelta(hours=1))).isoformat(timespec="seconds")
        return (
            f"{purpose}: comes from the environment. Add a line to {SETTINGS[purpose]} for every process,"
            f" with a new version and 32 random bytes in base64 (openssl rand -base64 32):"
            f" VERSION:KEY@{moment} and start all of them anew before that moment. When --status says that"
            " an old key can go, take its line out in the same way."
        )

    def _status(self) -> None:
        for each in key_rotation.status(timezone.now()):
            place = each.epoch.path or "environment"
            words = each.is_needed or "can go"
            if is_reference(each.epoch.key):
                words = f"{words}; {each.epoch.key}"
            self.stdout.write(f"{each.purpose:<13} key {each.epoch.version:<4} {words}; {place}")
        for version, rows in sorted(key_rotation.audit_versions().items()):
            self.stdout.write(f"{'audit':<13} key {version:<4} {rows} events are sealed under it")
