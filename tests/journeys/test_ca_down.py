"""The CA is down, and comes back: delayed, never failed, never lost."""

from typing import Any

import pytest

from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import Refused
from ca_bridge.errors import CaError
from identity_manager.authorities import circuit_breaker
from identity_manager.models import Certificate, RequestState, TokenRequest
from tests.journeys.office import Office, delivered_files, later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


def test_down_and_back(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(self: Any, order: Any) -> None:
        raise CaError("The certificate authority cannot be reached.", "connection refused")

    request = office.enable("VPN")
    with monkeypatch.context() as outage:
        outage.setattr(EmbeddedConnector, "issue", down)
        office.accept(request)
        assert TokenRequest.objects.get().state == RequestState.ISSUING
        assert "Retry now" in office.ada.open(f"/requests/{request.pk}/").text
        assert "cannot be reached" in office.ada.page.text
        assert "cannot be reached" not in office.uma.open(f"/my/requests/{request.pk}/progress/").text

    with later(minutes=2):
        assert TokenRequest.objects.get().state == RequestState.ISSUED
    assert len(delivered_files("uma@example.com")) == 1
    assert IssuedCertificate.objects.count() == 1


def test_everybody_sees_since_when_it_does_not_answer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(self: Any, order: Any) -> None:
        raise CaError("The certificate authority cannot be reached.", "connection refused")

    request = office.enable("VPN")
    for _turn in range(circuit_breaker.FAULTS_TO_OPEN):
        circuit_breaker.record_fault("corporate", detail="connection refused", fault="refused")
    office.accept(request)
    assert Certificate.objects.get().attempts == 0
    with monkeypatch.context() as outage:
        outage.setattr(EmbeddedConnector, "issue", down)
        with later(minutes=1):  # a trial, in vain
            assert Certificate.objects.get().attempts == 1
        assert "corporate does not answer" in office.ada.open(f"/requests/{request.pk}/").text
    assert "orders wait, because it does not answer" in office.ada.open("/").text
    progress = office.uma.open(f"/my/requests/{request.pk}/progress/").text
    assert "The CA does not answer" in progress
    assert "connection refused" not in progress

    with later(minutes=4):
        assert TokenRequest.objects.get().state == RequestState.ISSUED
    assert "does not answer" not in office.ada.open(f"/requests/{request.pk}/").text
    assert len(delivered_files("uma@example.com")) == 1


def test_refused_retried_by_an_officer(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    request = office.enable("VPN")
    with monkeypatch.context() as refusing:
        refusing.setattr(EmbeddedConnector, "issue", lambda self, order: Refused("No such profile.", "17"))
        office.accept(request)
    assert TokenRequest.objects.get().state == RequestState.FAILED
    assert "No such profile." in office.ada.open(f"/requests/{request.pk}/").text

    office.ada.press("Retry")

    assert TokenRequest.objects.get().state == RequestState.ISSUED
    assert len(delivered_files("uma@example.com")) == 1
