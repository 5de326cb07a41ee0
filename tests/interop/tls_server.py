"""openssl s_server as it stands before an internal website: it trusts the root, and wants a certificate."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.interop.tls_certificates import certified
from tests.tools.running import free_port, running, until

HOST = "localhost"
PATIENCE = 10.0
SEEN = re.compile(r"^depth=(\d+) (.+)$", re.MULTILINE)


class Website:
    """A running server. Its page says who visits; its diary says whose chain was verified up to the root."""

    def __init__(self, port: int, diary: Path) -> None:
        self.url = f"https://{HOST}:{port}/"
        self._diary = diary

    def words(self) -> str:
        return self._diary.read_text(errors="replace")

    def wait_for(self, word: str) -> None:
        """The diary may say it only after the visitor has gone."""
        until(lambda: word in self.words(), word, seconds=PATIENCE, log=self._diary)

    def chain(self) -> dict[int, str]:
        """Depth and subject of every certificate that was verified: 0 is the visitor."""
        return {int(depth): subject for depth, subject in SEEN.findall(self.words())}


@contextmanager
def website(directory: Path, trusted: Sequence[bytes], *options: str) -> Iterator[Website]:
    """trusted: certificates (and CRLs) as PEM; their names are announced to the visitor.

    The server's own certificate is of a CA whose certificate lies in the directory as trusted.pem.
    """
    own, trust, port = certified(directory, HOST), directory / "clients.pem", free_port()
    trust.write_bytes(b"".join(trusted))
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert", str(own)]
    command += ["-CAfile", str(trust), "-no-CApath", "-no-CAstore", "-Verify", "5", "-verify_return_error"]
    diary = directory / f"website-{port}.log"
    here = Website(port, diary)
    diary.unlink(missing_ok=True)
    with running([*command, *options], log=diary, up=lambda: "ACCEPT" in here.words()):
        yield here
