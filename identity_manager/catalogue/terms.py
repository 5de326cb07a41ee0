"""Verbs on terms: a version is published at once, in all languages, and never changes.

There is one draft per document. Under four eyes its author asks for publication, and a System Administrator
who did not edit it publishes it or refuses with a reason.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.catalogue import terms_content
from identity_manager.catalogue.comparison import content_of
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.catalogue.terms_content import Text
from identity_manager.catalogue.validation import check_fields
from identity_manager.catalogue.versions import (
    ASKED_ALREADY,
    CHANGED_MEANWHILE,
    CODE_TAKEN,
    NOT_ASKED,
    REASONS,
    given_reason,
    one_draft,
    require_other_eyes,
)
from identity_manager.models import (
    LatePolicy,
    Person,
    TermsDocument,
    TermsDraft,
    TermsText,
    TermsVersion,
)
from identity_manager.models.catalogue.entry_fields import content_fields
from identity_manager.models.catalogue.terms import TermsStatements
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import Reason, Stale, obstacle_of, refuse, require

LONG_TITLE = Reason("long-title", _("A title has at most 200 characters."))
NO_DRAFT = Reason("no-draft", _("There is no draft of these terms any more."))
DRAFT_GONE = Reason("terms-moved-on", _("A draft was published or discarded since you opened the page."))
SAME_AS_BEFORE = Reason("same-as-before", _("The draft says the same as the version in force."))
BY_WHEN = Reason(
    "accept-again-by",
    _("Choose a day that is at least a week and at most three years away: everybody has to read it first."),
)
LONGEST_TITLE = TermsText._meta.get_field("title").max_length or 0
SOONEST, LATEST = timedelta(days=7), timedelta(days=3 * 365)


@dataclass(frozen=True)
class AskAgain:
    """Request to holders of tokens under an older version: accept the new one by the end of that day."""

    by: date
    late_policy: LatePolicy


@dataclass(frozen=True)
class Seen:
    """State of a document that a page showed (optimistic locking): its revision, and the draft, or empty.

    The draft's id and revision are included, because processes of an older release change drafts during an
    upgrade without incrementing the document's revision.
    """

    revision: int
    draft: str = ""


def add_document(*, actor: Person, code: str, name: Mapping[str, str] | str) -> TermsDocument:
    """Begin a document; persons accept it once a version is published. Raises NotAllowed or NotPossible."""
    with transaction.atomic():
        require_system_administrator(actor)
        document = TermsDocument(code=code, name=name)
        check_fields(document)
        refuse(CODE_TAKEN if TermsDocument.objects.filter(code=code).exists() else None, field="code")

        document.save()
        _record(document, what="added", actor=actor)
        return document


def rename_document(*, actor: Person, document_id: uuid.UUID, name: Mapping[str, str] | str) -> TermsDocument:
    """Call a document otherwise; its texts stay. Raises NotAllowed or NotPossible."""
    with transaction.atomic():
        require_system_administrator(actor)
        document = locking.terms_document(document_id)
        before = document.name
        document.name = name
        check_fields(document)
        if document.name == before:
            return document

        document.save()
        _record(document, what="renamed", actor=actor, before=before, after=document.name)
        return document


# --- The draft -------------------------------------------------------------------------------------
def save_draft(
    *,
    actor: Person,
    document_id: uuid.UUID,
    seen: Seen,
    texts: Mapping[str, Text],
    **statements: Any,
) -> TermsDraft:
    """Keep what is written so far, complete or not; it has to be asked for again.

    statements: what the texts state about keys, fields of `TermsStatements`.

    Raises NotAllowed, Stale where somebody else saved, threw away or published one meanwhile, NotPossible for
    a title that is too long.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        document = locking.terms_document(document_id)
        draft = TermsDraft.objects.filter(document=document).first()
        gone_or_changed = CHANGED_MEANWHILE if draft else DRAFT_GONE
        require(seen_of(document, draft) == seen, else_=gone_or_changed, kind=Stale)
        for language, text in texts.items():
            refuse(LONG_TITLE if len(text.title) > LONGEST_TITLE else None, field=f"title_{language}")
        written = {language: [text.title, text.body] for language, text in texts.items()}
        stated = statements_of(TermsDraft(**_known(statements)))
        if draft is not None and (draft.texts, statements_of(draft)) == (written, stated):
            return draft

        number = _move_on(document, draft)
        draft = draft or TermsDraft(document=document)
        changed = [language for language in written if draft.texts.get(language) != written[language]]
        draft.texts, draft.revision = written, number
        for name, value in stated.items():
            setattr(draft, name, value)
        draft.forget_question()
        with one_draft():
            draft.save()
        draft.editors.add(actor)
        _record(document, what="draft-saved", actor=actor, revision=draft.revision, languages=changed)
        return draft


