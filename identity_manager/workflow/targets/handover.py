"""Handover of keys to targets (mail gateways, device management): sealed while the worker has the key.

seal_for_targets runs outside any transaction: for each key and each target it makes a container with its own
passphrase, seals both for the target, and wraps the result (the parcel) for its placement. That passphrase
opens nothing else; no page shows it and no mail contains it.
store runs in the transaction that seals the token, and keeps the parcels whose target kind the accepted terms
name. The only copy of a key (sole_delivery.py) is kept even if its target was switched off meanwhile.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.pkcs12 import passphrase
from identity_manager import audit, queue, task_names
from identity_manager.catalogue import mail_keys
from identity_manager.models import AuditEvent, Placement, SoftwareToken, TargetUse
from identity_manager.targets import connectors
from identity_manager.targets.configuration import TargetConfiguration
from identity_manager.targets.contract import KeyFile, Refused, TargetError, Unavailable
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_encryption import KeyServiceDown
from identity_manager.workflow.issuance import containers
from identity_manager.workflow.issuance.containers import ContainerPart
from identity_manager.workflow.terms import accepted


@dataclass(frozen=True)
class Parcel:
    """A key that is sealed for a target. row: its placement, not yet saved.

    holder: kind of target that the accepted terms have to name. is_only_copy: targets alone get the key.
    """

    row: Placement
    use_id: uuid.UUID
    holder: str
    public_key: str
    is_only_copy: bool = False


def seal_for_targets(parts: Sequence[ContainerPart], *, are_only_copies: bool = False) -> tuple[Parcel, ...]:
    """Seal the keys of one token for each target that takes keys of its type. Needs no transaction."""
    if not settings.TARGETS:
        return ()
    leaving = [part for part in parts if _leaves(part)]
    if not leaving:
        return ()
    (code,) = {part.certificate.token.type_code for part in leaving}
    made = _parcels(leaving, uses_of(code).select_related("target"))
    return tuple(replace(parcel, is_only_copy=are_only_copies) for parcel in made)


def _leaves(part: ContainerPart) -> bool:
    """Whether the token type hands keys over, and the profile permits it."""
    certificate = part.certificate
    return certificate.token.required_type.keys_leave and mail_keys.may_leave(certificate.profile)


def uses_of(code: str) -> QuerySet[TargetUse]:
    """Target uses in force of this token type, of targets that take keys."""
    return TargetUse.objects.in_force().filter(type_code=code, target__name__in=connectors.takers_of_keys())


def _parcels(leaving: Sequence[ContainerPart], uses: Iterable[TargetUse]) -> Iterator[Parcel]:
    for use in uses:
        configuration = settings.TARGETS[use.target.name]
        for part in leaving:
            public_key = part.facts.public_key_sha256.hex()
            yield Parcel(_row(part, use, configuration), use.pk, configuration.kind, public_key)


def _row(part: ContainerPart, use: TargetUse, configuration: TargetConfiguration) -> Placement:
    row = Placement(target=use.target, certificate=part.certificate, carries_key=True)
    try:
        sealed = _sealed(part, configuration)
    except Refused as refused:  # the person gets the token all the same
        row.refuse(words=refused.words, now=timezone.now())
        return row
    row.parcel_wrapped = vault.wrap(
        sealed,
        purpose=vault.Purpose.PRIVATE_KEYS,
        record=row.pk,
        owner=part.certificate.token.person_id,
    )
    return row


def _sealed(part: ContainerPart, configuration: TargetConfiguration) -> bytes:
    connector = connectors.key_connector_of(configuration)
    secret = passphrase.generate()
    names = part.facts.subject_alt_names
    return connector.seal(
        KeyFile(
            certificate=part.der,
            chain=part.chain,
            address=next((value for kind, value in names if kind == "email"), ""),
            container=containers.in_format(part, secret, connector.container_format),
            passphrase=secret,
        )
    )


def store(prepared: Iterable[tuple[SoftwareToken, Sequence[Parcel]]]) -> list[AuditEvent]:
    """Save prepared parcels as placements, in the caller's transaction; return audit events, not yet saved.

    A parcel is dropped if its target use ended meanwhile, unless it is the only copy of the key: that waits
    for the target. A placement is refused, without key, if the accepted terms do not name the target's kind.
    """
    made = [(token, parcel) for token, parcels in prepared for parcel in parcels]
    if not made:
        return []
    in_force = TargetUse.objects.in_force().filter(pk__in={parcel.use_id for _token, parcel in made})
    uses = set(in_force.values_list("pk", flat=True))
    kept = [(token, parcel) for token, parcel in made if parcel.is_only_copy or parcel.use_id in uses]
    events = [_settle(token, parcel) for token, parcel in kept]
    Placement.objects.bulk_create(parcel.row for _token, parcel in kept)
    for target_id in {parcel.row.target_id for _token, parcel in kept if parcel.row.wanted}:
        queue.after_commit(task_names.SERVE_TARGET, target_id)
    return events


def _settle(token: SoftwareToken, parcel: Parcel) -> AuditEvent:
    """Make the placement due now, or refuse it; return the event, with the version of the accepted terms."""
    row, version, now = parcel.row, accepted.version_of(token), timezone.now()
    named = version.names_key_holders if version else []
    if row.parcel_wrapped is not None and parcel.holder not in named:
        row.refuse(
            words=_("The terms that the person accepted do not say that this target gets keys."), now=now
        )
        row.parcel_wrapped = None
    if row.parcel_wrapped is not None:
        row.wanted = True
        row.make_due(now)
    sealed = row.parcel_wrapped is not None
    return audit.event_about(
        audit.Event.KEY_SEALED_FOR_TARGET if sealed else audit.Event.PLACEMENT_REFUSED,
        actor=None,
        subject=token,
        target=row.target.name,
        certificate=str(row.certificate_id),
        public_key=parcel.public_key,
        terms=version.number if version else 0,
    )


class ParcelClosed(TargetError):  # noqa: N818 a state that passes, or that an officer ends
    """The sealed key cannot be opened now, or not by this worker. Nothing has happened; others may go on."""


@dataclass
class ParcelOpener:
    """Opens sealed keys for one group of calls: a key version that does not open is asked for once.

    A key service that does not answer takes seconds to say so, and a group has one lease.
    """

    closed: dict[str, ParcelClosed] = field(default_factory=dict)

    def open(self, row: Placement) -> bytes:
        """As open_parcel()."""
        version = _version(row)
        if version in self.closed:
            raise self.closed[version]
        try:
            return open_parcel(row)
        except ParcelClosed as error:
            if isinstance(error.__cause__, KeyServiceDown):
                self.closed[version] = error
            raise


def _version(row: Placement) -> str:
    """The key version that the sealed key needs; empty for no sealed key, or a damaged one."""
    try:
        return vault.version_of(row.parcel_wrapped) if row.parcel_wrapped is not None else ""
    except vault.VaultError:
        return ""


def open_parcel(row: Placement) -> bytes:
    """Unwrap the sealed key of a placement; empty if it has none.

    Raises ParcelClosed; Unavailable if this worker lacks the key version, which another one may have.
    """
    if row.parcel_wrapped is None:
        return b""
    try:
        return vault.unwrap(
            row.parcel_wrapped,
            purpose=vault.Purpose.PRIVATE_KEYS,
            record=row.pk,
            owner=row.certificate.token.person_id,
        )
    except vault.VaultError as error:
        words = _("This worker cannot open what was sealed for the target.")
        is_here = vault.holds(vault.Purpose.PRIVATE_KEYS, _version(row))
        raise (ParcelClosed if is_here else Unavailable)(words, detail=str(error)) from error
    except KeyServiceDown as error:
        raise ParcelClosed(type(error).__name__, detail=str(error)) from error


def erase_needless(rows: Sequence[Placement]) -> list[Placement]:
    """Erase parcels that will never be handed over, on locked rows; return the changed rows, unsaved."""
    unwanted = [row.pk for row in rows if row.parcel_wrapped is not None and not row.wanted]
    asked = Placement.objects.filter(pk__in=unwanted)
    needless = set(asked.with_needless_parcel().values_list("pk", flat=True))
    changed = [row for row in rows if row.pk in needless]
    for row in changed:
        row.parcel_wrapped = None
    return changed
