"""What the addresses of the table are about, and a browser for each visitor. Built once, then only read."""

import json
import uuid
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.models import SurplusCertificate
from identity_manager.audit import heads, sealing
from identity_manager.catalogue import comparison, mail_texts, terms
from identity_manager.catalogue import looks as looks_verbs
from identity_manager.catalogue.profiles import add_profile_version
from identity_manager.catalogue.terms_content import Text
from identity_manager.catalogue.types import add_type_version
from identity_manager.console.catalogue.forms import columns_of
from identity_manager.mail.company_texts.wording import Wording
from identity_manager.mail.mailbox import stored_messages
from identity_manager.models import (
    Account,
    ApiScope,
    ApprovalPolicy,
    ApproverGroup,
    ArchiveExport,
    BatchKind,
    CaComparison,
    CaFinding,
    Certificate,
    DeliveryProblem,
    Deputy,
    DirectoryRun,
    DirectorySource,
    FindingKind,
    HolderChange,
    Installation,
    InstallationNotice,
    LossRule,
    Mailing,
    Opening,
    OutgoingMail,
    OwnerConsent,
    Person,
    PersonErasure,
    PersonSource,
    PersonState,
    Placement,
    Recertification,
    Recovery,
    RecoveryDrill,
    RenewalNotice,
    RequestKind,
    RequestOrigin,
    RequestState,
    Role,
    RoleAssignment,
    RoleReview,
    RunMode,
    StandingBasis,
    StandingOrder,
    SurplusByHand,
    Target,
    TargetUse,
    TermsDocument,
    TermsNotice,
    TermsVersion,
    TokenImport,
    TokenRequest,
    TokenType,
)
from identity_manager.people import saved_searches
from identity_manager.people.api_access import api_clients, scim_tokens
from identity_manager.people.identity import identity_changes
from identity_manager.ui import looks as looks_files
from identity_manager.workflow.archive import recovery_certificates
from identity_manager.workflow.people import imports, sign_in_codes
from identity_manager.workflow.standing_orders import outcomes
from tests.architecture.url_table import OFFICERS, Row, Visitor
from tests.identity_manager.events.webhook_acts import waiting_webhook
from tests.identity_manager.workflow.batch import orders
from tests.identity_manager.workflow.standing_orders import standing
from tests.tools import cast, looks
from tests.tools.sign_in import signed_in
from tests.tools.soft_passkey import SoftPasskey

PASSWORD = "correct horse battery staple"
HERE, ELSEWHERE = "Nord", "Sued"


