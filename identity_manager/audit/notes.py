"""Redaction notes: authenticated events that say which bodies were removed from the audit log, and why.

An attacker with write access to the database can append an event, and the sealer seals it, so an event alone
does not justify an empty body. A note counts only with a MAC by a process that holds the audit keys and has
checked the sealed log itself:

- for forgotten events: the retention job, after checking that each is unchanged since sealing, a sign-in, and
  old enough;
- for an erased person: the sealer, after finding in the log another officer's request and the day of the
  lock. Such a note also names events about others that were emptied, of recoveries of the person's keys.
"""

import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from identity_manager import audit, audit_proof
from identity_manager.audit import Event, keys
from identity_manager.models import AuditEvent, AuditSalt, TokenRequest

FORGETTABLE = (Event.SIGNED_IN, Event.SIGN_IN_FAILED)
_ERASURES = (Event.ERASURE_ASKED, Event.ERASURE_WITHDRAWN, Event.PERSON_ERASED)


def is_as_sealed(event: AuditEvent) -> bool:
    """Whether the event's content matches its sealed hash; its position in the chain is not checked."""
    key = keys.mac_key(event.mac_key)
    if key is None or audit_proof.mac(key, event.chain) != event.mac:
        return False
    return event.own_hash == event.content_sha256 and event.chain == audit_proof.link(
        event.previous, event.content_sha256
    )


def is_authentic(note: AuditEvent) -> bool:
    """Whether the note's MAC was made with the audit keys."""
    key = keys.mac_key(str(note.facts.get("mac_key", "")))
    return key is not None and audit_proof.mac_of_note(key, _statement(note)) == note.facts.get("mac")


def _authenticate(note: AuditEvent) -> None:
    version, key = keys.newest_mac_key()
    note.facts = {**note.facts, "mac_key": version}
    note.facts["mac"] = audit_proof.mac_of_note(key, _statement(note))
    note.facts_salt = note.facts_salt or secrets.token_hex(16)
    note.personal_sha256 = audit_proof.personal_hash(note.facts_salt, note.personal_facts)


def _statement(note: AuditEvent) -> dict[str, Any]:
    facts = {name: value for name, value in note.facts.items() if name != "mac"}
    return {"note": str(note.name), "id": str(note.pk), "facts": facts}


# --- Events that were forgotten --------------------------------------------------------------------
def record_forgotten(events: Sequence[AuditEvent], *, until: datetime, ranges: list[list[int]]) -> None:
    """Record which events were emptied, all older than `until`. Raises keys.NoKey.

    Includes the link of the last one, so that the note is valid for this chain only.
    """
    note = audit.event_about(
        Event.EVENTS_FORGOTTEN,
        actor=None,
        subject=None,
        number=ranges,
        rows=len(events),
        until=until.isoformat(),
        chain=events[-1].chain,
    )
    _authenticate(note)
    audit.append([note])


# --- Persons who were erased -----------------------------------------------------------------------
def witness(event: AuditEvent) -> None:
    """Add the MAC to an erasure event if the sealed log confirms it; the sealer calls this before sealing.

    until: the person must have been locked before then, by the sealer's clock. Verification checks again,
    in case contradicting events were hidden meanwhile.
    """
    if event.name != Event.PERSON_ERASED:
        return
    until = timezone.now() - timedelta(days=settings.ERASURE_DAYS)
    if _is_borne_out(event, until) and _empties_nothing_else(event):
        event.facts = {**event.facts, "until": until.isoformat()}
        _authenticate(event)


def _is_borne_out(erased: AuditEvent, until: datetime) -> bool:
    reference = reference_of_erased(erased)
    asked = AuditEvent.objects.sealed().filter(name=Event.ERASURE_ASKED, person_ref=reference)
    by_others = asked.exclude(actor_ref__in=("", erased.actor_ref))
    return bool(reference) and any(map(is_as_sealed, by_others)) and _left_before(until, reference)


