"""A company's text takes the place of the product's, and never costs a mail or a sentence that protects."""

import copy
import re
from typing import Any

import pytest
from django.conf import settings as product
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity_manager.mail import specimens
from identity_manager.mail.company_texts import placeholders
from identity_manager.mail.company_texts.source import IN_FORCE, Only
from identity_manager.mail.company_texts.wording import UnusableError, Wording
from identity_manager.mail.messages import account_messages, request_messages
from identity_manager.mail.registry import MAILS
from identity_manager.models import MailText, OutgoingMail, VersionState
from identity_manager.models.mail.outgoing_mail import NOTICES
from tests.tools import cast

LANGUAGES = [code for code, _name in product.LANGUAGES]
RANDOM = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}|[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.fixture
def company(standing_company: cast.Company, db: None) -> cast.Company:
    return copy.deepcopy(standing_company)


def in_force(code: str, body: str, subject: str = "Ours") -> MailText:
    row = MailText(code=code, subject=subject, body=body)
    row.activate()
    row.save()
    IN_FORCE.forget()
    return row


def said(text: str) -> str:
    return " ".join(RANDOM.sub("…", text).split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_beginning_of_each_text_says_what_the_product_says(language: str) -> None:
    for name in MAILS:
        wording = specimens.beginning(name, language=language)
        known = {each.name: each for each in specimens.placeholders_of(name, language=language)}
        assert wording.faults(known) == {}, name
        assert "{{ person.name }}" in wording.body, name
        ours, own = (specimens.specimen(name, language=language, wording=each) for each in (wording, None))
        assert (said(ours.subject), said(ours.body_text)) == (said(own.subject), said(own.body_text))


def test_everything_that_a_mail_has_is_a_placeholder_or_left_out_by_name() -> None:
    sources = {each.of for each in placeholders.PLACEHOLDERS}
    for name in MAILS:
        source = Only(None)
        specimens._made(name, "en", source)
        names = {each for each in source.context if each.islower()}  # templates add others
        assert names - {"subject"} <= sources | placeholders.NOT_GIVEN, name


@pytest.mark.parametrize("name", sorted(NOTICES))
def test_no_text_takes_the_fixed_sentence_out_of_a_security_notice(name: str) -> None:
    wording = Wording("Nothing", "{% comment %}{% endcomment %}All is well.")
    mail = specimens.specimen(name, language="en", wording=wording)
    fixed = r"(tell your Registration Officer|Everything stays as it was)"
    for part in (said(mail.body_text), said(mail.body_html)):
        assert re.search(rf"All is well\..*{fixed}", part)
        assert "We never mail a passphrase" in part


def test_a_value_is_escaped_in_the_html_part_alone(company: cast.Company) -> None:
    company.uma.display_name = "<img src=x onerror=alert(1)>\n\n- & more"
    in_force("password_set.en", "Dear {{ person.name }},\n\n- a\n- b <b>", "For {{ person.name }}")
    mail = account_messages.password_set(company.uma)
    assert mail.subject == "For <img src=x onerror=alert(1)> - & more"
    assert "Dear <img src=x onerror=alert(1)>" in mail.body_text
    assert not re.search(r"<img|<b>", mail.body_html)
    assert "Dear &lt;img src=x onerror=alert(1)&gt;" in mail.body_html
    assert "<ul><li>a</li><li>b &lt;b&gt;</li></ul>" in mail.body_html


def test_line_ends_in_a_subject_make_no_header() -> None:
    mail = specimens.specimen("information", language="en")
    mail.person.display_name = "Eva\r\nBcc: all@example.com"
    filled = Wording("{{ person.name }}", "x").filled({"person": mail.person})
    assert filled.subject == "Eva Bcc: all@example.com"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("https://{{ person.name }}/login", "evil.example"),
        ("ht{% comment %}x{% endcomment %}tps://evil.example", "Eva"),
        ("{{ person.name }}.evil.example", "wiki.example"),
        ("{% if true %}//{% endif %}evil.example", "Eva"),
    ],
)
def test_a_link_that_comes_out_of_placeholders_is_found(body: str, name: str) -> None:
    person = specimens.World("en").person
    person.display_name = name
    with pytest.raises(UnusableError):
        Wording("x", body).filled({"person": person})


