"""Caddy with the composition's own Caddyfile, on ports of this machine and without touching its trust."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.deploy import composition

REQUEST_BUFFERS = (2, 6, 4)  # the first version that knows request_buffers


@dataclass(frozen=True)
class Front:
    """The proxy before a web process."""

    folder: Path
    web: int
    http: int
    https: int

    @property
    def authority(self) -> Path:
        """The certificate of the CA that it makes for itself."""
        return self.folder / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"

    def command(self) -> list[str]:
        own = (composition.FOLDER / "Caddyfile").read_text(encoding="utf-8")
        assert own.count("web:8000") == 2
        assert own.count("\n{\n") == 1, "the options for all sites"
        options = f"admin off\nskip_install_trust\nhttp_port {self.http}\nhttps_port {self.https}\n"
        text = own.replace("\n{\n", f"\n{{\n{options}", 1).replace("web:8000", f"127.0.0.1:{self.web}")
        if version() < REQUEST_BUFFERS:  # Debian's; the same in the words of old
            text = re.sub(r"request_buffers (\w+)", r"buffer_requests\nmax_buffer_size \1", text)
        file = self.folder / "Caddyfile"
        file.write_text(text, encoding="utf-8")
        return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]

    def variables(self, host: str) -> dict[str, str]:
        homes = {name: str(self.folder / "caddy") for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
        return {"PATH": os.environ["PATH"], "HOST": host, "TLS": "internal", **homes}


def version() -> tuple[int, ...]:
    told = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", told)
    assert found, told
    return tuple(map(int, found.groups()))
