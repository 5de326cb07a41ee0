"""Labels of subject attributes and alternative names (RFC 5280 4.1.2.6, 4.2.1.6), for both portals."""

from django.utils.translation import gettext_lazy as _

from identity_manager.models.words import Vocabulary, Words

LABELS = Vocabulary(
    "parts of a certificate",
    {
        "commonName": _("Name"),
        "givenName": _("Given name"),
        "surname": _("Surname"),
        "pseudonym": _("Pseudonym"),
        "title": _("Title"),
        "serialNumber": _("Personnel number"),
        "emailAddress": _("E-mail"),
        "userId": _("User name"),
        "organizationalUnitName": _("Organisational unit"),
        "organizationName": _("Organisation"),
        "organizationIdentifier": _("Number of the organisation"),
        "localityName": _("Place"),
        "stateOrProvinceName": _("State or province"),
        "countryName": _("Country"),
        "email": _("E-mail"),
        "upn": _("User principal name"),
        "uri": _("Address (URI)"),
    },
)
SID = _("Security identifier (SID)")


def label_of(kind: str) -> Words:
    """Label of a subject attribute or a kind of alternative name; the name itself where it has none."""
    return LABELS.in_words(kind)
