"""Each mail, in each language, for persons with names of every kind."""

import copy
import html
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from django.utils.functional import lazystr
from pytest_django import Settings

from identity_manager.mail import composing, sending, specimens
from identity_manager.mail.install import DEVICES
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
from identity_manager.models import (
    AskedApprover,
    BatchOrder,
    BatchSource,
    DeliveryProblem,
    DirectoryRun,
    DriftRun,
    IdentityChange,
    InstallationNotice,
    LatePolicy,
    Leave,
    Mailing,
    OutgoingMail,
    Person,
    Postponement,
    Recertification,
    Recovery,
    ReplacementCause,
    SavedSearch,
    SoftwareToken,
    StandingOrder,
    Target,
    TermsNotice,
    TokenImport,
    TokenRequest,
)
from identity_manager.people.sign_in import second_factors
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.issuance import failures
from tests.architecture.standing import taken_back
from tests.tools import cast

NAMES = [
    "Łukasz Żółć",
    "ليلى حداد",
    "山田 太郎",
    "D'Arcy <script>alert(1)</script> & Söhne",
    "{{ request.pk }} {% x %}",
]
LANGUAGES = [code for code, _name in settings.LANGUAGES]
TEMPLATES = Path(settings.BASE_DIR) / "templates" / "emails"
UNRESOLVED = re.compile(r"\{\{|\{%|%\(|\bNone\b")


