"""The page **Renewals**: the chart and its table, the figures, and who sees what."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.renewal import page
from identity_manager.models import Certificate, Role, SoftwareToken
from identity_manager.workflow import step1_renew
from identity_manager.workflow.renewal import expiry_check
from tests.identity_manager.console.visitors import officer
from tests.identity_manager.workflow.renewal.conftest import successor_of
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture
def token(company: Company) -> SoftwareToken:
    """An active token of uma's that ends in 20 days."""
    token = company.request_in("completed").tokens.get()
    Certificate.objects.filter(token=token).update(not_after=timezone.now() + timedelta(days=20))
    return token


def figures(browser: Client) -> dict[str, int]:
    """The numbers of the tiles, each as long as the list that it leads to."""
    shown = browser.get(reverse("console:renewals")).context["figures"]
    for figure in shown:
        listed = browser.get(figure.url).context
        assert listed["paginator"].count == figure.number, figure.url
    return {figure.words.__name__.strip("_"): figure.number for figure in shown if figure.number}


def test_a_week_has_its_tokens_and_leads_to_their_certificates(
    company: Company, token: SoftwareToken
) -> None:
    browser: Client = signed_in(company.ada)
    context = page.context(company.ada)
    (week,) = [week for week in context["weeks"] if week.parts]
    (part,) = week.parts
    assert (part.type_name, part.number, context["ends"]) == ("VPN", 1, 1)
    ends = timezone.localdate(Certificate.objects.get().not_after)
    assert week.begins <= ends < week.begins + timedelta(weeks=1)
    html = browser.get(reverse("console:renewals")).text
    assert part.url.replace("&", "&amp;") in html
    assert "1 active software token ends" in html
    found = browser.get(part.url).text
    assert "Lindqvist" in found


def test_the_figures_follow_the_renewal(company: Company, token: SoftwareToken) -> None:
    browser = signed_in(company.ada)
    assert figures(browser) == {}
    expiry_check.check([token.pk])
    assert figures(browser) == {"asked": 1}
    texts = [row.text_id for row in token.request.acceptances.all()]
    step1_renew.renew(actor=token.person, token_id=token.pk, terms_shown=texts)
    assert figures(browser) == {"renewing": 1}
    Certificate.objects.filter(token=token).update(not_after=timezone.now() + timedelta(days=3))
    successor_of(token)
    assert figures(browser) == {"renewed": 1}


def test_not_needed_is_found_with_its_reason(company: Company, token: SoftwareToken) -> None:
    browser = signed_in(company.ada)
    expiry_check.check([token.pk])
    step1_renew.not_needed(actor=token.person, token_id=token.pk, reason="<b>I retire.</b>")
    assert figures(browser) == {"not_needed": 1}
    page = browser.get(reverse("console:renewals")).text
    assert "&lt;b&gt;I retire.&lt;/b&gt;" in page
    far = officer("fara", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere")
    assert "I retire" not in signed_in(far).get(reverse("console:renewals")).text


def test_an_officer_sees_the_tokens_of_their_unit_alone(company: Company, token: SoftwareToken) -> None:
    far = officer("fara", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere")
    assert page.context(far)["ends"] == 0
    assert page.context(company.ada)["ends"] == 1


def test_nothing_ends_soon(company: Company) -> None:
    assert "Nothing ends soon" in signed_in(company.ada).get(reverse("console:renewals")).text
