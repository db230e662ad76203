"""Downloads videos into memory, within limits of size and time; from public machines alone where that is asked for."""

import io
import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from .reading_limits_logoformer import LIMITS, VideoReadError, first_line

DOWNLOAD_TIMEOUT_SEC = 30  # without a byte received
BLOCK_BYTES = 1 << 20
MAX_SHOWN = 200  # characters of an address in a message
# IPv6 addresses whose last 32 bits are an IPv4 address that a gateway connects to.
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Of IPv6, what is given to machines of the internet; and in it the protocols of the IETF (Teredo, benchmarks, ORCHID),
# documentation, and 6to4, whose relays are gone (RFC 7526).
UNICAST = ipaddress.ip_network("2000::/3")
SPECIAL_IPV6 = tuple(map(ipaddress.ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
# Of IPv4, what Python counts as global, at least in some versions: protocols of the IETF, relays of 6to4, and the
# platform below the machines of Azure.
SPECIAL_IPV4 = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))


class DownloadedVideo(io.BytesIO):
    """A downloaded video in memory; error messages name its address."""

    def __init__(self, url: str, content: bytes):
        super().__init__(content)
        self.url = self.name = shortened(url)

    def __str__(self) -> str:
        return self.url


def is_address(source: object) -> bool:
    """Whether a source is a file on the web: a text that begins with `http://` or `https://`, in any letter case."""
    return str(source)[:8].lower().startswith(("http://", "https://"))


def shortened(url: str) -> str:
    """An address for messages."""
    return url if len(url) <= MAX_SHOWN else f"{url[:MAX_SHOWN]}…"


def download_video(url: str, only_public: bool = False) -> DownloadedVideo:
    """
    Downloads a video into memory.

    Args:
        url: `http://` or `https://`.
        only_public: connects to public addresses alone, also after redirects and whatever a name resolves to then, and
            through no proxy: the address comes from somebody who must not reach the machines around this one.

    Raises:
        VideoReadError: no answer, an HTTP error, more than `LIMITS.max_download_mb` or `LIMITS.max_download_sec`, an
            empty file, a broken connection, or an address that is not public.
    """
    name = shortened(url)
    try:
        check_ascii(url, name)
        with (
            Deadline(name) as deadline,
            opener(only_public, deadline).open(
                Request(url, headers={"User-Agent": "logoformer"}),  # some servers reject Python's default
                timeout=DOWNLOAD_TIMEOUT_SEC,
            ) as response,
        ):
            content = read_within_limits(name, response)
            is_cut = bool(response.length)  # bytes announced and not sent
    except VideoReadError:
        raise
    except (OSError, HTTPException, ValueError) as error:
        raise VideoReadError(f"{name}: {first_line(getattr(error, 'reason', None) or error)}") from error
    if is_cut:
        raise VideoReadError(f"{name}: the connection broke after {len(content)} bytes.")
    if not content:
        raise VideoReadError(f"{name}: the file is empty.")
    return DownloadedVideo(url, content)


