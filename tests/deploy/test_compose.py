"""The composition: hardened, pinned, and in words that the product understands."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from identity_manager.config.broker import addresses as broker
from identity_manager.config.celery import app
from tests.architecture.source import ROOT
from tests.deploy import commands, composition, dockerfile, units

pytestmark = pytest.mark.long

RINGS = (
    *("KEYS_PRIVATE_KEYS", "KEYS_ARCHIVE", "KEYS_RECOVERY", "KEYS_SHARE_TRANSPORT"),
    *("KEYS_PASSPHRASES", "KEYS_OTHER"),
    *("AUDIT_KEYS", "AUDIT_SIGNING_KEYS"),
)
HELD = {
    "web": {"KEYS_PASSPHRASES", "KEYS_OTHER"},
    "beat": set(),
    **{name: set(RINGS) for name in ("worker-ca", "worker-mail", "worker-bulk", "migrate", "manage")},
}


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    return composition.load(composition.sample())


@pytest.fixture(scope="module")
def services(composed: dict[str, Any]) -> dict[str, Any]:
    return dict(composed["services"])


def test_the_web_process_holds_no_key_of_the_embedded_ca(services: dict[str, Any]) -> None:
    """Keys and their passphrase are for workers; the root's key, until it is taken away, for commands."""
    web, worker = services["web"], services["worker-ca"]
    assert "ca-corporate-passphrase" not in web["secrets"]
    assert "ca-corporate-ocsp-passphrase" in web["secrets"]
    assert web["environment"]["CA_PASSPHRASE_FILE"] == ""
    place = "/var/lib/identity-manager/ca"
    seen = {name: [line.split(":")[1] for line in each.get("volumes", [])] for name, each in services.items()}
    assert {name for name, paths in seen.items() if place in paths} == {
        *("worker-ca", "worker-mail", "worker-bulk", "migrate", "manage")
    }
    assert {name for name, paths in seen.items() if f"{place}-root" in paths} == {"migrate", "manage"}
    assert set(worker["volumes"]) < set(services["manage"]["volumes"]) == set(services["migrate"]["volumes"])


def test_it_is_complete(services: dict[str, Any]) -> None:
    assert {*HELD, "secrets", "database", "broker", "mail", "proxy", "prometheus"} == set(services)