class Road:
    """A request whose token is sealed and whose passphrase was shown, and the people on its way."""

    def __init__(self) -> None:
        self.company = cast.Company()
        profiles = ("client", "second")
        token_type = cast.token_type(
            "mail", profiles=profiles, name={"en": "Mail & more", "de": "Post & mehr"}
        )
        request = cast.enabled(self.company.ada, self.company.uma, token_type)
        token = cast.issued(cast.accepted(request)).tokens.get()
        self.secret = cast.shown(token)

    @property
    def request(self) -> TokenRequest:
        return TokenRequest.objects.get()

    @property
    def token(self) -> SoftwareToken:
        return SoftwareToken.objects.get()

    def recovery(self) -> Recovery:
        """Of uma's keys, for sam."""
        request = TokenRequest(person=self.fresh(self.company.sam), requested_by=self.company.ada)
        return Recovery(request=request, owner=self.fresh(self.company.uma))

    @property
    def order(self) -> BatchOrder:
        return BatchOrder(asked_by=self.fresh(self.company.ada), source=BatchSource.FILE, total=1)

    def name_everybody(self, name: str, language: str) -> None:
        """Everybody has this name and language."""
        Person.objects.update(display_name=name, language=language)

    def delivery(self, container_format: str) -> OutgoingMail:
        files = list(self.token.containers.filter(format=container_format))
        return token_messages.delivery(
            self.token, container_format=container_format, number=7, files=files, copy_is_kept=False
        )

    def mail(self, function: str) -> OutgoingMail:
        """The mail that the function of that name makes."""
        makers: dict[str, Callable[[], OutgoingMail]] = {
            "recertification_waits": lambda: role_messages.recertification_waits(
                self.campaign, self.fresh(self.company.ada), number=2, turn=2
            ),
            "report_link": lambda: report_messages.report_link(
                SavedSearch(mailing=Mailing.WEEKLY, mail_due_at=timezone.now()),
                self.fresh(self.company.ada),
            ),
            "recertification_over": lambda: role_messages.recertification_over(
                self.campaign, self.fresh(self.company.ada), unanswered=2
            ),
            "information": lambda: request_messages.information(self.request),
            "approval_needed": lambda: request_messages.approval_needed(
                self.request, self.fresh(self.company.paul)
            ),
            "batch_waits": lambda: batch_messages.batch_waits(
                self.order, self.fresh(self.company.paul), key="now"
            ),
            "batch_reminder": lambda: batch_messages.batch_reminder(self.order, self.asked()),
            "batch_undecided": lambda: batch_messages.batch_undecided(
                self.order, self.fresh(self.company.ada), possible=False, key="now"
            ),
            "batch_approved": lambda: batch_messages.batch_approved(self.order, key="now"),
            "batch_rejected": lambda: batch_messages.batch_rejected(self.order, reason="Not now", key="now"),
            "approved": lambda: request_messages.approved(self.request),
            "rejected": lambda: request_messages.rejected(self.request),
            "delivery": lambda: self.delivery("standard"),
            "tokens_imported": lambda: token_messages.tokens_imported(TokenImport(), [self.token]),
            "at_targets": lambda: token_messages.at_targets(self.token, targets=["gateway", "Old & gone"]),
            "target_drift": lambda: target_messages.target_drift(
                DriftRun(target=Target(name="corp")),
                self.fresh(self.company.ada),
                name="Corp & Co",
                found=[lazystr("3 × Vanished & gone")],
                error="The server ended the search.",
            ),
            "file_fetched": self.file_fetched,
            "download_opened": lambda: token_messages.download_opened(
                self.token, problem=DeliveryProblem(token=self.token, mail=self.token.mails.first())
            ),
            "installation_due": lambda: installation_messages.installation_due(
                self.token, notice=InstallationNotice(), number=1, revoke_at=timezone.now()
            ),
            "installation_over": lambda: installation_messages.installation_over(self.token),
            "directory_run_stopped": lambda: directory_messages.directory_run_stopped(
                DirectoryRun(), self.fresh(self.company.paul), name="Corp & Co", why="Too many would leave."
            ),
            "standing_order_stopped": lambda: standing_order_messages.standing_order_stopped(
                StandingOrder(name="VPN & Co"), self.fresh(self.company.ada), why="Nobody is left."
            ),
            "identity_taken_over": lambda: person_messages.identity_taken_over(self.change),
            "passphrase_shown": lambda: token_messages.passphrase_shown(self.token),
            "request_lapsed": lambda: request_messages.request_lapsed(self.request),
            "token_lapsed": lambda: token_messages.token_lapsed(self.token),
            "ended_on_leave": lambda: token_messages.ended_on_leave(self.token),
            "renewal_due": lambda: token_messages.renewal_due(
                self.token, days=7, ends_at=timezone.now(), losses=[lazystr("Encryption: no copy")]
            ),
            "terms_again": lambda: terms_messages.terms_again(
                self.notice, person=self.fresh(self.company.uma), days=3
            ),
            "terms_hold": lambda: terms_messages.terms_hold(self.notice, person=self.fresh(self.company.uma)),
            "tokens_revoked": lambda: token_messages.tokens_revoked(
                self.token.person, tokens=[self.token], moment=timezone.now()
            ),
            "tokens_replaced": lambda: token_messages.tokens_replaced(
                self.token.person,
                tokens=[self.token],
                lines=[self.token],
                cause=ReplacementCause.STOLEN.label,
                moment=timezone.now(),
            ),
            "acceptance_reminder": lambda: request_messages.acceptance_reminder(self.request, occasion="a"),
            "approval_back": lambda: request_messages.approval_back(self.request, self.postponed()),
            "approvals_back": lambda: request_messages.approvals_back(self.postponed()),
            "approval_reminder": lambda: request_messages.approval_reminder(self.request, self.asked()),
            "issuance_failed": lambda: request_messages.issuance_failed(
                self.request, why=failures.for_the_person(self.request)
            ),
            "rest_given": self.rest_given,
            "left_undecided": lambda: request_messages.left_undecided(
                self.request, self.fresh(self.company.ada), possible=False
            ),
            "passphrase_reminder": lambda: token_messages.passphrase_reminder(self.token, occasion="b"),
            "request_cancelled": lambda: request_messages.request_cancelled(
                self.request, self.fresh(self.company.uma), by=self.fresh(self.company.ada)
            ),
            "sent_round_again": lambda: request_messages.sent_round_again(self.request),
            "types_taken_out": lambda: request_messages.types_taken_out(
                self.request, self.fresh(self.company.uma), tokens=[self.token]
            ),
            "recovery_consent": lambda: recovery_messages.recovery_consent(self.recovery()),
            "recovery_asked": lambda: recovery_messages.recovery_asked(self.recovery()),
            "recovery_to_decide": lambda: recovery_messages.recovery_to_decide(
                self.recovery(), self.fresh(self.company.paul)
            ),
            "shares_needed": lambda: recovery_messages.shares_needed(
                self.recovery(), self.fresh(self.company.paul)
            ),
            "person_deactivated": lambda: person_messages.person_deactivated(
                self.leave, held=2, revoked=1, waiting=1
            ),
            "person_activated": lambda: person_messages.person_activated(self.leave, reinstated=1, waiting=2),
            "identity_change_asked": lambda: person_messages.identity_change_asked(self.change),
            "identity_change_done": lambda: person_messages.identity_change_done(self.change),
            "identity_change_dropped": lambda: person_messages.identity_change_dropped(self.change),
            "sign_in_code_made": lambda: account_messages.sign_in_code_made(
                self.fresh(self.company.uma), code_id="7"
            ),
            "password_set": lambda: account_messages.password_set(self.fresh(self.company.uma)),
            "second_factor_added": lambda: account_messages.second_factor_added(
                self.fresh(self.company.uma), factor=second_factors.AN_APP
            ),
            "second_factor_removed": lambda: account_messages.second_factor_removed(
                self.fresh(self.company.uma), factor=second_factors.AN_APP
            ),
            "second_factors_reset": lambda: account_messages.second_factors_reset(
                self.fresh(self.company.uma)
            ),
            "account_linked": lambda: account_messages.account_linked(
                self.fresh(self.company.uma), provider="Example & Co"
            ),
            "break_glass_used": lambda: account_messages.break_glass_used(
                self.fresh(self.company.ada), officer=self.fresh(self.company.uma)
            ),
            "recovery_codes_made": lambda: account_messages.recovery_codes_made(self.fresh(self.company.uma)),
            "recovery_code_used": lambda: account_messages.recovery_code_used(
                self.fresh(self.company.uma), left=7
            ),
        }
        return makers[function]()

    def rest_given(self) -> OutgoingMail:
        first, second = self.token.certificates.all()
        return request_messages.rest_given(self.request, given=[first], left_out=[second])

    def file_fetched(self) -> OutgoingMail:
        container = self.token.containers.filter(format="standard").first()
        assert container is not None
        container.downloads, container.downloaded_at = 1, timezone.now()
        return token_messages.file_fetched(self.token, container=container, file=container.file_name)

    def asked(self) -> AskedApprover:
        """paul, asked two days ago."""
        since = timezone.now() - timedelta(days=2)
        values = {"level": "first", "asked_at": since, "waits_from": since}
        paul = self.fresh(self.company.paul)
        return AskedApprover.objects.create(request=self.request, round=1, approver=paul, **values)

    def postponed(self) -> Postponement:
        """By paul, until now."""
        paul = self.fresh(self.company.paul)
        return Postponement.objects.create(request=self.request, round=1, approver=paul, until=timezone.now())

    @property
    def notice(self) -> TermsNotice:
        version = self.token.token_type.terms.current_version()
        version.late_policy = LatePolicy.HOLD
        return TermsNotice(
            person=self.fresh(self.company.uma),
            document=version.document,
            version=version,
            due_at=timezone.now(),
        )

    @property
    def campaign(self) -> Recertification:
        return Recertification(due_at=timezone.now() + timedelta(days=30))

    @property
    def leave(self) -> Leave:
        return Leave(person=self.fresh(self.company.uma), was_self_service_user=True)

    @property
    def change(self) -> IdentityChange:
        old, new = {"email": "uma@example.com"}, {"email": "uma.l@example.com"}
        return IdentityChange(person=self.fresh(self.company.uma), old=old, new=new, source="manual")

    @staticmethod
    def fresh(person: Person) -> Person:
        return Person.objects.get(pk=person.pk)


