"""A drop over SFTP, with a pinned host key: no credentials are sent to a server with another key."""

import io
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import paramiko

from identity_manager.targets.gateway.drop import HostKeyError, SignInError
from identity_manager.targets.gateway.options import GatewayOptions

# RSA keys sign with SHA-2 alone (RFC 8332); the key itself is called ssh-rsa.
RSA, RSA_SIGNATURES = "ssh-rsa", ("rsa-sha2-512", "rsa-sha2-256")
KEY_CLASSES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
PRIVATE_KEY = "-----BEGIN"
Result = TypeVar("Result")


class SftpDrop:
    """One folder of a server. Raises OSError alone; a connection is opened with the first call."""

    def __init__(self, options: GatewayOptions, secret: str) -> None:
        self._options, self._secret = options, secret
        self._transport: paramiko.Transport | None = None
        self._opened: paramiko.SFTPClient | None = None

    def check(self) -> None:
        """The folder is there, and is one."""
        found = self._done(lambda client: client.stat("."))
        if not stat.S_ISDIR(found.st_mode or 0):
            raise NotADirectoryError(self._options.folder)

    def read(self, name: str) -> bytes | None:
        """A file that vanishes meanwhile is not there."""
        return self._done(lambda client: _read(client, name))

    def write(self, name: str, content: bytes) -> None:
        """Write, then compare the size: some servers report no error for a full disk."""
        self._done(lambda client: client.putfo(io.BytesIO(content), name, confirm=True))

    def rename(self, old: str, new: str) -> None:
        """Rename; not posix-rename, which would overwrite an existing file."""
        self._done(lambda client: client.rename(old, new))

    def remove(self, name: str) -> None:
        """As the contract says."""
        self._done(lambda client: client.remove(name))

    def close(self) -> None:
        """Close the connection."""
        transport, self._transport, self._opened = self._transport, None, None
        if transport is not None:
            transport.close()

    def _done(self, act: Callable[[paramiko.SFTPClient], Result]) -> Result:
        """Run an action on the connection, opened at the first call. Raises only OSError."""
        try:
            if self._opened is None:
                self._opened = self._open()
            return act(self._opened)
        except (paramiko.SSHException, EOFError) as error:
            self.close()
            raise ConnectionResetError(type(error).__name__) from error

    def _open(self) -> paramiko.SFTPClient:
        options = self._options
        line = _connected(options)
        self._transport = transport = paramiko.Transport(line)
        transport.banner_timeout = transport.auth_timeout = options.timeout
        kind, blob = options.host_key
        transport.get_security_options().key_types = RSA_SIGNATURES if kind == RSA else (kind,)
        try:
            transport.start_client(timeout=options.timeout)
        except paramiko.ssh_exception.IncompatiblePeer as error:
            self.close()
            raise HostKeyError(str(error)) from error
        if transport.get_remote_server_key().asbytes() != blob:
            self.close()
            raise HostKeyError("another key")
        self._sign_in(transport)
        client = paramiko.SFTPClient.from_transport(transport)
        channel = client.get_channel() if client else None
        if client is None or channel is None:
            raise ConnectionResetError("no SFTP")
        channel.settimeout(options.timeout)
        client.chdir(options.folder)
        return client

    def _sign_in(self, transport: paramiko.Transport) -> None:
        """The secret is a password, or a private key without a passphrase."""
        try:
            if PRIVATE_KEY in self._secret:
                transport.auth_publickey(self._options.user, _private_key(self._secret))
            else:
                transport.auth_password(self._options.user, self._secret)
        except paramiko.AuthenticationException as error:
            self.close()
            raise SignInError(type(error).__name__) from None


def _connected(options: GatewayOptions) -> socket.socket:
    try:
        return socket.create_connection((options.host, options.port), timeout=options.timeout)
    except OSError as error:  # unknown host, no route, connection refused
        raise ConnectionAbortedError(type(error).__name__) from error


def _read(client: paramiko.SFTPClient, name: str) -> bytes | None:
    try:
        with client.open(name, "rb") as opened:
            return bytes(opened.read())
    except FileNotFoundError:
        return None


def _private_key(text: str) -> paramiko.PKey:
    for each in KEY_CLASSES:
        with suppress(paramiko.SSHException, ValueError):
            return each.from_private_key(io.StringIO(text))
    raise SignInError("the secret is no private key")
