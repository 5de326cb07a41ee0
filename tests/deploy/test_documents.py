"""What the documents of deployments tell people to type is there to be typed."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from django.core.management import load_command_class

from tests.architecture.source import ROOT
from tests.deploy import chart, commands, composition, units

pytestmark = pytest.mark.long

FOLDER = ROOT / "docs" / "how-to"
PAGES = ("deploy-compose", "deploy-kubernetes", "deploy-vm")


def code(page: str, language: str = "") -> str:
    """The blocks of that language, one after the other, lines that go on joined."""
    found = [text for kind, text in commands.blocks(FOLDER / f"{page}.md") if kind == language]
    return "\n".join(found).replace("\\\n", " ")


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    told = code(page)
    assert commands.MANAGE.search(told)
    assert commands.unknown_commands(told) == set()


@pytest.mark.parametrize("page", PAGES)
def test_a_shell_reads_it(page: str) -> None:
    outcome = subprocess.run(["sh", "-n"], input=code(page), capture_output=True, text=True, check=False)
    assert outcome.stderr == ""


@pytest.mark.parametrize("page", PAGES)
def test_files_and_targets_exist(page: str) -> None:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bdeploy/[\w./*-]+[\w*]", text))
    assert named
    assert {name for name in named if not any(ROOT.glob(name))} == set()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"(?:^|&& )make ([a-z][a-z-]+)", code(page), re.MULTILINE)) <= set(targets)


def test_services_of_the_composition_exist() -> None:
    services = composition.load(composition.sample())["services"]
    lines = [line for line in code("deploy-compose").splitlines() if line.startswith("docker compose")]
    ran = [re.search(r"run --rm (?:--no-deps )?(?:--volume \S+ )?(\w+)", line) for line in lines]
    named = {match[1] for match in ran if match}
    named |= set(re.findall(r"--scale ([\w-]+)=", (FOLDER / "deploy-compose.md").read_text()))
    assert named >= {"secrets", "manage", "worker-ca"}
    assert named <= set(services)
    profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
    assert set(re.findall(r"--profile (\w+)", "\n".join(lines))) <= profiles


def test_the_values_that_are_shown_are_accepted() -> None:
    for values in shown_values():
        manifests = chart.render(values)
        for _component, pod in chart.pods(manifests):
            assert commands.unknown_settings(chart.environment(pod)) == set()


def shown_values() -> list[chart.Values]:
    """Each block of values of the chart: all that it demands, or some settings, here beside the rest."""
    blocks = commands.blocks(FOLDER / "deploy-kubernetes.md")
    shown = [yaml.safe_load(text) for kind, text in blocks if kind == "yaml"]
    (whole,) = [values for values in shown if "hosts" in values]
    parts = [values for values in shown if "hosts" not in values]
    assert all(set(values) == {"settings"} for values in parts)
    settings = [{**whole["settings"], **values["settings"]} for values in parts]
    return [whole, *({**whole, "settings": each} for each in settings)]


def test_the_ca_of_a_database_or_broker_is_where_every_process_finds_it() -> None:
    """As a further key of the one Secret that every pod has."""
    text = (FOLDER / "deploy-kubernetes.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"/run/secrets/[\w-]+/[\w-]+\.pem", text))
    assert {path.rpartition("/")[2] for path in shown} == set(re.findall(r"--from-file=([\w-]+\.pem)", text))
    (naming,) = [values for values in shown_values() if "BROKER_TLS_CA" in values["settings"]]
    everything = {**chart.FULL, "settings": {**chart.FULL["settings"], **naming["settings"]}}
    pods = list(chart.pods(chart.render(everything)))
    assert {"beat", "backup", "migrate", "web", "worker-ca"} <= {component for component, _pod in pods}
    for component, pod in pods:
        (container,) = pod["containers"]
        places = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
        volumes = {each["name"]: each.get("secret", {}).get("secretName") for each in pod["volumes"]}
        secrets = {volumes[places[path.rpartition("/")[0]]] for path in shown}
        assert secrets == {"identity-manager"}, component
        assert chart.environment(pod)["BROKER_TLS_CA"] in shown, component


def test_the_secrets_that_are_shown_are_those_of_the_chart() -> None:
    told = code("deploy-kubernetes")
    made = set(re.findall(r"create secret generic (\S+)", told))
    values = yaml.safe_load((chart.FOLDER / "values.yaml").read_text(encoding="utf-8"))
    secrets, ca = values["secrets"], values["embeddedCa"]
    of_ca = {ca["secret"], ca["passphraseSecret"], ca["ocspPassphraseSecret"]}
    wanted = {secrets["application"], *secrets["rings"].values(), *of_ca}
    assert made == wanted


def test_units_that_are_started_exist() -> None:
    there = {path.name for path in units.FOLDER.iterdir()}
    told = set(
        re.findall(r"identity-manager[\w-]*(?:@\w+)?\.(?:service|socket|target|timer)", code("deploy-vm"))
    )
    told |= {name.replace(".timer", ".service") for name in told}  # which it starts
    for name in there & told:  # which a failure starts
        told |= set(units.values(units.read(units.FOLDER / name), "OnFailure"))
    assert {re.sub(r"@\w+", "@", name) for name in told} == {
        name for name in there if Path(name).suffix in {".service", ".socket", ".target", ".timer"}
    }


def test_the_first_officers_are_made_as_the_command_wants_it() -> None:
    """Where they are installed, and on the page of their own."""
    parser = load_command_class("identity_manager", "first_officers").create_parser(
        "manage.py", "first_officers"
    )
    told = [line for page in PAGES for line in code(page).splitlines() if "first_officers" in line]
    assert len(told) == len(PAGES)
    own = (FOLDER / "first-officers.md").read_text(encoding="utf-8")
    told += re.findall(r"(?:^|`)([^`\n]*first_officers[^`\n]*)", own, re.MULTILINE)
    words = [line.partition("first_officers")[2].partition("<")[0] for line in told]
    assert {option for line in words for option in re.findall(r"--[\w-]+", line)} == {
        "--from-file",
        "--dry-run",
        "--codes-file",
    }
    for line in words:
        parser.parse_args(shlex.split(line))


def test_an_officer_for_emergencies_is_made_as_the_command_wants_it() -> None:
    parser = load_command_class("identity_manager", "create_officer").create_parser(
        "manage.py", "create_officer"
    )
    (line,) = [line for line in code("first-officers").splitlines() if "create_officer" in line]
    parser.parse_args(shlex.split(line.partition("create_officer")[2]))


def test_packages_are_installed_for_the_product_s_own_python() -> None:
    """Debian's pip refuses to install beside the system's packages."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")}
    told = [
        (page, line) for page, text in pages.items() for line in text.splitlines() if "pip install" in line
    ]
    assert told
    assert [each for each in told if ".venv/bin/python -m pip install" not in each[1]] == []


