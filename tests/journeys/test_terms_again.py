"""Terms again: published with a day, asked by mail, late and on hold, accepted, and told in the report."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from identity_manager.jobs import schedule, sweep
from identity_manager.models import Role, SoftwareToken, TermsDocument
from tests.identity_manager.console.catalogue.forms import seen_in
from tests.journeys.office import Office, links_in, mails_to
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]
TEXTS = {
    "title_en": "Terms",
    "body_en": "A new rule.",
    "title_de": "Bedingungen",
    "body_de": "Eine neue Regel.",
    "names_archiving": "none",
}


def publish(late_policy: str) -> None:
    """A System Administrator writes the next version, and publishes it with a day ten days ahead."""
    sven = signed_in(cast.person("sven", sid="", roles=(Role.SYSTEM_ADMINISTRATOR,)))
    document = f"/admin/terms/documents/{TermsDocument.objects.get().pk}"
    sven.post(f"{document}/write/", TEXTS | {"revision": ""})
    by = timezone.localdate() + timedelta(days=10)
    asks = {"accept_again_by": by.isoformat(), "late_policy": late_policy}
    response = sven.post(f"{document}/publish/", seen_in(sven.get(f"{document}/publish/")) | asks)
    assert response.status_code == 302


def work() -> None:
    job = schedule.named("terms.ask_again")
    assert job is not None
    job.run()
    sweep.sweep()


def test_from_the_new_version_to_the_report(office: Office) -> None:
    request = office.enable("VPN")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    publish("hold")
    work()
    (link,) = [each for each in links_in(mails_to("uma@example.com")[0]) if "/my/terms/" in each]
    address = link[link.index("/my/") :]
    with time_machine.travel(timezone.now() + timedelta(days=12)):
        work()
        uma, ada = signed_in(office.company.uma), signed_in(office.company.ada)
        assert SoftwareToken.objects.get().state == "on_hold"
        assert "P-uma" in ada.get("/terms/acceptances/?state=late").text
        page = uma.get(address)
        assert "A new rule." in page.text
        uma.post(address, {"accept": "on", "text": str(page.context["document"]["text"].pk)})
        assert SoftwareToken.objects.get().state == "active"
        assert "P-uma" in ada.get("/terms/acceptances/?state=accepted").text
        assert "P-uma" not in ada.get("/terms/acceptances/?state=late").text
