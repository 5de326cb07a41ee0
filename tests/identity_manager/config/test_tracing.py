"""Whose spans leave: OpenTelemetry's own variables decide, else the product's name stands."""

import pytest

from identity_manager.config.observability import tracing


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "identity-manager"),
        ({"OTEL_SERVICE_NAME": ""}, "identity-manager"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}, "identity-manager"),
        ({"OTEL_SERVICE_NAME": "tokens"}, "tokens"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=tokens,service.namespace=pki"}, "tokens"),
        ({"OTEL_SERVICE_NAME": "tokens", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other"}, "tokens"),
    ],
)
def test_the_service_is_named_by_its_variables(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    attributes = tracing.resource().attributes
    assert attributes["service.name"] == name
    assert attributes["telemetry.sdk.language"] == "python"


def test_other_attributes_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=pki")
    assert tracing.resource().attributes["service.namespace"] == "pki"
