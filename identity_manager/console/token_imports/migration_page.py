"""The migration meter: who depends on another system, which keys are missing. Each figure is a search."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import requests
from identity_manager.models import ImportedCertificate, Person
from identity_manager.models.token_imports.token_import import Imported
from identity_manager.models.words import Vocabulary
from identity_manager.workflow.token_imports import decisions

WORDS = Vocabulary(
    "imported certificates",
    {
        Imported.ANY: _("certificates were imported"),
        Imported.WATCHED: _("are in use, and their persons have no token from here yet"),
        Imported.KEY_MISSING: _("decrypt, and no copy of their key is archived here"),
        Imported.NOT_CONNECTED: _("are valid, and their CA is not connected: they are revoked there by hand"),
    },
)
MOST_ISSUERS = 50


@dataclass(frozen=True)
class Figure:
    """A number, what it counts, and the search for what was counted."""

    number: int
    words: str | Promise
    url: str


def context(actor: Person) -> dict[str, Any]:
    """The figures and the issuers, for the certificates that the officer may see."""
    reach = requests.visible_certificates(actor)
    figures = [
        Figure(reach.filter(pk__in=_of(each)).count(), WORDS.in_words(each), _search(each))
        for each in map(Imported, WORDS)
    ]
    return {
        "tab": "start",
        "figures": figures,
        "imported": figures[0].number,
        "left": figures[1].number,
        "issuers": list(_issuers(actor)),
        "may_import": decisions.officer_obstacle(actor) is None,
    }


def _of(kind: Imported) -> Any:
    return ImportedCertificate.objects.of(kind).values("pk")


def _issuers(actor: Person) -> Iterator[Figure]:
    """From which CAs what is in use comes, the most first."""
    rows = requests.visible_certificates(actor).filter(pk__in=_of(Imported.WATCHED))
    counted = rows.order_by().values_list("issuer").annotate(number=Count("pk")).order_by("-number", "issuer")
    for issuer, number in counted[:MOST_ISSUERS]:
        yield Figure(number, issuer, _search(Imported.WATCHED, issuer=issuer))


def _search(kind: Imported, **more: str) -> str:
    asked = {"kind": "certificate", "imported": kind.value, **more}
    return f"{reverse('console:search')}?{urlencode(asked)}"
