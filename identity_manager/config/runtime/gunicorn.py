"""Configuration of gunicorn: `gunicorn -c python:identity_manager.config.runtime.gunicorn`.

BIND and the numbers of processes and threads come from the environment; GUNICORN_CMD_ARGS overrides all.
"""

import os
import socket
import struct
import sys
from importlib import import_module
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import env
from identity_manager.config.runtime import garbage_collection, process_kind

bind = env.text("BIND", f"127.0.0.1:{env.integer('HTTP_PORT', 8000, minimum=1, maximum=65535)}")
wsgi_app = "identity_manager.config.wsgi:application"
worker_class = "identity_manager.config.runtime.serving.ProbedWorker"
workers = env.integer("WEB_PROCESSES", 2, minimum=1, maximum=64)
threads = env.integer("WEB_THREADS", 8, minimum=1, maximum=64)
timeout = 60
graceful_timeout = 10
# Receive time-out of a client, for installations without a proxy that buffers requests.
RECEIVE_SECONDS = 15
# Disabled: gunicorn's control socket is under $HOME, which two installations would share.
control_socket_disable = True
# Forwarded headers are handled by identity_manager.ui.http.proxies, the same under every server.
forwarded_allow_ips = ""
errorlog = "-"
loglevel = "warning"
# WSGI maps X_SSL_Client_Cert and X-SSL-Client-Cert to the same name: the first could forge the second.
HEADERS_WITH_UNDERSCORES = (
    "header_map=dangerous lets anybody forge headers of the proxy: take it out of GUNICORN_CMD_ARGS."
)


def on_starting(server: Any) -> None:
    """Check the settings once, in the parent: a worker that refuses would be restarted for ever.

    Preloads the application, so that workers share its memory and the first page is faster.
    """
    # Here, because the settings must not load when gunicorn only reads this file.
    import django
    from django.db import connections
    from django.urls import get_resolver

    from identity_manager.config.checks import refuse_inconsistent_settings

    if server.cfg.header_map == "dangerous":
        sys.exit(HEADERS_WITH_UNDERSCORES)
    process_kind.serve_pages()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "identity_manager.config.settings")
    try:
        django.setup()
        refuse_inconsistent_settings(serves_pages=True)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    _ = import_module("identity_manager.config.wsgi"), get_resolver().url_patterns
    connections.close_all()  # none is carried into a child
    garbage_collection.freeze_loaded_objects()


def when_ready(server: Any) -> None:
    """Set SO_RCVTIMEO on the listening sockets, which accepted ones inherit (Linux)."""
    for listener in server.LISTENERS:
        limit = struct.pack("@ll", RECEIVE_SECONDS, 0)  # struct timeval
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def post_worker_init(_worker: Any) -> None:
    """Start this worker's thread of metrics, and its pool of SQLite connections."""
    from identity_manager.config.database.sqlite.connection_pool import IDLE
    from identity_manager.metrics import aggregation
    from identity_manager.models import ProcessKind

    IDLE.keep()
    aggregation.start(ProcessKind.WEB)


def worker_exit(_server: Any, _worker: Any) -> None:
    """Write the remaining counters and close connections when a worker ends."""
    from identity_manager.config.database.sqlite.connection_pool import IDLE
    from identity_manager.metrics import aggregation

    try:
        aggregation.stop()
    finally:
        IDLE.stop()
