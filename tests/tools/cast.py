"""The cast of the tests and what they meet: persons by name, token types, and a request in any state.

ada is a Software Token Administrator, paul and petra are Approvers, rita is a Registration Officer,
uma is a user, sam a stranger.
"""

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from ca_bridge.database.prepared_queries import Statement
from identity_manager.models import (
    ApprovalPolicy,
    CertificateProfile,
    Person,
    PersonState,
    Role,
    RoleAssignment,
    SoftwareToken,
    TermsDocument,
    TermsText,
    TermsVersion,
    TokenRequest,
    TokenType,
    TokenTypeProfile,
)
from identity_manager.workflow import (
    step1_enable,
    step1_request,
    step2_approve,
    step4_accept,
    step6_passphrase,
    step7_deliver,
)
from identity_manager.workflow.requests import cancellation, lapse, suspension
from tests.tools import one_step

ROLES = {
    "ada": (Role.TOKEN_ADMINISTRATOR,),
    "paul": (Role.APPROVER,),
    "petra": (Role.APPROVER,),
    "rita": (Role.REGISTRATION_OFFICER,),
    "uma": (Role.SELF_SERVICE_USER,),
    "sam": (Role.SELF_SERVICE_USER,),
}
SURNAMES = {
    "ada": "Berg",
    "paul": "Weber",
    "petra": "Novák",
    "rita": "Olsen",
    "uma": "Lindqvist",
    "sam": "Stone",
}


# Asked for in thousands of tests, of which making the SQL anew would be a good part.
TERMS = Statement(lambda: TermsDocument.objects.filter(code="terms")[:1])
PROFILE = Statement(
    lambda code: CertificateProfile.objects.active().filter(code=code)[:1], code=models.CharField()
)
TYPE = Statement(lambda code: TokenType.objects.active().filter(code=code)[:1], code=models.CharField())

# What a name wears besides, on the stages of tests/browser/stages.py; else everybody comes as they are.
COSTUMES: dict[str, dict[str, Any]] = {}


def person(
    name: str, *, state: str = PersonState.ACTIVE, roles: tuple[Role, ...] | None = None, **fields: Any
) -> Person:
    """A person of the cast (or another one), with the roles that go with the name."""
    surname = SURNAMES.get(name, "Muster")
    values = {
        "personnel_number": f"P-{name}",
        "given_name": name.capitalize(),
        "surname": surname,
        "display_name": f"{name.capitalize()} {surname}",
        "email": f"{name}@example.com",
        "upn": f"{name}@corp.example.com",
        "sid": f"S-1-5-21-1-2-3-{1000 + sum(name.encode())}",
        "department": "Research",
        "organisational_unit": "Nord",
    }
    row = Person(**(values | COSTUMES.get(name, {}) | fields))
    if state != PersonState.REGISTERED:
        row.activate()
    if state == PersonState.INACTIVE:
        row.deactivate()
    if state == PersonState.LOCKED:
        row.lock()
    row.save()
    RoleAssignment.objects.bulk_create(
        RoleAssignment(person=row, role=each) for each in (ROLES.get(name, ()) if roles is None else roles)
    )
    return row


def terms() -> TermsDocument:
    """The one terms document, in English and German."""
    document = TERMS.first()
    if document is None:
        document = TermsDocument(code="terms", name="Terms of use")
        document.save()
        _publish(document, number=1)
    return document


def publish_terms(document: TermsDocument) -> TermsVersion:
    """The document's next version, in force from now on."""
    document.versions.filter(is_current=True).update(is_current=False)
    return _publish(document, number=document.versions.count() + 1)


def _publish(document: TermsDocument, *, number: int) -> TermsVersion:
    version = TermsVersion(document=document, number=number, is_current=True)
    version.save()
    texts = [
        TermsText(
            version=version,
            language=language,
            title="Terms" if language == "en" else "Bedingungen",
            body=f"Text {number}",
            sha256=f"{number}{language}" * 16,
        )
        for language in ("en", "de")
    ]
    TermsText.objects.bulk_create(texts)
    return version


def profile(code: str, **fields: Any) -> CertificateProfile:
    """An active certificate profile for e-mail or client authentication."""
    existing = PROFILE.first(code=code)
    if existing:
        return existing
    values = {
        "name": code.capitalize(),
        "purpose": "authentication",
        "subject": [["commonName", "{display_name}"], ["serialNumber", "{personnel_number}"]],
        "subject_alt_names": [["email", "{email}"]],
        "key_usage": ["digitalSignature"],
        "extended_key_usage": ["1.3.6.1.5.5.7.3.2"],
        "ca": "corporate",
        "ca_profile": code,
    }
    row = CertificateProfile(code=code, **(values | fields))
    row.activate()
    row.save()
    return row


def token_type(code: str = "vpn", *, profiles: tuple[str, ...] = ("client",), **fields: Any) -> TokenType:
    """An active token type; EC keys, because the tests are many."""
    existing = TYPE.first(code=code)
    if existing:
        return existing
    values = {
        "name": code.upper(),
        "description": f"For {code}",
        "approval": ApprovalPolicy.NEVER,
        "terms": terms(),
        "key_algorithm": "ec-p256",
        "kinds": ["employee", "external"],
    }
    row = TokenType(code=code, **(values | fields))
    row.activate()
    row.save()
    for position, name in enumerate(profiles):
        TokenTypeProfile.objects.create(token_type=row, profile=profile(name), position=position)
    return row