def check_ascii(url: str, name: str) -> None:
    """Raises a `VideoReadError` for an address with characters that HTTP cannot send."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise VideoReadError(
            f"{name}: an address may have letters, digits and signs of ASCII alone; write others as %C3%A9, and those "
            "of a host's name in Punycode (xn--)."
        )


def read_within_limits(name: str, response: HTTPResponse) -> bytes:
    """The body of an answer. Raises a `VideoReadError` where it is too large."""
    content = bytearray()
    while block := response.read1(BLOCK_BYTES):
        content += block
        if len(content) > LIMITS.max_download_mb * 10**6:
            raise VideoReadError(
                f"{name}: more than {LIMITS.max_download_mb} MB; download it and give the path of the file."
            )
    return bytes(content)


class Deadline:
    """
    Ends the connections that are made inside of its `with` after `LIMITS.max_download_sec`: a server may send its
    headers, too, a byte at a time.

    Args:
        name: of the address, for the message.

    Raises:
        VideoReadError: at the end, where the time is over.
    """

    def __init__(self, name: str):
        self._name, self._is_over = name, False
        self._connections: list[socket.socket] = []
        self._timer = threading.Timer(LIMITS.max_download_sec, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        if self._is_over:
            raise VideoReadError(f"{self._name}: the download takes more than {LIMITS.max_download_sec} seconds.")

    def watch(self, connection: socket.socket) -> socket.socket:
        """The same connection, which is ended when the time is over."""
        self._connections.append(connection)
        if self._is_over:
            self._end()
        return connection

    def _end(self) -> None:
        self._is_over = True
        for connection in list(self._connections):
            with suppress(OSError):  # it has ended before
                # Of the connection itself: TLS would want to say goodbye first.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


def opener(only_public: bool, deadline: Deadline) -> OpenerDirector:
    """Opens `http://` and `https://` addresses, and those that they redirect to, nothing else."""
    director = OpenerDirector()
    handlers: list[Any] = [HTTPDefaultErrorHandler(), HTTPErrorProcessor(), HTTPRedirectHandler(), UnknownHandler()]
    create = public_connection if only_public else socket.create_connection
    handlers += [WatchedHTTPHandler(create, deadline), WatchedHTTPSHandler(create, deadline)]
    if not only_public:
        handlers.append(ProxyHandler())
    for handler in handlers:
        director.add_handler(handler)
    return director


class WatchedHTTPHandler(HTTPHandler):
    """Opens `http://` addresses by connections of `create`, under a deadline."""

    def __init__(self, create: Callable[..., socket.socket], deadline: Deadline):
        super().__init__()
        self._connect = partial(watched_connection, HTTPConnection, create, deadline)

    def http_open(self, request: Request) -> HTTPResponse:
        return self.do_open(self._connect, request)


class WatchedHTTPSHandler(HTTPSHandler):
    """Opens `https://` addresses by connections of `create`, under a deadline."""

    def __init__(self, create: Callable[..., socket.socket], deadline: Deadline):
        super().__init__()
        self._connect = partial(watched_connection, HTTPSConnection, create, deadline)

    def https_open(self, request: Request) -> HTTPResponse:
        return self.do_open(self._connect, request)


def watched_connection(
    connection_class: type[HTTPConnection],
    create: Callable[..., socket.socket],
    deadline: Deadline,
    host: str,
    **options: Any,
) -> HTTPConnection:
    """
    A connection that `create` makes under a deadline: for public addresses, to the very address that was checked,
    since a name may resolve to another one later.
    """
    connection = connection_class(host, **options)
    connect = connection.connect

    def connect_and_watch() -> None:
        connect()
        deadline.watch(connection.sock)

    def create_and_watch(*arguments: Any, **named: Any) -> socket.socket:
        return deadline.watch(create(*arguments, **named))

    connection._create_connection = create_and_watch  # type: ignore[attr-defined] # the library's place to do this
    connection.connect = connect_and_watch  # type: ignore[method-assign] # TLS has another socket
    return connection


def public_connection(
    address: tuple[str, int], timeout: Any = None, source_address: Any = None, **options: Any
) -> socket.socket:
    """
    As `socket.create_connection`, to public addresses alone.

    Raises:
        OSError: the host has an address that is not public, has none, or does not answer.
    """
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for _, _, _, _, place in found:
        if not is_public(str(place[0])):
            raise PermissionError(f"{host} is no public address; only those are opened")
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, place in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(timeout)
            connection.connect(place)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet, also where it stands in an address of another kind."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else ip.ipv4_mapped
        if inner is None:
            return ip in UNICAST and not any(ip in block for block in SPECIAL_IPV6)
        ip = inner
    return ip.is_global and not ip.is_multicast and not any(ip in block for block in SPECIAL_IPV4)
