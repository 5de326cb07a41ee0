"""The key archive: a recovery certificate in force for types that archive, a recipient for each key."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from identity_manager.management.doctor.check_result import CheckResult, failed, ok, warning
from identity_manager.models import ArchivedKey, ArchivedKeyRecipient, RecoveryCertificate, TokenType
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import recovery_certificates

ENDS_SOON = timedelta(days=90)
HOW = "docs/how-to/key-archive.md"
LOST_RING = "docs/how-to/rotate-keys.md"
NEXT_CEREMONY = f"Hold a ceremony and bring its certificate in, in KEY ARCHIVE: {HOW}."


def key_archive() -> Iterator[CheckResult]:
    """Requirements of key archiving, and archived keys that soon nobody could open."""
    codes = sorted(TokenType.objects.active().filter(archive_key=True).values_list("code", flat=True))
    if not codes and not ArchivedKey.objects.exists():
        yield ok("No token type archives its keys, and no key is archived.")
        return
    found = [*_recovery_certificates(codes), *_rings(codes), *_recipients()]
    yield from found
    if not found:
        yield ok(f"Keys are archived for recovery certificates in force (types: {', '.join(codes)}).")


def _recovery_certificates(codes: list[str]) -> Iterator[CheckResult]:
    now = timezone.now()
    present = list(RecoveryCertificate.objects.in_force(now))
    if codes and not present:
        yield failed(
            f"Types archive ({', '.join(codes)}) and no recovery certificate is in force: their tokens wait.",
            NEXT_CEREMONY,
        )
    if vault.holds(vault.Purpose.OTHER):
        for each in present:
            if version := recovery_certificates.lost_seal_key(each):
                yield failed(
                    f"The confirmation of {each.name} was sealed with key {version} of KEYS_OTHER, which is"
                    " not here: nothing is archived.",
                    f"Put the key back, or have it confirmed anew, in KEY ARCHIVE: {LOST_RING}.",
                )
            elif not recovery_certificates.is_as_confirmed(each):
                yield failed(
                    f"The recovery certificate {each.name} is not what was confirmed: nothing is archived.",
                    "Retire it in KEY ARCHIVE, and find out who wrote to the database.",
                )
    if present and max(each.not_after for each in present) < now + ENDS_SOON:
        last = max(each.not_after for each in present)
        yield warning(f"The last recovery certificate in force ends on {last:%Y-%m-%d}.", NEXT_CEREMONY)


def _rings(codes: list[str]) -> Iterator[CheckResult]:
    """Key rings that archiving needs, in a worker, which holds the ring of private keys."""
    is_worker = vault.holds(vault.Purpose.PRIVATE_KEYS)
    if codes and is_worker and not vault.holds(vault.Purpose.ARCHIVE):
        yield failed(
            "This worker holds no ring KEYS_ARCHIVE: it seals no token of a type that archives.",
            "deploy/make-secrets.sh, or `make setup`, makes what is missing.",
        )


def _recipients() -> Iterator[CheckResult]:
    recipients = ArchivedKeyRecipient.objects.filter(key=OuterRef("pk"))
    in_force = RecoveryCertificate.objects.in_force(timezone.now()).order_by().values("pk")
    nobodys = ArchivedKey.objects.filter(~Exists(recipients.filter(certificate__in=in_force))).count()
    if nobodys:
        yield warning(
            f"{nobodys} archived keys are sealed for no recovery certificate in force.",
            "Retire what has ended, in KEY ARCHIVE; then what was sealed for it is sealed for others.",
        )
