"""One upload becomes the files that are served: looked at here, decoded by a child (image_sandbox.py), stored.

It is done while the campaigner waits, in the web: a picture holds no personal data, takes two seconds, and whoever
uploads wants to hear at once why it is refused. A worker, which holds the keys, is the last that should open one.

A file's name holds the hash of what went into it, so a name never means another picture: caches may keep it for ever.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

_SANDBOX: Final = Path(__file__).with_name("image_sandbox.py")
#: Part of each name: raise it when image_sandbox.py makes other files of the same picture.
_RECIPE: Final = b"1"

MOST_BYTES: Final = 20_000_000
#: Seconds. The child's own bound on processor time is tighter; this one is for a machine that is busy.
_PATIENCE: Final = 120

EXTENSIONS: Final = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".heif"),
}

#: What a file field asks for. An iPhone that is asked for JPEG makes one of its HEIC.
ACCEPT: Final = "image/jpeg,image/png,image/webp,image/avif"


class PictureRefused(ValueError):
    """Why an upload is not taken: the reason's short name (petitions/admin/picture_refusals.py has the words)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Developed:
    """What is stored of a picture."""

    #: Its folder in the storage: 24 hexadecimal digits.
    key: str
    #: Of the upload, upright, in pixels.
    width: int
    height: int
    #: By shape: {"wide": [400, …], "square": […], "whole": [2400]}; "wide.jpg": those that there is a JPEG of.
    widths: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo as letters have it."""

    png: bytes
    width: int
    height: int


def draw_logo(content: bytes, filename: str) -> Logo:
    """A logo, drawn anew from its pixels. Raises PictureRefused."""
    with _darkroom(content) as (source, folder):
        made = _in_the_darkroom(source, folder, ["logo"])
        _refuse_misnamed(filename, made["format"])
        return Logo((folder / "logo.png").read_bytes(), made["width"], made["height"])


def develop(content: bytes, filename: str, focus: tuple[int, int] = (50, 50)) -> Developed:
    """Make and store every file of a picture. `focus` in percent of width and height. Raises PictureRefused.

    Storing the same picture with the same focus again writes nothing and gives the same answer.
    """
    with _darkroom(content) as (source, folder):
        made = _in_the_darkroom(source, folder, [str(percent) for percent in focus])
        _refuse_misnamed(filename, made["format"])
        key = hashlib.sha256(b"\0".join([_RECIPE, b"%d,%d" % focus, content])).hexdigest()[:24]
        _store(key, folder.iterdir())
    return Developed(key, made["width"], made["height"], made["widths"])


@contextmanager
def _darkroom(content: bytes) -> Iterator[tuple[Path, Path]]:
    """(the upload as a file, an empty folder), for as long as it takes. Raises PictureRefused."""
    if len(content) > MOST_BYTES:
        raise PictureRefused("too_heavy")
    with tempfile.TemporaryDirectory(prefix="undersigned-darkroom-") as place:
        source, folder = Path(place) / "source", Path(place) / "made"
        source.write_bytes(content)
        folder.mkdir()
        yield source, folder


def _refuse_misnamed(filename: str, kind: str) -> None:
    if not filename.lower().endswith(EXTENSIONS[kind]):
        raise PictureRefused("misnamed")


def _in_the_darkroom(source: Path, folder: Path, wanted: list[str]) -> dict[str, Any]:
    """What the child printed. Raises PictureRefused, also where a bound ended the child."""
    command = [sys.executable, "-I", str(_SANDBOX), str(source), str(folder), *wanted]
    try:
        done = subprocess.run(command, env={}, cwd=folder, capture_output=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise PictureRefused("too_slow") from None
    if done.returncode:
        raise PictureRefused("damaged")
    made: dict[str, Any] = json.loads(done.stdout)
    if "refused" in made:
        raise PictureRefused(made["refused"])
    return made


def storage() -> Storage:
    """Where pictures are: on this machine's disk, or wherever STORAGES says."""
    return storages["default"]


def _store(key: str, files: Iterable[Path]) -> None:
    for file in sorted(files):
        name = f"{key}/{file.name}"
        if not storage().exists(name):
            storage().save(name, ContentFile(file.read_bytes()))


def master_of(key: str, width: int) -> bytes:
    """The whole picture as JPEG. Raises FileNotFoundError."""
    with storage().open(f"{key}/whole-{width}.jpg") as file:
        return bytes(file.read())


def forget(key: str) -> None:
    """Delete a picture's files."""
    _, files = storage().listdir(key)
    for file in files:
        storage().delete(f"{key}/{file}")
