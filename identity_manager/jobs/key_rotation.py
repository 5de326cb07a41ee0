"""Key rotation: a new epoch of a key-encryption key, rewrapping of live secrets, destruction of the old key.

After destruction no existing key opens what a database kept of erased secrets (dead rows, write-ahead logs,
old backups). Two waiting times keep many processes consistent: a new key is distributed before it wraps
anything, and an old key is destroyed only when its successor has been in use for GRACE_PERIOD and no row is
wrapped under it.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, cast

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from identity_manager import audit
from identity_manager.jobs.secret_stores import SECRET_STORES, SecretStore, Wrapped
from identity_manager.models import ArchivedKey, AuditEvent, Person, RecoveryCertificate
from identity_manager.vault import key_references
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyVersionClosed
from identity_manager.vault.key_ring import Epoch, KeyRing, KeyRingError, add_epoch, destroy
from identity_manager.vault.wrapping import Purpose, VaultError

logger = logging.getLogger(__name__)

AT_ONCE = 200
WITHOUT_EPOCHS = frozenset({Purpose.RECOVERY_KEYS})  # what they open is in backups as long as anything
COUNTED_ONLY = frozenset({Purpose.SHARE_TRANSPORT})  # erased within half an hour, so nothing is moved
GRACE_PERIOD = timedelta(minutes=15)  # longer than any task or page view


Unreadable = VaultError | KeyVersionClosed


@dataclass(frozen=True)
class EpochStatus:
    """One epoch of one purpose: number of rows wrapped under it, whether in use, why it must stay."""

    purpose: str
    epoch: Epoch
    rows: int
    is_in_use: bool
    is_needed: str


def rotate(*, actor: Person | None, wait: timedelta) -> list[tuple[Purpose, Epoch]]:
    """Add an epoch to each ring that comes from files; it comes into use after `wait`.

    A ring whose newest key lies in a key service or HSM stays there: rotate_to() names its next one.

    Raises KeyRingError or OSError where a file cannot be written.
    """
    keys_here = [each for each in _file_rings() if not key_references.is_reference(each[1].epochs()[-1].key)]
    return [(purpose, _add(actor, purpose, ring, wait)) for purpose, ring in keys_here]


def rotate_to(*, actor: Person | None, purpose: Purpose, reference: str, wait: timedelta) -> Epoch:
    """Add an epoch to the ring that refers to a key in a key service or HSM, once that key works from here.

    Raises KeyRingError, OSError, or KeyServiceDown.
    """
    if purpose in COUNTED_ONLY or not key_references.is_reference(reference):
        raise KeyRingError(f"{purpose}={reference}: use transit:NAME:VERSION or pkcs11:LABEL.")
    if not key_references.works(key_references.of_reference(reference)):
        raise KeyRingError(f"{reference} does not open what it wraps.")
    return _add(actor, purpose, _ring(purpose), wait, key=reference)


def _add(actor: Person | None, purpose: Purpose, ring: KeyRing, wait: timedelta, *, key: str = "") -> Epoch:
    epoch = add_epoch(ring, in_use_from=timezone.now().replace(microsecond=0) + wait, key=key)
    facts = {"purpose": purpose.value, "version": epoch.version, "until": epoch.in_use_from.isoformat()}
    with transaction.atomic():
        audit.record(audit.Event.KEYS_ROTATED, actor=actor, subject=None, **facts)
    return epoch


def rewrap() -> int:
    """Rewrap a bounded number of secrets under the newest keys; return how many.

    Secrets that cannot be opened do not block others. Raises the error of the first of them afterwards, and
    KeyServiceDown at once.
    """
    done, troubles = 0, list[Unreadable]()
    for place in SECRET_STORES:
        held = vault.holds(place.purpose) and len(settings.VAULT_KEYS[place.purpose]) > 1
        if held and place.purpose not in COUNTED_ONLY:
            unread = UnreadableSecrets()
            done += _rewrap(place, unread)
            troubles += unread.log_and_first_error(place.purpose)
    if troubles:
        raise troubles[0]
    return done


@dataclass
class UnreadableSecrets:
    """Number of secrets that cannot be opened, and the first of them."""

    number: int = 0
    first: tuple[Any, Unreadable] | None = None

    def note(self, key: Any, error: Unreadable) -> None:
        self.number += 1
        self.first = self.first or (key, error)

    def log_and_first_error(self, purpose: Purpose) -> list[Unreadable]:
        """Log how many there are; return the error of the first, in a list, or an empty list."""
        if self.first is None:
            return []
        key, error = self.first
        logger.warning("%d secrets were left under their keys: %s, %s first", self.number, purpose.value, key)
        return [error]


def _rewrap(place: SecretStore, unread: UnreadableSecrets) -> int:
    done = 0
    for old, new in list(islice(_rewrapped(place, unread), AT_ONCE)):
        with transaction.atomic():
            done += place.replace(old, new)
    if done:
        with transaction.atomic():
            audit.record(audit.Event.SECRETS_REWRAPPED, actor=None, subject=None, rows=done)
    return done


def _rewrapped(place: SecretStore, unread: UnreadableSecrets) -> Iterator[tuple[Wrapped, bytes]]:
    """Yield each secret under an older key with its new ciphertext; count unreadable ones."""
    version = vault.version_in_use(place.purpose)
    for each in place.secrets():
        try:
            if vault.version_of(each.content) != version:
                yield each, _moved(place.purpose, each)
        except (VaultError, KeyVersionClosed) as error:
            unread.note(each.pk, error)


def _moved(purpose: Purpose, each: Wrapped) -> bytes:
    to, owner = each.record, each.owner
    return vault.rewrap(each.content, purpose=purpose, record=to, owner=owner, or_unbound=each.or_unbound)


def count(purpose: Purpose) -> Counter[str]:
    """Number of secrets by key version. Raises vault.VaultError where one is malformed."""
    return Counter(
        vault.version_of(each.content)
        for place in SECRET_STORES
        if place.purpose == purpose
        for each in place.secrets()
    )


def status(now: datetime) -> Iterator[EpochStatus]:
    """Every epoch of every ring that this process holds. Raises vault.VaultError."""
    for purpose in Purpose:
        if vault.holds(purpose) and purpose not in WITHOUT_EPOCHS:
            yield from _status(purpose, now)


def _status(purpose: Purpose, now: datetime) -> Iterator[EpochStatus]:
    rows, kept_since = count(purpose), now - timedelta(days=settings.BACKUP_KEPT_DAYS)
    epochs = _ring(purpose).epochs()
    current = _ring(purpose).in_use(now)
    for epoch, successor in zip(epochs, [*epochs[1:], None], strict=True):
        needed = _needed(epoch, successor, rows=rows[epoch.version], now=now)
        if not needed and _opens_archived_keys(purpose):
            needed = _needed_by_backups(purpose, successor, kept_since)
        yield EpochStatus(purpose.value, epoch, rows[epoch.version], epoch == current, needed)


def _needed(epoch: Epoch, successor: Epoch | None, *, rows: int, now: datetime) -> str:
    """Reason why the epoch cannot be destroyed; empty where it can."""
    if epoch.in_use_from > now:
        return f"comes into use at {epoch.in_use_from:%Y-%m-%d %H:%M:%S} UTC"
    if successor is None or successor.in_use_from > now:
        return "in use"
    if successor.in_use_from > now - GRACE_PERIOD:
        return f"its successor has been in use for less than {GRACE_PERIOD.seconds // 60} minutes"
    return f"{rows} rows are wrapped under it" if rows else ""


def _opens_archived_keys(purpose: Purpose) -> bool:
    """Whether the keys of the ring wrap archived keys, or seal the certificates of who can open them."""
    confirmed = RecoveryCertificate.objects.exclude(seal=None)
    return purpose == Purpose.ARCHIVE or (purpose == Purpose.OTHER and confirmed.exists())


def _needed_by_backups(purpose: Purpose, successor: Epoch | None, kept_since: datetime) -> str:
    """A backup from before the rows moved must open as long as it is kept."""
    since = max(each for each in (successor and successor.in_use_from, _last_moved_at(purpose)) if each)
    return f"backups of the last {settings.BACKUP_KEPT_DAYS} days need it" if since > kept_since else ""


def _last_moved_at(purpose: Purpose) -> datetime | None:
    """When a row last left an older key: an archived key, or any secret that was rewrapped."""
    if purpose == Purpose.ARCHIVE:
        last = ArchivedKey.objects.aggregate(last=models.Max("moved_at"))["last"]
    else:
        rewrapped = AuditEvent.objects.filter(name=audit.Event.SECRETS_REWRAPPED)
        last = rewrapped.aggregate(last=models.Max("at"))["last"]
    return cast("datetime | None", last)


def destroy_unneeded() -> list[EpochStatus]:
    """Destroy and return each key that nothing needs, of keys in writable files of this host.

    Read-only mounted secrets (Kubernetes, systemd credentials) are removed by who mounts them.

    Raises OSError, or vault.VaultError where rows cannot be counted: then nothing is destroyed.
    """
    now = timezone.now()
    unneeded = [each for each in status(now) if not each.is_needed and _can_be_removed(each.epoch)]
    for each in unneeded:
        destroy(each.epoch)
        with transaction.atomic():
            audit.record(
                audit.Event.KEY_DESTROYED,
                actor=None,
                subject=None,
                purpose=each.purpose,
                version=each.epoch.version,
            )
    return unneeded


def _can_be_removed(epoch: Epoch) -> bool:
    """A key in a key service or HSM is destroyed there: this process has no right to."""
    if key_references.is_reference(epoch.key):
        return False
    return epoch.path is not None and os.access(epoch.path.parent, os.W_OK)


def rewrap_and_destroy() -> str:
    """Job: rewrap live secrets; once nothing is left to rewrap, destroy unneeded keys."""
    moved = rewrap()
    destroyed = destroy_unneeded() if not moved else []
    return f"{moved} moved, {len(destroyed)} destroyed" if moved or destroyed else ""


def rotate_audit_key(*, actor: Person | None, wait: timedelta) -> Epoch:
    """Add a MAC key for the audit log. Old ones stay, because old events are verified with them."""
    epoch = add_epoch(settings.AUDIT_KEYS, in_use_from=timezone.now().replace(microsecond=0) + wait)
    with transaction.atomic():
        audit.record(
            audit.Event.KEYS_ROTATED, actor=actor, subject=None, purpose="audit", version=epoch.version
        )
    return epoch


def audit_versions() -> dict[str, int]:
    """Number of sealed events by version of the MAC key."""
    rows = AuditEvent.objects.sealed().order_by().values_list("mac_key").annotate(rows=models.Count("pk"))
    return dict(rows)


def _file_rings() -> Iterator[tuple[Purpose, KeyRing]]:
    for purpose in Purpose:
        ring: Any = settings.VAULT_KEYS[purpose]
        if ring and isinstance(ring, KeyRing) and ring.path is not None and purpose not in WITHOUT_EPOCHS:
            yield purpose, ring


def in_key_service() -> list[Purpose]:
    """Purposes whose newest key lies in a key service or HSM, where the operator makes the next one."""
    held = [purpose for purpose in Purpose if vault.holds(purpose)]
    return [each for each in held if key_references.is_reference(_ring(each).epochs()[-1].key)]


def not_from_files() -> list[Purpose]:
    """Purposes whose ring comes from the environment, where the operator replaces the keys."""
    held = [purpose for purpose in Purpose if vault.holds(purpose) and purpose not in WITHOUT_EPOCHS]
    return [purpose for purpose in held if _ring(purpose).path is None]


def _ring(purpose: Purpose) -> KeyRing:
    ring = settings.VAULT_KEYS[purpose]
    if isinstance(ring, KeyRing):
        return ring
    return KeyRing.fixed("\n".join(f"{version}:{key}" for version, key in ring.items()))
