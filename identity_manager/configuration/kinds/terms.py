"""Terms: the version in force, in all its languages; an import writes the draft of the next one."""

import uuid

from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import terms
from identity_manager.catalogue.terms_content import Text
from identity_manager.catalogue.versions import DRAFT_EXISTS
from identity_manager.configuration import shapes
from identity_manager.configuration.kind import (
    ConfigurationKind,
    Key,
    LeftAloneError,
    Making,
    Present,
    Values,
    keys_of,
)
from identity_manager.configuration.kinds.catalogue import is_code
from identity_manager.models import NamedArchiving, TermsDocument, TermsDraft, TermsVersion
from identity_manager.models.catalogue.entry_fields import content_fields
from identity_manager.models.catalogue.terms import TermsStatements
from identity_manager.transactions.refusals import Reason, Stale, refuse

RENAME = Reason(
    "configuration-terms-renamed",
    _("Only the name differs, and a name takes effect at once: rename the terms in ADMIN."),
)


def _here() -> dict[str, Present]:
    current = TermsVersion.objects.filter(is_current=True).select_related("document")
    return {
        version.document.code: Present(
            {
                "name": dict(version.document.name),
                **terms.statements_of(version),
                "texts": {text.language: _text(text.title, text.body) for text in version.texts.all()},
            },
            version.document.pk,
        )
        for version in current.prefetch_related("texts")
    }


def _drafts() -> dict[str, Present]:
    return {
        draft.document.code: Present(
            {
                "name": dict(draft.document.name),
                **terms.statements_of(draft),
                "texts": {language: _text(*text) for language, text in draft.texts.items()},
            },
            draft.document.pk,
        )
        for draft in TermsDraft.objects.select_related("document")
    }


def _text(title: str, body: str) -> dict[str, str]:
    return {"title": title, "body": body}


def _make(making: Making, code: str, values: Values) -> uuid.UUID:
    document = TermsDocument.objects.filter(code=code).first()
    for present in filter(None, (_here().get(code), _drafts().get(code))):
        if {**values, "name": present.values["name"]} == present.values:
            raise LeftAloneError(RENAME)
    if document is None:
        document = terms.add_document(actor=making.actor, code=code, name=values["name"])
    refuse(DRAFT_EXISTS if TermsDraft.objects.filter(document=document).exists() else None, kind=Stale)
    draft = terms.save_draft(
        actor=making.actor,
        document_id=document.pk,
        seen=terms.seen_of(document, None),
        texts={language: Text(**text) for language, text in values["texts"].items()},
        **{name: values[name] for name in content_fields(TermsStatements)},
    )
    seen = terms.seen_of(TermsDocument.objects.get(pk=document.pk), draft)
    making.ask(lambda: terms.ask_publication(actor=making.actor, document_id=document.pk, seen=seen))
    return document.pk


TERMS = ConfigurationKind(
    name="terms",
    label=_("Terms"),
    line=_("What persons accept before anything is issued"),
    keys={
        **keys_of(TermsDocument),
        **keys_of(TermsStatements, names_archiving=shapes.choice(NamedArchiving.values)),
        "texts": Key(_("Texts"), shapes.sections(title=shapes.LINE, body=shapes.PARAGRAPHS)),
    },
    here=_here,
    drafts=_drafts,
    make=_make,
    page="console:terms-document",
    is_code=is_code,
)
