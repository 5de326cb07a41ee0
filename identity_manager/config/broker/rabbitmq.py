"""kombu transports for RabbitMQ: bounded publisher confirms, and TLS host names per server of a list."""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, pyamqp


class ImpatientChannel(pyamqp.Channel):
    """A channel that drops the connection, without closing handshake, if a confirm does not come in time."""

    def basic_publish_confirm(self, *args: Any, **kwargs: Any) -> Any:
        """Publish and wait for the confirm. Raises TimeoutError; the next message gets a new connection.

        A server under a memory or disk alarm reads nothing more: kombu would wait for its answer to
        channel.close and again to connection.close, each until the time-out.
        """
        connection = self.connection
        try:
            return super().basic_publish_confirm(*args, **kwargs)
        except TimeoutError:
            connection.sock.settimeout(0)  # do not block on TLS close_notify, either
            connection.collect()
            raise


class Connection(pyamqp.Connection):
    """A connection with ImpatientChannel."""

    Channel = ImpatientChannel


class Transport(pyamqp.Transport):
    """amqp://"""

    Connection = Connection


class TlsTransport(pyamqp.SSLTransport):
    """amqps://, verifying each server of a list by its own host name.

    kombu writes the first server's name into options that all connections share. The second server would then
    be verified by the first one's name: its own certificate is refused, and the first one's accepted.
    """

    Connection = Connection

    def establish_connection(self) -> Any:
        """Connect with a copy of the options, in which server_hostname None means the present host."""
        client: Any = self.client
        if isinstance(client.ssl, dict):
            client.ssl = {**client.ssl, "server_hostname": None}
        return super().establish_connection()


def use() -> None:
    """Register the transports under kombu's aliases, which it resolves again for each server of a list."""
    for scheme, transport in {"amqp": Transport, "amqps": TlsTransport}.items():
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{transport.__name__}"
