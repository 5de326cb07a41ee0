"""Intune alone delivers a token: two officers say so, nobody sees a passphrase, one mail says where it is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from identity_manager.jobs import sweep
from identity_manager.models import OutgoingMail, Person, SoftwareToken, TargetUse, TokenType
from identity_manager.workflow.targets import sole_delivery, uses
from tests.journeys.office import Office, delivered_files, mails_to
from tests.tools import key_targets
from tests.tools.gateways import leaving_type
from tests.tools.key_targets import KeyTarget
from tests.tools.targets import administrator, in_use, serve

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database, pytest.mark.long_on_postgresql]


@pytest.fixture
def target(office: Office, tmp_path: Path, settings: Any) -> Iterator[KeyTarget]:
    settings.CATALOGUE_FOUR_EYES = True
    with key_targets.KINDS["intune"](settings, tmp_path, office.company) as found:
        leaving_type(found.holder, profiles=("mailkey",))
        yield found


def _activate(office: Office) -> None:
    """sven writes the version and asks; nora activates it."""
    sven, nora = (office.browser_of(administrator(name)) for name in ("sven", "nora"))
    active = TokenType.objects.active().get(code="mail")
    sven.open(f"/admin/token-types/{active.pk}/")
    sven.follow("New version")
    sven.press("Save the draft", "Delivered by its targets alone")
    sven.press("Ask for activation")
    nora.open("/open-tasks/")
    nora.follow("MAIL")
    nora.follow("Activate")
    nora.press("Activate")
    assert TokenType.objects.active().get(code="mail").targets_alone


def test_from_the_catalogue_to_the_mail(office: Office, target: KeyTarget) -> None:
    in_use(target.name)
    _activate(office)

    request = office.enable("MAIL")
    terms = office.uma.open(f"/my/requests/{request.pk}/terms/").text
    assert "you get no file and no passphrase" in terms
    assert "The file is mailed to" not in terms
    office.accept(request)
    token = SoftwareToken.objects.get()
    assert "at_targets" in {mail.message for mail in OutgoingMail.objects.filter(token=token)}
    assert (token.state, target.keys()) == ("active", 1)

    assert delivered_files("uma@example.com") == []
    newest = mails_to("uma@example.com")[0]
    assert "Your MAIL is ready" in str(newest.message["Subject"])
    assert "Microsoft Intune, which brings them to your managed devices" in newest.body("plain")

    page = office.uma.open(reverse("selfservice:token", args=[token.pk])).text
    assert "On your managed devices since" in page
    assert "Nothing to install" in page
    assert not re.search("Fetch the file|Send the file again|Note the passphrase", page)
    assert "There is no passphrase" in office.uma.open(f"/my/tokens/{token.pk}/passphrase/").text
    assert "Note the passphrase" not in office.uma.open("/my/open-tasks/").text

    shown = office.ada.open(f"/requests/{request.pk}/").text
    assert "At its targets" in shown
    assert "none: targets alone deliver it" in shown


@pytest.mark.long
def test_a_target_that_is_switched_off_meanwhile(office: Office, target: KeyTarget) -> None:
    in_use(target.name)
    _activate(office)
    uses.end(actor=Person.objects.get(given_name="Sven"), use_id=TargetUse.objects.get().pk)

    request = office.enable("MAIL")
    office.accept(request)
    token = SoftwareToken.objects.get()
    assert token.state == "issuing"
    assert "cannot take them yet" in office.uma.open(f"/my/requests/{request.pk}/progress/").text
    assert "Keys that do not reach their targets" in office.ada.open("/open-tasks/").text
    assert "No target that takes the keys" in office.ada.open(f"/requests/{request.pk}/").text

    in_use(target.name)
    SoftwareToken.objects.update(next_attempt_at=token.created_at, nudged_at=None)
    sweep.sweep()
    serve()
    token.refresh_from_db()
    assert (token.state, target.keys()) == ("active", 1)
    assert not sole_delivery.stuck().exists()