class World:
    """Everything belongs to the owner, who works in the unit HERE."""

    def __init__(self) -> None:
        self.owner = cast.person("uma", organisational_unit=HERE)
        officers = {visitor: _officer(visitor) for visitor in sorted(OFFICERS)}
        self.browsers = {
            **{visitor: _browser(person) for visitor, person in officers.items()},
            Visitor.OWNER: _browser(self.owner),
            Visitor.USER: _browser(cast.person("sam")),
            Visitor.WITHOUT_ROLE: _browser(cast.person("norm", roles=())),
            Visitor.ANONYMOUS: Client(),
            Visitor.LEFT: _left(),
        }
        self.limited = {
            visitor: _browser(_officer(visitor, unit=ELSEWHERE, prefix="far-"))
            for visitor in sorted(OFFICERS)
        }
        self.objects = self._objects(officers)
        self.untouched: dict[str, list[tuple[Any, ...]]] = {}  # by table: test_url_table.py

    def address(self, row: Row) -> str:
        """The address of the row's page about its object."""
        if ":" in row.name or "/" not in row.name:
            return reverse(row.name, args=self.objects[row.of] if row.of else ())
        return f"/{row.name}"

    def _objects(self, officers: dict[Visitor, Person]) -> dict[str, tuple[Any, ...]]:
        """By the word of the table: the arguments of the address."""
        ada, paul = officers[Visitor.ADMINISTRATOR], officers[Visitor.APPROVER]
        always = {"approval": ApprovalPolicy.ALWAYS}  # so that approvers see the request, too
        waiting = cast.enabled(ada, self.owner, cast.token_type("waiting"))
        approval = cast.enabled(ada, self.owner, cast.token_type("approval", **always))
        sealed = cast.approved(paul, cast.enabled(ada, self.owner, cast.token_type("sealed", **always)))
        sealed = cast.issued(cast.accepted(sealed))
        due = cast.issued(cast.accepted(cast.enabled(ada, self.owner, cast.token_type("due"))))
        cast.delivered(due)
        due_token = cast.noted(due.tokens.get())
        now = timezone.now()
        ends_at = now + timedelta(days=20)
        Certificate.objects.filter(token=due_token).update(not_after=ends_at)
        changed = HolderChange.objects.create(
            token=due_token, person=self.owner, fingerprint="0" * 64, noticed_at=now
        )
        reviewed = RoleReview.objects.create(
            campaign=Recertification.objects.create(due_at=now + timedelta(days=30)),
            person=self.owner,
            role=Role.APPROVER,
            assignment_id=self.owner.roles.get().pk,
            assigned_at=now,
        )
        problem = DeliveryProblem.objects.create(token=due_token, kind="not-arrived", opened_at=now)
        installed = Installation.objects.create(token=due_token, device="macos", said_at=now)
        asked_of = InstallationNotice.objects.create(token=due_token, asked_at=now, told_at=now)
        RenewalNotice.objects.create(token=due_token, person=self.owner, ends_at=ends_at, created_at=now)
        notice = TermsNotice.objects.create(
            person=self.owner,
            document=due_token.token_type.terms,
            version=due_token.token_type.terms.current_version(),
            created_at=now,
            due_at=ends_at,
        )
        token, certificate = sealed.tokens.get(), sealed.tokens.get().certificates.get()
        version = token.token_type.terms.current_version()
        # One code waits for the second officer who comes, the other for who asked for it.
        code = sign_in_codes.ask(actor=cast.person("rita", sid=""), person_id=self.owner.pk)
        newcomer = cast.person("nina", sid="", roles=())
        asked = sign_in_codes.ask(actor=officers[Visitor.REGISTRATION], person_id=newcomer.pk)
        erasure = PersonErasure.objects.create(person=self.owner, asked_by=ada)
        change = identity_changes.ask(
            newcomer, new={"email": "nina.neu@example.com"}, source=PersonSource.MANUAL, actor=None
        )
        registry.renew_crls()
        sealing.seal()
        heads.sign()
        mail = _stored_mail()
        recovery_certificate = recovery_certificates.make_online(name="R", bits=3072, days=9)
        drill = RecoveryDrill.objects.create(certificate=recovery_certificate, asked_by=ada)
        saved = saved_searches.keep(actor=ada, name="Our department", kind="employee", query="kind=employee")
        report = saved_searches.keep_report(
            actor=ada, name="What ends", query="report=expiry&period=90", mailing=Mailing.WEEKLY
        )
        deputy = Deputy.objects.create(
            principal=self.owner,
            deputy=ada,
            assigned_by=ada,
            valid_from=timezone.localdate(),
            valid_until=timezone.localdate(ends_at),
        )
        board = ApproverGroup.objects.create(name="PKI board")
        board.members.create(person=ada, added_by=ada)
        group = standing.by_hand(officers[Visitor.REGISTRATION], self.owner)
        # What she asks for waits for another System Administrator.
        orla = cast.person("orla", roles=(Role.SYSTEM_ADMINISTRATOR,))
        target = Target.objects.create(name="corp", next_attempt_at=now)
        use = TargetUse.objects.create(target=target, type_code="waiting", asked_by=orla)
        scim_client, _secret = scim_tokens.make(actor=orla, source="scim", name="Entra", days=9)
        wanted = api_clients.ApiClientInput(name="HR", days=9, scopes=(ApiScope.PERSONS_READ,))
        api_client, _secret = api_clients.make(actor=orla, wanted=wanted)
        return {
            "person": (self.owner.pk,),
            "import": (person_import(officers[Visitor.REGISTRATION]),),
            "recovery certificate": (recovery_certificate.pk,),
            "recovery drill": (drill.pk,),
            "recovery": (recovery(self.owner),),
            "archive export": (ArchiveExport.objects.create(asked_by=ada, purpose="A day without it").pk,),
            "token import": (TokenImport.objects.create(name="folder", types=["waiting"]).pk,),
            "batch order": (batch_order(ada, self.owner),),
            "approver group": (board.pk,),
            "approver group member": (board.pk, ada.pk),
            "deputy": (self.owner.pk, deputy.pk),
            "role": (self.owner.pk, self.owner.roles.get().pk),
            "recertification": (reviewed.campaign_id,),
            "role review": (reviewed.pk,),
            "saved search": (saved.pk,),
            "report": ("expiry",),
            "saved report": (report.pk,),
            "identity change": (change.pk,),
            "sign-in code": (code.pk,),
            "asked sign-in code": (asked.pk,),
            "erasure": (erasure.pk,),
            "process": ("PstmProcRequestInitialSoftwareToken",),
            "request": (approval.pk,),
            "token": (token.pk,),
            "due token": (due_token.pk,),
            "holder change": (changed.pk,),
            "delivery problem": (problem.pk,),
            "installation": (due_token.pk, installed.pk),
            "installation notice": (asked_of.pk,),
            "mail": (OutgoingMail.objects.get(request=sealed, message="delivery").pk,),
            "job": ("queue.sweep",),
            "directory": ("drop",),
            "target": ("corp",),
            "target use": (use.pk,),
            "placement": (placement(token.certificates.all()[0]),),
            "directory run": (directory_run(),),
            "SIEM": ("main",),
            "webhook": (waiting_webhook(),),
            "standing order": (standing_order(),),
            "group": (group.pk,),
            "group member": (group.pk, self.owner.pk),
            "scim source": ("scim",),
            "scim client": (scim_client.pk,),
            "scim path": ("scim", "/Users"),
            "api path": ("requests",),
            "api client": (api_client.pk,),
            "authority": ("corporate",),
            "document": ("how-to/mail",),
            "image of a document": ("images/search.png",),
            **_looks(officers[Visitor.SYSTEM]),
            **_mail_texts(officers[Visitor.SYSTEM]),
            **_catalogue(token.token_type, officers[Visitor.SYSTEM]),
            "terms version": (version.pk,),
            "terms document": (_with_draft(version, officers[Visitor.SYSTEM]).pk,),
            "replacement": (replacement(self.owner).pk,),
            "own request": (waiting.pk,),
            "own terms notice": (notice.pk,),
            "own terms notice text": (notice.pk, version.text_in("en").pk),
            "own terms text": (waiting.pk, version.text_in("en").pk),
            "certificate": (certificate.pk,),
            "public key": (certificate.public_key_sha256,),
            "surplus": (surplus(certificate),),
            "found": (found_at_ca(certificate),),
            "certificate file": (certificate.pk, "pem"),
            "passkey": (_passkey_of(self.owner),),
            "ended session": (_ended_session_of(self.owner),),
            "provider": ("corp",),
            "saml provider": ("saml",),
            "portal": ("console",),
            "published file": ("corporate.crl",),
            "ocsp request": ("MAA=",),
            "error page": ("404",),
            "stored mail": (mail,),
            "stored attachment": (mail, 0),
        }