# There is nothing to be done in a portal, or the person could not sign in.
WITHOUT_BUTTON = {
    "identity_taken_over",
    "person_deactivated",
    "identity_change_asked",
    "identity_change_done",
    "identity_change_dropped",
}
FUNCTIONS = specimens.names()


@pytest.fixture(scope="module")
def standing_road(django_db_setup: None, django_db_blocker: Any) -> Iterator[Road]:
    """Built once, and taken back in the end."""
    with django_db_blocker.unblock(), taken_back():
        yield Road()


@pytest.fixture
def road(standing_road: Road, db: None) -> Road:
    return copy.deepcopy(standing_road)


def test_each_mail_has_its_folder() -> None:
    folders = {path.name for path in TEMPLATES.iterdir() if path.is_dir()}
    assert folders == set(FUNCTIONS)
    for folder in folders:
        assert {path.name for path in (TEMPLATES / folder).iterdir()} == {
            "subject.txt",
            "body.txt",
            "body.html",
        }


@pytest.mark.long
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_it_is_whole_in_text_and_html(road: Road, function: str, language: str, name: str) -> None:
    road.name_everybody(name, language)
    mail = road.mail(function)
    assert mail.language == language
    assert mail.subject
    assert mail.subject == " ".join(mail.subject.split())
    assert name in mail.body_text
    assert html.escape(name) in mail.body_html.replace("&#39;", "&#x27;")
    assert "<script" not in mail.body_html
    for part in (mail.subject, mail.body_text, mail.body_html):
        assert not UNRESOLVED.search(part.replace(name, "").replace(html.escape(name), ""))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_says_who_writes_and_that_no_passphrase_is_mailed(road: Road, function: str) -> None:
    mail = road.mail(function)
    for part in (mail.body_text, mail.body_html):
        assert "This mail comes from Identity Manager" in part
        assert "We never mail a passphrase" in part


