"""A mail server that refuses, forgets to answer, and writes down whatever it took.

    CHAOS_FAULTS=DIR SMTP_PORT=2525 VAR_DIR=DIR python -m tests.chaos.post_office

A message is written down before it is answered, so what is there may have been taken without an answer.
"""

import asyncio
import os
import uuid
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.chaos.faults import NONE, Schedule

LATE_SECONDS = 5  # longer than the product waits for an answer
OK = "250 2.0.0 taken"
ANSWERS = {
    "451 try later": "451 4.3.2 try again later",
    "550 no such mailbox": "550 5.1.1 no such mailbox",
    "452 no space": "452 4.3.1 no space left",
    "554 refused": "554 5.7.1 message refused",
}


class PostOffice:
    """The hooks of aiosmtpd."""

    def __init__(self, schedule: Schedule, directory: Path) -> None:
        self._schedule = schedule
        self._directory = directory

    async def handle_RCPT(  # noqa: N802 aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        fault = self._schedule.take("mail.rcpt")
        if fault == "421 and closes":
            server.transport.close()
        if fault == NONE:
            envelope.rcpt_tos.append(address)
        return ANSWERS.get(fault, "250 2.1.5 known here")

    async def handle_DATA(  # noqa: N802 aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        fault = self._schedule.take("mail.data")
        if fault in ANSWERS:
            return ANSWERS[fault]
        if fault != "closes in the middle":
            self._write_down(envelope)
        if fault in ("closes in the middle", "taken, the answer is lost"):
            server.transport.close()
        if fault == "taken, the answer is late":
            await asyncio.sleep(LATE_SECONDS)
        return OK

    def _write_down(self, envelope: Envelope) -> None:
        """Under a name that appears when all is written."""
        content = envelope.original_content or b""
        draft = self._directory / f".{uuid.uuid4().hex}"
        draft.write_bytes(content)
        draft.rename(self._directory / f"{uuid.uuid4().hex}.eml")


def main() -> None:
    directory = Path(os.environ["VAR_DIR"]) / "received"
    office = PostOffice(Schedule(Path(os.environ["CHAOS_FAULTS"])), directory)
    controller = Controller(office, hostname="127.0.0.1", port=int(os.environ["SMTP_PORT"]))
    controller.start()
    asyncio.new_event_loop().run_forever()


if __name__ == "__main__":
    main()
