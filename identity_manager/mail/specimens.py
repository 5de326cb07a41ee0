"""Sample mails for the catalogue of mail texts, from made-up persons and tokens. Nothing is read or saved.

Every registered mail is made with samples of its parameters' types.
"""

import re
import types
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, get_args, get_origin, get_type_hints

from django.db import models
from django.utils import timezone, translation
from django.utils.functional import Promise

from identity_manager.mail.company_texts.placeholders import Placeholder, offered, values
from identity_manager.mail.company_texts.source import Only, taken_from
from identity_manager.mail.company_texts.wording import Filled, Wording
from identity_manager.mail.messages import (
    account_messages,
    batch_messages,
    directory_messages,
    installation_messages,
    person_messages,
    recovery_messages,
    report_messages,
    request_messages,
    role_messages,
    standing_order_messages,
    target_messages,
    terms_messages,
    token_messages,
)
from identity_manager.mail.registry import MAILS
from identity_manager.models import (
    Certificate,
    CertificateProfile,
    Container,
    IdentityChange,
    OutgoingMail,
    Person,
    SoftwareToken,
    Target,
    TermsDocument,
    TermsVersion,
    TokenRequest,
    TokenType,
)

# The modules of mails, in the order in which their mails are listed.
SUBJECTS = (
    request_messages,
    batch_messages,
    standing_order_messages,
    token_messages,
    installation_messages,
    recovery_messages,
    person_messages,
    directory_messages,
    target_messages,
    role_messages,
    terms_messages,
    report_messages,
    account_messages,
)
FORMAT = "standard"
# Samples of free text. All samples differ, so that beginning() can recognise each one.
ANY_TEXT, ANY_REASON, ANY_OTHER_REASON = "…", "(…)", "[…]"
NUMBERS = {"held": 2, "waiting": 4}
ABOUT_OTHER_TOKENS = frozenset({"tokens", "left_out"})


class Rows(list[Any]):
    """A list in place of a related manager; filters return everything."""

    def _same(self, *_args: Any, **_conditions: Any) -> "Rows":
        return self

    all = filter = exclude = select_related = prefetch_related = order_by = distinct = defer = only = _same

    def first(self) -> Any:
        return self[0] if self else None

    def exists(self) -> bool:
        return bool(self)


def names() -> list[str]:
    """All mails, in the order of SUBJECTS, then of definition; independent of the order of imports."""
    return [
        name
        for subject in SUBJECTS
        for name, kind in MAILS.items()
        if kind.make.__module__ == subject.__name__
    ]


def specimen(name: str, *, language: str, wording: Wording | None = None) -> OutgoingMail:
    """The sample of that mail in that language, unsaved: with the company's wording, or the product's own.

    Raises KeyError for an unknown name, LiquidError or UnusableError for a wording that has faults.
    """
    return _made(name, language, Only(wording))


def placeholders_of(name: str, *, language: str) -> list[Placeholder]:
    """The placeholders of that mail."""
    source = Only(None)
    _made(name, language, source)
    return offered(source.context)


def beginning(name: str, *, language: str) -> Wording:
    """The product's own text of that mail, with placeholders where the sample has their values.

    Parts for other conditions than those of the sample are missing.
    """
    source = Marked()
    mail = _made(name, language, source)
    names = {each.name: each for each in offered(source.context) if not each.is_condition}
    with translation.override(language), timezone.override(mail.person.zone):
        said = values(source.context, names)
    paragraphs = _with_placeholders(source.own_words(mail), said).split("\n\n")
    maybe = [name for name, each in names.items() if each.may_be_empty]
    body = "\n\n".join(_under_condition(paragraph, maybe) for paragraph in paragraphs)
    return Wording(_with_placeholders(mail.subject, said), body)


def _made(name: str, language: str, source: Only) -> OutgoingMail:
    message, world = MAILS[name].make, World(language)
    hints = get_type_hints(message)
    hints.pop("return")
    with taken_from(source):
        return message(**{key: world.value(key, hint) for key, hint in hints.items()})


class Marked(Only):
    """The product's own text, extracted from the frame of the templates."""

    MARK = "\x00"

    def __init__(self) -> None:
        super().__init__(None)

    def filled(self, _message: str, _language: str, context: dict[str, Any]) -> Filled | None:
        context["cut"] = self.MARK
        return super().filled(_message, _language, context)

    def own_words(self, mail: OutgoingMail) -> str:
        """The part of the mail that a company's text replaces."""
        return re.sub(r"\n{3,}", "\n\n", mail.body_text.split(self.MARK)[1].strip())


def _under_condition(paragraph: str, maybe: Iterable[str]) -> str:
    """The paragraph, to be left out where a placeholder in it is empty."""
    for name in maybe:
        if f"{{{{ {name} }}}}" in paragraph:
            return f"{{% if {name} %}}{paragraph}{{% endif %}}"
    return paragraph


