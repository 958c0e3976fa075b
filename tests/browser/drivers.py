"""Firefox and WebKit, driven as their own makers do: WebDriver, spoken without a library.

Playwright drives builds of its own only. What a distribution ships speaks WebDriver's commands: Firefox over a socket
(Marionette: each message its length, a colon, JSON), WebKit by its driver over HTTP. Both are Debian packages
(CONTRIBUTING); where they are missing, `why_missing` says so.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.request import Request, urlopen

#: Seconds that a browser may take to start, or to answer one command.
PATIENCE: Final = 90.0
#: What WebDriver calls the reference to an element.
ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
#: What both browsers are given at the start: strict, so that nothing waits for a question that nobody sees.
WANTED: Final = {"acceptInsecureCerts": False, "pageLoadStrategy": "normal", "unhandledPromptBehavior": "dismiss"}


class DriverError(Exception):
    """What the browser refused, in its words."""


class Transport(Protocol):
    def call(self, command: str, **given: Any) -> Any: ...


class Browser:
    """One window. Elements by CSS."""

    def __init__(self, transport: Transport) -> None:
        self.call = transport.call

    def goto(self, url: str) -> None:
        self.call("Navigate", url=url)

    def back(self) -> None:
        self.call("Back")

    @property
    def url(self) -> str:
        return str(self.run("return location.href"))

    def run(self, script: str, *args: Any) -> Any:
        return self.call("ExecuteScript", script=script, args=list(args))

    def find(self, css: str) -> str:
        return str(self.call("FindElement", using="css selector", value=css)[ELEMENT])

    def click(self, css: str) -> None:
        self.call("ElementClick", id=self.find(css))

    def type(self, css: str, text: str) -> None:
        self.call("ElementSendKeys", id=self.find(css), text=text)

    def text(self, css: str = "main") -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", css))

    def until(self, condition: str, what: str = "", seconds: float = 30) -> Any:
        """Wait until a script's expression is true. Raises AssertionError at the end, with the page's text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(DriverError):  # a page that is just going
                if held := self.run(f"return {condition}"):
                    return held
            time.sleep(0.1)
        raise AssertionError(f"not within {seconds:g} s: {what or condition}; {self.url}: {self.text('body')[:400]}")

    def resize(self, width: int, height: int) -> None:
        self.call("SetWindowRect", width=width, height=height)

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("TakeScreenshot")))


# --- Firefox --------------------------------------------------------------------------------------------------------

PREFERENCES: Final = """
user_pref("marionette.port", 0);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
"""


class Marionette:
    """Firefox's own socket: [0, number, command, parameters] there, [1, number, error, result] back."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.number = 0
        self._read()  # who it is

    def call(self, command: str, **given: Any) -> Any:
        self.number += 1
        body = json.dumps([0, self.number, f"WebDriver:{command}", given]).encode()
        self.socket.sendall(b"%d:%b" % (len(body), body))
        _kind, _number, error, result = self._read()
        if error:
            raise DriverError(f"{error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def _read(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += self._some(1)
        body = b""
        while len(body) < int(length[:-1]):
            body += self._some(int(length[:-1]) - len(body))
        return json.loads(body)

    def _some(self, size: int) -> bytes:
        if not (read := self.socket.recv(size)):
            raise DriverError("Firefox is gone")
        return read


def firefox_path() -> str | None:
    return os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")


@contextmanager
def firefox() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory(prefix="undersigned-firefox-") as home:
        profile = Path(home) / "profile"
        profile.mkdir()
        (profile / "user.js").write_text(PREFERENCES)
        command = [str(firefox_path()), "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
        with _running(command, home, HOME=home):
            told = profile / "MarionetteActivePort"
            marionette = Marionette(int(_wait(lambda: told.exists() and told.read_text().strip())))
            with closing(marionette.socket):
                marionette.call("NewSession", capabilities={"alwaysMatch": WANTED})
                yield Browser(marionette)


# --- WebKit ---------------------------------------------------------------------------------------------------------

#: Its commands as paths (W3C WebDriver): {command: (method, path)}.
PATHS: Final = {
    "Navigate": ("POST", "url"),
    "Back": ("POST", "back"),
    "ExecuteScript": ("POST", "execute/sync"),
    "FindElement": ("POST", "element"),
    "ElementClick": ("POST", "element/{id}/click"),
    "ElementSendKeys": ("POST", "element/{id}/value"),
    "SetWindowRect": ("POST", "window/rect"),
    "TakeScreenshot": ("GET", "screenshot"),
}


class OverHttp:
    def __init__(self, port: int, capabilities: dict[str, Any]) -> None:
        self.base = f"http://127.0.0.1:{port}/session"
        made = self._send("POST", self.base, {"capabilities": {"alwaysMatch": capabilities}})
        self.base += f"/{made['sessionId']}"

    def call(self, command: str, **given: Any) -> Any:
        method, path = PATHS[command]
        body = {name: value for name, value in given.items() if name != "id"} if method == "POST" else None
        return self._send(method, f"{self.base}/{path.format(**given)}", body)

    def _send(self, method: str, url: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(url, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)["value"]
        except OSError as error:
            raise DriverError(error.read().decode() if hasattr(error, "read") else str(error)) from error


def mini_browser() -> str | None:
    """The small browser that Debian's library of WebKit brings along for tests."""
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4*/MiniBrowser"))
    return str(found[-1]) if found else None