def enabled(actor: Person, target: Person, *types: TokenType) -> TokenRequest:
    """Step 1, standard flow."""
    return step1_enable.enable(
        actor=actor, person_id=target.pk, type_ids=[row.pk for row in types or (token_type(),)]
    )


def asked(target: Person, *types: TokenType) -> TokenRequest:
    """Step 1, option."""
    return step1_request.request(actor=target, type_ids=[row.pk for row in types or (token_type(),)])


def approved(actor: Person, request: TokenRequest) -> TokenRequest:
    """Step 2."""
    return step2_approve.approve(actor=actor, request_id=request.pk, snapshot_hash=request.snapshot_hash)


def accepted(request: TokenRequest) -> TokenRequest:
    """Step 4."""
    texts = [version.text_in("en").pk for version in step4_accept.terms_of(request)]
    return step4_accept.accept(
        actor=request.person, request_id=request.pk, snapshot_hash=request.snapshot_hash, text_ids=texts
    )


def issued(request: TokenRequest) -> TokenRequest:
    """Steps 5 and 6, as the worker does them."""
    for token in request.tokens.all():
        one_step.issue_token(token)
        step6_passphrase.seal(token_id=token.pk)
    return TokenRequest.objects.get(pk=request.pk)


def delivered(request: TokenRequest) -> TokenRequest:
    """Step 7, as the worker does it."""
    for mail in request.mails.filter(message="delivery"):
        step7_deliver.send(mail_id=mail.pk)
    return TokenRequest.objects.get(pk=request.pk)


def shown(token: SoftwareToken, *, actor: Person | None = None) -> str:
    """Step 6, the person's part, in a browser where they have just signed in."""
    return step6_passphrase.show(actor=actor or token.person, token_id=token.pk, signed_in_at=timezone.now())


def noted(token: SoftwareToken) -> SoftwareToken:
    """Step 6, the person's part."""
    shown(token)
    return step6_passphrase.acknowledge(actor=token.person, token_id=token.pk)


def failed(request: TokenRequest) -> TokenRequest:
    """The person's data have changed between acceptance and issuance, and are as they were again."""
    Person.objects.filter(pk=request.person_id).update(department="Elsewhere")
    issued(request)
    Person.objects.filter(pk=request.person_id).update(department=request.person.department)
    suspension.check(request_id=request.pk)
    return TokenRequest.objects.get(pk=request.pk)


def overdue(request: TokenRequest) -> TokenRequest:
    """The time to accept has run out."""
    TokenRequest.objects.filter(pk=request.pk).update(accept_before=timezone.now() - timedelta(minutes=1))
    return TokenRequest.objects.get(pk=request.pk)


class Company:
    """ada, paul, petra, rita, uma, sam, and a type that never and one that always needs approval."""

    def __init__(self) -> None:
        self.ada, self.paul, self.petra, self.rita, self.uma, self.sam = (person(name) for name in ROLES)
        self.vpn = token_type("vpn")
        self.signature = token_type("signature", approval=ApprovalPolicy.ALWAYS)

    def request_in(self, state: str) -> TokenRequest:
        """A request for uma in that state, brought there by the verbs."""
        return getattr(self, f"_{state}")()

    def _requested(self) -> TokenRequest:
        return enabled(self.ada, self.uma, self.signature)

    def _approved(self) -> TokenRequest:
        """No verb rests here: it is passed through within one transaction."""
        request = self._requested()
        TokenRequest.objects.filter(pk=request.pk).update(state="approved")
        return TokenRequest.objects.get(pk=request.pk)

    def _rejected(self) -> TokenRequest:
        request = self._requested()
        return step2_approve.reject(
            actor=self.paul, request_id=request.pk, snapshot_hash=request.snapshot_hash, reason="not needed"
        )

    def _awaiting_acceptance(self) -> TokenRequest:
        return enabled(self.ada, self.uma, self.vpn)

    def _declined(self) -> TokenRequest:
        return step4_accept.decline(actor=self.uma, request_id=self._awaiting_acceptance().pk, reason="")

    def _lapsed(self) -> TokenRequest:
        request = overdue(self._awaiting_acceptance())
        lapse.lapse_request(request_id=request.pk)
        return TokenRequest.objects.get(pk=request.pk)

    def _issuing(self) -> TokenRequest:
        return accepted(self._awaiting_acceptance())

    def _failed(self) -> TokenRequest:
        return failed(self._issuing())

    def _issued(self) -> TokenRequest:
        return issued(self._issuing())

    def _completed(self) -> TokenRequest:
        request = delivered(self._issued())
        noted(request.tokens.get())
        return TokenRequest.objects.get(pk=request.pk)

    def _cancelled(self) -> TokenRequest:
        return cancellation.cancel(actor=self.ada, request_id=self._issuing().pk, reason="left the project")
