"""What config/deploy/nginx.conf makes of Debian's nginx, before an origin that counts what reaches it."""

from __future__ import annotations

import getpass
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from petitions.pictures import MOST_BYTES
from signatures.admin.handovers import LARGEST_ATTACHMENT
from signatures.intake.body import MAX_BODY
from tests.support.nginx import CONFIGURATION, Ports, plain_configuration
from tests.support.stack import free_port
from web.i18n.languages import LANGUAGES
from web.page_cache import CACHE_CONTROL

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
#: What the site has pages at.
PAGES = r"/([a-z]{2}/)?(c/x/(sign/|tally\.json)?|static/.*)?|/.*(confirm|withdraw|unsubscribe|admin)/.*"
pytestmark = pytest.mark.skipif(
    NGINX is None, reason="nginx is not installed here (Debian: apt-get install nginx-light)"
)


class Origin(BaseHTTPRequestHandler):
    """Answers as the site does: pages that may be kept, and others that may not."""

    seen: Counter[str] = Counter()
    hosts: set[str] = set()
    away = False
    gone = 0
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if Origin.away:
            return self.send_error(503)
        if Origin.gone:
            return self.send_error(Origin.gone, "gone")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Origin.seen[self.path] += 1
        Origin.hosts.add(self.headers["Host"])
        if not re.fullmatch(PAGES, self.path.partition("?")[0]) or "\\" in self.headers["Host"]:
            return self.send_error(404)
        body = f"page {Origin.seen[self.path]}".encode()
        private = self.path.startswith("/confirm/")
        self.send_response(200)
        self.send_header("Cache-Control", "no-store" if private else CACHE_CONTROL)
        self.send_header("ETag", f'"{body.decode()}"')
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        return None

    do_POST = do_GET

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def origin():
    Origin.seen, Origin.hosts, Origin.away, Origin.gone = Counter(), set(), False, 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def front(origin, tmp_path):
    """nginx on a port of its own, with our configuration and nothing else."""
    port = free_port()
    yield from started(Ports(port, free_port(), origin.server_port, origin.server_port), tmp_path, port)


@pytest.fixture
def desk_front(origin, tmp_path):
    """The same, for the desk's name."""
    port = free_port()
    yield from started(Ports(free_port(), port, origin.server_port, origin.server_port), tmp_path, port)


def started(ports, tmp_path, port):
    (tmp_path / "nginx.conf").write_text(plain_configuration(ports))
    said = tmp_path / "stderr.log"
    with said.open("w") as stderr:
        nginx = subprocess.Popen([NGINX, "-p", str(tmp_path), "-c", "nginx.conf", "-e", "stderr"], stderr=stderr)
        _wait_for(port, nginx, said)
        yield port
        nginx.terminate()
        nginx.wait(timeout=10)


def _wait_for(port, nginx, said):
    while nginx.poll() is None:
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                return connection.connect()
        except ConnectionRefusedError:
            continue
    raise AssertionError(said.read_text())


def ask(port, path, method="GET", sent=b"", **headers):
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, sent, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body, response.headers


def test_a_thousand_readers_at_once_cost_the_site_a_handful(front):
    with ThreadPoolExecutor(20) as readers:
        answers = list(readers.map(lambda n: ask(front, f"/c/x/tally.json?n={n}")[0], range(1000)))
    assert set(answers) == {200}
    assert sum(Origin.seen.values()) < 10


def test_however_browsers_spell_what_they_accept_there_are_two_copies(front):
    for spelling in ("br", "gzip, br", "gzip, deflate, br, zstd", "gzip", "identity", ""):
        ask(front, "/c/x/", **{"Accept-Encoding": spelling})
    assert Origin.seen["/c/x/"] == 2


def test_what_a_reader_has_already_is_not_sent_again(front):
    _, _, headers = ask(front, "/c/x/")
    status, body, _ = ask(front, "/c/x/", **{"If-None-Match": headers["ETag"]})
    assert (status, body, sum(Origin.seen.values())) == (304, "", 1)


def test_links_of_mails_and_sent_forms_always_reach_the_site(front):
    for _ in range(3):
        ask(front, "/confirm/token/")
        ask(front, "/c/x/sign/", "POST")
    assert (Origin.seen["/confirm/token/"], Origin.seen["/c/x/sign/"]) == (3, 3)


def test_what_the_site_takes_comes_through_and_no_more(front):
    assert ask(front, "/c/x/sign/", "POST", bytes(MAX_BODY + 1))[0] == 200
    assert ask(front, "/c/x/sign/", "POST", bytes(MOST_BYTES))[0] == 413


@pytest.mark.parametrize("path", ["/admin/petitions/picture/add/", "/be/admin/signatures/handover/add/"])
def test_what_the_desk_takes_and_what_it_refuses_in_words_comes_through(desk_front, path):
    for size in (MOST_BYTES, LARGEST_ATTACHMENT, 2 * MOST_BYTES):
        assert ask(desk_front, path, "POST", bytes(size))[0] == 200


