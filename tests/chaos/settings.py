"""The product's settings, with the times scaled down so that minutes show what hours would, and bad CAs.

Leases and time limits keep their order: a task ends (or is ended) before its lease does, and the broker
gives a message anew after both. Everything else is what an operator would have.
"""

import os
from typing import Any

from identity_manager.config import settings as product
from identity_manager.config.settings import *  # noqa: F403 all of them, then what differs

LEASE_SECONDS = 20
CELERY_TASK_SOFT_TIME_LIMIT = 12
CELERY_TASK_TIME_LIMIT = 15
CELERY_BROKER_TRANSPORT_OPTIONS = {**product.CELERY_BROKER_TRANSPORT_OPTIONS, "visibility_timeout": 25}

_options: dict[str, Any] = product.DATABASES["default"]["OPTIONS"]
if "sqlite" in product.DATABASES["default"]["ENGINE"]:
    _options = {**_options, "timeout": 4}
if os.environ.get("CHAOS_DRIVER"):  # its persons come and go, each with a connection of their own
    _options = {name: value for name, value in _options.items() if name != "pool"}
DATABASES = {"default": {**product.DATABASES["default"], "OPTIONS": _options}}

_options_of_a_ca = {
    "name": "corporate",
    "directory": str(product.VAR_DIR / "ca" / "corporate"),
    "publication_url": "http://pki.acme-corporation.net/pki",
    "passphrase_file": str(product.SECRETS_DIR / "ca-corporate-passphrase"),
    "organisation": "Acme Corporation",
}
_elsewhere = {"register": str(product.VAR_DIR / "ca" / "elsewhere.sqlite3"), **_options_of_a_ca}
_silent = {"register": str(product.VAR_DIR / "ca" / "silent.sqlite3"), **_options_of_a_ca}
CA_CONNECTORS = {
    # The embedded CA, whose register lies in the installation's own database.
    "corporate": {"CONNECTOR": "tests.chaos.connectors.FaultyEmbedded", "OPTIONS": _options_of_a_ca},
    # CAs that outlive our database and issue anew each time that they are asked. One can be searched.
    "elsewhere": {"CONNECTOR": "tests.chaos.connectors.Elsewhere", "OPTIONS": _elsewhere},
    "silent": {"CONNECTOR": "tests.chaos.connectors.Silent", "OPTIONS": _silent, "UNKNOWN": "park"},
}
# Accounts have no passwords here, and the driver signs in without a second factor.
OFFICERS_NEED_SECOND_FACTOR = False
