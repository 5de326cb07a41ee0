"""The Helm chart, rendered by Helm's own code, for several installations."""

import json
from collections.abc import Iterator
from typing import Any

import helm_python as helm
import yaml

from tests.architecture.source import ROOT

FOLDER = ROOT / "deploy" / "helm" / "identity-manager"
Values = dict[str, Any]
Manifest = dict[str, Any]

PROVIDER = {
    "name": "Acme login",
    "server_url": "https://login.acme-corporation.net",
    "client_id": "identity-manager",
    "claim": "employee_number",
    "field": "personnel_number",
}
LEAST: Values = {
    "hosts": {"console": "im.acme-corporation.net", "selfservice": "my.acme-corporation.net"},
    "proxies": {"addresses": ["10.42.0.0/16"]},
    "settings": {
        "MAIL_FROM": "Software tokens <tokens@acme-corporation.net>",
        "SMTP_HOST": "mail.acme-corporation.net",
    },
}
APART: Values = {
    **LEAST,
    "web": {"apart": True, "replicas": 3},
    "embeddedCa": {"enabled": True, "organisation": "Acme Corporation"},
}
FULL: Values = {
    **LEAST,
    "image": {
        "repository": "images.acme-corporation.net/tokens/identity-manager",
        "digest": f"sha256:{'0a' * 32}",
        "pullSecrets": ["images"],
    },
    "settings": {
        **LEAST["settings"],
        "SMTP_USER": "tokens",
        "LOG_LEVEL": "WARNING",
        "SSO_PROVIDERS": json.dumps({"corp": PROVIDER}),
        "AUDIT_HEAD_EXPORT": "mailto:auditors@acme-corporation.net",
    },
    "secrets": {"more": {"SMTP_PASSWORD": "smtp-password", "SSO_SECRET_CORP": "sso-corp"}},
    "connections": {"secret": "identity-manager-connections"},
    "web": {"replicas": 1},
    "workers": {"ca": {"replicas": 4, "processes": 4}, "bulk": {"replicas": 0}},
    "beat": {"replicas": 2},
    "manage": {"claim": "identity-manager-backups"},
    "backup": {"schedule": "0 2 * * *"},
    "ingress": {"className": "nginx", "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "10m"}},
    "networkPolicy": {
        "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
        "egress": [
            {"to": [{"ipBlock": {"cidr": "10.20.0.0/16"}}], "ports": [{"protocol": "TCP", "port": 5432}]}
        ],
    },
    "metrics": {
        "tokenKey": "metrics-token",
        "scrapeConfig": {"enabled": True, "labels": {"release": "monitoring"}},
    },
    "serviceAccount": {"annotations": {"example": "yes"}},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "tokens", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"podAntiAffinity": {}},
}
BARE: Values = {
    **LEAST,
    "ingress": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "serviceAccount": {"create": False, "name": "tokens"},
}
SETS = {"least": LEAST, "apart": APART, "full": FULL, "bare": BARE}


def render(values: Values, *, release: str = "tokens") -> list[Manifest]:
    """Every manifest. Raises HelmError for values that the chart refuses."""
    with helm.Chart.load(str(FOLDER)) as chart:
        texts = chart.render(values, name=release, namespace="tokens")
    documents = (yaml.safe_load_all(text) for name, text in texts.items() if name.endswith(".yaml"))
    return [each for several in documents for each in several if each]


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    """The manifests of a kind, by name."""
    return {each["metadata"]["name"]: each for each in manifests if each["kind"] == kind}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The component and the pod of each that runs something."""
    for each in manifests:
        spec = each["spec"]["jobTemplate"]["spec"] if each["kind"] == "CronJob" else each.get("spec", {})
        template = spec.get("template") if each["kind"] in {"Deployment", "Job", "CronJob"} else None
        if template:
            yield template["metadata"]["labels"]["app.kubernetes.io/component"], template["spec"]


def environment(pod: Manifest) -> dict[str, str]:
    """What the pod's one container finds in its environment."""
    (container,) = pod["containers"]
    pairs = [(each["name"], each["value"]) for each in container["env"]]
    assert len(dict(pairs)) == len(pairs), "a name comes twice"
    return dict(pairs)
