"""Until when what the embedded CA needs holds, as metrics have it."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import Crl
from ca_bridge.contract_operation import ExpiringItem, ItemExpiry
from identity_manager.metrics.figures import FIGURES
from identity_manager.metrics.scrape import Scrape

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


def of(what: ExpiringItem, connector: EmbeddedConnector) -> list[ItemExpiry]:
    return [each for each in connector.expiries() if each.what == what]


def days_left(ending: ItemExpiry) -> float:
    assert ending.at is not None
    return (ending.at - timezone.now()) / timedelta(days=1)


def test_certificates_crls_and_ocsp_signers(embedded_ca: EmbeddedConnector) -> None:
    embedded_ca.renew_crl_if_due()
    issuing, root = of(ExpiringItem.CERTIFICATE, embedded_ca)
    assert "issuing CA" in issuing.name
    assert days_left(root) > days_left(issuing) > 3000
    crls = of(ExpiringItem.CRL, embedded_ca)
    assert len(crls) == 2
    assert all(6 < days_left(each) <= 7 for each in crls)
    (signer,) = of(ExpiringItem.OCSP_SIGNER, embedded_ca)
    assert 13 < days_left(signer) <= 14


def test_a_crl_that_was_never_signed_has_ended(embedded_ca: EmbeddedConnector) -> None:
    embedded_ca.renew_crl_if_due()
    Crl.objects.filter(issuer="root").delete()
    assert [each.name for each in of(ExpiringItem.CRL, embedded_ca) if each.at is None] != []


def test_the_metric_names_them(embedded_ca: EmbeddedConnector) -> None:
    embedded_ca.renew_crl_if_due()
    (figure,) = (each for each in FIGURES if each.name == "identity_manager_ca_ends_timestamp_seconds")
    found = dict(figure.read(Scrape(timezone.now())))
    assert {what for _alias, what, _name in found} == {"certificate", "crl", "ocsp-signer"}
    assert all(value > timezone.now().timestamp() for value in found.values())


def test_a_ca_in_trouble_has_none_and_takes_no_figure_with_it(
    embedded_ca: EmbeddedConnector, settings: Settings
) -> None:
    settings.CA_CONNECTORS = {
        alias: {**each, "OPTIONS": {**each["OPTIONS"], "directory": "/nowhere"}}
        for alias, each in settings.CA_CONNECTORS.items()
    }
    assert [registry.expiries(alias) for alias in registry.aliases()] == [()]