def _with_placeholders(text: str, said: Mapping[str, str]) -> str:
    """Replace each placeholder's sample value by `{{ name }}`, longest values first."""
    names = {value: name for name, value in reversed(list(said.items())) if value}
    if not names:
        return text
    longest_first = sorted(names, key=len, reverse=True)
    pattern = "|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in longest_first)
    return re.sub(pattern, lambda match: f"{{{{ {names[match[0]]} }}}}", text)


class World:
    """The sample person, request, token and one row of every other model, and the acting officer."""

    def __init__(self, language: str) -> None:
        self.person = _person("Zoë", "Brandstætter-Óskarsdóttir", language)
        self.officer = _person("Ada", "Bergström", language)
        self.other_officer = _person("Paul", "Weber", language)
        self.token_type = TokenType(
            code="vpn", name="VPN", description="Connects your device to the company network from anywhere."
        )
        profile = CertificateProfile(code="vpn", name="VPN", purpose="authentication")
        self.request = TokenRequest(
            person=self.person,
            requested_by=self.officer,
            delivery_address=self.person.email,
            purpose=ANY_TEXT,
            accept_before=timezone.now() + timedelta(days=30),
            reason=ANY_REASON,
        )
        self.token = self._token(self.token_type)
        certificate = Certificate(token=self.token, profile=profile)
        self.container = Container(
            token=self.token,
            certificate=certificate,
            format=FORMAT,
            file_name="vpn-brandstaetter.p12",
            downloaded_at=timezone.now(),
        )
        _give(self.token, containers=Rows([self.container]), certificates=Rows([certificate]))
        _give(self.request, tokens=Rows([self.token]))
        other_token = self._token(TokenType(code="mail", name="S/MIME"))
        self.others = {
            SoftwareToken: other_token,
            Certificate: Certificate(token=other_token, profile=profile),
        }
        document = TermsDocument(code="terms", name="IT-4")
        self.known: dict[type, Any] = {
            TokenRequest: self.request,
            SoftwareToken: self.token,
            TokenType: self.token_type,
            Container: self.container,
            Certificate: certificate,
            TermsDocument: document,
            TermsVersion: TermsVersion(document=document, number=2),
            Target: Target(name="corp"),
        }

    def _token(self, token_type: TokenType) -> SoftwareToken:
        return SoftwareToken(
            request=self.request,
            person=self.person,
            token_type=token_type,
            snapshot={},
            passphrase_destroy_at=timezone.now() + timedelta(days=14),
            passphrase_shown_at=timezone.now(),
            reason=ANY_OTHER_REASON,
        )

    def value(self, name: str, hint: Any) -> Any:
        """A sample of that type; a parameter named person is the mail's subject."""
        if hint is Person:
            return {"person": self.person, "by": self.officer}.get(name, self.other_officer)
        if get_origin(hint) is types.UnionType:
            return self.value(name, get_args(hint)[0])
        if get_origin(hint) is not None:
            others = self.others if name in ABOUT_OTHER_TOKENS else {}
            return Rows([others.get(each) or self.value(name, each) for each in get_args(hint)[:1]])
        return self._plain(name, hint)

    def _plain(self, name: str, hint: Any) -> Any:
        words = {
            "container_format": FORMAT,
            "file": "vpn-brandstaetter.p12",
            "reason": ANY_REASON,
            "why": ANY_OTHER_REASON,
        }
        plain = {
            str: words.get(name, "VPN"),
            int: NUMBERS.get(name, 3),
            bool: True,
            Promise: ANY_TEXT,
            datetime: timezone.now() + timedelta(days=0 if name == "moment" else 40),
        }
        if hint in plain:
            return plain[hint]
        if hint not in self.known:
            self.known[hint] = self._row(hint)
        return self.known[hint]

    def _row(self, kind: type[models.Model]) -> models.Model:
        """A sample row of any other model, related to this world's rows."""
        values: dict[str, Any] = {}
        for field in kind._meta.concrete_fields:
            if isinstance(field, models.ForeignKey):
                values[field.name] = self._related(field)
            elif isinstance(field, models.JSONField) and kind is IdentityChange:
                values[field.name] = {"email": f"{field.name}.address@example.com"}
            elif isinstance(field, models.TextField) and not field.choices:
                values[field.name] = ANY_TEXT
            elif isinstance(field, models.DateTimeField):
                values[field.name] = timezone.now()
            elif field.name == "name":
                values[field.name] = "VPN"
        return kind(**values)

    def _related(self, field: "models.ForeignKey[Any, Any]") -> Any:
        kind = field.related_model
        if kind is Person:
            return {"person": self.person, "approver": self.other_officer}.get(field.name, self.officer)
        return self.known.get(kind) if isinstance(kind, type) else None


def _person(given_name: str, surname: str, language: str) -> Person:
    row = Person(
        personnel_number="10042",
        given_name=given_name,
        surname=surname,
        display_name=f"{given_name} {surname}",
        email="zoe.brandstaetter@example.com",
        organisational_unit="North",
        language=language,
    )
    _give(row, roles=Rows())
    return row


def _give(row: models.Model, **related: Rows) -> None:
    """Put sample rows in the place of the row's related managers."""
    row._prefetched_objects_cache = dict(related)  # type: ignore[attr-defined]  # where Django keeps it