@pytest.mark.parametrize("function", FUNCTIONS)
def test_its_one_link_holds_no_token(road: Road, function: str) -> None:
    mail = road.mail(function)
    links = re.findall(r'href="([^"]+)"', mail.body_html)
    assert len(links) == (0 if function in WITHOUT_BUTTON else 1)
    for link in links:
        assert link in mail.body_text
        assert "?" not in link
        assert link.startswith((settings.CONSOLE_BASE_URL, settings.SELFSERVICE_BASE_URL))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_it_loads_nothing_and_never_holds_the_passphrase(road: Road, function: str) -> None:
    mail = road.mail(function)
    assert not re.search(r"\bsrc=|url\(|<link|<img", mail.body_html)
    for part in (mail.subject, mail.body_text, mail.body_html):
        assert road.secret not in part
        assert not [group for group in road.secret.split("-") if group in part]


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_the_language_of_its_reader(road: Road, language: str) -> None:
    road.name_everybody("Uma Lindqvist", language)
    mail = road.mail("delivery")
    assert f'<html lang="{language}"' in mail.body_html
    assert {"en": "Mail & more", "de": "Post & mehr"}[language] in mail.body_text


@pytest.mark.parametrize("function", ["rejected", "request_cancelled", "types_taken_out"])
def test_it_speaks_to_whom_it_is_about(road: Road, function: str) -> None:
    road.name_everybody("Uma Lindqvist", "en")
    TokenRequest.objects.update(requested_by=road.company.uma)

    mail = road.mail(function)

    greeting = "Hello Uma Lindqvist,"
    assert "Uma Lindqvist" not in mail.subject
    assert "for Uma Lindqvist" not in mail.body_text.replace(greeting, "")
    assert "for Uma Lindqvist" not in mail.body_html.replace(greeting, "")
    assert "you" in mail.subject.lower()


@pytest.mark.parametrize("container_format", ["standard", "compatible"])
def test_the_delivery_names_its_files_and_explains_them(road: Road, container_format: str) -> None:
    mail = road.delivery(container_format)
    files = [container.file_name for container in road.token.containers.filter(format=container_format)]
    assert len(files) == 2
    for part in (mail.body_text, mail.body_html):
        assert all(name in part for name in files)
    explained = [device for device in DEVICES if f"\n{device.name}\n1. {device.steps[0]}" in mail.body_text]
    assert len(explained) >= 4
    assert {device.container_format.value for device in explained} == {container_format}
    assert [attachment[0] for attachment in sending.build(mail).attachments] == files


def test_the_delivery_names_the_devices_that_cannot_open_it(road: Road) -> None:
    """They say "wrong password", so whoever is not told tries the passphrase again and again."""
    said = "These devices cannot open this file"
    standard, older = road.delivery("standard").body_text, road.delivery("compatible").body_text
    assert said in standard
    for device in ("Mac (Keychain)", "iPhone or iPad, iOS 17 or older", "Windows Server 2016 or older"):
        assert f"- {device}\n" in standard
    assert said not in older


@pytest.mark.parametrize("message", ["information", "delivery"])
def test_the_button_says_where_it_leads(road: Road, message: str) -> None:
    body = road.mail(message).body_html
    assert re.search(r'href="[^"]+/my/open-tasks/"[^>]*>\s*Go to Open Tasks\s*</a>', body)


def test_the_delivery_says_where_the_passphrase_is(road: Road) -> None:
    mail = road.mail("delivery")
    assert "under Open Tasks" in mail.body_text
    assert mail.body_text.count("/my/open-tasks/") == 1


def test_a_file_that_is_sent_again_promises_no_passphrase(road: Road) -> None:
    step6_passphrase.acknowledge(actor=road.token.person, token_id=road.token.pk)
    mail = road.mail("delivery")
    assert "the passphrase that you noted" in mail.body_text
    assert "/my/open-tasks/" not in mail.body_text


def test_the_message_carries_both_parts(road: Road) -> None:
    mail = road.mail("delivery")
    message = sending.build(mail).message()
    kinds = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert kinds == ["text/plain", "text/html", "application/x-pkcs12", "application/x-pkcs12"]


@pytest.mark.parametrize("served", ["console", "selfservice"])
def test_links_lead_to_portals_that_are_served_elsewhere(settings: Settings, served: str) -> None:
    settings.ROOT_URLCONF = settings.PORTAL_URLCONFS[served]
    settings.CONSOLE_BASE_URL, settings.SELFSERVICE_BASE_URL = "https://im.acme.net", "https://my.acme.net"
    assert composing.console_url("console:approvals") == "https://im.acme.net/open-tasks/"
    assert composing.selfservice_url("selfservice:open-tasks") == "https://my.acme.net/my/open-tasks/"
    assert composing.selfservice_url("account_login") == "https://my.acme.net/account/login/"