def test_every_service_is_hardened(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["ulimits"] == {"core": 0}, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
        assert service["healthcheck"], name
        assert service["logging"] == {"driver": "local"}, f"the log of {name} grows for ever"


def test_every_setting_can_be_given(services: dict[str, Any]) -> None:
    for name, service in composition.of_product(services).items():
        assert service["env_file"] == [{"path": "settings.env", "required": False}], name


def test_a_fresh_volume_belongs_to_who_writes_to_it(services: dict[str, Any]) -> None:
    """To whom the directory belongs that it covers: where the image has none, to root."""
    made = set(dockerfile.installed("10001"))
    for name, service in composition.of_product(services).items():
        for line in service.get("volumes", []):
            source, target = line.split(":")[:2]
            assert "/" in source or target in made, f"{name}: {line}"


def test_every_image_is_pinned_by_its_digest(services: dict[str, Any]) -> None:
    """A tag moves; a digest does not (the product's own image is built here)."""
    built = composition.of_product(services)
    images = {service["build"]["args"]["PYTHON_IMAGE"] if name in built else service["image"]
              for name, service in services.items()}  # fmt: skip
    for image in images:
        assert re.fullmatch(r"[a-z-]+(/[a-z-]+)?:v?\d[a-z0-9.-]*@sha256:[0-9a-f]{64}", image), image


def test_env_can_name_other_images() -> None:
    """What is offered in .env is the default, and another one there reaches the service."""
    lines = re.findall(r"^#([A-Z]+_IMAGE)=(\S+)$", composition.SAMPLE.read_text(), re.MULTILINE)
    usual = composition.load(composition.sample())["services"]
    others = {name: f"registry.invalid/{name.lower()}:1" for name, _image in lines}
    changed = composition.load(composition.sample() | others)["services"]
    built = composition.of_product(usual)
    of_default = {image: others[name] for name, image in lines}
    for name in usual:
        before, after = (
            each[name]["build"]["args"]["PYTHON_IMAGE"] if name in built else each[name]["image"]
            for each in (usual, changed)
        )
        assert after == of_default[before], name
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    assert f"ARG PYTHON_IMAGE={dict(lines)['PYTHON_IMAGE']}\n" in dockerfile


def test_the_proxy_alone_is_reached_from_outside(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(ports) == {"proxy", "mail", "prometheus"}
    inside = [*ports["mail"], *ports["prometheus"]]
    assert all(port.startswith("127.0.0.1:") for port in inside)


def test_its_settings_are_real(services: dict[str, Any]) -> None:
    for name, service in composition.of_product(services).items():
        assert commands.unknown_settings(service.get("environment", {})) == set(), name


def test_what_it_says_itself_can_be_said_otherwise() -> None:
    """settings.env is overruled by what the composition names, and heads have to leave the machine."""
    given = {"AUDIT_HEAD_EXPORT": "syslog+tcp:loghost:601", "PROXY_ADDRESSES": "10.20.0.7"}
    services = composition.load({**composition.sample(), **given})["services"]
    assert services["worker-ca"]["environment"]["AUDIT_HEAD_EXPORT"] == given["AUDIT_HEAD_EXPORT"]
    assert services["web"]["environment"]["PROXY_ADDRESSES"] == given["PROXY_ADDRESSES"]


def test_no_secret_is_in_the_environment(services: dict[str, Any]) -> None:
    """Each comes from a file, or is given as empty to who must not hold it."""
    secret = re.compile(r"SECRET|PASSWORD|KEYS|DATABASE_URL|BROKER_URL|PASSPHRASE_FILE")
    for name, service in services.items():
        for setting, value in service.get("environment", {}).items():
            if secret.search(setting):
                assert not value or setting.endswith("_FILE"), f"{name}: {setting}"


def test_each_process_holds_its_own_keys_alone(services: dict[str, Any]) -> None:
    for name, held in HELD.items():
        environment = services[name]["environment"]
        assert {ring for ring in RINGS if f"{ring}_FILE" in environment} == held, name
        assert all(environment[ring] == "" for ring in set(RINGS) - held), name
        mounted = {line.split(":")[1] for line in services[name].get("volumes", []) if "/rings/" in line}
        files = [environment[f"{ring}_FILE"] for ring in held]
        assert mounted == {file.rpartition("/")[0] for file in files}, name


def test_the_web_process_cannot_write_keys(services: dict[str, Any]) -> None:
    assert all(line.endswith(":ro") for line in services["web"]["volumes"])


def test_every_file_that_is_named_is_there(composed: dict[str, Any]) -> None:
    """Secrets that a service reads are given to it; what is mounted beside them is in the folder."""
    for name, service in composed["services"].items():
        given = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
        named = {
            value
            for value in map(str, service.get("environment", {}).values())
            if value.startswith("/run/secrets/")
        }
        assert named <= given, name
        assert set(service.get("secrets", [])) <= set(composed["secrets"]), name
        for line in service.get("volumes", []):
            source = line.split(":")[0]
            if source.startswith("./secrets"):
                continue
            there = (composition.FOLDER / source).exists() if "/" in source else source in composed["volumes"]
            assert there, f"{name}: {line}"


def test_whoever_needs_database_or_broker_may_ask_one_elsewhere(services: dict[str, Any]) -> None:
    """It has a way out, the files that the server's certificate is checked against, and further secrets."""
    for name, service in composition.of_product(services).items():
        if {"database-url", "broker-url"} & set(service.get("secrets", [])):
            assert "outside" in service["networks"], name
            assert {"./secrets/trust:/trust:ro", "./secrets/more:/more:ro"} <= set(service["volumes"]), name
    assert "database-url" in services["beat"]["secrets"]


def test_passwords_for_cas_are_given_to_who_asks_cas(services: dict[str, Any]) -> None:
    for name, service in composition.of_product(services).items():
        mounted = {line.split(":")[1] for line in service.get("volumes", [])}
        assert ("/connections" in mounted) == ("CA_CONNECTORS_FILE" in service.get("environment", {})), name
    assert services["beat"]["volumes"] == ["./secrets/trust:/trust:ro", "./secrets/more:/more:ro"]
    web, worker = services["web"]["volumes"], services["worker-ca"]["volumes"]
    assert "./secrets/connections:/connections:ro" in set(web) & set(worker)


def test_every_folder_that_is_mounted_is_made(services: dict[str, Any], tmp_path: Path) -> None:
    """Docker would make what is missing, but for root. Each is its owner's alone, as is all below it."""
    units.make_secrets(tmp_path)
    (tmp_path / "trust" / "ca.pem").touch(0o644)
    units.make_secrets(tmp_path)
    lines = [line for service in services.values() for line in service.get("volumes", [])]
    mounted = {line.split(":")[0] for line in lines if line.startswith("./secrets/")}
    assert {"./secrets/trust", "./secrets/more", "./secrets/connections"} <= mounted
    for source in mounted:
        folder = tmp_path / source.removeprefix("./secrets/")
        assert folder.stat().st_mode & 0o777 == 0o700, source
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} <= {0o600}, source


def test_make_secrets_makes_every_one(composed: dict[str, Any]) -> None:
    script = (composition.MAKE_SECRETS).read_text(encoding="utf-8")
    made = set(re.findall(r"^(?:place|write) \S+ ?(\S*)", script, re.MULTILINE))
    made |= set(re.findall(r"^(?:place|write) (\S+)", script, re.MULTILINE))
    for secret in composed["secrets"].values():
        assert secret["file"].removeprefix("./secrets/") in made


def test_networks_and_what_is_waited_for_exist(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert set(service.get("networks", [])) <= set(composed["networks"]), name
        for other, wanted in service.get("depends_on", {}).items():
            awaited = composed["services"][other]
            healthy = wanted["condition"] == "service_healthy"
            assert not healthy or "test" in awaited["healthcheck"], f"{name}: {other}"


def test_every_queue_is_worked_on(services: dict[str, Any]) -> None:
    taken = [
        commands.queues_of(service["command"])
        for name, service in services.items()
        if name.startswith("worker-")
    ]
    assert set().union(*taken) == commands.QUEUES
    routed = {route["queue"] for route in app.conf.task_routes.values()}
    assert routed - {broker.JOBS} | {app.conf.task_default_queue} <= commands.QUEUES


def test_orders_for_many_give_way_to_pages(services: dict[str, Any]) -> None:
    weights = {name: service.get("cpu_shares", 1024) for name, service in services.items()}
    assert min(weights, key=lambda name: weights[name]) == "worker-bulk"
    assert [name for name, weight in weights.items() if weight < 1024] == ["worker-bulk"]


def test_its_commands_exist(services: dict[str, Any]) -> None:
    told = "\n".join(" ".join(service.get("command", [])) for service in services.values())
    assert "migrate" in told
    assert commands.unknown_commands(told) == set()
    assert commands.unknown_commands("manage.py no_such_command") == {"no_such_command"}


@pytest.mark.parametrize("kind", ["worker", "beat"])
def test_celery_knows_every_option(services: dict[str, Any], kind: str) -> None:
    command = [sys.executable, "-m", "celery", kind, "--help"]
    known = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    given = [service["command"] for name, service in services.items() if name.split("-")[0] == kind]
    assert given
    for program, application, module, word, *options in given:
        assert (program, application, module, word) == ("celery", "--app", "identity_manager", kind)
        assert {option for option in options if option.startswith("--") and option not in known} == set()


def test_prometheus_asks_who_is_there(services: dict[str, Any]) -> None:
    text = (composition.FOLDER / "prometheus.yaml").read_text(encoding="utf-8")
    (job,) = yaml.safe_load(text)["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["web:8000"]}]
    token = job["authorization"]["credentials_file"]
    assert token == services["web"]["environment"]["METRICS_TOKEN_FILE"]
    assert {"metrics-token"} == set(services["prometheus"]["secrets"]) & set(services["web"]["secrets"])


def test_the_broker_forgets_nothing() -> None:
    script = (composition.FOLDER / "start-broker.sh").read_text(encoding="utf-8")
    assert "\nappendonly yes\n" in script
    assert "\nmaxmemory-policy noeviction\n" in script


@pytest.mark.parametrize("name", ["HOST", "MAIL_FROM", "CA_ORGANISATION"])
def test_what_is_missing_is_asked_for(name: str) -> None:
    variables = {key: value for key, value in composition.sample().items() if key != name}
    with pytest.raises(composition.MissingError, match=name):
        composition.load(variables)


def test_the_sample_offers_what_is_asked_for() -> None:
    assert composition.used() - composition.offered() == set()
    assert composition.offered() - composition.used() == set()


@pytest.mark.parametrize("path", [composition.MAKE_SECRETS, composition.FOLDER / "start-broker.sh"])
def test_scripts_are_read_by_a_plain_shell(path: Path) -> None:
    outcome = subprocess.run(["sh", "-n", str(path)], capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")
