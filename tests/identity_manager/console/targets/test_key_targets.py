"""ADMIN, Targets, of a kind that takes keys; and what the person sees of it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import (
    HoldBack,
    TargetUse,
    TermsDraft,
    TermsVersion,
)
from tests.tools import cast, gateways
from tests.tools.cast import Company, accepted, delivered, enabled, issued, noted
from tests.tools.gateways import Gateway, leaving_type
from tests.tools.sign_in import signed_in
from tests.tools.targets import administrator, in_use, serve

pytestmark = [pytest.mark.django_db]
PAGE = reverse("console:target", args=[gateways.NAME])
USE = reverse("console:target-use", args=[gateways.NAME])
WARNING = "can read the mail of these persons"


@pytest.fixture
def gate(tmp_path: Any, settings: Any, db: None) -> Gateway:
    made = gateways.gateway(tmp_path)
    settings.TARGETS = {gateways.NAME: made.target(secret="s3cret-of-gate")}
    return made


def text(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_two_system_administrators_say_that_keys_leave(gate: Gateway) -> None:
    leaving_type()
    sven, nora = signed_in(administrator("sven")), signed_in(administrator("nora"))
    page = text(sven, USE)
    assert WARNING in page
    assert "Until the person has noted" not in page
    asked = sven.post(USE, {"type_code": "mail"}, follow=True).content.decode()
    assert "Another System Administrator has to confirm it." in asked
    use = TargetUse.objects.get()
    assert use.hold_back == HoldBack.ISSUED
    confirm = reverse("console:target-use-confirm", args=[use.pk])
    assert WARNING in text(nora, confirm)
    assert "Switched on" in nora.post(confirm, follow=True).content.decode()
    end = reverse("console:target-use-end", args=[use.pk])
    assert "Keys that arrived stay there" in text(sven, end)
    assert "Keys that arrived stay there" in sven.post(end, follow=True).content.decode()


def test_a_stale_page_cannot_hold_keys_back(gate: Gateway) -> None:
    leaving_type()
    sven = signed_in(administrator("sven"))
    answer = sven.post(USE, {"type_code": "mail", "hold_back": "noted"})
    assert answer.status_code == 422
    assert "not held back" in answer.content.decode()
    assert not TargetUse.objects.exists()


def test_a_type_whose_keys_do_not_leave_is_not_offered(gate: Gateway) -> None:
    leaving_type(keys_leave=False)
    sven = signed_in(administrator("sven"))
    assert 'value="mail"' not in text(sven, USE)
    assert sven.post(USE, {"type_code": "mail"}).status_code == 422


def test_the_page_shows_settings_without_the_secret_and_no_comparison(
    gate: Gateway, company: Company
) -> None:
    page = text(signed_in(administrator("sven")), PAGE)
    assert str(gate.drop) in page
    assert "Keys go to this target" in page
    assert "Comparison with the target" not in page
    assert "s3cret-of-gate" not in page


def test_the_person_reads_it_with_the_terms_and_sees_since_when(gate: Gateway, company: Company) -> None:
    leaving_type()
    in_use(gateways.NAME)
    request = enabled(company.ada, company.uma, leaving_type())
    uma = signed_in(company.uma)
    terms = text(uma, reverse("selfservice:terms", args=[request.pk]))
    assert "mail gateway gets a copy of the keys" in terms
    assert "A copy of this key leaves Identity Manager." in terms
    issued(accepted(request))
    token = request.tokens.get()
    address = reverse("selfservice:token", args=[token.pk])
    delivered(request)
    noted(token)
    assert "No copy of this key is kept." in text(uma, address)
    serve()
    page = text(uma, address)
    assert "A copy of this key is at the mail gateway of your organisation since" in page


def test_terms_name_who_gets_keys(gate: Gateway) -> None:
    document = cast.terms()
    sven = signed_in(administrator("sven"))
    write = reverse("console:terms-write", args=[document.pk])
    page = sven.get(write)
    given = page.context["form"].initial | {
        **{f"title_{code}": "Terms" for code in ("en", "de")},
        **{f"body_{code}": "The gateway gets it." for code in ("en", "de")},
    }
    given = {name: value for name, value in given.items() if value is not None}
    sven.post(write, given | {"names_key_holders": ["gateway"]})
    assert TermsDraft.objects.get().names_key_holders == ["gateway"]
    shown = text(sven, reverse("console:terms-document", args=[document.pk]))
    assert "mail gateway gets a copy of the keys" in shown
    publish = reverse("console:terms-publish", args=[document.pk])
    assert "<ins>The organisation" in text(sven, publish)
    assert TermsVersion.objects.get(is_current=True).names_key_holders == []


def test_where_no_target_is_switched_on_no_key_leaves(gate: Gateway, company: Company) -> None:
    leaving_type()
    request = enabled(company.ada, company.uma, leaving_type())
    assert "leaves Identity Manager" not in text(
        signed_in(company.uma), reverse("selfservice:terms", args=[request.pk])
    )
