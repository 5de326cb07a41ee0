"""A CA elsewhere: it outlives a restored database, remembers what it issued, and can be searched."""

from ca_bridge.contract import CertificateOrder, Issued
from tests.ca_bridge.scripted import SearchableConnector, issuing_ca, sign


class RememberingConnector(SearchableConnector):
    """Issues anew each time that it is asked: doubles are its asker's fault."""

    issued: list[tuple[str, bytes]] = []

    def issue(self, order: CertificateOrder) -> Issued:
        certificate = sign(order)
        self.issued.append((order.idempotency_key, certificate))
        return Issued(certificate, (issuing_ca().der,))

    def find(self, order: CertificateOrder) -> Issued | None:
        known = dict(self.issued).get(order.idempotency_key)
        return Issued(known, (issuing_ca().der,)) if known else None
