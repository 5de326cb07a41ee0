"""Verbs on the company's own texts of mails: a draft is saved, tested and put in force, or reset.

They have versions as the other entries of the catalogue. A draft may have faults; what is in force has none.
"""

import hashlib

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from liquid.exceptions import LiquidError

from identity_manager import audit, queue
from identity_manager.catalogue import versions
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.mail import outbox, registry, specimens
from identity_manager.mail.company_texts.liquid import TextFault
from identity_manager.mail.company_texts.source import IN_FORCE
from identity_manager.mail.company_texts.wording import Filled, UnusableError, Wording
from identity_manager.models import MailText, OutgoingMail, Person, VersionState
from identity_manager.models.identifiers import new_id
from identity_manager.models.mail.mail_text import LONGEST_MAIL_BODY, LONGEST_MAIL_SUBJECT
from identity_manager.transactions.refusals import Reason, Stale, obstacle_of, refuse, require

FAULTY = Reason("mail-text-faulty", _("The text has faults. They stand beside it."))
TOO_LONG = Reason("mail-text-too-long", _("The text is too long. Nothing was saved."))
SAME_AS_BEFORE = Reason("mail-text-same", _("The draft says the same as the text in force."))
NO_DRAFT = Reason("mail-text-no-draft", _("There is no draft of this text any more."))
OURS_ALREADY = Reason("mail-text-ours", _("The text of the product is in use already."))
NO_ADDRESS = Reason("no-address-for-test", _("You have no e-mail address to which the test could go."))
DID_NOT_WORK = _("Filled in with the sample, it makes no mail.")


def wording_of(entry: MailText) -> Wording:
    """Subject and body of the version."""
    return Wording(entry.subject, entry.body, entry.pk)


def faults(message: str, language: str, wording: Wording) -> dict[str, list[TextFault]]:
    """Faults of a text of this mail, by field; empty where it can be put in force."""
    known = {each.name: each for each in specimens.placeholders_of(message, language=language)}
    found = wording.faults(known)
    if not found:
        try:
            specimens.specimen(message, language=language, wording=wording)
        except UnusableError as error:
            return {"body": [TextFault(error.sentence)]}
        except LiquidError:
            return {"body": [TextFault(DID_NOT_WORK)]}
    return found


def sample(message: str, language: str, wording: Wording) -> Filled:
    """Subject and words, filled in with the sample. Raises LiquidError or UnusableError."""
    mail = specimens.specimen(message, language=language, wording=wording)
    return Filled(mail.subject, mail.body_text)


def draft_of(message: str, language: str) -> MailText | None:
    """The draft of the next version, with who asked for it or refused it."""
    rows = MailText.objects.drafts().filter(code=MailText.code_of(message, language))
    return rows.select_related("asked_by", "decided_by").first()


def in_force(message: str, language: str) -> MailText | None:
    """The company's text that is in force; None: the product's own is."""
    return MailText.objects.active().filter(code=MailText.code_of(message, language)).first()


def seen_of(message: str, language: str) -> str:
    """Version that a page made now shows (optimistic locking): the draft, or which version would be next."""
    return _seen(MailText.code_of(message, language), draft_of(message, language))


def _seen(code: str, draft: MailText | None) -> str:
    return f"{draft.pk}:{draft.version}" if draft else f"none:{versions.next_number(MailText, code)}"


def save_draft(*, actor: Person, message: str, language: str, seen: str, wording: Wording) -> MailText:
    """Keep what is written so far, faults and all; it has to be asked for again.

    Raises NotAllowed, NotPossible where it is too long to be kept, Stale where somebody else saved, discarded
    or activated one meanwhile.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        require(len(wording.subject) <= LONGEST_MAIL_SUBJECT, else_=TOO_LONG, field="subject")
        require(len(wording.body) <= LONGEST_MAIL_BODY, else_=TOO_LONG, field="body")
        code = MailText.code_of(message, language)
        draft = _locked_draft(code)
        require(_seen(code, draft) == seen, else_=versions.CHANGED_MEANWHILE, kind=Stale)
        draft = draft or MailText(code=code, number=versions.next_number(MailText, code))
        if not draft._state.adding and (draft.subject, draft.body) == (wording.subject, wording.body):
            return draft

        draft.subject, draft.body = wording.subject, wording.body
        draft.forget_question()
        with versions.one_draft():
            draft.save()
        draft.editors.add(actor)
        digest = hashlib.sha256(f"{draft.subject}\n\n{draft.body}".encode()).hexdigest()
        _record(draft, what="draft-saved", actor=actor, sha256=digest)
        return draft


def ask_activation(*, actor: Person, message: str, language: str, seen: str) -> MailText:
    """Ask a second System Administrator to put it in force. Raises NotAllowed, Stale or NotPossible."""
    with transaction.atomic():
        require_system_administrator(actor)
        draft = _draft(message, language, seen)
        refuse(versions.ASKED_ALREADY if draft.asked_at else None, kind=Stale)
        _check_usable(draft)

        versions.ask(draft, actor=actor)
        return draft


def activate(*, actor: Person, message: str, language: str, seen: str, four_eyes: bool) -> MailText:
    """Put the draft in force: mails that are made from now on take it.

    four_eyes: who wrote it does not activate it. Raises NotAllowed, Stale or NotPossible.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        draft = _draft(message, language, seen)
        if four_eyes:
            versions.require_other_eyes(draft, actor=actor)
        _check_usable(draft)

        versions.put_in_force(draft, actor=actor, four_eyes=four_eyes)
        queue.call_after_commit(IN_FORCE.forget)
        return draft


