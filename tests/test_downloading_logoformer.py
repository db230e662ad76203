"""Downloads: limits of size and time, and which machines are public."""

import socket
import threading
import time
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from errors import raises_naming

from logoformer_hf import VideoReadError
from logoformer_hf import downloading_logoformer as downloading
from logoformer_hf.faces.footage import Footage
from logoformer_hf.video_reading_logoformer import read_frames

CONTENT = b"a video" * 10_000


class Answers(BaseHTTPRequestHandler):
    """
    `/clip` is a file, `/slow` one that hardly comes, `/headers` has no end of them, `/to/PORT/HOST` leads elsewhere,
    `/file` to this disk, `/password` to what the server has as `leads_to`, `/endless` elsewhere without an end of its
    own, `/large` says that it is, `/words` much, `/version` something else;
    `/blanks` leads to the file, `/nowhere` to nothing.
    """

    def do_GET(self):
        self.server.asked.append((self.headers["Host"], self.path))
        if self.path.startswith("/to/"):
            port, _, host = self.path.removeprefix("/to/").partition("/")
            return self.redirect(f"http://{host}:{port}/clip")
        if self.path == "/password":
            return self.redirect(self.server.leads_to)
        if self.path == "/file":
            return self.redirect("file:///etc/hostname")
        if self.path == "/ftp":
            return self.redirect("ftp://127.0.0.1/clip")
        if self.path == "/headers":
            return self.send_many_headers()
        if self.path == "/endless":
            return self.send_endless_redirect()
        if self.path == "/large":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n")
            return self.rfile.read(1)  # says nothing more until the other side has gone
        if self.path == "/words":
            return self.wfile.write(b"HTTP/1.1 404 " + b"\x1b[31m<b>" * 5000 + b"\r\n\r\n")
        if self.path == "/version":
            return self.wfile.write(b"HTTP/9/secret 200 OK\r\n\r\n")
        if self.path == "/blanks":
            return self.redirect("/clip  ")
        if self.path == "/nowhere":
            return self.wfile.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n")
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        try:
            if self.path == "/slow":
                for number in range(len(CONTENT)):
                    self.wfile.write(CONTENT[number : number + 1])
                    time.sleep(0.02)
            self.wfile.write(CONTENT)
        except OSError:  # nobody listens any more
            pass

    def send_many_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(90):  # the library reads up to 100
            try:
                self.wfile.write(f"X-{number}: 1\r\n".encode())
            except OSError:
                return
            time.sleep(0.1)

    def send_endless_redirect(self) -> None:
        self.wfile.write(f"HTTP/1.1 302 Found\r\nLocation: /{len(self.server.asked)}\r\n\r\n".encode())
        with suppress(OSError):
            while True:
                self.wfile.write(bytes(1000))
                time.sleep(0.01)

    def redirect(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.end_headers()

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Answers)) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def port(server) -> int:
    return server.server_address[1]


@pytest.fixture
def localhost_is_public(monkeypatch):
    """127.0.0.1, the only machine of a test, and no other address of it."""
    monkeypatch.setattr(downloading, "is_public", lambda address: address == "127.0.0.1")


@pytest.mark.parametrize("only_public", [False, True])
def test_a_download_is_the_file(only_public, port, localhost_is_public):
    video = downloading.download_video(f"http://127.0.0.1:{port}/clip", only_public)
    assert video.getvalue() == CONTENT
    assert str(video) == f"http://127.0.0.1:{port}/clip"
    redirected = downloading.download_video(f"http://127.0.0.1:{port}/to/{port}/127.0.0.1", only_public)
    assert redirected.getvalue() == CONTENT


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "239.255.255.250", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:808:808:0:0:80ff:fffe"),
        *("fec0::1", "64:ff9b:1::7f00:1", "64:ff9b:1:fffe::10.0.0.1", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8"),
        *("::ffff:0:10.0.0.1", "::ffff:0:8.8.8.8", "5f00::1", "4000::1", "1000::1", "8000::1", "100::1", "::2"),
        *("3fff::1", "3fff:fff::1", "2001:db8::1", "2001:2::1", "2001:10::1", "2001:20::1", "2002:808:808::"),
        *("192.0.0.8", "192.0.0.9", "192.88.99.1", "::ffff:192.88.99.1", "64:ff9b::192.88.99.1"),
        *("168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "240.0.0.1", "0.1.2.3"),
    ],
)
def test_what_is_not_public(address):
    assert not downloading.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "168.63.129.17", "192.0.1.1", "192.88.98.1", "::ffff:8.8.8.8", "64:ff9b::808:808"),
        *("2606:4700:4700::1111", "2001:4860:4860::8888", "2001:200::1", "2a00:1450::1", "3ffe:ffff::1", "2003::1"),
    ],
)
def test_what_is_public(address):
    assert downloading.is_public(address)


