"""Checks of secrets: file permissions, key rings, and whether they unwrap stored secrets."""

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.checks import run_checks

from identity_manager.management import wrapped_secrets
from identity_manager.management.doctor.check_result import CheckResult, failed, ok, warning
from identity_manager.models import ShareTransportKey
from identity_manager.vault import key_references
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown

PRIVATE = 0o700
WRONG = "it does not open what it has wrapped."


def settings_fit() -> Iterator[CheckResult]:
    """Settings checks, as at start-up of every process."""
    messages = run_checks(tags=["deployment"])
    for message in messages:
        finding = failed if message.is_serious() else warning
        yield finding(message.msg, "docs/reference/settings.md")
    if not messages:
        yield ok("The settings fit together.")


def files() -> Iterator[CheckResult]:
    """Permissions of the secrets directory and owners of files; the settings checks cover file modes."""
    directory = Path(settings.SECRETS_DIR)
    if not directory.is_dir():
        yield ok(
            "No directory of secrets: they come from the environment or from files that were handed over."
        )
        return
    fine = True
    if directory.stat().st_mode & 0o077:
        fine = False
        yield warning(f"Others can look into {directory}.", f"chmod {PRIVATE:o} {directory}")
    for path in sorted((directory, *directory.iterdir())):
        if path.stat().st_uid != os.geteuid():
            fine = False
            yield warning(
                f"{path} belongs to another user than this command.", f"chown {os.geteuid()} {path}"
            )
    if fine:
        yield ok(f"{directory} is for its owner alone.")


def rings() -> Iterator[CheckResult]:
    """Key rings of this environment, and the kind of process that they suffice for."""
    held = {purpose for purpose, ring in settings.VAULT_KEYS.items() if ring}
    workers = {"private-keys", "passphrases", "other"}
    kinds = {
        frozenset(workers): "workers (and the demo)",
        frozenset({*workers, "archive"}): "workers",
        frozenset({*workers, "archive", "recovery-keys"}): "workers",
        frozenset({*workers, "archive", "recovery-keys", "share-transport"}): "workers (and the demo)",
        frozenset({"passphrases", "other"}): "the web process of Self-Service, or of both portals",
        frozenset({"other"}): "the web process of Identity Manager",
        frozenset(): "the beat",
    }
    kind = kinds.get(frozenset(held))
    names = ", ".join(sorted(held)) or "none"
    if kind is None:
        yield warning(
            f"The rings held here ({names}) fit no kind of process.", "docs/explanation/secrets.md, Wrapping."
        )
    else:
        yield ok(f"The rings held here ({names}) are those of {kind}.")


def share_transport() -> Iterator[CheckResult]:
    """The share-transport key, which officers' shares need."""
    held = vault.holds(vault.Purpose.SHARE_TRANSPORT)
    if vault.holds(vault.Purpose.ARCHIVE) and not held:
        yield warning(
            "Officers cannot give their shares: this worker holds no ring KEYS_SHARE_TRANSPORT.",
            "deploy/make-secrets.sh, or `make setup`, makes what is missing.",
        )
    elif held and not ShareTransportKey.objects.exists():
        yield warning(
            "No worker has published the key under which shares travel.",
            "Start a worker: its job archive.end_share_rounds does it within a minute.",
        )
    elif held:
        yield ok("Officers can give their shares.")


def elsewhere() -> Iterator[CheckResult]:
    """Round trip (wrap and unwrap) with each key in a key service or HSM."""
    rings = settings.VAULT_KEYS.items()
    lines = [(purpose, *line) for purpose, ring in rings for line in ring.items()]
    references = [line for line in lines if key_references.is_reference(line[2])]
    for purpose, version, reference in references:
        name = f"Key {version} of {purpose} ({reference})"
        try:
            sentence = "" if key_references.works(key_references.of_reference(reference)) else WRONG
        except KeyServiceDown as error:
            sentence = f"{error} What needs it waits, and nothing is lost."
        if sentence:
            yield failed(f"{name} does not work from here: {sentence}", "docs/how-to/key-service.md")
        else:
            yield ok(f"{name} wraps and opens.")
    if not references:
        yield ok("No ring refers to a key service or HSM.")


def opened() -> Iterator[CheckResult]:
    """Unwrap a sample of each kind of stored secret; nothing is shown."""
    for sample in wrapped_secrets.samples():
        if sample.error:
            yield failed(
                f"The keys here do not open {sample.kind.name}: {sample.error}",
                "Give this process the key versions that the database was written with.",
            )
        elif sample.opened:
            yield ok(f"The keys here open {sample.kind.name} ({sample.opened} tried).")
        else:
            yield ok(f"No {sample.kind.name} are kept just now.")
    if not wrapped_secrets.held_kinds():
        yield ok("This environment holds no keys to open anything with.")
