"""Columns of the lines of a batch order, on its page and in its CSV file: whom, outcome, and what became."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.batch import aftermath
from identity_manager.console.lists.columns import Column, Columns
from identity_manager.models import BatchKind, BatchLine, BatchOrder, BatchState, LineOutcome, Person
from identity_manager.models.batch.order import ENDED, NOT_STARTED
from identity_manager.models.words import Vocabulary
from identity_manager.people.sign_in import prediction
from identity_manager.people.sign_in.prediction import Prediction
from identity_manager.ui import cells
from identity_manager.ui.markup import markup
from identity_manager.ui.parts import Meaning
from identity_manager.ui.punctuation import labelled
from identity_manager.ui.templatetags import badges, persons
from identity_manager.workflow.batch.kinds import kind_of

MEANINGS = {
    LineOutcome.READY: Meaning.INFORMATION,
    LineOutcome.REFUSED: Meaning.STOPPED,
    LineOutcome.ENABLED: Meaning.DONE,
    LineOutcome.DONE: Meaning.DONE,
    LineOutcome.SKIPPED: Meaning.STOPPED,
}
# The word for READY depends on the order's state.
READY_WORDS = Vocabulary(
    "batch lines not yet done",
    {
        **dict.fromkeys(NOT_STARTED, LineOutcome.READY.label),
        BatchState.RUNNING: _("Still to be done"),
        BatchState.PAUSED: _("Still to be done"),
        BatchState.FINISHED: LineOutcome.READY.label,
        BatchState.CANCELLED: _("Not reached"),
    },
)


@dataclass(frozen=True)
class ShownLine:
    """Result of one line, in words. whom: the person concerned; about: the token or request that it is.

    became: where the request that it has opened stands now. sign_in: how the person will sign in.
    """

    line: BatchLine
    whom: Person | None
    about: str
    word: str | Promise
    meaning: Meaning
    types: list[str]
    sentences: list[str]
    became: str
    sign_in: Prediction | None = None


def shown_lines(order: BatchOrder, lines: Iterable[BatchLine]) -> list[ShownLine]:
    """The lines in the reader's language; of a dry run that enables, how their persons will sign in."""
    rows = list(lines)
    if order.kind != BatchKind.ENABLE or order.state not in NOT_STARTED:
        return [_shown(order, line) for line in rows]
    ready = [line.person for line in rows if line.outcome == LineOutcome.READY and line.person]
    known = prediction.predict(ready)
    return [replace(_shown(order, line), sign_in=known.get(line.person_id)) for line in rows]  # type: ignore[arg-type]  # None has none


def word_of(order: BatchOrder, outcome: LineOutcome) -> str | Promise:
    """The word for the outcome, by the order's state and kind."""
    if outcome == LineOutcome.DONE:
        return kind_of(order).words.done
    return READY_WORDS.in_words(order.state) if outcome == LineOutcome.READY else outcome.label


def _shown(order: BatchOrder, line: BatchLine) -> ShownLine:
    outcome = LineOutcome(line.outcome)
    names = {each.code: str(each) for each in order.types.all()}
    sentences = [labelled(names.get(code, code), words) if code else words for code, words in line.sentences]
    meaning = Meaning.QUIET if outcome == LineOutcome.READY and order.state in ENDED else MEANINGS[outcome]
    return ShownLine(
        line,
        line.whom,
        _about(line),
        word_of(order, outcome),
        meaning,
        [names.get(code, code) for code in line.types],
        sentences,
        aftermath.words_of(line),
    )


def _about(line: BatchLine) -> str:
    if line.token is not None:
        return f"{line.token} · {line.token.request.reference}"
    return line.about.reference if line.about is not None else ""


def _person(row: ShownLine) -> object:
    if row.whom is None:
        return cells.remark(row.line.personnel_number or "–")
    url = reverse("console:person", args=[row.whom.pk])
    return persons.who(row.whom.display_name, row.whom.personnel_number, url)


def _details(row: ShownLine) -> object:
    parts: list[object] = list(row.sentences)
    if row.sign_in:
        alerts = row.sign_in.needs_code or row.sign_in.is_shut_out
        parts.append(
            markup("{} {}", badges.icon("alert", "", "small"), row.sign_in) if alerts else row.sign_in
        )
    if row.line.request:
        words = gettext("Request %(reference)s") % {"reference": row.line.request.reference}
        link = cells.linked(words, reverse("console:request", args=[row.line.request.pk]))
        parts.append(cells.with_line(link, row.became) if row.became else link)
    return cells.stacked(parts)


COLUMNS = Columns(
    (
        Column("position", _("No."), lambda row: row.line.position, export="line.position", css="numeric"),
        Column("person", _("Person"), _person),
        Column(
            "number",
            _("Personnel number"),
            export=lambda row: row.whom.personnel_number if row.whom else row.line.personnel_number,
        ),
        Column("name", _("Name"), export=lambda row: row.whom.display_name if row.whom else ""),
        Column("outcome", _("Outcome"), lambda row: badges.badge(row.meaning, str(row.word)), export="word"),
        Column(
            "tokens",
            _("Software tokens"),
            lambda row: row.about or ", ".join(row.types) or "–",
            export=lambda row: row.about or ", ".join(row.types),
        ),
        Column(
            "details",
            _("Details"),
            _details,
            export=lambda row: " ".join([*row.sentences, *([str(row.sign_in)] if row.sign_in else [])]),
        ),
        Column(
            "request",
            _("Request"),
            export=lambda row: row.line.request.reference if row.line.request else "",
        ),
        Column("became", _("What became of it"), export="became"),
    ),
    shown=("person", "position", "outcome", "tokens", "details"),
    is_steady=False,
)