def ask_publication(*, actor: Person, document_id: uuid.UUID, seen: Seen) -> TermsDraft:
    """Ask for a second System Administrator to publish the draft. Raises NotAllowed, Stale, NotPossible."""
    with transaction.atomic():
        require_system_administrator(actor)
        draft = _draft(document_id, seen)
        refuse(ASKED_ALREADY if draft.asked_at else None, kind=Stale)
        _check_publishable(draft)

        draft.forget_question()
        draft.asked_by, draft.asked_at = actor, timezone.now()
        draft.save()
        draft.editors.add(actor)
        _record(draft.document, what="asked", actor=actor, revision=seen.revision)
        return draft


def refuse_publication(*, actor: Person, document_id: uuid.UUID, seen: Seen, reason: str) -> TermsDraft:
    """Give the draft back to who wrote it, with a reason. Raises NotAllowed, Stale or NotPossible."""
    with transaction.atomic():
        require_system_administrator(actor)
        draft = _draft(document_id, seen)
        second_officer.require(actor, draft, reasons=REASONS, not_waiting=NOT_ASKED)
        reason = given_reason(reason)

        draft.give_back(by=actor, reason=reason, now=timezone.now())
        draft.save()
        _record(draft.document, what="refused", actor=actor, revision=seen.revision, reason=reason)
        return draft


def discard_draft(*, actor: Person, document_id: uuid.UUID, seen: Seen) -> TermsDocument:
    """Discard draft. Raises NotAllowed or Stale."""
    with transaction.atomic():
        require_system_administrator(actor)
        draft = _draft(document_id, seen)

        _move_on(draft.document, draft)
        _record(draft.document, what="discarded", actor=actor, revision=seen.revision)
        TermsDraft.objects.filter(pk=draft.pk).delete()
        return draft.document


def publish_draft(
    *, actor: Person, document_id: uuid.UUID, seen: Seen, four_eyes: bool, ask_again: AskAgain | None = None
) -> TermsVersion:
    """Put the draft in force as the next version. Who has not accepted yet reads and accepts this one.

    four_eyes: who wrote it does not publish it. ask_again: holders of tokens accept it, too. Raises
    NotAllowed, Stale, or NotPossible where a language lacks, nothing has changed, or the day is not possible.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        draft = _draft(document_id, seen)
        if four_eyes:
            require_other_eyes(draft, actor=actor)
        _check_publishable(draft)

        _move_on(draft.document, draft)
        TermsDraft.objects.filter(pk=draft.pk).delete()
        return publish_terms(
            actor=actor,
            document=draft.document,
            texts=_texts_to_publish(draft, _current(draft.document)),
            ask_again=ask_again,
            **statements_of(draft),
        )


def publication_obstacle(draft: TermsDraft) -> Reason | None:
    """Why the draft of the terms can be neither published nor asked for, or None."""
    return obstacle_of(lambda: _check_publishable(draft))


def seen_of(document: TermsDocument, draft: TermsDraft | None) -> Seen:
    """State of the document that a page made now shows (optimistic locking)."""
    return Seen(_revision_of(document, draft), f"{draft.pk}:{draft.revision}" if draft else "")


def _revision_of(document: TermsDocument, draft: TermsDraft | None) -> int:
    """The document's revision; processes from before an upgrade count that of the draft alone."""
    return max(document.revision, draft.revision if draft else 0)


def texts_of(draft: TermsDraft) -> dict[str, Text]:
    """The draft's text in each language that somebody has written in."""
    return {language: Text(title, body) for language, (title, body) in draft.texts.items()}


def statements_of(terms: TermsStatements) -> dict[str, Any]:
    """Statements of a draft or a version about keys, by name of the field."""
    return content_of(terms, TermsStatements)


def _known(statements: dict[str, Any]) -> dict[str, Any]:
    """The statements as they are. Raises TypeError for a name that is none: no other field is for callers."""
    if unknown := statements.keys() - content_fields(TermsStatements).keys():
        raise TypeError(f"No statements of terms: {', '.join(sorted(unknown))}")
    return statements


