"""An SFTP server on loopback, paramiko's server side, that misbehaves as a test says."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import StreamRequestHandler
from typing import Any

import paramiko

from tests.tools.http_server import serving

HOST, USER, PASSWORD = "127.0.0.1", "im", "s3cret-of-the-drop"


@dataclass
class SftpServer:
    """folder: what is served as /drop. users: each sign-in that was tried.

    full: writes fail as on a full disk, or (silent) lose half without a word. dies_at_rename: before it
    ("before") or after ("after") the line is cut.
    """

    folder: Path
    host_key: paramiko.PKey = field(default_factory=paramiko.ECDSAKey.generate)
    client_key: paramiko.PKey | None = None
    users: list[str] = field(default_factory=list)
    full: str = ""
    dies_at_rename: str = ""
    port: int = 0
    transports: list[paramiko.Transport] = field(default_factory=list)

    def options(self, **more: Any) -> dict[str, Any]:
        line = f"{self.host_key.get_name()} {self.host_key.get_base64()}"
        return {"url": f"sftp://{USER}@{HOST}:{self.port}/drop", "host_key": line} | more

    def cut(self) -> None:
        """Close the connections of this moment, and none that is accepted while they close."""
        for each in tuple(self.transports):
            each.close()


@contextmanager
def running(folder: Path) -> Iterator[SftpServer]:
    server = SftpServer(folder)
    try:
        with serving(_Line, sftp=server) as server.port:
            yield server
    finally:
        server.cut()


class _Line(StreamRequestHandler):
    sftp: SftpServer

    def handle(self) -> None:
        transport = paramiko.Transport(self.connection)
        self.sftp.transports.append(transport)
        transport.add_server_key(self.sftp.host_key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, stub=self.sftp)
        try:
            transport.start_server(server=_Door(self.sftp))
            transport.join()
        except (paramiko.SSHException, EOFError):
            transport.close()


class _Door(paramiko.ServerInterface):
    def __init__(self, server: SftpServer) -> None:
        self._server = server

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_auth_password(self, username: str, password: str) -> int:
        self._server.users.append(username)
        is_right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._server.users.append(username)
        mine = self._server.client_key
        is_right = mine is not None and key.asbytes() == mine.asbytes()
        return paramiko.AUTH_SUCCESSFUL if is_right else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, door: Any, *, stub: SftpServer) -> None:
        self._server = stub
        super().__init__(door)

    def _path(self, path: str) -> Path:
        relative = self.canonicalize(path).removeprefix("/drop").lstrip("/")
        if not self.canonicalize(path).startswith("/drop"):
            return self._server.folder / "nowhere" / relative
        return self._server.folder / relative

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._path(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            descriptor = os.open(self._path(path), flags, 0o600)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle = _Handle(flags, self._server)
        mode = "r+b" if flags & (os.O_WRONLY | os.O_RDWR) else "rb"
        handle.readfile = handle.writefile = os.fdopen(descriptor, "wb" if flags & os.O_WRONLY else mode)  # type: ignore[attr-defined]  # paramiko looks for them
        return handle

    def remove(self, path: str) -> int:
        try:
            self._path(path).unlink()
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno or 0))
        return paramiko.SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        if self._server.dies_at_rename == "before":
            self._server.cut()
            return paramiko.SFTP_FAILURE
        if self._path(newpath).exists():
            return paramiko.SFTP_FAILURE
        self._path(oldpath).rename(self._path(newpath))
        if self._server.dies_at_rename == "after":
            self._server.cut()
        return paramiko.SFTP_OK


class _Handle(paramiko.SFTPHandle):
    def __init__(self, flags: int, server: SftpServer) -> None:
        super().__init__(flags)
        self._server = server

    def write(self, offset: int, data: bytes) -> int:
        if self._server.full == "silent":
            return int(super().write(offset, data[: len(data) // 2]))
        if self._server.full:
            return int(paramiko.SFTPServer.convert_errno(errno.ENOSPC))
        return int(super().write(offset, data))