def test_nothing_of_the_desk_is_kept(desk_front):
    for _ in range(2):
        ask(desk_front, "/c/x/")
    assert Origin.seen["/c/x/"] == 2


@pytest.mark.parametrize("probe", ["/healthz", "/readyz"])
def test_probes_are_not_published(front, probe):
    assert ask(front, probe)[0] == 404
    assert Origin.seen[probe] == 0


def test_whoever_finds_the_site_away_reads_so_in_every_language(front, origin):
    origin.shutdown()
    origin.server_close()
    for path in ("/c/x/", "/confirm/token/"):
        status, page, _ = ask(front, path)
        assert status == 502
        assert [lang in page for lang in (f'lang="{language.code}"' for language in LANGUAGES)] == [True] * len(
            LANGUAGES
        )


def test_the_sites_own_words_come_through_while_it_takes_nothing(front):
    Origin.away = True
    status, page, _ = ask(front, "/c/x/sign/", "POST")
    assert (status, '<p lang="ar"' in page) == (503, False)


def test_nginx_takes_the_file_as_it_is_shipped(tmp_path):
    """With certificates in their places and two names, TLS included."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-subj", "/CN=petitions.example.org"),
        ],
        check=True,
        capture_output=True,
    )
    text = CONFIGURATION.read_text().replace("user www-data;\n", f"user {getpass.getuser()};\n")
    text = re.sub(r"/etc/letsencrypt/live/[a-z.]+/fullchain.pem", str(tmp_path / "cert.pem"), text)
    text = re.sub(r"/etc/letsencrypt/live/[a-z.]+/privkey.pem", str(tmp_path / "key.pem"), text)
    for place in ("/run/nginx.pid", "/var/log/nginx/failed.log", "/var/cache/nginx-undersigned"):
        text = text.replace(place, str(tmp_path / Path(place).name))
    (tmp_path / "nginx.conf").write_text(text)
    done = subprocess.run(
        [NGINX, "-t", "-p", tmp_path, "-c", "nginx.conf", "-e", "stderr"], capture_output=True, text=True
    )
    assert "syntax is ok" in done.stderr, done.stderr
    assert "Permission denied" in done.stderr or done.returncode == 0, done.stderr  # ports below 1024


def test_the_list_of_petitions_is_kept_for_each_search_and_no_other_page_is(front):
    for query in ("?q=a", "?q=b", "?q=a"):
        ask(front, f"/{query}")
        ask(front, f"/c/x/{query}")
    assert (Origin.seen["/?q=a"], Origin.seen["/?q=b"]) == (1, 1)
    assert sum(seen for path, seen in Origin.seen.items() if path.startswith("/c/")) == 1


def test_readers_keep_their_page_while_the_site_is_away(front):
    assert ask(front, "/c/x/")[1] == "page 1"
    Origin.away = True
    end = time.monotonic() + 3.0  # longer than it is fresh
    while time.monotonic() < end:
        assert ask(front, "/c/x/")[:2] == (200, "page 1")


#: Seconds a page may be shown: fresh, and as long again while it is fetched anew (CACHE_CONTROL).
SHOWN = 4.0


def nobody_asks(seconds):
    """A page grows old by the clock alone."""
    time.sleep(seconds)


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_was_taken_down_is_not_shown_after_its_seconds(front, status):
    assert ask(front, "/c/x/")[1] == "page 1"
    Origin.gone = status
    nobody_asks(SHOWN + 1)
    assert [ask(front, "/c/x/")[0] for _ in range(3)] == [status] * 3


def test_a_page_that_nobody_asked_for_in_a_while_is_new_at_the_first_look(front):
    assert ask(front, "/c/x/")[1] == "page 1"
    nobody_asks(SHOWN + 1)
    assert ask(front, "/c/x/")[1] == "page 2"


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_was_taken_down_does_not_come_back_while_the_site_is_away(front, status):
    assert ask(front, "/c/x/")[1] == "page 1"
    Origin.gone, deadline = status, time.monotonic() + 10
    while ask(front, "/c/x/")[0] != status:
        assert time.monotonic() < deadline
    Origin.away = True
    end = time.monotonic() + SHOWN + 1
    while time.monotonic() < end:
        assert ask(front, "/c/x/")[0] in (status, 503)


SECRETS = (
    *("/confirm/{}/", "/be/confirm/{}/", "/withdraw/{}/", "/unsubscribe/{}/", "/admin/begin/MQ/{}/"),
    *("//confirm/{}/", "/confirm/{}", "/c/x/?via={}", "/c/x/%2e%2e/{}/"),
)


def test_no_log_has_a_token_or_an_address_when_the_site_is_away(front, origin, tmp_path):
    origin.shutdown()
    origin.server_close()
    for path in SECRETS:
        for method in ("GET", "POST"):
            headers = {"Referer": f"http://x{path.format('SECRET')}"}
            assert ask(front, path.format("SECRET"), method, bytes(200_000), **headers)[0] == 502
    assert ask(front, "/confirm/SECRET/", "POST", bytes(MOST_BYTES))[0] == 413
    with socket.create_connection(("127.0.0.1", front), timeout=5) as connection:  # no request that nginx understands
        connection.sendall(b"GET /confirm/SECRET/ x HTTP/9\r\n\r\n")
        assert b" 400 " in connection.recv(1000)
    logs = {path.name: path.read_text() for path in tmp_path.glob("*.log")}
    assert logs["failed.log"].count(" 502 upstream 502 ") == 2 * len(SECRETS)
    for log in logs.values():
        assert "SECRET" not in log
        assert "127.0.0.1" not in log


def raw(port, target, host="site.example", headers=""):
    """The answer's status and body to a target that no client would spell so."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    return int(answer.split()[1]), answer.partition("\r\n\r\n")[2]