@pytest.mark.parametrize("scheme", ["HTTP", "Http"])
def test_the_scheme_of_an_address_may_have_capitals(scheme, port):
    address = f"{scheme}://127.0.0.1:{port}/clip"
    assert downloading.download_video(address).getvalue() == CONTENT
    with raises_naming(VideoReadError, address, "127.0.0.1:"):  # was fetched, and is no video
        read_frames(address, lambda count: [0])
    with raises_naming(VideoReadError, f"{scheme}S://127.0.0.1:1/clip", "refused"):
        read_frames(f"{scheme}S://127.0.0.1:1/clip", lambda count: [0])


def test_what_is_an_address():
    assert all(map(downloading.is_address, ("http://a", "https://a", "HTTPS://a", "hTtP://a", "\u00a0\nhttp://a ")))
    assert not any(map(downloading.is_address, ("http:/a", "a/http://b", "ftp://a", Path("HTTP"), 0)))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
def test_machines_around_this_one_are_not_asked(host, server, port):
    with raises_naming(VideoReadError, f"http://{host}:{port}/clip: "):
        downloading.download_video(f"http://{host}:{port}/clip", only_public=True)
    assert server.asked == []


def test_a_redirect_leads_to_public_machines_alone(server, port, localhost_is_public):
    address = f"http://127.0.0.1:{port}/to/{port}/127.0.0.2"
    with raises_naming(VideoReadError, address, "127.0.0.2", "public"):
        downloading.download_video(address, only_public=True)
    assert len(server.asked) == 1


@pytest.mark.parametrize("only_public", [False, True])
@pytest.mark.parametrize("place", ["file", "ftp"])
def test_a_redirect_leads_to_no_file(place, only_public, port, localhost_is_public):
    with raises_naming(VideoReadError, f"http://127.0.0.1:{port}/{place}"):
        downloading.download_video(f"http://127.0.0.1:{port}/{place}", only_public)


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(server, port, localhost_is_public, monkeypatch):
    """A name may resolve to a public address first, and to one of this network later."""
    resolved, looked_up = socket.getaddrinfo, []

    def rebinding(host, *arguments, **options):
        looked_up.append(host)
        return resolved("127.0.0.1" if len(looked_up) == 1 else "127.0.0.2", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert downloading.download_video(f"http://rebinding.test:{port}/clip", only_public=True).getvalue() == CONTENT
    assert looked_up == ["rebinding.test"]
    assert server.asked == [(f"rebinding.test:{port}", "/clip")]


def test_a_name_with_one_address_that_is_not_public_is_refused(port, localhost_is_public, monkeypatch):
    resolved = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *arguments, **options: (
            resolved("127.0.0.1", *arguments, **options) + resolved("127.0.0.3", *arguments, **options)
        ),
    )
    with raises_naming(VideoReadError, "two.test", "public"):
        downloading.download_video(f"http://two.test:{port}/clip", only_public=True)


def test_no_proxy_stands_between(server, port, localhost_is_public, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.9:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert downloading.download_video(f"http://127.0.0.1:{port}/clip", only_public=True).getvalue() == CONTENT


def test_a_whole_download_has_a_time_limit(port, monkeypatch):
    monkeypatch.setattr(downloading.LIMITS, "max_download_sec", 1)  # each byte comes within the limit of silence
    with raises_naming(VideoReadError, "/slow", "1 seconds"):
        downloading.download_video(f"http://127.0.0.1:{port}/slow")


def test_what_comes_with_a_redirect_is_not_read(port, monkeypatch):
    monkeypatch.setattr(downloading.LIMITS, "max_download_sec", 20)
    assert downloading.download_video(f"http://127.0.0.1:{port}/endless").getvalue() == CONTENT


def test_a_file_that_is_too_large_is_not_fetched(port, monkeypatch):
    monkeypatch.setattr(downloading.LIMITS, "max_download_sec", 20)
    with raises_naming(VideoReadError, "/large", "1000 MB"):
        downloading.download_video(f"http://127.0.0.1:{port}/large")


def test_words_of_a_server_are_not_repeated(port):
    with raises_naming(VideoReadError, "/words", "404 (Not Found)") as caught:
        downloading.download_video(f"http://127.0.0.1:{port}/words")
    assert "31m" not in str(caught.value) and len(str(caught.value)) < 200


def test_a_version_of_a_server_is_not_repeated(port):
    with raises_naming(VideoReadError, "/version", "does not answer by HTTP") as caught:
        downloading.download_video(f"http://127.0.0.1:{port}/version")
    assert "secret" not in str(caught.value)


def test_blanks_around_the_place_of_a_redirect_are_left_out(server, port):
    downloading.download_video(f"http://127.0.0.1:{port}/blanks")
    assert [path for _, path in server.asked] == ["/blanks", "/clip"]


def test_a_redirect_to_nowhere_says_so(port):
    with raises_naming(VideoReadError, "/nowhere", "302", "does not say where"):
        downloading.download_video(f"http://127.0.0.1:{port}/nowhere")


def test_the_time_limit_holds_while_tls_is_agreed_on():
    """A server that takes the connection and says nothing is left before it gives up itself."""
    ended_by = []

    def be_silent(listening):
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(15)
            try:
                while connection.recv(1000):
                    pass
                ended_by.append("the reader")
            except TimeoutError:
                ended_by.append("the server")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=be_silent, args=(listening,))
        thread.start()
        with raises_naming(VideoReadError, "/clip", "more than 1 seconds"):
            downloading.download_video(f"https://127.0.0.1:{listening.getsockname()[1]}/clip", max_sec=1)
        thread.join()
    assert ended_by == ["the reader"]