def directory_run() -> uuid.UUID:
    """The breaker has stopped it."""
    source, _made = DirectorySource.objects.get_or_create(name="drop")
    row = DirectoryRun(source=source, mode=RunMode.FULL)
    row.stop(code="nobody-found", facts={"number": 9}, now=timezone.now())
    row.save()
    return row.pk


def placement(certificate: Certificate) -> uuid.UUID:
    """A certificate at the target; nobody knows whether it is there."""
    row = Placement(target=Target.objects.get(name="corp"), certificate=certificate, wanted=True)
    row.intend(place="entry", now=timezone.now())
    row.park()
    row.save()
    return row.pk


def standing_order() -> uuid.UUID:
    """Its dry run is done, and it waits for another officer than who made it."""
    order = StandingOrder(
        name="VPN for Nord",
        basis=StandingBasis.UNIT,
        criteria={"organisational_unit": HERE},
        type_code="waiting",
        loss_rule=LossRule.HOLD,
        asked_by=standing.olga(),
    )
    # Its planning would take statistics, by which SQLite finds that these tables are small.
    figures = outcomes.count(order, cast.token_type("waiting"))
    order.conclude_dry_run(figures=figures, now=timezone.now())
    order.save()
    return order.pk


def replacement(owner: Person) -> TokenRequest:
    """An ended request that was to replace tokens of the owner."""
    return TokenRequest.objects.create(
        kind=RequestKind.REPLACEMENT,
        origin=RequestOrigin.SELF_SERVICE,
        state=RequestState.DECLINED,
        person=owner,
        requested_by=owner,
    )


