"""The job that looks when the TLS certificates of the portals end."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography import x509

from identity_manager.jobs import portal_certificates
from identity_manager.jobs.portal_certificates import EndsSoonError
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.outgoing_servers import web_server


def test_the_end_is_read_from_the_address_and_one_that_is_near_is_an_error(
    settings: Any, tmp_path: Path
) -> None:
    ca = TestCa("Private CA", tmp_path / "ca")
    with web_server({}, ca.tls()) as port:
        settings.CONSOLE_BASE_URL = settings.SELFSERVICE_BASE_URL = f"https://127.0.0.1:{port}"
        shown = x509.load_pem_x509_certificate((ca.folder / "server.pem").read_bytes())
        end = shown.not_valid_after_utc
        with time_machine.travel(end - timedelta(days=30), tick=False):
            assert portal_certificates.look() == f"127.0.0.1 {end:%Y-%m-%d}"
        with (
            time_machine.travel(end - timedelta(days=20), tick=False),
            pytest.raises(EndsSoonError, match=f"{end:%Y-%m-%d}"),
        ):
            portal_certificates.look()
    assert portal_certificates.look() == "127.0.0.1 ?"  # nobody answers
    settings.CONSOLE_BASE_URL = settings.SELFSERVICE_BASE_URL = "http://localhost"
    assert portal_certificates.look() == ""
    assert end > datetime.now(UTC)