def _move_on(document: TermsDocument, draft: TermsDraft | None) -> int:
    """Increment the draft's revision, so that forms which are open are refused as stale; return it."""
    document.revision = _revision_of(document, draft) + 1
    document.save(update_fields=["revision"])
    return document.revision


def _draft(document_id: uuid.UUID, seen: Seen) -> TermsDraft:
    """The draft that was seen, with its document locked. Raises Stale."""
    document = locking.terms_document(document_id)
    draft = TermsDraft.objects.filter(document=document).first()
    if draft is None:
        raise Stale(NO_DRAFT)
    require(seen_of(document, draft) == seen, else_=CHANGED_MEANWHILE, kind=Stale)
    draft.document = document
    return draft


def _check_publishable(draft: TermsDraft) -> None:
    current = _current(draft.document)
    texts = _texts_to_publish(draft, current)
    terms_content.require_languages(texts, current)
    terms_content.require_statements(draft.document, draft)
    if current is not None:
        said = {text.language: text.sha256 for text in current.texts.all()}
        same = said == {language: text.sha256 for language, text in texts.items()}
        refuse(SAME_AS_BEFORE if same and statements_of(current) == statements_of(draft) else None)


def _current(document: TermsDocument) -> TermsVersion | None:
    return document.versions.filter(is_current=True).prefetch_related("texts").first()


def _texts_to_publish(draft: TermsDraft, current: TermsVersion | None) -> dict[str, Text]:
    """The draft's texts, without what is blank in a language that nobody has to write in."""
    needed, offered = terms_content.needed_languages(current), dict(settings.LANGUAGES)
    return {
        language: text
        for language, text in texts_of(draft).items()
        if language in needed or (language in offered and (text.title or text.body).strip())
    }


def _record(document: TermsDocument, *, what: str, actor: Person, **facts: object) -> None:
    audit.record(
        audit.Event.CATALOGUE_CHANGED,
        actor=actor,
        subject=None,
        what=f"terms-{what}",
        code=document.code,
        **facts,
    )


# --- Versions --------------------------------------------------------------------------------------
def publish_terms(
    *,
    actor: Person,
    document: TermsDocument,
    texts: Mapping[str, Text],
    ask_again: AskAgain | None = None,
    **statements: Any,
) -> TermsVersion:
    """Put a new version in force, with a text in each language of the one before it, the first one in all.

    statements: what the texts state about keys, fields of `TermsStatements`.

    Raises NotAllowed, or NotPossible for a language that lacks, an empty text, a day that is not possible,
    and words about archiving, or about who gets keys, that say less than a type in force does.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        document = locking.terms_document(document.pk)
        terms_content.require_languages(texts, _current(document))
        version = TermsVersion(document=document, is_current=True, **_known(statements))
        terms_content.require_statements(document, version)
        soonest = timezone.localdate() + SOONEST
        possible = ask_again is None or soonest <= ask_again.by <= timezone.localdate() + LATEST
        require(possible, else_=BY_WHEN, field="accept_again_by")

        if ask_again:
            version.accept_again_by, version.late_policy = ask_again.by, ask_again.late_policy
        _put_in_force(version, texts)
        _record(document, what="published", actor=actor, **_facts_of(version, texts, ask_again))
        return version


def _put_in_force(version: TermsVersion, texts: Mapping[str, Text]) -> None:
    """Insert the version and its texts under the next number of the locked document; end the one before."""
    versions = version.document.versions
    version.number = 1 + (versions.aggregate(number=Max("number"))["number"] or 0)
    versions.filter(is_current=True).update(is_current=False)
    version.save()
    for language, text in texts.items():
        TermsText.objects.create(
            version=version, language=language, title=text.title, body=text.body, sha256=text.sha256
        )


def _facts_of(
    version: TermsVersion, texts: Mapping[str, Text], ask_again: AskAgain | None
) -> dict[str, object]:
    """What the audit log says of a published version."""
    until = {"until": ask_again.by.isoformat(), "late": ask_again.late_policy} if ask_again else {}
    return {
        "sha256": {language: text.sha256 for language, text in texts.items()},
        "number": version.number,
        **{name: value for name, value in statements_of(version).items() if value},
        **until,
    }
