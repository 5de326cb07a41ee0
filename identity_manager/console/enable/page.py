"""Enable page: person, selectable types, outlook in words."""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from identity_manager.console.enable import allowances
from identity_manager.console.enable.forms import EnableForm
from identity_manager.models import (
    CertificateProfile,
    Person,
    RequestOrigin,
    Role,
    SoftwareToken,
    TermsVersion,
    TokenType,
)
from identity_manager.models.person_search.name_order import key_for_reader
from identity_manager.models.requests.token_states import IN_USE
from identity_manager.people.sign_in import prediction
from identity_manager.queries import mail_domains
from identity_manager.ui.punctuation import labelled
from identity_manager.workflow.policy import approvers, eligibility
from identity_manager.workflow.policy.eligibility import TypeChoice
from identity_manager.workflow.requests import opening

TWO = 2


@dataclass(frozen=True)
class EnablePage:
    """The page of one officer and one person, with the types that are checked just now."""

    actor: Person
    person: Person
    choices: Sequence[TypeChoice]
    checked: Sequence[str]

    @staticmethod
    def template(request: HttpRequest) -> str:
        """The outlook fragment while boxes are ticked; else the whole page."""
        partial = request.method == "GET" and request.headers.get("HX-Request") == "true"
        return "identity_manager/enable/outlook.html" if partial else "identity_manager/enable/enable.html"

    def context(self, form: EnableForm) -> dict[str, Any]:
        return {
            "tab": "search",
            "person": self.person,
            "form": form,
            "obstacle": eligibility.asking_obstacle(self.actor, self.person),
            "types": self.types,
            "outlook": list(self.outlook()),
            "held": held_tokens(self.person),
        }

    @cached_property
    def chosen(self) -> list[TypeChoice]:
        """The checked choices that are possible."""
        return [each for each in self.choices if each.available and str(each.token_type.pk) in self.checked]

    @cached_property
    def types(self) -> list[TokenType]:
        """The types of the checked choices."""
        return [each.token_type for each in self.chosen]

    def outlook(self) -> Iterator[str]:
        """Sentences on what will happen after Next; none without a type."""
        if not self.types:
            return
        yield self._decision()
        yield self._invitation()
        yield self._sign_in()
        if stripping := mail_domains.stripping([mail_domains.domain_of(self.person.email)]):
            yield strips_sentence(stripping)
        yield self._issuance()
        yield from allowances.sentences(Counter(profile.ca for profile in self._profiles))

    def _decision(self) -> str:
        asking = opening.Origin(self.actor, self.person, RequestOrigin.ADMINISTRATOR)
        asked = opening.draft(asking, self.chosen)
        needed = asked.approvals_needed
        if not needed:
            return _("Nobody has to approve this.")
        undecided = [person for level in approvers.approver_levels(asked) for person in level]
        if not approvers.enough(asked, undecided, still=needed):
            return str(approvers.TOO_FEW_APPROVERS)
        return _approvers_sentence(list(map(str, undecided)), needed)

    def _invitation(self) -> str:
        words = {"name": self.person.given_name, "address": self.person.email}
        if self.person.has_role(Role.SELF_SERVICE_USER):
            return _("%(name)s gets a mail at %(address)s.") % words
        return _("%(name)s becomes a Self-Service User and gets a mail at %(address)s.") % words

    def _sign_in(self) -> str:
        predicted = prediction.predict([self.person])[self.person.pk]
        return labelled(self.person.given_name, predicted)

    def _issuance(self) -> str:
        words = {
            "name": self.person.given_name,
            "terms": ", ".join(_terms(self.types)),
            "certificates": " ".join(_certificates(Counter(profile.ca for profile in self._profiles))),
        }
        return _("After %(name)s accepts the terms (%(terms)s), %(certificates)s") % words

    @property
    def _profiles(self) -> list[CertificateProfile]:
        return [link.profile for each in self.types for link in each.token_type_profiles.all()]


def strips_sentence(domains: Sequence[str]) -> str:
    """The hint about mail domains that seem to remove attachments."""
    words = _("Mails to %(domains)s seem to lose their attachments: the file may not arrive.")
    return words % {"domains": ", ".join(domains)}


def held_tokens(person: Person) -> list[str]:
    """Types that the person holds or will get."""
    rows = (
        SoftwareToken.objects.filter(person=person, state__in=IN_USE)
        .select_related("token_type")
        .defer("passphrase_wrapped")
    )
    return [str(token) for token in rows]


def _approvers_sentence(names: list[str], needed: int) -> str:
    if needed > 1:
        return ngettext("%(number)d approver decides.", "%(number)d approvers decide.", needed) % {
            "number": needed
        }
    if len(names) == 1:
        return _("%(name)s decides.") % {"name": names[0]}
    if len(names) == TWO:
        return _("%(first)s or %(second)s decides.") % {"first": names[0], "second": names[1]}
    return _("%(name)s or another approver decides.") % {"name": names[0]}


def _terms(types: Sequence[TokenType]) -> list[str]:
    """The current versions of the documents, each once, by their titles in the person's language."""
    ids: dict[uuid.UUID, None] = dict.fromkeys(each.terms_id for each in types)
    versions = TermsVersion.objects.filter(document__in=ids, is_current=True).prefetch_related("texts")
    titles = sorted(
        ((version.text_in().title, version.number) for version in versions),
        key=lambda each: (key_for_reader(each[0]), each[1]),
    )
    return [
        _("%(document)s, version %(number)d") % {"document": name, "number": number}
        for name, number in titles
    ]


def _certificates(by_ca: Counter[str]) -> Iterator[str]:
    for ca, count in sorted(by_ca.items()):
        sentence = ngettext(
            "%(count)d certificate is issued by the certificate authority “%(ca)s”.",
            "%(count)d certificates are issued by the certificate authority “%(ca)s”.",
            count,
        )
        yield sentence % {"count": count, "ca": ca}
