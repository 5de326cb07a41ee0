"""Three worlds for photographs: as it usually is, as bad as it can get, and with nothing in it.

Each is the World of the table of addresses, so that every address has what it is about, in other clothes.
"""

from datetime import timedelta
from itertools import cycle
from typing import Any
from unittest import mock

from django.db.models import Model
from django.utils import timezone

from identity_manager.catalogue.terms import add_document, publish_terms
from identity_manager.catalogue.terms_content import Text
from identity_manager.demo import catalogue, organisation
from identity_manager.directory import csv_file
from identity_manager.mail.mailbox import stored_messages
from identity_manager.models import (
    ApiClient,
    Approval,
    ApprovalPolicy,
    ApproverGroup,
    BatchOrder,
    DeliveryProblem,
    DirectoryGroup,
    Person,
    PersonImport,
    PersonState,
    Recovery,
    SavedSearch,
    ScimToken,
    SoftwareToken,
    StandingOrder,
    TermsText,
    TokenImport,
    TokenRequest,
    TokenType,
    Webhook,
)
from identity_manager.models.text_in_languages import translated
from identity_manager.people.imports import applying as importing
from identity_manager.workflow import step2_approve
from identity_manager.workflow.people import leave_and_return
from tests.architecture.url_table import Visitor
from tests.architecture.url_world import World
from tests.browser.wardrobe import EXTREME, LONG_TYPES, LONG_WORD, REALISTIC, SCRIPTS
from tests.tools import cast

MOST_WAITING = 40
MANY_TOKENS = 9
LONGEST_WRITTEN = 600  # letters of what has no limit
# What officers and other systems name and write, filled to its limit on the extreme stage.
WRITTEN: tuple[tuple[type[Model], str], ...] = (
    (ApiClient, "name"),
    (ApproverGroup, "name"),
    (Approval, "reason"),
    (BatchOrder, "file_name"),
    (BatchOrder, "note"),
    (BatchOrder, "purpose"),
    (DeliveryProblem, "reason"),
    (DirectoryGroup, "name"),
    (PersonImport, "file_name"),
    (Recovery, "purpose"),
    (SavedSearch, "name"),
    (ScimToken, "name"),
    (StandingOrder, "name"),
    (StandingOrder, "purpose"),
    (TermsText, "title"),
    (TokenImport, "name"),
    (TokenRequest, "purpose"),
    (Webhook, "name"),
)
# Code of the profile -> its name, and what the key is for.
PROFILES = {
    "client": ({"en": "Authentication", "de": "Anmeldung"}, ["digitalSignature"]),
    "signature": ({"en": "Signature", "de": "Signatur"}, ["digitalSignature", "nonRepudiation"]),
    "encryption": ({"en": "Encryption", "de": "Verschlüsselung"}, ["keyAgreement"]),
}
# Code in the demo's catalogue -> the code here (the world asks for the first three), and fields of the type.
TYPES: dict[str, tuple[str, dict[str, Any]]] = {
    "vpn": ("waiting", {"validity_days": 365}),
    "smime": ("approval", {"approval": ApprovalPolicy.ALWAYS, "profiles": ("signature", "encryption")}),
    "authentication": ("sealed", {"approval": ApprovalPolicy.ALWAYS}),
    "signature": ("signature", {"approval": ApprovalPolicy.ALWAYS, "profiles": ("signature",)}),
    "encryption": ("encryption", {"validity_days": 45, "profiles": ("encryption",)}),
}
Objects = dict[str, tuple[Any, ...]]


class Stage(World):
    """A world whose people wear the costumes."""

    costumes: dict[str, dict[str, Any]] = {}

    def __init__(self) -> None:
        with mock.patch.dict(cast.COSTUMES, self.costumes):
            super().__init__()


class Empty(Stage):
    """People who sign in for the first time, and nothing else at all."""

    costumes = REALISTIC

    def _objects(self, officers: dict[Visitor, Person]) -> Objects:
        return {}


class Realistic(Stage):
    """An organisation of 2,000, a catalogue of five types, and requests at every turn of the road."""

    costumes = REALISTIC

    def _objects(self, officers: dict[Visitor, Person]) -> Objects:
        _publish_terms(officers[Visitor.SYSTEM])
        types = _types()
        objects = super()._objects(officers)
        plan = importing.plan(csv_file.read(organisation.as_csv()), trusted=True)
        importing.carry_out(plan, actor=None, change_state=leave_and_return.take_over_state)
        people = list(
            Person.objects.filter(state=PersonState.ACTIVE, personnel_number__gt="E-00020").exclude(email="")[
                :14
            ]
        )
        requests = _requests(officers, people, types)
        ada = officers[Visitor.ADMINISTRATOR]
        completed = _completed_from(cast.accepted(cast.enabled(ada, self.owner, types["encryption"])))
        _age([*requests.values(), completed])
        objects |= {f"{state} request": (request.pk,) for state, request in requests.items()}
        objects["completed request"] = (completed.pk,)
        objects["noted token"] = (completed.tokens.get().pk,)
        objects["enabled person"] = (people[-1].pk,)
        return objects | _delivery_mail()


