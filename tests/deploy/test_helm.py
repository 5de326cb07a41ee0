"""The chart: what it renders fits Kubernetes and the product; values that do not fit are refused."""

import os
import re
import subprocess
import sys
from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest

from identity_manager.config import secret_files
from identity_manager.workflow.batch import placing
from identity_manager.workflow.people import imports
from tests.deploy import chart, commands

pytestmark = pytest.mark.long

RINGS = (
    *("KEYS_PRIVATE_KEYS", "KEYS_ARCHIVE", "KEYS_RECOVERY", "KEYS_SHARE_TRANSPORT"),
    *("KEYS_PASSPHRASES", "KEYS_OTHER"),
    *("AUDIT_KEYS", "AUDIT_SIGNING_KEYS"),
)
WORKERS = ("worker-ca", "worker-mail", "worker-bulk")
HELD = {
    "web": {"KEYS_PASSPHRASES", "KEYS_OTHER"},
    "web-selfservice": {"KEYS_PASSPHRASES", "KEYS_OTHER"},
    "web-console": {"KEYS_OTHER"},
    "beat": set(),
    "backup": set(),
    **{name: set(RINGS) for name in (*WORKERS, "migrate", "manage")},
}
KUBERNETES = ("1.30", "1.37")
BEFORE_ANYTHING = "pre-install,pre-upgrade"
IMAGE = {"DEPLOYMENT": "production", "DJANGO_SETTINGS_MODULE": "identity_manager.config.settings"}
REFUSE = (
    "from identity_manager.config.checks import refuse_inconsistent_settings; refuse_inconsistent_settings"
)


@pytest.fixture(params=chart.SETS, scope="module")
def manifests(request: pytest.FixtureRequest) -> list[chart.Manifest]:
    return chart.render(chart.SETS[request.param])


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_understands_it(manifests: list[chart.Manifest], version: str) -> None:
    for each in manifests:
        if each["kind"] != "ScrapeConfig":  # a kind of the Prometheus operator
            kubernetes_validate.validate(each, version, strict=True)


def test_kubernetes_would_complain(manifests: list[chart.Manifest]) -> None:
    broken = deepcopy(next(each for each in manifests if each["kind"] == "Deployment"))
    broken["spec"]["template"]["spec"]["containers"][0]["readonlyRootFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, KUBERNETES[0], strict=True)


def test_names_are_short_and_unique(manifests: list[chart.Manifest]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in manifests]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 63 for _kind, name in names)


def test_what_selects_finds(manifests: list[chart.Manifest]) -> None:
    """Every Deployment its pods, every Service and budget those of one Deployment."""
    labels = [
        each["spec"]["template"]["metadata"]["labels"] for each in manifests if each["kind"] == "Deployment"
    ]
    for each in manifests:
        if each["kind"] in {"Deployment", "Service", "PodDisruptionBudget"}:
            selector = each["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            assert sum(wanted.items() <= found.items() for found in labels) == 1, each["metadata"]["name"]


def test_every_pod_is_hardened(manifests: list[chart.Manifest]) -> None:
    for component, pod in chart.pods(manifests):
        context = pod["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"]) == (True, 10001), component
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, component
        assert pod["automountServiceAccountToken"] is False, component
        (container,) = pod["containers"]
        own = container["securityContext"]
        assert own["readOnlyRootFilesystem"] is True, component
        assert own["allowPrivilegeEscalation"] is False, component
        assert own["capabilities"] == {"drop": ["ALL"]}, component


def test_what_is_written_to_lies_in_volumes(manifests: list[chart.Manifest]) -> None:
    for component, pod in chart.pods(manifests):
        volumes = {each["name"]: each for each in pod["volumes"]}
        mounts = pod["containers"][0]["volumeMounts"]
        assert {each["name"] for each in mounts} == set(volumes), component
        written = {each["mountPath"] for each in mounts if not each.get("readOnly")}
        own = {"/tmp", "/var/lib/identity-manager/run"}  # noqa: S108 the pod's own
        assert written == own | ({"/backups"} if component in {"manage", "backup"} else set()), component
        assert all("secret" in volumes[each["name"]] for each in mounts if each.get("readOnly")), component


