"""The page for a plain machine, typed in as it stands, on a machine with systemd as its first process."""

import json
import os
import re
import time
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT
from tests.deploy import commands, machine

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.xdist_group("machine"),
    pytest.mark.needs_program("systemctl", "unshare", "nsenter", "nginx", "redis-server", "pg_ctlcluster"),
    pytest.mark.skipif(
        os.geteuid() != 0 and "CI" not in os.environ, reason="a machine of its own takes root"
    ),
]
DOMAIN = "acme-corporation.net"
NAME = f"tokens.{DOMAIN}"
# What differs: programs and source are there, and Redis serves in Valkey's place (the page allows it).
HERE = {
    r"apt-get install .*": "systemctl start postgresql redis-server nginx",
    r"git clone ADDRESS (\S+) && cd \S+": r"cd \1",
    r"make install-prod": "",
    "valkey-server": "redis-server",
    "/etc/valkey/valkey.conf": "/etc/redis/redis.conf",
}
SERVICES = ("web", "beat", "worker@ca", "worker@mail", "worker@bulk")
STATES = " ".join(f"identity-manager-{name}.service" for name in SERVICES)
# What a machine without network and mail server cannot have.
OUTSIDE = {"mail", "addresses"}


def typed(part: str) -> list[str]:
    """The blocks of that part of the page, as they are typed here."""
    page = (ROOT / "docs" / "how-to" / "deploy-vm.md").read_text(encoding="utf-8")
    text = page.partition(f"## {part}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert blocks
    for there, here in HERE.items():
        blocks = [re.sub(there, here, block) for block in blocks]
    return blocks


def installed(here: machine.Machine) -> None:
    """Everything up to the first officers; files are edited where the page says so."""
    for part in ("Install", "Secrets and settings"):
        for block in typed(part):
            here.run(f"cd {machine.CODE} 2>/dev/null || true\n{block}", seconds=300)
    (block,) = typed("Start")
    before, found, after = block.partition("systemctl daemon-reload")
    here.run(f"cd {machine.CODE}\n{before}")
    here.run(f"""
        cd /etc && sed -i 's/your-domain/{DOMAIN}/g; s/^#EMBEDDED_CA/EMBEDDED_CA/' \
            identity-manager/environment nginx/conf.d/identity-manager.conf
        mkdir -p /etc/ssl/identity-manager && cd /etc/ssl/identity-manager
        openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -days 2 \
            -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}
    """)
    after = "\n".join(line for line in after.splitlines() if not line.startswith("identity-manager-manage"))
    here.run(f"cd {machine.CODE}\n{found}{after}", seconds=300)


def started_processes(here: machine.Machine) -> str:
    return here.run("pgrep --list-full --euid identity-manager", check=False).stdout


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[machine.Machine]:
    with machine.booted(tmp_path_factory.mktemp("machine")) as booted:
        installed(booted)
        yield booted


def answers(here: machine.Machine) -> str:
    """The status of the sign-in page, as somebody outside gets it through nginx."""
    return here.says(
        "curl --silent --output /dev/null --write-out '%{http_code}'"
        f" --cacert /etc/ssl/identity-manager/certificate.pem --resolve {NAME}:443:127.0.0.1 https://{NAME}/account/login/"
    )


def states(here: machine.Machine) -> set[str]:
    return set(here.run(f"systemctl is-active {STATES}", check=False).stdout.split())


def test_it_is_installed_as_the_page_says(here: machine.Machine) -> None:
    """The doctor finds nothing but what lies outside of the machine."""
    assert states(here) == {"active"}
    assert answers(here) == "200"

    def failed() -> set[str]:
        told = json.loads(here.run("identity-manager-manage doctor --json", check=False).stdout)
        return {finding["check"] for finding in told["findings"] if finding["level"] == "failed"}

    # The beat's first tick comes within a minute, and the doctor looks for its trace.
    end = time.monotonic() + 90
    while (found := failed()) != OUTSIDE:
        assert time.monotonic() < end, found


def test_the_first_officers_are_made(here: machine.Machine) -> None:
    page = ROOT / "docs" / "how-to" / "first-officers.md"
    (officers,) = [text for language, text in commands.blocks(page) if language == "json"]
    told = here.says(f"""
        cat > officers.json <<'JSON'
{officers}
JSON
        codes=/var/lib/identity-manager/codes
        identity-manager-manage first_officers --from-file officers.json --codes-file $codes
        cat $codes && rm $codes
    """)
    assert all(name in told for name in ("O-1", "O-2", "O-3", "O-4", "O-5"))
    again = here.run("identity-manager-manage first_officers --from-file officers.json", check=False)
    assert again.returncode != 0


def test_a_backup_is_made_and_keys_are_changed(here: machine.Machine) -> None:
    here.run("systemctl start identity-manager-backup.service")
    assert here.says("ls /var/lib/identity-manager-backups")
    told = here.says("identity-manager-rotate-keys --wait 60")
    new = re.findall(r"^New: (\S+)$", told, re.MULTILINE)
    assert new, told
    assert set(here.says(f"stat --format=%U:%a {' '.join(new)}").split()) == {"root:600"}
    here.run(
        "systemctl restart 'identity-manager-worker@*' && systemctl restart identity-manager-web.service"
    )
    assert states(here) == {"active"}
    assert answers(here) == "200"


def test_visitors_wait_while_the_portals_start_anew(here: machine.Machine) -> None:
    here.run("systemctl --no-block restart identity-manager-web.service")
    assert {answers(here) for _visit in range(8)} == {"200"}


def test_who_stops_the_target_waits_until_everything_has_ended(here: machine.Machine) -> None:
    assert started_processes(here)
    here.run("systemctl stop identity-manager.target")
    assert started_processes(here) == ""
    assert states(here) <= {"inactive", "failed"}
    here.run("systemctl start identity-manager.target")
    here.until(f"systemctl is-active {STATES}", seconds=60)
    assert answers(here) == "200"


def test_nothing_restarts_in_a_loop_while_the_database_is_away(here: machine.Machine) -> None:
    """The migration alone is tried again; portals, workers and beat start once it was done."""
    here.run("systemctl stop identity-manager.target postgresql.service 'postgresql@*'")
    here.run("""
        mkdir -p /run/systemd/system/identity-manager-migrate.service.d
        cd /run/systemd/system/identity-manager-migrate.service.d
        printf '[Service]\\nRestartSec=2\\n' > sooner.conf
        systemctl daemon-reload
        systemctl --no-block start identity-manager.target
    """)
    retries = "systemctl show --value --property=NRestarts identity-manager-migrate.service"
    here.until(f'[ "$({retries})" -ge 2 ]', seconds=60)
    assert states(here) == {"inactive"}
    assert {here.value(f"identity-manager-{name}.service", "NRestarts") for name in SERVICES} == {"0"}
    here.run("systemctl start postgresql.service")
    here.until(f"systemctl is-active {STATES}", seconds=90)
    assert answers(here) == "200"
