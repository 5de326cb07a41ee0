"""SSRF guard: webhooks may not reach addresses of this machine or of internal networks, unless allowed.

The name is resolved once, each of its addresses is checked, and the connection uses one of these: a second
look-up could return another address (DNS rebinding). WEBHOOK_ALLOWED_NETWORKS allows networks.
"""

import ipaddress
import socket

from django.conf import settings

Place = tuple[socket.AddressFamily, tuple[str, int]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# `is_global` differs between versions of Python, and calls some of these global.
REFUSED = tuple(
    ipaddress.ip_network(each)
    for each in (
        *("192.0.0.0/24", "192.88.99.0/24", "100.64.0.0/10"),
        *("fec0::/10", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "5f00::/16"),
    )
)


class RefusedAddressError(Exception):
    """The host has a refused address. The text contains neither host nor address."""


def resolved(host: str, port: int) -> list[Place]:
    """Every address of the host. Raises OSError, or RefusedAddressError where one of them is refused."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    places: list[Place] = [
        (family, (str(where[0]), port)) for family, _kind, _protocol, _name, where in found
    ]
    if not places or any(is_refused(where[0]) for _family, where in places):
        raise RefusedAddressError
    return places


def is_refused(text: str) -> bool:
    """Whether webhooks may not reach this address; True for malformed text."""
    try:
        address = _unwrapped(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return True
    if any(_within(address, ipaddress.ip_network(each)) for each in settings.WEBHOOK_ALLOWED_NETWORKS):
        return False
    refused = any(_within(address, network) for network in REFUSED)
    return refused or address.is_multicast or not address.is_global


def refuses_literal(host: str) -> bool:
    """Whether the host is an address in any notation (127.1, 0x7f000001, 2130706433), and refused."""
    try:
        return is_refused(str(ipaddress.ip_address(host)))
    except ValueError:
        pass
    try:
        return is_refused(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return host.rstrip(".").lower() == "localhost"


def _unwrapped(address: Address) -> Address:
    """The IPv4 address within an IPv4-mapped one (RFC 4291 2.5.5.2)."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _within(address: Address, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return address.version == network.version and address in network
