"""RabbitMQ over TLS, where several servers stand in for one another: each is checked by its own name."""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.pyamqp import SSLTransport

SCHEME = "amqps"


class OwnNameTransport(SSLTransport):
    """As kombu's, which writes the first server's name into the options that all connections share.

    After that the second server would be asked to prove that it is the first: the right one is refused, and
    one with the first's certificate is believed.
    """

    def establish_connection(self) -> Any:
        """None has kombu fill in the name of the address that it connects to, here in a copy."""
        if isinstance(self.client.ssl, dict):
            self.client.ssl = {**self.client.ssl, "server_hostname": None}
        return super().establish_connection()


def use() -> None:
    """Have it for every amqps:// address: the alias is looked up again for each server of a list."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:{OwnNameTransport.__name__}"
