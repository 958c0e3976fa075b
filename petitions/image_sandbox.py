"""Develops an upload into the files that are served. A program of its own: whoever decodes holds nothing.

    python -I petitions/image_sandbox.py SOURCE FOLDER FOCUS_X FOCUS_Y
    python -I petitions/image_sandbox.py SOURCE FOLDER logo             one small logo.png, for a letterhead

A picture from staff is hostile input, and decoders have holes. So this runs as a child with an empty environment and
bounds on memory, processor and files, and imports nothing of ours: no database, no key, no request is in its memory
(petitions/pictures.py starts it). It prints one line of JSON, {"refused": reason} or what it made:

    {"format": "JPEG", "width": 2400, "height": 1600, "widths": {"wide": [400, …], "wide.jpg": [640, …], …}}

Every file is drawn anew from pixels, so that nothing of the upload but its pixels is left: no position, camera,
comment, profile or tail. Shapes: `wide` (3:2) and `square` are cut around the focus, `whole` is all of it.
"""

import io
import json
import resource
import sys
from pathlib import Path

from PIL import Image, ImageCms, ImageOps

#: Beyond this nothing is decoded. A camera's picture has 50 million at most; a bomb has any number.
MOST_PIXELS = 60_000_000
Image.MAX_IMAGE_PIXELS = None  # Pillow's own bound warns first and refuses at twice its figure; ours is one
#: A picture narrower than this is a thumbnail, and looks it.
LEAST_SIDE = 600
#: A third party's decoder may not go beyond these.
MEMORY, PROCESSOR_SECONDS, FILE_BYTES = 2 * 1024**3, 60, 32 * 1024**2

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
#: A JPEG with others behind it: a preview, the light that a bright screen adds, another lens’s view. The first counts.
SEVERAL_JPEGS = "MPO"
#: Brands of HEIC, in which phones keep photos. Its decoders are covered by patents, and no browser but one shows it.
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")
WIDTHS = {"wide": (400, 640, 960, 1280, 1600), "square": (160, 320, 640)}
RATIOS = {"wide": 3 / 2, "square": 1.0}
#: The one that the press downloads, and that is cut again when the focus moves.
MASTER_SIDE = 2400
#: JPEG is for browsers that know nothing else; they get by with fewer widths.
JPEG_WIDTHS = (320, 640, 1280)


#: A logo as letters have it, and the least that can be printed.
LOGO_SIZE, LOGO_LEAST, LOGO_BYTES = (1200, 400), 300, 200_000


class Refused(Exception):
    """Its argument says why, as a word that petitions/pictures.py has a sentence for."""


def main(source: str, folder: str, *wanted: str) -> None:
    """Develop one file. Prints what became of it; never raises for what is wrong with the file."""
    _bound()
    try:
        if wanted == ("logo",):
            made = draw_logo(Path(source), Path(folder))
        else:
            focus_x, focus_y = wanted
            made = develop(Path(source), Path(folder), (int(focus_x) / 100, int(focus_y) / 100))
    except Refused as refusal:
        made = {"refused": str(refusal)}
    except MemoryError:
        made = {"refused": "too_large"}
    print(json.dumps(made))


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def develop(source: Path, folder: Path, focus: tuple[float, float]) -> dict[str, object]:
    """Write every shape and width into the folder. Raises Refused."""
    kind, picture = _open(source)
    widths: dict[str, list[int]] = {"whole": [_write_master(picture, folder)]}
    for shape, ratio in RATIOS.items():
        cut = picture.crop(around(focus, picture.size, ratio))
        widths[shape] = [width for width in WIDTHS[shape] if width <= cut.width] or [cut.width]
        widths[f"{shape}.jpg"] = [width for width in widths[shape] if width in JPEG_WIDTHS] or widths[shape][:1]
        for width in widths[shape]:
            _write(cut, folder / f"{shape}-{width}", width, jpeg=width in widths[f"{shape}.jpg"])
    return {"format": kind, "width": picture.width, "height": picture.height, "widths": widths}


