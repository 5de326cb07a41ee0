"""The chart's network policies: who reaches whom."""

import pytest

from tests.deploy import chart

INGRESS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}


def labels(manifests: list[chart.Manifest]) -> list[dict[str, str]]:
    """Of every pod."""
    owners = [each for each in manifests if each["kind"] in {"Deployment", "Job", "CronJob"}]
    makers = [each["spec"].get("jobTemplate", each) for each in owners]
    return [each["spec"]["template"]["metadata"]["labels"] for each in makers]


@pytest.mark.parametrize("values", [chart.LEAST, chart.FULL, chart.APART], ids=["least", "full", "apart"])
def test_the_web_process_alone_is_reached(values: chart.Manifest) -> None:
    """One policy is about every pod, and lets nobody in; the other is about the web process."""
    manifests = chart.render(values)
    policies = chart.of_kind(manifests, "NetworkPolicy")
    everybody, web = (policies[f"tokens-identity-manager{name}"]["spec"] for name in ("", "-web"))
    assert everybody["ingress"] == []
    assert "Ingress" in everybody["policyTypes"]
    selected = everybody["podSelector"]["matchLabels"]
    assert all(selected.items() <= found.items() for found in labels(manifests))
    assert everybody["podSelector"].keys() == {"matchLabels"}

    (rule,) = web["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "http"}]
    assert web["podSelector"]["matchLabels"] == selected
    (reached,) = web["podSelector"]["matchExpressions"]
    components = {found[reached["key"]] for found in labels(manifests)}
    assert components & set(reached["values"]) == {each for each in components if each.startswith("web")}


def test_who_reaches_it_can_be_named() -> None:
    manifests = chart.render({**chart.LEAST, "networkPolicy": {"from": [INGRESS]}})
    (rule,) = chart.of_kind(manifests, "NetworkPolicy")["tokens-identity-manager-web"]["spec"]["ingress"]
    assert rule["from"] == [INGRESS]


def test_with_rules_for_the_way_out_names_are_still_found() -> None:
    policy = chart.of_kind(chart.render(chart.FULL), "NetworkPolicy")["tokens-identity-manager"]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert {"protocol": "UDP", "port": 53} in policy["spec"]["egress"][0]["ports"]
    assert policy["spec"]["egress"][1:] == chart.FULL["networkPolicy"]["egress"]
