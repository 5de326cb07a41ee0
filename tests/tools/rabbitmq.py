"""A private RabbitMQ for a test: own ports, home, data and processes; the machine's service is not touched.

The name server of Erlang is started by us, too, because the one that RabbitMQ would start stays behind.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kombu import Connection
from kombu.exceptions import OperationalError

from tests.tools import running as programs
from tests.tools.running import free_port

# The program itself: the one in PATH becomes the user of the machine's service.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START_SECONDS = 90
STOP_SECONDS = 30


@dataclass
class RabbitMq:
    """One node, that can be stopped and started again with what it holds."""

    directory: Path
    port: int = field(default_factory=free_port)
    distribution_port: int = field(default_factory=free_port)
    names_port: int = field(default_factory=free_port)
    settings: str = ""

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def variables(self) -> dict[str, str]:
        configuration = self.directory / "rabbitmq.conf"
        lines = (f"listeners.tcp.default = 127.0.0.1:{self.port}", "log.console = true", self.settings)
        configuration.write_text("\n".join([*lines, ""]), encoding="utf-8")
        (self.directory / "plugins").write_text("[].\n", encoding="utf-8")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "RABBITMQ_NODENAME": f"im{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(self.directory / "data"),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def names(self) -> AbstractContextManager[programs.Process]:
        """Erlang's name server, for this node alone."""
        program = shutil.which("epmd")
        assert program is not None, "mark the test: needs_program('rabbitmq-server')"
        return self._running(program, "names.log")

    def running(self) -> AbstractContextManager[programs.Process]:
        """The node, from the moment that it takes messages."""
        return self._running(str(SERVER), "server.log", up=self.answers, within=START_SECONDS)

    def _running(self, program: str, log: str, **more: Any) -> AbstractContextManager[programs.Process]:
        more |= {"env": self.variables(), "cwd": self.directory, "end_within": STOP_SECONDS}
        return programs.running([program], log=self.directory / log, **more)

    def answers(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=5) as connection:
                connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        except (OSError, OperationalError):
            return False
        return True


@contextmanager
def rabbitmq(settings: str = "") -> Iterator[RabbitMq]:
    """Yield a node that runs; nothing of it is left afterwards."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="im-mq-")))
        node = RabbitMq(directory, settings=settings)
        stack.enter_context(node.names())
        stack.enter_context(node.running())
        yield node
