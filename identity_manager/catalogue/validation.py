"""Validation of catalogue entries: fields hold what the model allows, and names what people can read."""

from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.db import models

from ca_bridge.x509.names import forbidden_characters
from identity_manager.models import CertificateProfile, Looks, TermsDocument, TokenType
from identity_manager.models.text_in_languages import Texts
from identity_manager.transactions.refusals import NotPossible, Reason


def check_fields(entry: CertificateProfile | Looks | TokenType | TermsDocument) -> None:
    """Raise NotPossible with the first field that holds what it must not."""
    try:
        entry.clean_fields(exclude=["state"])  # which is protected, even from the value that it has
    except ValidationError as error:
        field, (first, *_others) = next(iter(error.error_dict.items()))
        sentence = " ".join(first.messages)
        is_range = first.code in {"min_value", "max_value"}
        reason = Reason("out-of-range", sentence) if is_range else Reason("bad-value", sentence)
        raise NotPossible(reason, field=field) from error
    for field, text in _texts(entry):
        if found := forbidden_characters(text):
            raise NotPossible(Reason("forbidden-characters", ", ".join(found)), field=field)


def _texts(entry: CertificateProfile | Looks | TokenType | TermsDocument) -> Iterator[tuple[str, str]]:
    """Each text that somebody typed, with its field."""
    for field in entry._meta.concrete_fields:
        value = getattr(entry, field.name) if field.editable else ""
        if isinstance(value, Texts):
            yield from ((field.name, text) for text in value.values())
        elif isinstance(field, models.CharField) and not field.choices:
            yield field.name, value
