"""The addresses under which phones can find this computer, told without Internet and without asking anybody."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress

HOTSPOTS = ("192.168.137.1", "10.42.0.1", "192.168.43.1", "192.168.49.1")  # a Windows, Linux or Android hotspot's own
# a packet there would leave by the likeliest way; none is sent
NEAR = ("192.0.2.1", "192.168.137.2", "10.42.0.2", "192.168.43.2", "172.20.10.2", "192.168.1.2", "192.168.0.2", "10.0.0.2")
VIRTUAL = ("lo", "docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "tun", "tailscale")
SIOCGIFADDR = 0x8915  # Linux: the address of an interface, netdevice(7)


def addresses() -> list[str]:
    """Private IPv4 addresses of this computer, those first that a phone most likely finds it by; maybe none."""
    virtual = set()
    with_names = list(_of_interfaces())
    for name, address in with_names:
        if name.startswith(VIRTUAL):
            virtual.add(address)
    found = [*_by_ways(), *(address for _, address in with_names), *_by_name()]
    return in_order(address for address in found if address not in virtual)


def in_order(found: Iterable[str]) -> list[str]:
    """Each usable address once: that of a hotspot first, then as found, and those last that programs like to make up."""
    usable = [address for address in dict.fromkeys(found) if _usable(address)]
    return sorted(usable, key=lambda address: (address not in HOTSPOTS, address.startswith("172.")))


def host_names() -> list[str]:
    """Names that this computer may be known by in its network."""
    name = socket.gethostname().partition(".")[0].lower()
    return [name, f"{name}.local"] if name and name != "localhost" else []


def _usable(address: str) -> bool:
    try:
        known = ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return known.is_private and not (known.is_loopback or known.is_link_local or known.is_unspecified)


def _by_ways() -> Iterator[str]:
    """From which address a packet would leave. Connecting a UDP socket sends none."""
    for target in NEAR:
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            yield probe.getsockname()[0]


def _by_name() -> Iterator[str]:
    """What the system itself says its name stands for: on Windows, all its addresses."""
    with suppress(OSError):
        for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET):
            yield str(entry[4][0])


def _of_interfaces() -> Iterator[tuple[str, str]]:
    """Name and address of each interface, on Linux."""
    if os.name == "nt" or not hasattr(socket, "if_nameindex"):
        return
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                answer = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                yield name, socket.inet_ntoa(answer[20:24])
