"""How long a person waits from **Accept** to the passphrase, on a whole installation that does nothing else.

The installation is real: web process, worker with four threads, beat and broker, RSA-3072 keys, the embedded
CA. The road is walked by HTTP: Accept is posted, then the page of the progress asks as often as it says
itself, and at last the passphrase is shown. What a person needs beforehand (a request that waits for them,
a session) is made by the verbs, while no clock runs.
"""

from typing import Any

from identity_manager.models import TokenRequest
from tests.performance import browsers, people
from tests.performance.installation import running
from tests.performance.timing import percentile

TYPE = "authentication"  # RSA-3072, one certificate, no approval


def measured(number: int) -> dict[str, Any]:
    """Seconds of each of so many tokens; one more warms up before them."""
    with running():
        samples = [accepted(request) for request in people.first_requests(TYPE, number + 1)][1:]
    return {"figures": {"accept_to_passphrase_p95_s": percentile(samples, 95)}, "seconds": samples}


def accepted(request: TokenRequest) -> float:
    """Seconds from Accept to the passphrase on the screen."""
    session = browsers.over_http(browsers.client(request.person))
    return browsers.walked(session, f"/my/requests/{request.pk}/terms/", "Accept", "I accept")
