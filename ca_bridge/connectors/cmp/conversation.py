"""CMP transactions: `openssl cmp` builds and verifies the messages, connection.http carries them."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from django.utils.translation import gettext as _

from ca_bridge.connection.http import Http, secret
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.cmp.messages import BodyType, Message
from ca_bridge.connectors.cmp.options import CmpOptions
from ca_bridge.errors import CaError, InDoubtError

HEADERS = {"Content-Type": "application/pkixcmp", "Accept": "application/pkixcmp"}
# Messages that OpenSSL prints only after it has verified a message's protection (crypto/cmp/cmp_err.c).
CHECKED = (
    "request rejected by server",
    "received error",
    "total timeout",
    "unexpected pkistatus",
    "certificate not accepted",
)
_ESCAPED = re.compile(r"[\\/+]")
MESSAGES = 8  # in one conversation, at most
PROGRAM_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Task:
    """A CMP command: arguments of `openssl cmp`, and contents of the files that they name."""

    arguments: tuple[str, ...]
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class CmpStep:
    """One run of `openssl cmp` on the answers so far: the next request (DER), or none at the end."""

    request: bytes | None
    done: bool
    said: str

    @property
    def checked(self) -> bool:
        """Whether the protection of the last answer was verified."""
        return self.done or self.request is not None or any(words in self.said for words in CHECKED)


@dataclass(frozen=True, slots=True)
class Talk:
    """A transaction that has ended or is polling. first: whether it took one request and one answer."""

    answers: tuple[Message, ...]
    step: CmpStep
    reply: Reply
    first: bool

    @property
    def last(self) -> Message:
        return self.answers[-1]


class Cmp:
    """CMP transactions with one CA. Thread-safe."""

    def __init__(self, options: CmpOptions) -> None:
        self._options = options
        self._http = Http(options)

    def talk(
        self, task: Task, path: str, before: Sequence[Message] = (), *, orders: bool = False
    ) -> Talk | Reply:
        """Run the transaction until it ends or polls. Returns the Reply for an HTTP error without CMP.

        before: the answers of an earlier run that ended polling. orders: whether a lost answer leaves doubt.
        """
        answers = tuple(before)
        step = self._step(task, answers, patience=4)
        if step.request is None:
            message = _("The credentials for the certificate authority cannot be used.")
            raise CaError(message, step.said)
        for number in range(MESSAGES):
            reply = self._sent(path, step.request or b"", orders=orders, first=number == 0)
            if not reply.ok:
                return reply
            answers = _added(answers, _answer(step.request or b"", reply))
            try:
                step = self._step(task, answers)
            except CaError as error:  # it would be a transient fault, but the CA was asked
                raise reply.garbled(error.detail) from error
            if step.request is None or answers[-1].kind == BodyType.POLLREP:
                return Talk(answers, step, reply, first=number == 0 and not before)
        raise reply.garbled("The conversation has no end.")

    def _sent(self, path: str, request: bytes, *, orders: bool, first: bool) -> Reply:
        """Post one message. After the first one a fault raises InDoubtError: the CA may have issued."""
        try:
            reply = self._http.call("POST", path, data=request, headers=HEADERS, orders=orders)
        except CaError as error:
            if orders and not first:
                raise InDoubtError(error.detail) from error
            raise
        if not reply.ok and not first:
            raise reply.garbled(reply.said())
        return reply

    def _step(self, task: Task, answers: Sequence[Message], *, patience: int = 2) -> CmpStep:
        """Replay the answers to `openssl cmp`, which writes the next request.

        After a poll response it waits as long as the CA asked for, at most `patience` less two seconds.
        """
        with tempfile.TemporaryDirectory(prefix="cmp-") as name:
            folder = Path(name)
            for file, content in task.files.items():
                (folder / file).write_bytes(content)
            for number, answer in enumerate(answers):
                (folder / f"answer-{number}").write_bytes(answer.der)
            waits = answers and answers[-1].kind == BodyType.POLLREP
            arguments = [*task.arguments, *(["-total_timeout", str(patience)] if waits else [])]
            ran = self._run([*arguments, *_files(len(answers))], folder)
            request = folder / "request"
            written = request.read_bytes() if request.exists() else None
            return CmpStep(written, done=ran.returncode == 0, said=_errors(ran.stdout))

    def _run(self, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        options, environment = self._options, {"PATH": os.defpath, "LC_ALL": "C"}
        command = [options.program, "cmp", "-config", "", "-batch", *arguments]
        if options.reference:
            environment["CMP_SECRET"] = secret(options.secret_file)
            command += ["-ref", options.reference, "-secret", "env:CMP_SECRET", "-mac", options.mac]
        else:
            command += ["-cert", options.signer_certificate_file, "-key", options.signer_key_file]
            command += ["-srvcert", options.responder_file, "-ignore_keyusage"]
        if file := options.signer_key_passphrase_file:
            environment["CMP_KEY"] = secret(file)
            command += ["-keypass", "env:CMP_KEY"]
        command += _recipient(options.chain[0])
        try:
            return subprocess.run(  # noqa: S603 - the arguments are made here; secrets are not among them
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,  # errors go to both
                text=True,
                errors="replace",
                timeout=PROGRAM_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CaError(_("The program openssl cannot be used."), f"{type(error).__name__}") from error


def _answer(request: bytes, reply: Reply) -> Message:
    """Parse the answer and match it with the request, which OpenSSL does not do for answers in files."""
    with reply.reading("CMP message"):
        answer = Message.read(reply.body)
    if not answer.answers(Message.read(request)):
        raise reply.garbled("the answer to another request")
    return answer


def _added(answers: Sequence[Message], answer: Message) -> tuple[Message, ...]:
    """The answers to replay: while it waits, without earlier poll responses; then without any that waited."""
    if answer.kind == BodyType.POLLREP:
        return (*(each for each in answers if each.kind != BodyType.POLLREP), answer)
    return (*(each for each in answers if answer.waits or not each.waits), answer)


def _files(count: int) -> list[str]:
    """The arguments that give `openssl cmp` the answers and say where it writes the next request."""
    if not count:
        return ["-reqout_only", "request"]
    names = ",".join(f"answer-{number}" for number in range(count))
    return ["-rspin", names, "-reqout", ",".join([*[os.devnull] * count, "request"])]


def _errors(said: str) -> str:
    """The error lines of `openssl cmp` for operators, without its complaint about a missing server."""
    lines = [line for line in said.splitlines() if line.strip()]
    found = [line.partition("CMP error: ")[2] for line in lines if "CMP error: " in line]
    own = [each for each in found if not each.startswith(("transfer error", "missing -server"))]
    return "; ".join(own or found or lines[-1:])[:300]


def _recipient(ca: bytes) -> list[str]:
    """The -recipient argument; none where the name is not ASCII, which `openssl cmp` cannot read."""
    rdns = x509.load_der_x509_certificate(ca).subject.rdns
    written = "".join(f"/{'+'.join(map(_written, rdn))}" for rdn in rdns)
    return ["-recipient", written] if written.isascii() and written else []


def _written(attribute: x509.NameAttribute[str | bytes]) -> str:
    value = _ESCAPED.sub(lambda found: f"\\{found[0]}", str(attribute.value))
    return f"{attribute.oid.dotted_string}={value}"