@pytest.mark.parametrize("only_public", [False, True])
def test_a_password_in_an_address_is_in_no_message(only_public, server, port):
    with raises_naming(VideoReadError, f"http://…@127.0.0.1:{port}/clip", "password") as caught:
        downloading.download_video(f"http://me:secret@127.0.0.1:{port}/clip", only_public)
    assert "secret" not in str(caught.value) and server.asked == []
    assert downloading.shortened("HTTPS://a:b@c@d/e") == "HTTPS://…@d/e"
    assert downloading.shortened("http://a/b/c") == "http://a/b/c"


@pytest.mark.parametrize(
    "place",
    [
        *("http://me:secret@127.0.0.1/clip", "//me:secret@127.0.0.1:1/clip", "http://me:secret@nosuchhost.invalid/ok"),
        *("http://me:se/secret@127.0.0.1/", "http://me%3Asecret%40127.0.0.1/", "http://[me:secret@127.0.0.1]/"),
        *("https:\t//me:secret@127.0.0.1/", "http://127.0.0.1:secret/"),
    ],
)
def test_a_redirect_to_an_address_with_a_password_is_refused(place, server, port):
    server.leads_to = place
    with raises_naming(VideoReadError, f"http://127.0.0.1:{port}/password", "leads on") as caught:
        downloading.download_video(f"http://127.0.0.1:{port}/password")
    assert "secret" not in str(caught.value) and len(server.asked) == 1


@pytest.mark.parametrize(
    "address",
    [
        *("http://me:se/secret@127.0.0.1/", "http://me:se#secret@127.0.0.1/", "http://me:se?secret@127.0.0.1/"),
        *("http://me:secret%40127.0.0.1/", "http://me:secret%2540127.0.0.1/", "http:///me:secret@127.0.0.1/"),
        *("http://[me:secret@127.0.0.1]/", "\u00a0http://me:secret@127.0.0.1/", "http://127.0.0.1:secret@/"),
    ],
)
def test_a_password_with_any_characters_is_in_no_message(address):
    with raises_naming(VideoReadError, "password") as caught:
        downloading.download_video(address)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("\ufeffhttp://me:secret@h/x", "'http://me:secret@h/x'", "<http://me:secret@h/x>", "-http://me:secret@h/x"),
        *("rtsp://admin:secret@h/x", "ftp://me:secret@h/x", "s3://me:secret@h/x", "https:me:secret@h/x"),
        *(Path("http://me:secret@h/x"), "1http://me:secret@h/x", "\\ufeffhttp://me:secret@h/x"),
    ],
)
@pytest.mark.parametrize(
    "read", [partial(read_frames, choose_indices=lambda count: [0]), Footage], ids=["clip", "raw"]
)
def test_a_password_in_what_is_no_address_of_the_web_is_in_no_message(text, read):
    with raises_naming(VideoReadError, "@h/x", "no such file") as caught:
        read(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["/data/me@home/a.mp4: damaged", "C:\\me@home\\a.mp4", "me@home: see https://a.b/c", ""]
)
def test_a_path_with_an_at_sign_is_shown_as_it_is(text):
    assert str(VideoReadError(text)) == text


def test_blanks_around_an_address_are_left_out(port):
    video = downloading.download_video(f"\u00a0 http://127.0.0.1:{port}/clip\n")
    assert video.getvalue() == CONTENT and str(video) == f"http://127.0.0.1:{port}/clip"


def test_many_addresses_of_a_host_have_the_time_of_one(monkeypatch):
    """Each of them says nothing to who knocks."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    places = [full.getsockname()] * 50
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:  # later ones are neither accepted nor refused
        each.setblocking(False)
        each.connect_ex(places[0])
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places],
    )
    monkeypatch.setattr(downloading, "DOWNLOAD_TIMEOUT_SEC", 0.5)
    tried = []
    connect = downloading.socket.socket.connect

    class Counted(socket.socket):
        def connect(self, place):
            tried.append(place)
            return connect(self, place)

    monkeypatch.setattr(downloading.socket, "socket", Counted)
    with raises_naming(VideoReadError, "many.test", "1 seconds"):
        downloading.download_video("http://many.test/clip", max_sec=1)
    assert len(tried) < 50
    for each in (*waiting, full):
        each.close()


def test_headers_count_for_the_time_limit(port, monkeypatch):
    monkeypatch.setattr(downloading.LIMITS, "max_download_sec", 1)
    with raises_naming(VideoReadError, "/headers", "1 seconds"):
        downloading.download_video(f"http://127.0.0.1:{port}/headers")
