"""Verification of the audit log: every event, every link, every signed head.

Detects events that were changed, removed, moved, inserted or backdated, and a truncated end if an exported
head proves that there was more. It cannot detect what somebody with the audit keys did.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from identity_manager import audit_proof
from identity_manager.audit import Event, ages, keys, known_heads, notes, person_references
from identity_manager.audit.known_heads import KnownHead
from identity_manager.models import AuditChain, AuditEvent, AuditHead, HeadKind

AT_ONCE = 500
MOST_FINDINGS = 200
# Events are sealed within seconds. One that is this much older than its predecessor was backdated.
LONGEST_TRANSACTION = timedelta(minutes=15)


class AuditFault(StrEnum):
    """Kinds of inconsistency."""

    CHANGED = "changed"
    REMOVED = "removed"
    MOVED = "moved"
    INSERTED = "inserted"
    CLOCK = "clock"
    CUT_OFF = "cut-off"
    BEGINNING = "beginning"
    HEAD = "head"
    KEY = "key"


@dataclass(frozen=True)
class AuditFinding:
    """One inconsistency: chain number and a sentence for operators."""

    kind: AuditFault
    number: int
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """The form stored with the verification run."""
        return {"kind": self.kind.value, "number": self.number, "sentence": self.sentence}


@dataclass
class VerificationReport:
    """Range verified and findings, at most MOST_FINDINGS."""

    first: int = 0
    last: int = 0
    events: int = 0
    heads: int = 0
    waiting: int = 0
    findings: list[AuditFinding] = field(default_factory=list)

    def add(self, kind: AuditFault, number: int, sentence: str) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(AuditFinding(kind, number, sentence))


def verify(*, outside: Iterable[KnownHead] = ()) -> VerificationReport:
    """Verify the log. outside: heads from exports. Raises keys.NoKey."""
    if not keys.can_seal():
        raise keys.NoKey("This process holds no key of AUDIT_KEYS.")
    return _Walk(list(outside)).report()


class _Walk:
    """One pass over the chain in bounded memory."""

    def __init__(self, outside: list[KnownHead]) -> None:
        self._report = VerificationReport()
        self._outside = {head.number: head for head in sorted(outside, key=lambda head: head.number)}
        self._public_keys = keys.public_keys()
        self._previous: AuditEvent | None = None
        self._newest_moment: datetime | None = None
        self._erased: frozenset[str] | None = None
        self._emptied: frozenset[Any] | None = None
        self._hidden: dict[int, datetime | None] = {}  # its time, where that is proven
        self._end = AuditChain.objects.filter(pk=1).first() or AuditChain()

    def report(self) -> VerificationReport:
        """Run the pass and return the report."""
        for events in _chunks(self._end.number):
            salts = person_references.salts_of(
                pk for event in events for pk in (event.actor_id, event.person_id) if pk
            )
            for event in events:
                self._look_at(event, salts)
            self._look_at_heads(events)
        self._look_at_the_end()
        self._look_at_doubles()
        self._look_at_what_is_hidden()
        self._report.waiting = AuditEvent.objects.unsealed().count()
        return self._report

    def _look_at(self, event: AuditEvent, salts: dict[Any, str]) -> None:
        number = event.number or 0
        self._report.events += 1
        self._report.last = number
        if self._previous is None:
            self._report.first = number
            self._look_at_the_beginning(event)
        else:
            self._look_at_the_link(event, self._previous)
        for sentence in self._changes(event, salts):
            self._report.add(AuditFault.CHANGED, number, sentence)
            break
        self._look_at_the_moment(event)
        self._previous = event

    # --- One event ---------------------------------------------------------------------------------
    def _changes(self, event: AuditEvent, salts: dict[Any, str]) -> Iterator[str]:
        where = f"#{event.number}, {event.name} of {event.at:%Y-%m-%d %H:%M:%S} ({event.pk})"
        key = keys.mac_key(event.mac_key)
        if key is None:
            self._report.add(
                AuditFault.KEY, event.number or 0, f"Key {event.mac_key} of AUDIT_KEYS is not here."
            )
        elif audit_proof.mac(key, event.chain) != event.mac:
            yield f"{where} was not sealed by this installation: it was changed or put in."
        if audit_proof.link(event.previous, event.content_sha256) != event.chain:
            yield f"{where} was changed: its link does not fit."
        yield from self._changes_of_content(event, where, salts)

    def _changes_of_content(self, event: AuditEvent, where: str, salts: dict[Any, str]) -> Iterator[str]:
        if _is_forgotten_in_the_first_form(event):
            self._hidden[event.number or 0] = None
        elif event.own_hash != event.content_sha256:
            yield f"{where} was changed: it is not what was sealed."
        elif event.is_body_removed:
            self._hidden[event.number or 0] = event.at
            if event.name not in notes.FORGETTABLE or not event.is_body_empty:
                yield f"{where} was changed: nobody removes such an event on purpose."
        elif not self._names_the_same(event, salts):
            yield f"{where} was changed: it names somebody else than was sealed."
        elif not self._says_the_same(event):
            yield f"{where} was changed: what it says about persons is not what was sealed."
        elif not _is_borne_out(event):
            yield f"{where} was not written by this installation: its MAC as a note does not fit."

    def _names_the_same(self, event: AuditEvent, salts: dict[Any, str]) -> bool:
        pairs = ((event.actor_id, event.actor_ref), (event.person_id, event.person_ref))
        return all(self._is_named(person_id, reference, salts) for person_id, reference in pairs)

    def _is_named(self, person_id: Any, reference: str, salts: dict[Any, str]) -> bool:
        """Whether the reference is the person's; a missing person must have been erased."""
        if person_id is None:
            return not reference or self._is_erased(reference)
        salt = salts.get(person_id)
        return salt is not None and audit_proof.reference(salt, str(person_id)) == reference

    def _is_erased(self, reference: str) -> bool:
        if self._erased is None:
            self._erased = notes.erased_references(person_references.all_references())
        return reference in self._erased

    def _says_the_same(self, event: AuditEvent) -> bool:
        personal = event.personal_facts
        if personal or not event.personal_sha256:
            return audit_proof.personal_hash(event.facts_salt, personal) == event.personal_sha256
        its_own = event.person_id is None and self._is_erased(event.person_ref)
        return event.facts_salt == "" and (its_own or self._is_emptied(event))

    def _is_emptied(self, event: AuditEvent) -> bool:
        """Whether its personal facts went with the owner of keys that somebody else has recovered."""
        if self._emptied is None:
            self._emptied = notes.emptied_events()
        return event.pk in self._emptied

    def _look_at_the_moment(self, event: AuditEvent) -> None:
        newest = self._newest_moment
        forgotten = _is_forgotten_in_the_first_form(event)
        if newest and event.at < newest - LONGEST_TRANSACTION and not forgotten:
            self._report.add(
                AuditFault.INSERTED,
                event.number or 0,
                f"#{event.number}, {event.name} ({event.pk}), says {event.at:%Y-%m-%d %H:%M:%S}, but came in"
                f" after what happened at {newest:%Y-%m-%d %H:%M:%S}.",
            )
        elif not newest or event.at > newest + LONGEST_TRANSACTION:
            by = ages.sealed_by(event.number or 0)
            if by and event.at > by + LONGEST_TRANSACTION:
                sentence = (
                    f"#{event.number}, {event.name} ({event.pk}), says {event.at:%Y-%m-%d %H:%M:%S}, but"
                )
                sentence += f" was sealed by {by:%Y-%m-%d %H:%M:%S}: a clock was ahead."
                self._report.add(AuditFault.CLOCK, event.number or 0, sentence)
                return
        self._newest_moment = max(newest, event.at) if newest else event.at

    # --- The links ---------------------------------------------------------------------------------
    def _look_at_the_link(self, event: AuditEvent, before: AuditEvent) -> None:
        number, last = event.number or 0, before.number or 0
        if number != last + 1:
            self._report.add(AuditFault.REMOVED, last + 1, f"{_range(last + 1, number - 1)} removed.")
        elif event.previous != before.chain:
            self._report.add(*self._broken_link(event, before))

    def _broken_link(self, event: AuditEvent, before: AuditEvent) -> tuple[AuditFault, int, str]:
        number = event.number or 0
        if event.previous == before.previous:
            sentence = f"#{before.number}, {before.name} ({before.pk}), was put in."
            return AuditFault.INSERTED, before.number or 0, sentence
        if AuditEvent.objects.filter(chain=event.previous).exists():
            sentence = f"#{number}, {event.name} ({event.pk}), was moved here from another place."
            return AuditFault.MOVED, number, sentence
        return AuditFault.REMOVED, number, f"Something was removed between #{before.number} and #{number}."

    def _look_at_the_beginning(self, event: AuditEvent) -> None:
        number = event.number or 0
        if number == 1 and event.previous == audit_proof.BEGINNING:
            return
        checkpoints = AuditHead.objects.filter(kind=HeadKind.CHECKPOINT, number=number - 1)
        if not any(
            head.chain == event.previous and self._is_signed(KnownHead(head.statement, head.signature))
            for head in checkpoints
        ):
            self._report.add(
                AuditFault.BEGINNING,
                number,
                f"The log begins at #{number}, and no signed checkpoint says so.",
            )

    def _look_at_the_end(self) -> None:
        last, end = self._report.last, self._end
        if end.number != last:
            sentence = f"{_range(last + 1, end.number)} cut off."
            self._report.add(AuditFault.CUT_OFF, last + 1, sentence)
        elif self._previous and end.chain != self._previous.chain:
            self._report.add(AuditFault.CHANGED, last, "The end of the chain is not where its last event is.")
        for head in [*known_heads.stored(beyond=last), *self._outside.values()]:
            if head.number > last:
                self._report.heads += 1
                self._look_at_a_head_beyond(head, last)

    def _look_at_a_head_beyond(self, head: KnownHead, last: int) -> None:
        if not self._is_signed(head):
            sentence = f"{head.described} is not signed by this installation."
            self._report.add(AuditFault.HEAD, head.number, sentence)
        else:
            sentence = f"{_range(last + 1, head.number)} cut off from the end: {head.described} covers more."
            self._report.add(AuditFault.CUT_OFF, last + 1, sentence)

    def _look_at_doubles(self) -> None:
        """Find duplicate numbers: in a table partitioned by month they are unique within a partition only."""
        span = AuditEvent.objects.filter(number__gte=self._report.first, number__lte=self._report.last)
        doubles = span.count() - self._report.events
        if doubles > 0:
            sentence = f"{doubles} events have the number of another one."
            self._report.add(AuditFault.INSERTED, self._report.last, sentence)

    # --- Heads -------------------------------------------------------------------------------------
    def _look_at_heads(self, events: list[AuditEvent]) -> None:
        chains = {event.number: event.chain for event in events}
        first, last = events[0].number or 0, events[-1].number or 0
        for head in [*known_heads.stored(beyond=first - 1, up_to=last), *self._outside_between(first, last)]:
            self._report.heads += 1
            if not self._is_signed(head):
                sentence = f"{head.described} is not signed by this installation."
                self._report.add(AuditFault.HEAD, head.number, sentence)
            elif chains.get(head.number) != head.statement["chain"]:
                sentence = f"The log up to #{head.number} is not what {head.described} stands for."
                self._report.add(AuditFault.HEAD, head.number, sentence)

    def _outside_between(self, first: int, last: int) -> list[KnownHead]:
        return [head for number, head in self._outside.items() if first <= number <= last]

    def _is_signed(self, head: KnownHead) -> bool:
        return any(audit_proof.is_signed(head.statement, head.signature, key) for key in self._public_keys)

    # --- What was forgotten on purpose -------------------------------------------------------------
    def _look_at_what_is_hidden(self) -> None:
        """A missing body needs a later note in the chain."""
        for note in AuditEvent.objects.sealed().filter(name=Event.EVENTS_FORGOTTEN):
            self._look_at_a_note(note)
        for number in sorted(self._hidden):
            self._report.add(AuditFault.CHANGED, number, f"#{number} was emptied, and no event says so.")

    def _look_at_a_note(self, note: AuditEvent) -> None:
        """Notes that are not authentic are ignored."""
        numbers = _numbers_of(note)
        if note.form == audit_proof.FIRST_FORM:
            self._look_at_an_old_note(note, numbers)
        elif notes.is_authentic(note) and _is_of_this_chain(note, numbers):
            until = datetime.fromisoformat(note.facts["until"])
            for number in numbers & self._hidden.keys():
                at = self._hidden[number]
                if at is None or at < until:
                    del self._hidden[number]

    def _look_at_an_old_note(self, note: AuditEvent, numbers: set[int]) -> None:
        """Notes of the first format have no MAC; they count for events of that format alone, which are
        emptied by now.
        """
        kept = [number for number in numbers - self._hidden.keys() if number >= self._report.first]
        if kept:
            sentence = f"#{note.number} says that #{min(kept)} was emptied, and it was not."
            self._report.add(AuditFault.CHANGED, note.number or 0, sentence)
        for number in numbers & self._hidden.keys():
            if self._hidden[number] is None:
                del self._hidden[number]


