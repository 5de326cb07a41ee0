"""Broker settings by BROKER_URL: Redis, Valkey or RabbitMQ, TLS, time-outs, queues.

redis://, rediss:// (TLS), redis+socket://, amqp://, amqps:// (TLS); several of one kind, for failover, are
separated by semicolons.
"""

import ssl
from typing import Any
from urllib.parse import quote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from kombu import Exchange, Queue

from identity_manager.config import env
from identity_manager.config.broker import rabbitmq

NAMES = ("ca", "mail", "bulk")
# The queue of ticks and jobs. Each worker of `ca` or `bulk` consumes it, too, so that a backlog delays no
# job.
JOBS = "jobs"
# The queue of each task by its name; tasks without a route are in "ca".
ROUTES = {
    **{f"{name}.*": {"queue": name} for name in ("mail", "bulk", JOBS)},
    "audit.seal": {"queue": JOBS},
    "events.*": {"queue": "bulk"},  # other systems may be slow: mails and certificates do not wait for them
}
REDIS, RABBITMQ = frozenset({"redis", "rediss", "redis+socket"}), frozenset({"amqp", "amqps"})
SECURE = frozenset({"rediss", "amqps"})
CONNECT_SECONDS = 2
ANSWER_SECONDS = 5  # else a dead host (no RST) blocks a page for 15 minutes, the TCP time-out
# A page does not retry publishing while the broker is down: the sweep publishes later.
IMPATIENT = {"max_retries": 1, "interval_start": 0}

rabbitmq.use()


def address(default: str | None) -> str:
    """BROKER_URL with BROKER_PASSWORD inserted, if set. Raises ImproperlyConfigured."""
    text, password = env.text("BROKER_URL", default), env.text("BROKER_PASSWORD", "")
    parts = [part for part in text.split(";") if part]
    try:
        kinds = {url.scheme for url in map(urlsplit, parts) if url.port != 0}
    except ValueError as error:
        raise ImproperlyConfigured("BROKER_URL must be an address; its host or port is none.") from error
    if kinds - REDIS - RABBITMQ or len(kinds) != 1:
        known = ", ".join(f"{scheme}://" for scheme in sorted(REDIS | RABBITMQ))
        raise ImproperlyConfigured(f"BROKER_URL must begin with one of {known}.")
    return ";".join(_with_password(part, password) for part in parts) if password else text


def _with_password(text: str, password: str) -> str:
    """Insert the password into the URL; for Redis also without a user."""
    url = urlsplit(text)
    user, _, host = url.netloc.rpartition("@")
    name = user.partition(":")[0]
    return url._replace(netloc=f"{name}:{quote(password, safe='')}@{host}").geturl()


def is_rabbitmq(url: str) -> bool:
    return urlsplit(url).scheme in RABBITMQ


def tls(url: str) -> dict[str, Any] | bool:
    """TLS options, False without TLS. The server's certificate is verified; ours is sent if configured.

    Trust anchors: BROKER_TLS_CA, else the system's store. Raises ImproperlyConfigured.
    """
    named = {
        "ca_certs": ("BROKER_TLS_CA", env.text("BROKER_TLS_CA", "")),
        "certfile": ("BROKER_TLS_CERTIFICATE", env.text("BROKER_TLS_CERTIFICATE", "")),
        "keyfile": ("BROKER_TLS_KEY", env.text("BROKER_TLS_KEY", "")),
    }
    if urlsplit(url).scheme not in SECURE:
        return False
    files = {word: env.readable(setting, path) for word, (setting, path) in named.items() if path}
    if is_rabbitmq(url):
        return {**files, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}  # None: that of the address
    prefixed = {f"ssl_{name}": path for name, path in files.items()}
    return {**prefixed, "ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}


def transport_options(url: str) -> dict[str, Any]:
    """Time-outs and retry options of kombu's transport for this URL."""
    if is_rabbitmq(url):
        return {**IMPATIENT, "confirm_publish": True, "read_timeout": 30, "write_timeout": 30}
    return {
        **IMPATIENT,
        "visibility_timeout": 600,  # longer than the longest task
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "socket_keepalive": True,
        "health_check_interval": 25,
    }


def queues(url: str) -> list[Queue]:
    """The durable queues; at RabbitMQ quorum queues."""
    arguments = {"x-queue-type": "quorum"} if is_rabbitmq(url) else None
    names = (*NAMES, JOBS)
    return [Queue(name, Exchange(name), routing_key=name, queue_arguments=arguments) for name in names]
