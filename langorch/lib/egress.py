"""Where calls to the outside may go: one strict reading of URLs, and the addresses that a kind of call may reach."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, Self, get_args
from urllib.parse import urlsplit

Kind = Literal["agent", "mcp", "llm", "webhook", "secrets", "oidc"]
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

KINDS: Final[tuple[str, ...]] = get_args(Kind)
LOOPBACK: Final = tuple(f"{kind}={network}" for kind in ("agent", "mcp", "llm") for network in ("127.0.0.0/8", "::1"))
"""What the embedded default allows beyond public addresses (settings 1)."""

_PORTS: Final = {"http": 80, "https": 443}
_NOT_IN_URLS: Final = re.compile(r"[^\x21-\x7e]|[\\\"<>^`{|}]")
_AUTHORITY: Final = re.compile(r"(\[[^\]]*\]|[^\[\]:]*)(:[0-9]{1,5})?")
_NAME: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_LOOKS_NUMERIC: Final = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)")
_TRANSLATED: Final = ip_network("64:ff9b::/96")

_NEVER: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # unspecified
        "169.254.0.0/16",  # link-local, and metadata of most clouds
        "100.100.100.200/32",  # metadata
        "168.63.129.16/32",  # metadata
        "192.0.0.192/32",  # metadata
        "192.88.99.0/24",  # relays to old tunnels
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
        "::/128",  # unspecified
        "::ffff:0:0/96",  # IPv4 in disguise
        "64:ff9b:1::/48",  # translation to private IPv4
        "2001::/32",  # tunnels that carry IPv4
        "2002::/16",  # tunnels that carry IPv4
        "fd00:ec2::254/128",  # metadata
        "fd20:ce::254/128",  # metadata
        "fe80::/10",  # link-local
        "ff00::/8",  # multicast
    )
)
_INSIDE: Final = tuple(ip_network(text) for text in ("192.0.0.0/24", "fec0::/10", "3fff::/20", "5f00::/16"))


class Forbidden(Exception):
    """The URL or the address is none that this kind of call may reach. Says why, without the query string."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, read: `host` is a lower-case name or a plain address, `path` includes the query string."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """The part of the URL that may be logged."""
        return f"{self.scheme}://{self.authority}"


def read(url: str) -> Target:
    """The URL in parts. Raises `Forbidden` for every form that two readers could understand differently."""
    if _NOT_IN_URLS.search(url):
        raise Forbidden("the URL has a character that must be percent-encoded")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Forbidden("the URL cannot be read") from None
    if parts.scheme not in _PORTS:
        raise Forbidden("only http and https URLs are called")
    if "@" in parts.netloc:
        raise Forbidden("the URL must not carry user info")
    if port == 0 or not _AUTHORITY.fullmatch(parts.netloc):
        raise Forbidden("the URL has no valid host and port")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, _host(parts.netloc, parts.hostname or ""), port or _PORTS[parts.scheme], path)


def literal(host: str) -> Address | None:
    """The address that `host` is, or nothing where it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of EGRESS_ALLOW: a network, or a host name whatever it resolves to."""

    kind: str
    network: Network | None
    host: str

    @classmethod
    def parse(cls, entry: str) -> Self:
        """Reads `kind=cidr-or-host`. Raises ValueError."""
        kind, found, place = (part.strip().lower() for part in entry.partition("="))
        if not found or kind not in KINDS:
            raise ValueError(f"{entry!r} is not kind=cidr-or-host with a kind of {', '.join(KINDS)}")
        try:
            return cls(kind, ip_network(place), "")
        except ValueError:
            if "/" in place or _LOOKS_NUMERIC.fullmatch(place) or not _NAME.fullmatch(place):
                raise ValueError(f"{place!r} is neither a network nor a host name") from None
        return cls(kind, None, place)

    def covers(self, kind: str, host: str, address: Address) -> bool:
        if kind != self.kind:
            return False
        if self.network is None:
            return host == self.host
        return address.version == self.network.version and address in self.network


@dataclass(frozen=True, slots=True)
class Egress:
    """Which addresses that are not public each kind of call may reach (protocols 1)."""

    allowed: frozenset[Allowed] = frozenset()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Self:
        """Raises ValueError where an entry is not `kind=cidr-or-host`."""
        return cls(frozenset(Allowed.parse(entry) for entry in entries))

    def check(self, kind: Kind, host: str, address: Address) -> None:
        """Raises `Forbidden` unless a call of this kind to `host` may connect to `address`."""
        inner = _translated(address)
        if getattr(address, "scope_id", None) or any(_within(inner, network) for network in _NEVER):
            raise Forbidden(f"{address} is never called")
        if _public(inner) or any(entry.covers(kind, host, inner) for entry in self.allowed):
            return
        raise Forbidden(f"{address} is not public, and EGRESS_ALLOW does not list it for {kind} calls")


def _host(netloc: str, name: str) -> str:
    if netloc.startswith("["):
        address = literal(name)
        if address is None or address.version == 4 or "%" in name:
            raise Forbidden("the host is not a plain IPv6 address")
        return str(address)
    if _LOOKS_NUMERIC.fullmatch(name):
        if literal(name) is None:
            raise Forbidden("an IPv4 address must be written as four decimal numbers")
        return name
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise Forbidden("the host is not a plain name in its ASCII form")
    return name


def _translated(address: Address) -> Address:
    return IPv4Address(int(address) & 0xFFFFFFFF) if _within(address, _TRANSLATED) else address


def _public(address: Address) -> bool:
    return address.is_global and not address.is_reserved and not any(_within(address, network) for network in _INSIDE)


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network
