"""A real step-ca: built from Debian's source package, as there is no package of the program."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import ECAlgorithm

from ca_bridge.connectors.step_ca.connector import StepCaConnector
from ca_bridge.connectors.step_ca.wire import thumbprint
from tests.ca_bridge.connectors.issuers import HERE, TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour, server
from tests.tools.programs import INSTALL_NIGHTLY, in_ci
from tests.tools.running import free_port, listens
from tests.tools.x509 import key_pem

PACKAGE = "golang-github-smallstep-certificates-dev"
BUILT = Path(__file__).parents[4] / "var" / "test-programs"
GO_PATH = "/usr/share/gocode"
MAIN = """\
// The server of step-ca, without its command line.
package main

import (
	"fmt"
	"os"

	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/ca"
	_ "github.com/smallstep/certificates/cas/softcas"
	_ "github.com/smallstep/certificates/kms/softkms"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	configuration, err := config.LoadConfiguration(os.Args[1])
	check(err)
	server, err := ca.New(configuration, ca.WithConfigFile(os.Args[1]))
	check(err)
	check(server.Run())
}
"""
# As docs/how-to/connect-step-ca.md has it: the certificate says what the request says.
TEMPLATE = """{
  "rawSubject": {{ toJson .Insecure.CR.RawSubject }},
  "extensions": {{ toJson .Insecure.CR.Extensions }},
  "basicConstraints": {"isCA": false}
}"""
CLAIMS = {"minTLSCertDuration": "5m", "maxTLSCertDuration": "8784h", "defaultTLSCertDuration": "24h"}


def program() -> str:
    """The path of the server; it is built (in about a minute) where this version has not been built yet."""
    asked = ["dpkg-query", "--show", "--showformat=${Version}", PACKAGE]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)
    if found.returncode:
        missed = pytest.fail if in_ci() else pytest.skip
        missed(f"needs {PACKAGE}; install with: {INSTALL_NIGHTLY}")
    BUILT.mkdir(parents=True, exist_ok=True)
    built = BUILT / f"step-ca-{found.stdout}"
    with (BUILT / "step-ca.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            _build(built)
    return str(built)


def _build(built: Path) -> None:
    source, unfinished = built.with_suffix(".src"), built.with_suffix(".unfinished")
    source.mkdir(exist_ok=True)
    (source / "main.go").write_text(MAIN, encoding="utf-8")
    offline = {"GO111MODULE": "off", "GOPROXY": "off", "GOFLAGS": "", "CGO_ENABLED": "0"}
    places = {"GOPATH": f"{source}:{GO_PATH}", "GOCACHE": str(source / "cache")}
    command = ["go", "build", "-o", str(unfinished), "."]
    subprocess.run(command, cwd=source, env={**os.environ, **offline, **places}, check=True)
    shutil.rmtree(source)
    unfinished.rename(built)


class StepCa(TestCa):
    """The CA's certificate and key, and the keys of its provisioners."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        super().__init__("Test Step CA", folder)
        self.port = free_port()
        self.key_file, jwk = self._provisioner_key("provisioner.key")
        self.wrong_key_file, _jwk = self._provisioner_key("wrong.key")
        provisioners = [{"type": "JWK", "name": name, "key": jwk} for name in ("person", "officer")]
        roots = self.certificate.public_bytes(Encoding.PEM)
        provisioners.append({"type": "X5C", "name": "signed", "roots": base64.b64encode(roots).decode()})
        options = {"claims": CLAIMS, "options": {"x509": {"template": TEMPLATE}}}
        configuration = {
            "root": self.path,
            "crt": self.path,
            "key": str(folder / "ca.key"),
            "address": f"127.0.0.1:{self.port}",
            "dnsNames": ["localhost", "127.0.0.1"],
            "db": {"type": "bbolt", "dataSource": str(folder / "db")},
            "authority": {"provisioners": [each | options for each in provisioners]},
        }
        self.configuration = self.file("ca.json", json.dumps(configuration))

    def _provisioner_key(self, name: str) -> tuple[str, dict[str, str]]:
        key = ec.generate_private_key(ec.SECP256R1())
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        jwk |= {"kid": thumbprint(key.public_key()), "use": "sig", "alg": "ES256"}
        return self.file(name, key_pem(key)), jwk


@contextmanager
def step_ca(folder: Path) -> Iterator[tuple[StepCa, Neighbour]]:
    """The server with JWK and X5C provisioners, and a connector's options for it."""
    ca = StepCa(folder)
    with server([program(), ca.configuration], folder=folder, up=lambda: listens(ca.port)):
        yield (
            ca,
            Neighbour(
                StepCaConnector,
                {
                    "url": f"https://localhost:{ca.port}",
                    "chain_file": ca.path,
                    "ca_file": ca.path,
                    "provisioner": "officer",
                    "key_file": ca.key_file,
                },
                {"key_file": ca.wrong_key_file},
                identity=ca.identity("localhost", of=HERE),
            ),
        )