@pytest.mark.parametrize(
    ("subject", "body", "field"),
    [
        ("", "x", "subject"),
        ("x", " \n ", "body"),
        ("a\nb", "x", "subject"),
        ("x", "see evil.example", "body"),
        ("https://evil.example", "x", "subject"),
        ("x", "a\u202eb", "body"),
        ("x", "a\x00b", "body"),
        ("x", "y" * 10_001, "body"),
        ("x" * 201, "y", "subject"),
        ("{{ nothing }}", "y", "subject"),
    ],
)
def test_what_cannot_be_put_in_force(subject: str, body: str, field: str) -> None:
    assert list(Wording(subject, body).faults({})) == [field]


def test_a_mail_takes_the_text_in_force_in_its_language_alone(company: cast.Company) -> None:
    in_force(
        "approved.en",
        "Hi {{ person.name }}: {{ request.person }}\n{{ request.lines }}",
        "Yes {{ request.reference }}",
    )
    request = company.request_in("requested")
    mail = request_messages.approved(request)
    assert mail.subject == f"Yes {request.reference}"
    reader = request.requested_by.display_name
    assert mail.body_text.startswith(f"Hi {reader}: {request.person.display_name}\n- ")
    assert "See the request:\nhttp" in mail.body_text
    request.requested_by.language = "de"
    assert request_messages.approved(request).body_text.startswith("Guten Tag")


def test_texts_in_force_cost_no_query(company: cast.Company) -> None:
    in_force("password_set.en", "Hi {{ person.name }}")
    account_messages.password_set(company.uma)
    with CaptureQueriesContext(connection) as queries:
        IN_FORCE.filled("password_set", "en", {"person": company.uma})
    assert len(queries) == 0


@pytest.mark.parametrize(
    ("body", "failure"),
    [
        ("{{ gone.placeholder }}", "UndefinedError"),
        ("{% if", "LiquidSyntaxError"),
        ("https://{{ person.name | downcase | strip }}.evil.example/", "With its placeholders filled in"),
        ("{% unless person.name %}x{% endunless %}", "The text is empty."),
        ("{{ person.name }}" * 2500, "OutputStreamLimitError"),
    ],
)
def test_a_text_that_fails_costs_no_mail_and_is_told(
    company: cast.Company,
    body: str,
    failure: str,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    row = in_force("password_set.en", body)
    with django_capture_on_commit_callbacks(execute=True):
        mail = account_messages.password_set(company.uma)
        account_messages.password_set(company.uma)
    assert mail.subject == "Your password was set"
    assert "A new password was set" in mail.body_text
    row.refresh_from_db()
    assert row.failure.startswith(failure)
    assert row.failed_at is not None
    assert list(MailText.objects.failing()) == [row]
    assert "failed, so it went out with ours" in caplog.text
    assert company.uma.display_name not in caplog.text + row.failure
    row.retire()
    row.save()
    assert not MailText.objects.failing().exists()


def test_an_error_of_ours_costs_no_mail_either(
    company: cast.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force("password_set.en", "Hi")
    monkeypatch.setattr(Wording, "filled", lambda *_args: 1 / 0)
    assert account_messages.password_set(company.uma).subject == "Your password was set"


def test_no_placeholder_reads_a_secret() -> None:
    """Secrets are bytes that are wrapped, or live outside the rows; no value has the name of one."""
    names = " ".join(f"{each.name} {each.of}" for each in placeholders.PLACEHOLDERS)
    assert not re.search(r"wrapped|secret|passphrase|password|url|code_id|key\b", names)
    for name in MAILS:
        source = Only(None)
        mail: OutgoingMail = specimens._made(name, "en", source)
        given = placeholders.values(source.context, {each.name for each in placeholders.PLACEHOLDERS})
        assert all(isinstance(value, str) for value in given.values())
        assert not any("http" in value for value in given.values()), name
        assert mail.pk


def test_versions_begin_as_drafts() -> None:
    assert MailText().state == VersionState.DRAFT
    assert MailText(code="delivery.en").message == "delivery"
    assert MailText.code_of("delivery", "en") == "delivery.en"
