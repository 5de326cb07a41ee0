"""How gunicorn serves the portals: `gunicorn -c python:identity_manager.config.gunicorn`.

BIND and the numbers of processes and threads come from the environment; GUNICORN_CMD_ARGS wins over all.
"""

import os
import sys
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import env

bind = env.text("BIND", f"127.0.0.1:{env.integer('HTTP_PORT', 8000, minimum=1, maximum=65535)}")
wsgi_app = "identity_manager.config.wsgi:application"
worker_class = "gthread"
workers = env.integer("WEB_PROCESSES", 2, minimum=1, maximum=64)
threads = env.integer("WEB_THREADS", 8, minimum=1, maximum=64)
timeout = 60
graceful_timeout = 10
# Else gunicorn opens a socket for commands under $HOME, which two installations would share.
control_socket_disable = True
forwarded_allow_ips = env.text("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")
errorlog = "-"
loglevel = "warning"


def on_starting(_server: Any) -> None:
    """Refuse in the parent, once and in one sentence; a worker that refuses would be started again."""
    # Here, because the settings must not load when gunicorn only reads this file.
    import django

    from identity_manager.config.checks import refuse_inconsistent_settings

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_manager.config.settings")
    try:
        django.setup()
        refuse_inconsistent_settings()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
