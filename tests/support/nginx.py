"""config/deploy/nginx.conf as a test runs it: without TLS, on ports and in a folder of its own."""

from __future__ import annotations

import getpass
import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
CONFIGURATION: Final = ROOT / "config" / "deploy" / "nginx.conf"


class Ports(NamedTuple):
    """Where nginx listens for the site and for the desk, and where these two are."""

    front: int
    desk_front: int
    site: int
    desk: int


def plain_configuration(ports: Ports) -> str:
    """The file's text with paths below nginx's prefix; started by root, its workers would be nobody."""
    text = CONFIGURATION.read_text()
    text = _listening(text, "petitions.example.org", ports.front)
    text = _listening(text, "desk.petitions.example.org", ports.desk_front)
    text = re.sub(r"\n *# Certificates by certbot.*?(?=\n    # The site\.\n)", "", text, flags=re.DOTALL)
    text = re.sub(r"\n *ssl_certificate(_key)? [^;]*;", "", text)
    for ours, here in {
        "user www-data;": f"user {getpass.getuser()};\ndaemon off;",
        "/run/nginx.pid": "nginx.pid",
        "/var/log/nginx/failed.log": "failed.log",
        "/var/cache/nginx-undersigned": "cache",
        "127.0.0.1:8000;": f"127.0.0.1:{ports.site};",
        "127.0.0.1:8001;": f"127.0.0.1:{ports.desk};",
    }.items():
        assert text.count(ours) == 1, ours
        text = text.replace(ours, here)
    return text.replace("/opt/undersigned", str(ROOT))


def _listening(text: str, name: str, port: int) -> str:
    tls = rf"listen 443 ssl http2;\n *listen \[::\]:443 ssl http2;\n *server_name {re.escape(name)};"
    text, changed = re.subn(tls, f"listen 127.0.0.1:{port};", text)
    assert changed == 1, name
    return text