# --- Settings that other pages have one write down
SETTING = re.compile(r"^(?: {4})?([A-Z][A-Z0-9_]+)=(.*)$", re.MULTILINE)
OTHERS = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem not in {*PAGES, "operate"})
HOW = "operate.md#change-a-setting"


def told_settings(page: str) -> dict[str, str]:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    return {name: value for name, value in SETTING.findall(text) if not commands.unknown_settings([name])}


@pytest.mark.parametrize("page", OTHERS)
def test_who_is_told_a_setting_is_told_that_processes_start_anew(page: str) -> None:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    changes = told_settings(page) or "/etc/identity-manager/connections/" in text
    assert not changes or HOW in text


def test_some_page_tells_a_setting() -> None:
    assert {"mail", "single-sign-on", "two-hosts", "scale-out"} <= set(filter(told_settings, OTHERS))


@pytest.mark.parametrize("page", OTHERS)
def test_a_value_ends_with_its_line(page: str) -> None:
    for name, value in told_settings(page).items():
        if value.startswith(("{", "[")):
            assert json.loads(value), name


@pytest.mark.parametrize("page", OTHERS)
def test_a_file_of_a_secret_is_named_by_a_path_that_every_deployment_has(page: str) -> None:
    """SECRETS/NAME, which one table translates."""
    named = {name: value for name, value in told_settings(page).items() if name.endswith("_FILE")}
    assert {name: value for name, value in named.items() if not value.startswith("SECRETS/")} == {}


def test_the_places_of_settings_and_secrets_are_those_of_the_deployments() -> None:
    page = (FOLDER / "operate.md").read_text(encoding="utf-8")
    table = page.partition("## Change a setting")[2].partition("\n## ")[0]
    rows = {row.split("](")[0].strip("| ["): row for row in table.splitlines() if row.startswith("| [")}
    machine, compose, cluster = rows["plain machine"], rows["Docker Compose"], rows["Kubernetes"]

    (file,) = set(units.values(units.service("web"), "EnvironmentFile"))
    assert f"`{file}`" in machine
    assert "`/etc/identity-manager/connections/NAME`" in machine
    assert "-g identity-manager /etc/identity-manager" in code("deploy-vm")
    started = set(re.findall(r"identity-manager-[\w@*.-]+?(?=['\s`])", machine))
    assert started == {
        "identity-manager-web.service",
        "identity-manager-beat.service",
        "identity-manager-worker@*",
    }

    for name, service in composition.of_product(composition.load(composition.sample())["services"]).items():
        mounts = dict(each.split(":")[:2] for each in service.get("volumes", []) if each.startswith("./"))
        for outside, inside in (("secrets/more", "/more"), ("secrets/connections", "/connections")):
            assert f"`{outside}/NAME`" in compose
            assert f"`{inside}/NAME`" in compose
            assert name in {"secrets", "beat", "manage"} or mounts[f"./{outside}"] == inside, name

    for component, pod in chart.pods(chart.render(chart.FULL)):
        (container,) = pod["containers"]
        assert "/run/secrets/application" in {each["mountPath"] for each in container["volumeMounts"]}, (
            component
        )
    assert "`/run/secrets/application/NAME`" in cluster