def refuse_activation(*, actor: Person, message: str, language: str, seen: str, reason: str) -> MailText:
    """Give the draft back to who wrote it, with a reason. Raises NotAllowed, Stale or NotPossible."""
    with transaction.atomic():
        require_system_administrator(actor)
        draft = _draft(message, language, seen)
        return versions.refuse_activation(
            actor=actor, kind=MailText, entry_id=draft.pk, revision=draft.version, reason=reason
        )


def discard(*, actor: Person, message: str, language: str, seen: str) -> MailText:
    """Discard the draft. Raises NotAllowed or Stale."""
    with transaction.atomic():
        require_system_administrator(actor)
        draft = _draft(message, language, seen)
        return versions.discard(actor=actor, kind=MailText, entry_id=draft.pk, revision=draft.version)


def use_ours(*, actor: Person, message: str, language: str) -> MailText:
    """Give up the company's text: mails that are made from now on have the product's own.

    One System Administrator does it alone: it says nothing of their own. Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        found = in_force(message, language)
        if found is None:
            raise Stale(OURS_ALREADY)
        entry = versions.locked(MailText, found.pk)
        require(entry.state == VersionState.ACTIVE, else_=OURS_ALREADY, kind=Stale)

        entry.retire()
        entry.save()
        _record(entry, what="retired", actor=actor)
        queue.call_after_commit(IN_FORCE.forget)
        return entry


def send_test(*, actor: Person, message: str, language: str) -> OutgoingMail:
    """Mail the sample to the actor: of the draft, else of the text in force, else of the product's own.

    Raises NotAllowed, or NotPossible where the draft has faults or the actor no address.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        require(actor.email, else_=NO_ADDRESS)
        entry = draft_of(message, language) or in_force(message, language)
        if entry is not None:
            _require_no_faults(entry)
        wording = wording_of(entry) if entry else None
        made = specimens.specimen(message, language=language, wording=wording)
        test = OutgoingMail(
            message=registry.TEST,
            occasion=f"{registry.TEST}:{new_id()}",
            person=actor,
            to_address=actor.email,
            language=language,
            subject=f"[{registry.TEST_WORD}] {made.subject}"[:300],
            body_text=made.body_text,
            body_html=made.body_html,
        )
        entry = entry or MailText(code=MailText.code_of(message, language), number=0)
        _record(entry, what="tested", actor=actor)
        return outbox.enqueue(test)


def activation_obstacle(draft: MailText) -> Reason | None:
    """Why the draft of the text can be neither put in force nor asked for, or None."""
    return obstacle_of(lambda: _check_usable(draft))


def _check_usable(draft: MailText) -> None:
    _require_no_faults(draft)
    current = in_force(draft.message, draft.language)
    same = current is not None and (current.subject, current.body) == (draft.subject, draft.body)
    refuse(SAME_AS_BEFORE if same else None)


def _require_no_faults(entry: MailText) -> None:
    require(not faults(entry.message, entry.language, wording_of(entry)), else_=FAULTY)


def _locked_draft(code: str) -> MailText | None:
    """The draft of this code, locked with all its versions, or None."""
    found = MailText.objects.drafts().filter(code=code).values_list("pk", flat=True).first()
    return versions.locked(MailText, found) if found else None


def _draft(message: str, language: str, seen: str) -> MailText:
    """The draft that was seen, locked. Raises Stale."""
    code = MailText.code_of(message, language)
    draft = _locked_draft(code)
    if draft is None or draft.state != VersionState.DRAFT:
        raise Stale(NO_DRAFT)
    require(_seen(code, draft) == seen, else_=versions.CHANGED_MEANWHILE, kind=Stale)
    return draft


def _record(entry: MailText, *, what: str, actor: Person, **facts: object) -> None:
    audit.record(
        audit.Event.CATALOGUE_CHANGED,
        actor=actor,
        subject=None,
        what=f"mail-{what}",
        code=entry.code,
        **({"number": entry.number} if entry.number else {}),
        **facts,
    )
