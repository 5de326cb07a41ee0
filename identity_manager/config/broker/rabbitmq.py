"""kombu's connections to RabbitMQ, with two of its habits left out that cost where a server is in trouble."""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, pyamqp


class ImpatientChannel(pyamqp.Channel):
    """Leaves a server that does not confirm in time without a farewell."""

    def basic_publish_confirm(self, *args: Any, **kwargs: Any) -> Any:
        """Raises TimeoutError; the connection is gone then, and the next message has another.

        One that lacks memory or disk reads nothing more: kombu would wait for its answer to the end of the
        channel, and again to that of the connection, each as long as for any answer.
        """
        connection = self.connection
        try:
            return super().basic_publish_confirm(*args, **kwargs)
        except TimeoutError:
            connection.sock.settimeout(0)  # TLS says farewell, too
            connection.collect()
            raise


class Connection(pyamqp.Connection):
    """With such channels."""

    Channel = ImpatientChannel


class Transport(pyamqp.Transport):
    """amqp://"""

    Connection = Connection


class TlsTransport(pyamqp.SSLTransport):
    """amqps://, where each server of a list is checked by its own name.

    kombu writes the first one's name into the options that all connections share. After that the second would
    be asked to prove that it is the first: the right one is refused, and one with the first's certificate is
    believed.
    """

    Connection = Connection

    def establish_connection(self) -> Any:
        """None has kombu fill in the name of the address that it connects to, here in a copy."""
        client: Any = self.client
        if isinstance(client.ssl, dict):
            client.ssl = {**client.ssl, "server_hostname": None}
        return super().establish_connection()


def use() -> None:
    """Have them for every address: the alias is looked up again for each server of a list."""
    for scheme, transport in {"amqp": Transport, "amqps": TlsTransport}.items():
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{transport.__name__}"