def test_each_process_holds_its_own_keys_alone(manifests: list[chart.Manifest]) -> None:
    for component, pod in chart.pods(manifests):
        environment = chart.environment(pod)
        held = HELD[component]
        assert {ring for ring in RINGS if f"{ring}_FILE" in environment} == held, component
        assert all(environment[ring] == "" for ring in set(RINGS) - held), component
        assert missing_mounts(pod) == set(), component
        mounted = {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
        folders = {
            "KEYS_PRIVATE_KEYS": "private-keys",
            "KEYS_PASSPHRASES": "passphrases",
            "KEYS_OTHER": "other",
        }
        foreign = {f"/run/secrets/{folder}" for ring, folder in folders.items() if ring not in held}
        assert not mounted & foreign, component


def test_web_pods_hold_no_key_of_the_embedded_ca(manifests: list[chart.Manifest]) -> None:
    """What signs certificates is for workers: a web pod has the passphrase of the OCSP signers alone."""
    enabled = False
    for component, pod in chart.pods(manifests):
        environment = chart.environment(pod)
        if not component.startswith("web") or environment["EMBEDDED_CA"] != "true":
            continue
        enabled = True
        given = {each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each}
        assert not given & {"identity-manager-ca", "identity-manager-ca-passphrase"}, component
        assert "identity-manager-ca-ocsp-passphrase" in given, component
        assert environment["CA_PASSPHRASE_FILE"] == ""
        paths = {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
        assert not any(path.startswith("/var/lib/identity-manager/ca") for path in paths), component
    workers = [pod for component, pod in chart.pods(manifests) if component == "worker-ca"]
    assert all(
        not enabled or chart.environment(pod)["CA_PASSPHRASE_FILE"].startswith("/run/") for pod in workers
    )


def missing_mounts(pod: chart.Manifest) -> set[str]:
    """Files that the environment names outside of what is mounted."""
    mounted = {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    named = {value for name, value in chart.environment(pod).items() if name.endswith("_FILE") and value}
    return {path for path in named if path.rpartition("/")[0] not in mounted}


def test_its_settings_are_real_and_no_secret_is_among_them(manifests: list[chart.Manifest]) -> None:
    secret = re.compile(r"SECRET|PASSWORD|KEYS|DATABASE_URL|BROKER_URL")
    for component, pod in chart.pods(manifests):
        environment = chart.environment(pod)
        assert commands.unknown_settings(environment) == set(), component
        shown = [name for name, value in environment.items() if secret.search(name) and value]
        assert all(name.endswith("_FILE") for name in shown), component


def test_every_queue_is_worked_on(manifests: list[chart.Manifest]) -> None:
    taken = [
        commands.queues_of(pod["containers"][0]["command"])
        for component, pod in chart.pods(manifests)
        if component in WORKERS
    ]
    assert set().union(*taken) == commands.QUEUES


def test_its_commands_exist(manifests: list[chart.Manifest]) -> None:
    told = "\n".join(" ".join(pod["containers"][0]["command"]) for _component, pod in chart.pods(manifests))
    notes = (chart.FOLDER / "templates" / "NOTES.txt").read_text(encoding="utf-8")
    assert "manage.py migrate" in told
    assert commands.unknown_commands(told + notes) == set()


def test_the_database_is_brought_up_to_date_before_new_pods(manifests: list[chart.Manifest]) -> None:
    (job,) = chart.of_kind(manifests, "Job").values()
    assert job["metadata"]["annotations"]["helm.sh/hook"] == BEFORE_ANYTHING
    assert "serviceAccountName" not in job["spec"]["template"]["spec"], (
        "it is not there before the installation"
    )


def test_probes_ask_what_is_there(manifests: list[chart.Manifest]) -> None:
    for component, pod in chart.pods(manifests):
        (container,) = pod["containers"]
        if component.startswith("web"):
            assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
            assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
        elif component not in {"migrate", "manage", "backup"}:
            probe = container["livenessProbe"]["exec"]["command"]
            assert "identity_manager/config/observability/liveness_file.py" in probe
            assert (chart.ROOT / "identity_manager/config/observability/liveness_file.py").exists()


def test_portals_apart() -> None:
    manifests = chart.render(chart.APART)
    portals = {
        component: chart.environment(pod)["PORTALS"]
        for component, pod in chart.pods(manifests)
        if component.startswith("web")
    }
    assert portals == {"web-console": "console", "web-selfservice": "selfservice"}
    rules = chart.of_kind(manifests, "Ingress")["tokens-identity-manager"]["spec"]["rules"]
    services = {
        rule["host"]: rule["http"]["paths"][0]["backend"]["service"]["name"].removeprefix(
            "tokens-identity-manager-"
        )
        for rule in rules
    }
    assert services == {
        "im.acme-corporation.net": "web-console",
        "my.acme-corporation.net": "web-selfservice",
    }


def test_the_embedded_ca_publishes_without_tls() -> None:
    ingress = chart.of_kind(chart.render(chart.APART), "Ingress")["tokens-identity-manager-pki"]
    assert "tls" not in ingress["spec"]
    assert ingress["spec"]["rules"][0]["http"]["paths"][0]["path"] == "/pki/"


def test_the_ingress_of_nginx_takes_files_as_large_as_the_product_does() -> None:
    """It would refuse what is larger than 1 MB; annotations of an installation's own come beside that."""
    own = {"ingress": {"annotations": {"nginx.ingress.kubernetes.io/affinity": "cookie"}}}
    for values in (chart.LEAST, {**chart.LEAST, **own}):
        ingress = chart.of_kind(chart.render(values), "Ingress")["tokens-identity-manager"]
        size = ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
        assert int(size.removesuffix("m")) * 1024 * 1024 > max(imports.MOST_BYTES, placing.MOST_BYTES)


def test_one_host_for_both_portals() -> None:
    host = {"hosts": {"console": "tokens.acme-corporation.net", "selfservice": "tokens.acme-corporation.net"}}
    ingress = chart.of_kind(chart.render({**chart.LEAST, **host}), "Ingress")["tokens-identity-manager"]
    assert len(ingress["spec"]["rules"]) == 1


def test_a_budget_that_lets_no_pod_go_is_not_made() -> None:
    assert chart.of_kind(chart.render(chart.FULL), "PodDisruptionBudget") == {}
    assert len(chart.of_kind(chart.render(chart.LEAST), "PodDisruptionBudget")) == 1


def test_the_label_of_a_token_in_an_hsm_is_no_secret() -> None:
    settings = {**chart.LEAST["settings"], "CA_HSM_TOKEN": "corporate"}
    for component, pod in chart.pods(chart.render({**chart.LEAST, "settings": settings})):
        assert chart.environment(pod)["CA_HSM_TOKEN"] == "corporate", component


BAD: dict[str, tuple[str, Any]] = {
    "no host": ("hosts.console", ""),
    "a host with a scheme": ("hosts.console", "https://im.acme-corporation.net"),
    "no proxy": ("proxies.addresses", []),
    "everybody is a proxy": ("proxies.addresses", ["0.0.0.0/0"]),
    "no sender": ("settings", {}),
    "a secret among settings": ("settings.SECRET_KEY", "x"),
    "a password among settings": ("settings.SMTP_PASSWORD", "x"),
    "a database among settings": ("settings.DATABASE_URL", "postgresql://a:b@c/d"),
    "keys among settings": ("settings.KEYS_OTHER", "1:x"),
    "a token among settings": ("settings.METRICS_TOKEN", "x"),
    "a setting of the chart's own": ("settings.PORTALS", "console"),
    "a demo": ("settings.DEPLOYMENT", "embedded"),
    "a setting that is no text": ("settings.WEB_TIMEOUT", 3),
    "a setting in small letters": ("settings.log_level", "INFO"),
    "a tag that moves": ("image.tag", "latest"),
    "half a digest": ("image.digest", "sha256:abc"),
    "an unknown queue": ("workers.letters", {"replicas": 1, "processes": 1}),
    "no process": ("workers.ca.processes", 0),
    "replicas in words": ("web.replicas", "two"),
    "a slip of the pen": ("web.replica", 2),
    "a value that nothing reads": ("sevret", {}),
    "a CA without a name": ("embeddedCa", {"enabled": True, "organisation": ""}),
    "a secret that is no name": ("secrets.application", "Not A Name"),
    "a path for a file": ("secrets.more.SMTP_PASSWORD", "../other"),
    "a setting's file for its name": ("secrets.more.SMTP_PASSWORD_FILE", "smtp-password"),
    "a clock that is none": ("backup.schedule", "at night"),
    "no backup kept": ("backup.keep", 0),
    "a budget of nothing": ("podDisruptionBudget.maxUnavailable", 0),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_values_are_refused(name: str) -> None:
    place, value = BAD[name]
    values = deepcopy(chart.LEAST)
    *parents, last = place.split(".")
    reduce(lambda inner, key: inner.setdefault(key, {}), parents, values)[last] = value
    with pytest.raises(helm.HelmValuesError) as refused:
        chart.render(values)
    assert last in str(refused.value) or parents[0] in str(refused.value)


def test_prometheus_asks_by_the_name_of_all() -> None:
    """With the token that the web process reads; alerts know the job by its name."""
    manifests = chart.render(chart.FULL)
    (scrape,) = chart.of_kind(manifests, "ScrapeConfig").values()
    assert scrape["spec"]["staticConfigs"] == [{"targets": ["tokens-identity-manager-web.tokens.svc:80"]}]
    assert "tokens-identity-manager-web" in chart.of_kind(manifests, "Service")
    assert scrape["metadata"]["labels"]["release"] == "monitoring"
    key = scrape["spec"]["authorization"]["credentials"]
    assert key == {"name": "identity-manager", "key": "metrics-token"}
    readers = {
        component: chart.environment(pod)["METRICS_TOKEN_FILE"]
        for component, pod in chart.pods(manifests)
        if "METRICS_TOKEN_FILE" in chart.environment(pod)
    }
    assert readers == {"web": "/run/secrets/application/metrics-token"}
    alerts = (chart.ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
    assert f'job="{scrape["spec"]["jobName"]}"' in alerts


def test_figures_without_a_token_are_refused() -> None:
    with pytest.raises(helm.HelmError, match="tokenKey"):
        chart.render({**chart.LEAST, "metrics": {"scrapeConfig": {"enabled": True}}})


def test_portals_apart_on_one_host_are_refused() -> None:
    host = {"console": "tokens.acme-corporation.net", "selfservice": "tokens.acme-corporation.net"}
    with pytest.raises(helm.HelmError, match="host of its own"):
        chart.render({**chart.LEAST, "hosts": host, "web": {"apart": True}})


def test_backups_hold_the_files_of_the_ca_and_nothing_that_opens_them() -> None:
    """Nor what other authorities know us by."""
    values = {**chart.FULL, "embeddedCa": chart.APART["embeddedCa"]}
    pods = dict(chart.pods(chart.render(values)))
    secrets = {
        name: {each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each}
        for name, pod in pods.items()
    }
    assert secrets["backup"] == {"identity-manager", "identity-manager-ca"}
    assert secrets["manage"] > secrets["backup"] | {"identity-manager-ca-passphrase"}
    assert "CA_PASSPHRASE_FILE" not in chart.environment(pods["backup"])
    assert "CA_CONNECTORS_FILE" not in chart.environment(pods["backup"])


def test_the_longest_name_of_a_release_leaves_room_for_that_of_a_job() -> None:
    """Kubernetes puts eleven signs behind the name of a CronJob."""
    for length in (20, 29, 45, 53):
        (name,) = chart.of_kind(chart.render(chart.FULL, release="r" * length), "CronJob")
        assert len(name) <= 52, name


def test_backups_need_a_place() -> None:
    with pytest.raises(helm.HelmError, match=r"manage\.claim"):
        chart.render({**chart.LEAST, "backup": {"schedule": "@daily"}})


def test_backups_are_made_beside_the_pod_that_restores_them() -> None:
    """On its node, on its claim, with a command that there is; what else pods may be near to stays."""
    manifests = chart.render(chart.FULL)
    pods = dict(chart.pods(manifests))
    claims = [
        [each["persistentVolumeClaim"] for each in pods[name]["volumes"] if "persistentVolumeClaim" in each]
        for name in ("manage", "backup")
    ]
    assert claims[0] == claims[1] == [{"claimName": "identity-manager-backups"}]
    (near,) = pods["backup"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    manage = chart.of_kind(manifests, "Deployment")["tokens-identity-manager-manage"]
    assert near["labelSelector"] == manage["spec"]["selector"]
    assert pods["backup"]["affinity"]["podAntiAffinity"] == {}
    assert all("podAffinity" not in pod.get("affinity", {}) for name, pod in pods.items() if name != "backup")
    assert pods["backup"]["serviceAccountName"] == pods["manage"]["serviceAccountName"]
    (container,) = pods["backup"]["containers"]
    assert container["command"] == ["python", "manage.py", "backup", "--keep", "14", "/backups"]


@pytest.mark.nightly
@pytest.mark.parametrize("values", ["full", "apart"])
def test_each_process_takes_its_settings(values: str, tmp_path: Path) -> None:
    """With the chart's environment, and secrets that are the group's, as Kubernetes mounts them."""
    secret_files.make(tmp_path / "made")
    for component, pod in chart.pods(chart.render(chart.SETS[values])):
        if component in {"worker-mail", "worker-bulk", "migrate"}:  # as the worker of the queue ca
            continue
        environment = {
            name: mounted(value, tmp_path) if value and name.endswith("_FILE") else value
            for name, value in chart.environment(pod).items()
        }
        serves = component.startswith("web")
        program = f"import django; django.setup(); {REFUSE}(serves_pages={serves})"
        outcome = subprocess.run(
            [sys.executable, "-c", program],
            env={**IMAGE, "PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), **environment},
            cwd=chart.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (outcome.returncode, outcome.stderr) == (0, ""), component


def mounted(path: str, folder: Path) -> str:
    """A file of a Secret here, for its group."""
    here = folder / path.removeprefix("/")
    here.parent.mkdir(parents=True, exist_ok=True)
    made = folder / "made" / here.name
    words = {
        "database-url": "postgresql://a:b@database/c",
        "broker-url": "redis://:secret@broker:6379/0",
        "connectors.json": "{}",
    }
    here.write_text(
        made.read_text() if made.exists() else words.get(here.name, "a secret that is long enough"),
        encoding="utf-8",
    )
    here.chmod(0o440)
    return str(here)