def recovery(owner: Person, *, state: RequestState = RequestState.REQUESTED) -> uuid.UUID:
    """Of the owner's keys, for somebody else; two Recovery Officers have not decided yet."""
    request = TokenRequest.objects.create(
        kind=RequestKind.RECOVERY,
        state=state,
        origin=RequestOrigin.ADMINISTRATOR,
        person=cast.person("dora", organisational_unit=HERE),
        requested_by=cast.person("alma", roles=(Role.TOKEN_ADMINISTRATOR,)),
        approvals_needed=2,
    )
    return Recovery.objects.create(
        request=request,
        owner=owner,
        opening=Opening.OFFICERS,
        purpose="A court asks for it.",
        consent=OwnerConsent.ASKED,
    ).pk


def batch_order(ada: Person, *persons: Person) -> uuid.UUID:
    """Looked through, with a line for each; it waits for its start."""
    types = [cast.token_type("waiting").pk]
    return orders.placed(ada, BatchKind.ENABLE, persons, types=types, accept_partial=True).pk


def found_at_ca(certificate: Certificate) -> uuid.UUID:
    """A comparison has found that its CA does not know it."""
    comparison = CaComparison.objects.create(alias="corporate", since=timezone.now())
    row = CaFinding.objects.create(
        comparison=comparison,
        kind=FindingKind.MISSING,
        order=certificate.order,
        token_certificate=certificate,
        certificate=certificate.der,
        issuer=certificate.issuer,
        serial=certificate.serial,
        subject=certificate.subject,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
    )
    return row.pk


def surplus(certificate: Certificate) -> uuid.UUID:
    """Another certificate was issued for it, and its CA cannot be told to revoke."""
    der, order = certificate.der, certificate.order
    assert order is not None
    flagged = SurplusCertificate.objects.create(
        order=order, certificate=der, sha256_fingerprint=certificate.pk.hex * 2
    )
    end = timezone.now() + timedelta(days=1)
    row = SurplusByHand.objects.create(flagged=flagged, certificate=certificate, serial="5e", not_after=end)
    return row.pk


def _catalogue(row: TokenType, author: Person) -> dict[str, tuple[uuid.UUID, ...]]:
    """A token type and its profile, each with a draft of the next version."""
    profile = row.ordered_profiles()[0]
    of_profile = comparison.content_of(profile)
    profile_draft = add_profile_version(actor=author, code=profile.code, values=of_profile)
    of_type = {name: getattr(row, name) for name in columns_of(TokenType)}
    type_draft = add_type_version(actor=author, code=row.code, values=of_type, profiles=[profile])
    return {
        "token type": (row.pk,),
        "type draft": (type_draft.pk,),
        "two token types": (row.pk, type_draft.pk),
        "profile": (profile.pk,),
        "profile draft": (profile_draft.pk,),
        "two profiles": (profile.pk, profile_draft.pk),
    }


def _looks(author: Person) -> dict[str, tuple[object, ...]]:
    """A version that was in force, so that pages are called as ever, and the draft of another one."""
    row = looks.in_force(author)
    looks_verbs.back_to_ours(actor=author, reason="For tests.")
    draft = looks.draft(author)
    page, sample = (looks_files.stylesheet_url(draft, sample=sample) for sample in (False, True))
    return {
        "looks": (draft.pk,),
        "accent": tuple(resolve(page).captured_kwargs.values()),
        "accent of a draft": tuple(resolve(sample).captured_kwargs.values()),
        "logo": (row.logo_sha256,),
    }


