"""What every catalogue entry keeps: its fields hold what the model allows, and names what people can read."""

from django.core.exceptions import ValidationError

from ca_bridge.x509.names import forbidden_characters
from identity_manager.models import CertificateProfile, TermsDocument, TokenType
from identity_manager.transactions.refusals import NotPossible, Reason

WORDS = ("name", "name_de", "description", "description_de", "ca_profile")


def check_fields(entry: CertificateProfile | TokenType | TermsDocument) -> None:
    """Raise NotPossible with the first field that holds what it must not."""
    try:
        entry.clean_fields(exclude=["state"])  # which is protected, even from the value that it has
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise NotPossible(Reason("bad-value", " ".join(messages)), field=field) from error
    for field in WORDS:
        if found := forbidden_characters(getattr(entry, field, "")):
            raise NotPossible(Reason("forbidden-characters", ", ".join(found)), field=field)
