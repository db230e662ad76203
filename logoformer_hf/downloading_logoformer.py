"""Downloads videos into memory, within limits of size and time; from public machines alone where that is asked for."""

import io
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.client import (
    BadStatusLine,
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
    RemoteDisconnected,
    UnknownProtocol,
    responses,
)
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
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

from .reading_limits_logoformer import AT_SIGN, LIMITS, VideoReadError, first_line, without_password

DOWNLOAD_TIMEOUT_SEC = 30  # without a byte received
BLOCK_BYTES = 1 << 20
MAX_SHOWN = 200  # characters of an address, or of what a server says, in a message
# Of an address, what stands before its path: a host and a port, with or without a name and a password.
AUTHORITY = re.compile(r"https?://([^/?#\\]*)", re.IGNORECASE)
HOST_AND_PORT = re.compile(r"(?:\[[^\[\]@]*\]|[^\[\]:@]+)(?::[0-9]*)?")
REDIRECTS = (301, 302, 303, 307, 308)
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
    """
    Whether a source is a file on the web: a text that begins with `http://` or `https://`, in any letter case. Blanks
    and line breaks around it do not count.
    """
    return str(source).lstrip()[:8].lower().startswith(("http://", "https://"))


def shortened(url: str) -> str:
    """An address for messages, without blanks around it, and without a name and a password in it."""
    url = without_password(url.strip())
    return url if len(url) <= MAX_SHOWN else f"{url[:MAX_SHOWN]}…"