def _mail_texts(author: Person) -> dict[str, tuple[Any, ...]]:
    """One of which the company has a text in force, and a draft of the next one."""
    about: dict[str, Any] = {"actor": author, "message": "delivery", "language": "en"}
    for words in ("Here it is.", "Here you are."):
        wording = Wording("Your file", words)
        mail_texts.save_draft(**about, seen=mail_texts.seen_of("delivery", "en"), wording=wording)
        if words == "Here it is.":
            mail_texts.activate(**about, seen=mail_texts.seen_of("delivery", "en"), four_eyes=False)
    return {"mail text": ("delivery", "en"), "mail text version": ("delivery", "en", 1)}


def _with_draft(version: TermsVersion, author: Person) -> TermsDocument:
    """Its document, with a draft that says something else in the first language."""
    texts = {each.language: Text(each.title, each.body) for each in version.texts.all()}
    english = texts["en"]
    texts["en"] = Text(english.title, f"{english.body}\n\n# In the end\n\nGive it back.")
    document = version.document
    seen = terms.seen_of(document, None)
    terms.save_draft(actor=author, document_id=document.pk, seen=seen, texts=texts)
    return document


def _officer(visitor: Visitor, *, unit: str = "", prefix: str = "") -> Person:
    name = f"{prefix}{visitor.name.lower()}"
    person = cast.person(name, roles=(), organisational_unit=unit or HERE, sid="")
    RoleAssignment.objects.create(person=person, role=Role(visitor), organisational_unit=unit)
    return person


def browser_of_two(everywhere: Visitor, elsewhere: Visitor) -> Client:
    """Of somebody who holds one office everywhere, and another one for the unit ELSEWHERE alone."""
    person = _officer(everywhere, prefix=f"{elsewhere.name.lower()}-")
    RoleAssignment.objects.create(person=person, role=Role(elsewhere), organisational_unit=ELSEWHERE)
    return _browser(person)


def _left() -> Client:
    """Signed in, then deactivated; the roles stay, which is the worst case."""
    person = cast.person("leo", roles=(Role.TOKEN_ADMINISTRATOR, Role.SELF_SERVICE_USER))
    browser = _browser(person)
    Person.objects.filter(pk=person.pk).update(state=PersonState.INACTIVE)
    return browser


def _browser(person: Person) -> Client:
    """Signed in with a password, just now."""
    Account.objects.create_account(username=person.personnel_number, person=person, password=PASSWORD)
    return signed_in(person, 0)


def _ended_session_of(person: Person) -> int:
    """The sweep has not forgotten it yet."""
    account = Account.objects.get(person=person)
    row = UserSession.objects.create(user=account, session_key="ended", ip="127.0.0.1", user_agent="")
    return int(row.pk)


def _passkey_of(person: Person) -> int:
    """Added long before the session began, which has not shown it yet."""
    account = person.account
    key = SoftPasskey()
    asked = {"publicKey": {"rp": {"id": "testserver"}, "user": {"id": ""}, "challenge": "AAAA"}}
    data = {"name": "Laptop", "credential": json.loads(key.create(asked))}
    row = Authenticator.objects.create(user=account, type=Authenticator.Type.WEBAUTHN, data=data)
    return int(row.pk)


def person_import(actor: Person, *, rows: int = 1) -> uuid.UUID:
    lines = ["personnel_number,given_name,surname", *(f"P-{row},Nina,Neu" for row in range(1, rows + 1))]
    return imports.upload(actor=actor, file_name="persons.csv", content="\n".join(lines).encode()).pk


def _stored_mail() -> str:
    """A mail in the mailbox of the embedded mode, with a file."""
    backend = get_connection("identity_manager.mail.mailbox.MailboxBackend")
    mail = EmailMultiAlternatives(
        "Lunch on Friday", "plain", "im@example.com", ["uma@example.com"], connection=backend
    )
    mail.attach_alternative("<p>rich</p>", "text/html")
    mail.attach("uma.p12", b"\x30\x82", "application/x-pkcs12")
    mail.send()
    return max(stored.name for stored in stored_messages())