class Extreme(Stage):
    """Names in eight scripts, surnames of 64 letters, 40 requests that wait, and many tokens."""

    costumes = EXTREME

    def _objects(self, officers: dict[Visitor, Person]) -> Objects:
        for code, fields in LONG_TYPES.items():
            cast.token_type(code, **fields)
        objects = super()._objects(officers)
        ada = officers[Visitor.ADMINISTRATOR]
        for number in range(MANY_TOKENS):
            row = cast.token_type(
                f"many-{number}", **{**LONG_TYPES["sealed"], "approval": ApprovalPolicy.NEVER}
            )
            request = cast.accepted(cast.enabled(ada, self.owner, row))
            if number % 2:
                _completed_from(request)
        names = cycle(SCRIPTS)
        wanted = cast.token_type("approval")
        for number in range(MOST_WAITING):
            clothes = next(names) | {"personnel_number": f"E-{70_000 + number}", "sid": ""}
            person = cast.person(f"crowd{number}", **clothes)
            cast.enabled(ada, person, wanted)
        for model, name in WRITTEN:
            _fill(model, name)
        return objects | _delivery_mail()


STAGES: dict[str, type[Stage]] = {"realistic": Realistic, "extreme": Extreme, "empty": Empty}
# Pages that stand in the table once, and look different with something else in them.
MOMENTS: tuple[tuple[str, Visitor, str, str], ...] = (
    *(
        (f"request-{state}", Visitor.ADMINISTRATOR, "console:request", f"{state} request")
        for state in ("requested", "accepting", "issuing", "failed", "rejected", "completed", "postponed")
    ),
    ("enable-fresh", Visitor.ADMINISTRATOR, "console:enable", "enabled person"),
    ("passphrase-gone", Visitor.OWNER, "selfservice:passphrase", "noted token"),
    ("token-noted", Visitor.OWNER, "selfservice:token", "noted token"),
)


def _fill(model: type[Model], name: str) -> None:
    """Have that field of every row full: one long word, then many; each row's own, as names may be unique."""
    limit = model._meta.get_field(name).max_length or LONGEST_WRITTEN
    for number, key in enumerate(model._default_manager.order_by().values_list("pk", flat=True)):
        words = f"{number} {LONG_WORD} " + "zur Freigabe und Nachverfolgung " * limit
        model._default_manager.filter(pk=key).update(**{name: words[:limit].strip()})


def _publish_terms(author: Person) -> None:
    """The terms of the demo, as the document that the cast's types want."""
    document = add_document(
        actor=author,
        code="terms",
        name={"en": "Terms and Conditions of software tokens", "de": "Nutzungsbedingungen"},
    )
    texts = {}
    for language in ("en", "de"):
        text = (catalogue.TERMS_DIRECTORY / f"{language}.txt").read_text("utf-8")
        title, _separator, body = text.partition("\n")
        texts[language] = Text(title.removeprefix("# ").strip(), body.strip())
    publish_terms(actor=author, document=document, texts=texts)


def _types() -> dict[str, TokenType]:
    """By their codes in the demo's catalogue, whose words they bear."""
    for code, (name, usage) in PROFILES.items():
        cast.profile(code, name=name, key_usage=usage)
    types = {}
    for word, (code, fields) in TYPES.items():
        _profiles, of_demo = catalogue.TYPES[word]
        texts = {name: translated(of_demo[name]) for name in ("name", "description")}
        types[word] = cast.token_type(code, **texts, **fields)
    return types


def _requests(
    officers: dict[Visitor, Person], people: list[Person], types: dict[str, TokenType]
) -> dict[str, TokenRequest]:
    """One in each state that has a face of its own; each for another person."""
    ada, paul = officers[Visitor.ADMINISTRATOR], officers[Visitor.APPROVER]
    ask = iter(people)

    def enabled(*words: str) -> TokenRequest:
        return cast.enabled(ada, next(ask), *(types[word] for word in words))

    rejected = enabled("signature")
    step2_approve.reject(
        actor=paul,
        request_id=rejected.pk,
        snapshot_hash=rejected.snapshot_hash,
        reason="The contract ends in May; ask again once it has been renewed.",
    )
    postponed = enabled("signature")
    step2_approve.postpone(
        actor=paul,
        request_id=postponed.pk,
        snapshot_hash=postponed.snapshot_hash,
        until=timezone.now() + timedelta(days=3),
    )
    return {
        "rejected": TokenRequest.objects.get(pk=rejected.pk),
        "postponed": TokenRequest.objects.get(pk=postponed.pk),
        "requested": enabled("signature", "vpn"),
        "second requested": enabled("smime"),
        "third requested": enabled("signature"),
        "accepting": enabled("vpn", "encryption"),
        "issuing": cast.accepted(enabled("vpn")),
        "failed": cast.failed(cast.accepted(enabled("encryption"))),
        "delivered": _completed_from(cast.accepted(enabled("vpn"))),
    }


def _completed_from(request: TokenRequest) -> TokenRequest:
    delivered = cast.delivered(cast.issued(request))
    for token in SoftwareToken.objects.filter(request=delivered):
        cast.noted(token)
    return TokenRequest.objects.get(pk=delivered.pk)


def _age(requests: list[TokenRequest]) -> None:
    """They have not all been made in this minute."""
    for days, request in enumerate(requests, start=1):
        moment = timezone.now() - timedelta(days=days * 0.9)
        TokenRequest.objects.filter(pk=request.pk).update(created_at=moment)


def _delivery_mail() -> Objects:
    """The newest mail with a file of somebody's own, where one was sent."""
    found = [stored for stored in stored_messages() if ".p12" in str(stored.attachments())]
    return {"stored mail": (found[0].name,), "stored attachment": (found[0].name, 0)} if found else {}