def draw_logo(source: Path, folder: Path) -> dict[str, object]:
    """Write logo.png into the folder, in fewer colours where it would be too large. Raises Refused."""
    kind, picture = _open(source, least=1)
    if max(picture.size) < LOGO_LEAST:
        raise Refused("logo_too_small")
    picture.thumbnail(LOGO_SIZE, Image.Resampling.LANCZOS)
    for colours in (0, 256, 32):
        drawn = picture.quantize(colours) if colours else picture
        drawn.save(folder / "logo.png", "PNG", optimize=True)
        if (folder / "logo.png").stat().st_size <= LOGO_BYTES:
            return {"format": kind, "width": picture.width, "height": picture.height, "widths": {}}
    raise Refused("logo_too_rich")


def _open(source: Path, least: int = LEAST_SIDE) -> tuple[str, Image.Image]:
    """The format by its content, and the pixels upright in sRGB on white. Raises Refused."""
    _refuse_text(source)
    try:
        with Image.open(source, formats=FORMATS) as opened:  # reads the head only
            kind, size = str(opened.format), opened.size
            _refuse_size(size, least)
            if kind == SEVERAL_JPEGS:
                kind = "JPEG"
            elif getattr(opened, "n_frames", 1) > 1:
                raise Refused("animated")
            opened.load()
            return kind, _pixels(ImageOps.exif_transpose(opened))
    except Image.UnidentifiedImageError:
        raise Refused("heic" if _is_heic(source) else "unknown") from None
    except (OSError, ValueError, SyntaxError):  # what Pillow says of files that end or break off early
        raise Refused("damaged") from None


def _refuse_text(source: Path) -> None:
    """SVG and HTML are programs. They would not be opened anyway; this says so in plainer words."""
    with source.open("rb") as file:
        head = file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<svg", b"<?xml", b"<!doctype", b"<html", b"<script", b"<!--")):
        raise Refused("svg" if b"<svg" in head or head.startswith(b"<?xml") else "markup")


def _is_heic(source: Path) -> bool:
    """By the brands at its head (ISO 14496-12, 4.3): the major one, or one that it is compatible with."""
    with source.open("rb") as file:
        head = file.read(64)
    brands = head[8 : int.from_bytes(head[:4], "big")] if head[4:8] == b"ftyp" else b""
    return any(brand in brands for brand in HEIC_BRANDS)


def _refuse_size(size: tuple[int, int], least: int) -> None:
    if size[0] * size[1] > MOST_PIXELS:
        raise Refused("too_many_pixels")
    if min(size) < least:
        raise Refused("too_small")


def _pixels(picture: Image.Image) -> Image.Image:
    """A fresh picture with the same pixels and nothing else: metadata travels in `info`, which is left behind."""
    flat = picture.convert("RGBA") if "A" in picture.getbands() or "transparency" in picture.info else picture
    clean = Image.new("RGB", picture.size, "white")
    if flat.mode == "RGBA":
        clean.paste(flat, mask=flat.getchannel("A"))
    else:
        clean.paste(_in_srgb(flat))
    return clean


def _in_srgb(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if not profile:
        return picture.convert("RGB")
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(picture, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):  # a broken profile: colours may be off, the picture is whole
        return picture.convert("RGB")
    return converted or picture.convert("RGB")


def around(focus: tuple[float, float], size: tuple[int, int], ratio: float) -> tuple[int, int, int, int]:
    """The largest box of that ratio (width / height) in a picture of that size, as near to the focus as fits."""
    width, height = size
    box = (round(height * ratio), height) if width / height > ratio else (width, round(width / ratio))
    left, top = (
        round(min(max(side * at - part / 2, 0), side - part)) for side, at, part in zip(size, focus, box, strict=True)
    )
    return left, top, left + box[0], top + box[1]


def _write_master(picture: Image.Image, folder: Path) -> int:
    master = picture.copy()
    master.thumbnail((MASTER_SIDE, MASTER_SIDE), Image.Resampling.LANCZOS)
    master.save(folder / f"whole-{master.width}.jpg", "JPEG", quality=88, progressive=True, optimize=True)
    return master.width


def _write(cut: Image.Image, stem: Path, width: int, *, jpeg: bool) -> None:
    size = (width, max(1, round(width * cut.height / cut.width)))
    small = cut.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    small.save(f"{stem}.avif", "AVIF", quality=52, speed=8, max_threads=1)
    small.save(f"{stem}.webp", "WEBP", quality=70, method=4)
    if jpeg:
        small.save(f"{stem}.jpg", "JPEG", quality=74, progressive=True, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