def _is_forgotten_in_the_first_form(event: AuditEvent) -> bool:
    """Whether the whole event was removed, so that name and time are unproven."""
    return event.form == audit_proof.FIRST_FORM and event.name == Event.FORGOTTEN


def _is_borne_out(event: AuditEvent) -> bool:
    """Whether a redaction note has the MAC that it needs."""
    if event.form == audit_proof.FIRST_FORM:
        return True
    is_note = event.name == Event.EVENTS_FORGOTTEN or bool(
        event.name == Event.PERSON_ERASED and notes.reference_of_erased(event)
    )
    return not is_note or notes.is_authentic(event)


def _numbers_of(note: AuditEvent) -> set[int]:
    """Chain numbers before its own that a note names; the note may be forged."""
    found: set[int] = set()
    with suppress(TypeError, ValueError):
        for first, last in note.facts.get("number", ()):
            found.update(range(max(first, 1), min(last + 1, note.number or 0)))
    return found


def _is_of_this_chain(note: AuditEvent, numbers: set[int]) -> bool:
    """Whether the link in the note is that of the last event it names, unless that was cut since."""
    last = AuditEvent.objects.sealed().filter(number=max(numbers, default=0)).first()
    return last is None or last.chain == note.facts.get("chain")


def _chunks(last: int) -> Iterator[list[AuditEvent]]:
    """Sealed events in chain order, in chunks."""
    number = 0
    while events := list(AuditEvent.objects.sealed().filter(number__gt=number, number__lte=last)[:AT_ONCE]):
        yield events
        number = events[-1].number or 0
    # A number beyond the sealer's stored end was not assigned by the sealer.
    beyond = AuditEvent.objects.sealed().filter(number__gt=last)[:AT_ONCE]
    if surplus := list(beyond):
        yield surplus


def _range(first: int, last: int) -> str:
    return f"#{first} was" if first == last else f"#{first} to #{last} were"