@contextmanager
def webkit() -> Iterator[Browser]:
    """WebKitGTK needs a screen to draw on: Xvfb is one that nobody sees."""
    with tempfile.TemporaryDirectory(prefix="undersigned-webkit-") as home, _screen(home) as display:
        port = _free_port()
        command = ["WebKitWebDriver", f"--port={port}", "--host=127.0.0.1"]
        more = {"DISPLAY": display, "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1", "XDG_RUNTIME_DIR": home, "HOME": home}
        with _running(command, home, **more, LIBGL_ALWAYS_SOFTWARE="1", WEBKIT_DISABLE_COMPOSITING_MODE="1"):
            options = {"binary": mini_browser(), "args": ["--automation"]}
            _wait(lambda: _answers(port))
            yield Browser(OverHttp(port, {"webkitgtk:browserOptions": options}))


@contextmanager
def _screen(home: str) -> Iterator[str]:
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x1100x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, cwd=home, pass_fds=[write], stderr=subprocess.DEVNULL) as running:
        os.close(write)
        try:
            yield f":{os.read(read, 20).decode().strip()}"
        finally:
            os.close(read)
            _end(running)


#: {engine: (what starts it, what it needs as (program, Debian's package))}.
ENGINES: Final[dict[str, tuple[Callable[[], Any], Callable[[], list[str]]]]] = {
    "firefox": (firefox, lambda: [] if firefox_path() else ["firefox-esr"]),
    "webkit": (
        webkit,
        lambda: [
            package
            for there, package in (
                (shutil.which("WebKitWebDriver") and mini_browser(), "webkit2gtk-driver"),
                (shutil.which("Xvfb"), "xvfb"),
            )
            if not there
        ],
    ),
}


def why_missing(engine: str) -> str:
    """What to install so that this engine can be tried; "" where it can be."""
    packages = ENGINES[engine][1]()
    return f"{engine} is not here: apt install {' '.join(packages)}" if packages else ""


@contextmanager
def _running(command: list[str], home: str, **more: str) -> Iterator[None]:
    environment = {**os.environ, **more}
    with (
        open(Path(home) / "log", "wb") as log,
        subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log) as running,
    ):
        try:
            yield
        finally:
            _end(running)


def _end(running: subprocess.Popen[bytes]) -> None:
    running.terminate()
    try:
        running.wait(20)
    except subprocess.TimeoutExpired:
        running.kill()


def _wait[T](condition: Callable[[], T]) -> T:
    end = time.monotonic() + PATIENCE
    while not (held := condition()):
        if time.monotonic() > end:
            raise DriverError("The browser did not start.")
        time.sleep(0.1)
    return held


def _free_port() -> int:
    with socket.socket() as drawn:
        drawn.bind(("127.0.0.1", 0))
        return int(drawn.getsockname()[1])


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
