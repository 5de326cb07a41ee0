"""deploy/prometheus/alerts.yaml speaks of metrics that there are, docs/how-to/monitor.md of its alerts."""

import re
from functools import cache
from typing import Any

import pytest
import yaml

from ca_bridge.contract_operation import ExpiringItem
from ca_bridge.models import CaOrder
from identity_manager.jobs import schedule
from identity_manager.metrics import scraping
from identity_manager.metrics.figures import WAITING_SINCE
from identity_manager.models import ProcessKind
from tests.architecture.source import ROOT

FILE = ROOT / "deploy" / "prometheus" / "alerts.yaml"
PAGE = ROOT / "docs" / "how-to" / "monitor.md"
NAME = re.compile(r"\bidentity_manager_\w+")
SELECTED = re.compile(r"\b(identity_manager_\w+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')
OF_HISTOGRAMS = ("_bucket", "_count", "_sum")
# What a label may be: of metrics and labels whose values are a closed set.
CLOSED = {
    ("identity_manager_processes", "kind"): set(ProcessKind.values),
    ("identity_manager_job_overdue_seconds", "job"): {job.name for job in schedule.JOBS},
    ("identity_manager_requests", "state"): {state.value for state in WAITING_SINCE},
    ("identity_manager_request_oldest_seconds", "state"): {state.value for state in WAITING_SINCE},
    ("identity_manager_ca_orders", "state"): {str(state) for state in CaOrder.OPEN},
    ("identity_manager_ca_call_seconds_count", "outcome"): {"fault", "unknown", "error"},
    ("identity_manager_ca_ends_timestamp_seconds", "what"): {each.value for each in ExpiringItem},
    ("identity_manager_mail_outcomes_total", "outcome"): {"failed"},
    ("identity_manager_key_pool_takes_total", "found"): {"ready", "made"},
}


@cache
def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(FILE.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@cache
def labels() -> dict[str, set[str]]:
    """The labels of each name that a rule can ask for."""
    found: dict[str, set[str]] = {}
    for name, kind, _text, own in scraping.described():
        if kind == "histogram":
            found |= {f"{name}{suffix}": {*own, "le"} for suffix in OF_HISTOGRAMS}
        else:
            found[name] = set(own)
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_rule_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    named = NAME.findall(rule["expr"])
    assert named or rule["expr"].startswith("up{")
    assert set(named) <= labels().keys()
    for name, matchers in SELECTED.findall(rule["expr"]):
        for label, operator, value in MATCHER.findall(matchers):
            assert label in labels()[name]
            if operator == "=" or (name, label) in CLOSED:
                assert set(value.split("|")) <= CLOSED[name, label]
    for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
        assert any(label in labels()[name] for name in named)


def test_each_alert_has_a_remedy_and_each_remedy_an_alert() -> None:
    told = re.findall(r"`(IdentityManager\w+)`", PAGE.read_text(encoding="utf-8"))
    assert sorted(told) == sorted(rule["alert"] for rule in rules())