def _justified(note: AuditEvent) -> frozenset[uuid.UUID]:
    """The events that the note names as emptied and that are recoveries' of keys of the erased person.

    Each is as it was sealed, but for its personal facts, and belongs to a request whose recovery the log
    knows, unless retention has cut that part. Nobody who still has a salt was erased.
    """
    person, emptied = _emptied_by(note)
    if person is None or AuditSalt.objects.filter(person=person).exists():
        return frozenset()
    of_person = Q(recovery__owner=person) | Q(recovery__request__person=person)
    requests = TokenRequest.objects.filter(of_person).values("pk")
    events = list(AuditEvent.objects.filter(pk__in=emptied, request__in=requests))
    asked = AuditEvent.objects.sealed().filter(name=Event.RECOVERY_ASKED, request__in=requests)
    known = {event.request_id for event in asked if is_as_sealed(event)}
    is_cut = not AuditEvent.objects.filter(number=1).exists()
    return frozenset(
        event.pk
        for event in events
        if (is_cut or event.request_id in known) and (event.number is None or is_as_sealed(event))
    )


def _empties_nothing_else(note: AuditEvent) -> bool:
    named = _emptied_by(note)[1]
    return "emptied" not in note.facts or (bool(named) and named == _justified(note))


def _emptied_by(note: AuditEvent) -> tuple[uuid.UUID | None, frozenset[uuid.UUID]]:
    """The erased person and the emptied events, by the note; nobody if it is malformed."""
    try:
        emptied = frozenset(uuid.UUID(each) for each in note.facts.get("emptied", ()))
        return uuid.UUID(note.facts["person"]), emptied
    except (KeyError, TypeError, ValueError, AttributeError):
        return None, frozenset()


def emptied_events() -> frozenset[uuid.UUID]:
    """Ids of events about others whose personal facts went with an erased person, as justified by notes."""
    erased = AuditEvent.objects.sealed().filter(name=Event.PERSON_ERASED)
    notes = filter(_bears_out_itself, erased.exclude(form=audit_proof.FIRST_FORM))
    return frozenset(pk for note in notes for pk in _justified(note))


def _left_before(until: datetime, reference: str) -> bool:
    """Whether the person was locked before then; if retention has cut that part, has not acted since."""
    sealed = AuditEvent.objects.sealed()
    locked = sealed.filter(name=Event.PERSON_LOCKED, person_ref=reference).last()
    if locked is not None:
        return locked.at <= until and is_as_sealed(locked)
    return not sealed.filter(actor_ref=reference, at__gt=until).exists()


def _bears_out_itself(note: AuditEvent) -> bool:
    """Whether the note is authentic and not contradicted by the rest of the log."""
    if not is_authentic(note):
        return False
    return _left_before(datetime.fromisoformat(note.facts["until"]), reference_of_erased(note))


def reference_of_erased(event: AuditEvent) -> str:
    """The erased person's reference in the log; empty where the log does not name it."""
    reference = event.facts.get("reference", "")
    return reference if isinstance(reference, str) else ""


def erased_references(living: frozenset[str]) -> frozenset[str]:
    """References whose person may be missing, as justified by notes or by old pairs of events."""
    erased = AuditEvent.objects.sealed().filter(name=Event.PERSON_ERASED)
    notes = erased.exclude(form=audit_proof.FIRST_FORM)
    borne_out = {reference_of_erased(note) for note in notes if _bears_out_itself(note)}
    return frozenset(borne_out | _erased_in_the_first_form(living | borne_out)) - living


def _erased_in_the_first_form(known: frozenset[str]) -> set[str]:
    """Persons named only in an erasure request of the first event format.

    Such events are not sealed any more. Each was followed by an event that somebody was erased, without
    naming whom. If there are more names than erasures, an additional one was emptied, and none counts.
    """
    asked = set()
    erased = 0
    of_old = AuditEvent.objects.sealed().filter(name__in=_ERASURES, form=audit_proof.FIRST_FORM)
    for event in filter(is_as_sealed, of_old):
        if event.name == Event.ERASURE_ASKED:
            asked.add(event.person_ref)
        elif event.name == Event.ERASURE_WITHDRAWN:
            asked.discard(event.person_ref)
        else:
            erased += 1
    unknown = asked - known
    return unknown if len(unknown) <= erased else set()
