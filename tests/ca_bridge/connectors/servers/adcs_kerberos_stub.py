"""The stub of AD CS as IIS is with Negotiate and Extended Protection required; a process of its own.

It takes whoever has a ticket for the service whose key is in KRB5_KTNAME, bound to its own TLS certificate
(RFC 5929, 4). Where the ticket is no good it answers with the token of gssapi that says why (RFC 4559, 4.1).
"""

import base64
import hashlib
import ssl
import sys
from pathlib import Path

import gssapi
from gssapi.raw import ChannelBindings

from tests.ca_bridge.connectors.servers import adcs_stub, stub

API, UNBOUND = adcs_stub.API, "Negotiate"


class Pages(adcs_stub.Pages):
    """The pages, with another way in."""

    end_point: bytes

    def challenge(self) -> str:
        scheme, _space, token = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Negotiate":
            return UNBOUND
        context = gssapi.SecurityContext(
            usage="accept",
            creds=gssapi.Credentials(usage="accept"),
            channel_bindings=ChannelBindings(application_data=self.end_point),
        )
        context.__DEFER_STEP_ERRORS__ = False
        try:
            context.step(base64.b64decode(token))
        except gssapi.exceptions.GSSError as error:
            self.log_message("%s", error)
            told = error.token
            return f"Negotiate {base64.b64encode(told).decode()}" if told else UNBOUND
        # Without bindings of the client gssapi lets it pass, and does not set the flag.
        bound = gssapi.RequirementFlag.channel_bound in context.actual_flags
        return "" if context.complete and bound else UNBOUND


def end_point(folder: Path) -> bytes:
    """Of the TLS certificate, which is signed with SHA-256."""
    own = (folder / "localhost.pem").read_text().partition("-----END CERTIFICATE-----")
    return b"tls-server-end-point:" + hashlib.sha256(ssl.PEM_cert_to_DER_cert("".join(own[:2]))).digest()


if __name__ == "__main__":
    Pages.end_point = end_point(Path(sys.argv[1]))
    stub.serve(Pages, lambda folder: adcs_stub.Ca(stub.Signer(folder)), clients=ssl.CERT_NONE)