#: Each is another spelling of the path of /c/x/ or of / to some reader of addresses.
SPELLINGS = [
    "//c/x/", "/c//x/", "/c/x//", "/c/./x/", "/./c/x/", "/y/../c/x/", "/c/x/y/..", "/c/x/.", "/c/y/../x/", "/../c/x/",
    "/%63/x/", "/c/%78/", "/c%2Fx/", "/c%2fx%2f", "/c/%2e/x/", "/y/%2e%2e/c/x/", "/c/x%2F", "/c/x/%2E", "/%2Fc/x/",
    "/C/x/", "/c/X/", "/c/x/#", "/c/x/#y", "/c/x/%23", "/c/x/%3F", "/c/x%3F", "/c/x/%3Fvia=mail", "/c/x/%00", "/c/x/;",
    "/c/x/%20", "/c/x/%09", "/c/x/%0A", "/c/x/%0D%0A", "/c/x/%E2%80%8B", "/c/x/\\", "/c\\x/", "/c/x/%5C", "/c/x/&",
    "http://site.example/c//x/", "http://other.example/c/x/y", "http://site.example//c/x/",
    "/%3F", "/%3Fq=library", "/?", "//", "//?q=library", "/./?q=library", "/%2F?q=library", "/be/%3Fq=library",
    "/be/../?q=library", "/be//?q=library", "/BE/?q=library",
]  # fmt: skip
READ = ["/c/x/", "/", "/?q=library", "/be/?q=library", "/be/c/x/"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_an_address_puts_its_error_in_a_pages_place(front, spelling):
    for query in ("", "?via=mail", "?q=library", "?%3F"):
        raw(front, spelling + query)
    for path in READ:
        assert raw(front, path)[0] == 200, path


def test_what_reaches_the_site_is_what_the_cache_looked_at(front):
    """Whatever was kept under an address was answered to that address, letter for letter."""
    for path in [*SPELLINGS, *READ] * 2:
        raw(front, path)
    kept = {path for path in Origin.seen if "//" not in path and "%" not in path and ".." not in path}
    assert {"/c/x/", "/", "/?q=library"} <= kept
    assert Origin.seen["/c//x/"] == 4  # twice in the absolute form


@pytest.mark.parametrize("host", ["SITE.example", "site.example.", "site.example:80", "Site.Example.:8080"])
def test_every_spelling_of_the_host_is_one_copy_and_one_name_to_the_site(front, host):
    assert raw(front, "/c/x/", host)[0] == raw(front, "/c/x/")[0] == 200
    assert (Origin.seen["/c/x/"], Origin.hosts) == (1, {"site.example"})


def test_that_a_page_is_missing_is_kept_for_its_own_address_and_for_seconds_only(front):
    assert [raw(front, "/c/nobody/")[0] for _ in range(3)] == [404] * 3
    assert Origin.seen["/c/nobody/"] == 1
    deadline = time.monotonic() + 10
    while Origin.seen["/c/nobody/"] == 1:
        assert time.monotonic() < deadline
        assert raw(front, "/c/nobody/")[0] == 404


def test_host_encoding_and_path_are_told_apart_in_the_key(front):
    """Written without anything between, "site.examplebr" and "" would be "site.example" and "br"."""
    raw(front, "/c/x/", "site.examplebr")
    raw(front, "/c/x/", "site.example", "Accept-Encoding: br\r\n")
    assert Origin.seen["/c/x/"] == 2


@pytest.mark.parametrize("place", ["confirm", "withdraw", "unsubscribe", "Confirm", "be/UNSUBSCRIBE", "x/../confirm"])
def test_no_address_with_a_token_is_kept(front, place):
    for _ in range(2):
        raw(front, f"/{place}/token/")
    assert max(Origin.seen.values()) == 2