def download_video(url: str, only_public: bool = False, max_sec: float | None = None) -> DownloadedVideo:
    """
    Downloads a video into memory.

    Args:
        url: `http://` or `https://`; blanks and line breaks around it are left out.
        only_public: connects to public addresses alone, also after redirects and whatever a name resolves to then, and
            through no proxy: the address comes from somebody who must not reach the machines around this one.
        max_sec: how long it may take where that is less than `LIMITS.max_download_sec`.

    Raises:
        VideoReadError: no answer, an HTTP error, more than `LIMITS.max_download_mb` or `LIMITS.max_download_sec`, an
            empty file, a broken connection, or an address that is not public.
    """
    url, name = url.strip(), shortened(url)
    try:
        check_address(url, name)
        with (
            Deadline(name, max_sec) as deadline,
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
        raise VideoReadError(f"{name}: {reason_of(error)}") from error
    if is_cut:
        raise VideoReadError(f"{name}: the connection broke after {len(content)} bytes.")
    if not content:
        raise VideoReadError(f"{name}: the file is empty.")
    return DownloadedVideo(url, content)


def reason_of(error: Exception) -> str:
    """Why nothing came, in one short line; a server's own words are not repeated."""
    if isinstance(error, HTTPError):
        if error.code in REDIRECTS:
            return "it leads on too often, in a circle, or to what is not on the web."
        return f"the server answers {error.code} ({responses.get(error.code, 'unknown')})."
    if isinstance(error, IncompleteRead):
        return "the connection broke."
    if isinstance(error, (BadStatusLine, UnknownProtocol)) and not isinstance(error, RemoteDisconnected):
        return "the server does not answer by HTTP."
    line = first_line(getattr(error, "reason", None) or error)[:MAX_SHOWN]
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def check_address(url: str, name: str) -> None:
    """Raises a `VideoReadError` for an address with characters that HTTP cannot send, or with a password."""
    check_host(url, name)
    if not url.isascii() or not url.isprintable() or " " in url:
        raise VideoReadError(
            f"{name}: an address may have letters, digits and signs of ASCII alone; write others as %C3%A9, and those "
            "of a host's name in Punycode (xn--)."
        )


def check_host(url: str, name: str, leads: str = "") -> None:
    """
    Raises a `VideoReadError` for an address with a user's name or password, or without a host and a port that can be
    told apart: what is taken for the port may be a part of a password.

    Args:
        url: the address; one that is none of the web is not checked.
        name: of the address that was given, for the message.
        leads: how that leads to this one, for the message.
    """
    found = AUTHORITY.match(url)
    if found is None:
        return
    authority = unquote(found[1])
    is_plain = bool(HOST_AND_PORT.fullmatch(authority))
    if "@" in authority or (not is_plain and AT_SIGN.search(url)):
        raise VideoReadError(
            f"{name}: {leads}an address with a user's name or password is not opened; download it and give the path "
            "of the file."
        )
    if not is_plain:
        raise VideoReadError(f"{name}: {leads}an address must have a host, and a port, where it has one, in digits.")


def read_within_limits(name: str, response: HTTPResponse) -> bytes:
    """The body of an answer. Raises a `VideoReadError` where it is too large, or says that it will be."""
    content = io.BytesIO()
    size = response.length or 0
    while size <= LIMITS.max_download_mb * 10**6:
        block = response.read1(BLOCK_BYTES)
        if not block:
            return content.getvalue()
        content.write(block)
        size = content.tell()
    raise VideoReadError(f"{name}: more than {LIMITS.max_download_mb} MB; download it and give the path of the file.")


class Deadline:
    """
    Ends the connections that are made inside of its `with` after `LIMITS.max_download_sec`: a server may send its
    headers, too, a byte at a time.

    Args:
        name: of the address, for the message.
        max_sec: less time than that.

    Raises:
        VideoReadError: at the end, where the time is over.
    """

    def __init__(self, name: str, max_sec: float | None = None):
        self.name, self._is_over = name, False
        self._connections: list[socket.socket] = []
        self._max_sec = min(LIMITS.max_download_sec, LIMITS.max_download_sec if max_sec is None else max(0, max_sec))
        self._timer = threading.Timer(self._max_sec, self._end)
        self._timer.daemon = True
        self._end_sec = time.monotonic() + self._max_sec

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()
        if self._is_over:
            raise VideoReadError(f"{self.name}: the download takes more than {self._max_sec:.0f} seconds.")

    @property
    def left_sec(self) -> float:
        """How long it is to the end. Raises a `TimeoutError` where the time is over."""
        left_sec = self._end_sec - time.monotonic()
        if left_sec <= 0:
            self._is_over = True  # the timer may come later
            raise TimeoutError
        return left_sec

    def watch(self, connection: socket.socket) -> socket.socket:
        """The same connection, which is ended when the time is over."""
        self._connections.append(connection)
        if self._is_over:
            self._end()
        return connection

    def forget(self, connection: socket.socket) -> None:
        """Closes a connection, which is watched no longer."""
        self._connections.remove(connection)
        connection.close()

    def _end(self) -> None:
        self._is_over = True
        for connection in list(self._connections):
            with suppress(OSError):  # it has ended before
                # Of the connection itself: TLS would want to say goodbye first.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)


def opener(only_public: bool, deadline: Deadline) -> OpenerDirector:
    """Opens `http://` and `https://` addresses, and those that they redirect to, nothing else."""
    director = OpenerDirector()
    handlers: list[Any] = [
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        RedirectHandler(deadline.name),
        UnknownHandler(),
    ]
    create = partial(connect_to, only_public, deadline)
    handlers += [WatchedHTTPHandler(create, deadline), WatchedHTTPSHandler(create, deadline)]
    if not only_public:
        handlers.append(ProxyHandler())
    for handler in handlers:
        director.add_handler(handler)
    return director


class RedirectHandler(HTTPRedirectHandler):
    """
    Follows redirects without reading what comes with them, which may have no end.

    Args:
        name: of the address that was given, for messages.

    Raises:
        VideoReadError: it leads to an address that would not be opened either if it were given.
    """

    def __init__(self, name: str):
        self._name = name

    def http_error_302(self, req: Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """As in the library, of an answer that is closed before."""
        fp.close()
        place = (headers.get("location") or headers.get("uri") or "").strip()
        if not place:
            raise VideoReadError(f"{self._name}: the server answers {code}, and does not say where it leads on to.")
        del headers["location"]
        headers["location"] = place
        try:
            target = urlunsplit(urlsplit(urljoin(req.full_url, place)))
        except ValueError as error:  # its words may have a password
            raise VideoReadError(f"{self._name}: it leads on to what is no address.") from error
        check_host(target, self._name, "it leads on: ")
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


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

    copies: list[socket.socket] = []

    def connect_and_watch() -> None:
        try:
            connect()
        finally:
            for copy in copies:
                deadline.forget(copy)
            copies.clear()
        deadline.watch(connection.sock)

    def create_and_watch(*arguments: Any, **named: Any) -> socket.socket:
        created = create(*arguments, **named)
        copies.append(deadline.watch(created.dup()))  # TLS takes the socket itself, and may wait for long
        return created

    connection._create_connection = create_and_watch  # type: ignore[attr-defined] # the library's place to do this
    connection.connect = connect_and_watch  # type: ignore[method-assign] # TLS has another socket
    return connection


def connect_to(
    only_public: bool,
    deadline: Deadline,
    address: tuple[str, int],
    timeout: float = DOWNLOAD_TIMEOUT_SEC,
    *others: Any,
) -> socket.socket:
    """
    As `socket.create_connection`, before a deadline, however many addresses a host has.

    Raises:
        OSError: the host has an address that is not public, where only those are opened, has none, or does not answer.
    """
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for _, _, _, _, place in found if only_public else ():
        if not is_public(str(place[0])):
            raise PermissionError(f"{host} is no public address; only those are opened")
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, place in found:
        left_sec = deadline.left_sec
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(min(timeout, left_sec))
            connection.connect(place)
            connection.settimeout(timeout)
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
