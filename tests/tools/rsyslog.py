"""A log host of its own (rsyslogd) with TLS both ways and octet counting, which a test stops and kills."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.interop.tls_certificates import Authority
from tests.tools.running import HOST, listens, until

CLIENT = "client.example"
CONFIGURATION = """\
global(workDirectory="{folder}" maxMessageSize="64k" defaultNetstreamDriver="ossl"
  defaultNetstreamDriverCAFile="{folder}/trusted.pem"
  defaultNetstreamDriverCertFile="{folder}/server.pem" defaultNetstreamDriverKeyFile="{folder}/server.pem")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/name"
  permittedPeer=["client.example"])
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="siem")
template(name="j" type="list" option.jsonf="on") {{
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="sd" name="structured-data" format="jsonf")
  property(outname="priority" name="pri" format="jsonf")
  property(outname="msg" name="msg" format="jsonf") }}
ruleset(name="siem") {{ action(type="omfile" file="{folder}/out.jsonl" template="j") }}
"""


@dataclass
class Rsyslog:
    """The log host. settings: the entry of SIEM_SINKS that reaches it."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "address": f"{HOST}:{self.port}",
            "ca_file": str(self.folder / "trusted.pem"),
            "certificate_file": str(self.folder / "client.pem"),
            "key_file": str(self.folder / "client.pem"),
        }

    def start(self) -> None:
        pid = self.folder / "rsyslogd.pid"
        pid.unlink(missing_ok=True)
        command = ["rsyslogd", "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(pid)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: listens(self.port), "rsyslogd", seconds=20, process=self.process)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            os.kill(self.process.pid, number)
            self.process.wait(20)
            self.process = None

    def received(self) -> list[dict[str, Any]]:
        """The messages in the order of their arrival; a line that a kill has cut is none."""
        path = self.folder / "out.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]


@contextmanager
def running(folder: Path, port: int) -> Iterator[Rsyslog]:
    """Start it; end it with the test."""
    authority = Authority.make("Log hosts")
    authority.bundle(folder)
    authority.server(folder, HOST).rename(folder / "server.pem")
    authority.server(folder, CLIENT).rename(folder / "client.pem")
    configuration = CONFIGURATION.format(folder=folder, port=port)
    (folder / "rsyslog.conf").write_text(configuration, encoding="utf-8")
    host = Rsyslog(folder, port)
    host.start()
    try:
        yield host
    finally:
        host.end()
