"""Pictures from staff: what is refused and why, what is left out, what is made, how it is served and shown."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.template import Context, Template
from PIL import Image

from petitions import image_sandbox, pictures
from petitions.admin.content import PictureForm
from petitions.admin.picture_refusals import REASONS
from petitions.models import Coverage, Dossier, Picture
from web.models import Section

SIZE = (900, 700)


@pytest.fixture(autouse=True)
def _own_storage(settings: Any, tmp_path: Any) -> None:
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    }


def encoded(kind: str = "JPEG", size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    """Left half red, right half blue."""
    picture = Image.new("RGB", size, "red")
    picture.paste("blue", (size[0] // 2, 0, *size))
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def with_position() -> bytes:
    """A JPEG that says where and with what it was taken, in EXIF, and a word to whoever reads comments."""
    exif = Image.Exif()
    exif[0x0110] = "SECRET-CAMERA"
    exif[0x0112] = 6  # lying on its side
    exif.get_ifd(0x8825)[2] = (53.0, 54.0, 27.0)
    return encoded(exif=exif, comment=b"<script>SECRET-COMMENT</script>")


def bomb(width: int, height: int) -> bytes:
    """The head of a PNG that claims to be so large, and hardly anything behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")


def moving() -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "blue")]
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    return file.getvalue()


def of_several(second: tuple[int, int] = (450, 350)) -> bytes:
    """A camera's JPEG with a smaller one behind it, lying on its side: MPO, as previews and gain maps are kept."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    first, behind = Image.open(io.BytesIO(encoded())), Image.new("RGB", second, "green")
    first.save(file, "MPO", save_all=True, append_images=[behind], exif=exif)
    return file.getvalue()


def heic(*brands: bytes) -> bytes:
    """The head of a phone's photo."""
    box = b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
    return struct.pack(">I", len(box) + 4) + box + b"\0\0\0\x08mdat" + bytes(100)


@pytest.mark.parametrize(
    "content",
    [of_several(), of_several()[:-600], of_several((900, 700))],
    ids=["whole", "what is behind it was cut off on the way", "two of a size"],
)
@pytest.mark.parametrize("filename", ["IMG_0001.JPG", "a.mpo", "a.jpeg"])
def test_a_cameras_jpeg_with_another_behind_it_is_a_still_picture(content: bytes, filename: str) -> None:
    with Image.open(io.BytesIO(content)) as opened:
        assert (opened.format, opened.n_frames) == ("MPO", 2)
    made = pictures.develop(content, filename)
    assert (made.width, made.height) == (700, 900)  # upright
    with Image.open(io.BytesIO(stored(made, f"whole-{made.widths['whole'][0]}.jpg"))) as whole:
        red, green, _blue = whole.convert("RGB").getpixel((350, 50))
    assert (red > 200, green < 50) == (True, True)


@pytest.mark.parametrize("brands", [(b"heic", b"mif1", b"heic"), (b"mif1", b"mif1", b"heic"), (b"msf1", b"hevc")])
@pytest.mark.parametrize("filename", ["IMG_0001.HEIC", "a.jpg"])
def test_a_phones_photo_is_refused_with_what_to_do(brands: tuple[bytes, ...], filename: str) -> None:
    with pytest.raises(pictures.PictureRefused) as refused:
        pictures.develop(heic(*brands), filename)
    assert refused.value.reason == "heic"
    assert "JPEG" in str(REASONS["heic"])


def test_file_fields_ask_for_what_is_taken() -> None:
    """An iPhone makes a JPEG of a HEIC for a field that asks for JPEG, and for no other."""
    assert 'accept="image/jpeg,image/png,image/webp,image/avif"' in str(PictureForm()["upload"])


def stored(made: pictures.Developed, file: str) -> bytes:
    with pictures.storage().open(f"{made.key}/{file}") as opened:
        return bytes(opened.read())


@pytest.mark.parametrize(
    ("content", "filename", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "a.png", "svg"),
        (b"<?xml version='1.0'?><!DOCTYPE svg><svg/>", "a.jpg", "svg"),
        (b"<html><script>alert(1)</script>", "a.jpg", "markup"),
        (b"\x00\x01 nothing in particular", "a.jpg", "unknown"),
        (b"", "a.jpg", "unknown"),
        (encoded("GIF"), "a.gif", "unknown"),
        (encoded()[:-4000], "a.jpg", "damaged"),
        (encoded("PNG")[:300], "a.png", "damaged"),
        (bomb(10_000, 10_000), "a.png", "too_many_pixels"),
        (bomb(2_000_000, 2_000_000), "a.png", "too_many_pixels"),
        (encoded(size=(640, 480)), "a.jpg", "too_small"),
        (moving(), "a.webp", "animated"),
        (encoded("PNG"), "a.jpg", "misnamed"),
        (encoded(), "a.svg", "misnamed"),
        (b"\xff\xd8" + bytes(pictures.MOST_BYTES), "a.jpg", "too_heavy"),
    ],
)
def test_what_is_no_harmless_picture_is_refused_with_its_reason(content: bytes, filename: str, reason: str) -> None:
    with pytest.raises(pictures.PictureRefused) as refused:
        pictures.develop(content, filename)
    assert refused.value.reason == reason
    assert REASONS[reason]
    assert pictures.storage().listdir("")[0] == []


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "bomb").write_bytes(bomb(10_000, 10_000))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(image_sandbox.Refused):
        image_sandbox.develop(tmp_path / "bomb", tmp_path, (0.5, 0.5))


def test_nothing_is_kept_of_an_upload_but_its_upright_pixels() -> None:
    made = pictures.develop(with_position(), "a.jpg")
    assert (made.width, made.height) == (700, 900)
    _, files = pictures.storage().listdir(made.key)
    assert {file.rpartition(".")[2] for file in files} == {"avif", "webp", "jpg"}
    for file in files:
        content = stored(made, file)
        assert b"SECRET" not in content
        assert not Image.open(io.BytesIO(content)).getexif()


def test_each_width_is_there_in_each_format_and_never_larger_than_the_upload() -> None:
    made = pictures.develop(encoded(), "a.jpg")
    assert made.widths["wide"] == [400, 640]
    for shape, ratio in image_sandbox.RATIOS.items():
        for width in made.widths[shape]:
            for extension in ("avif", "webp", *(["jpg"] if width in made.widths[f"{shape}.jpg"] else [])):
                file = io.BytesIO(stored(made, f"{shape}-{width}.{extension}"))
                assert Image.open(file).size == (width, round(width / ratio))


@pytest.mark.parametrize(("focus", "colour"), [((0, 50), "red"), ((100, 50), "blue")])
def test_a_cut_keeps_the_focus(focus: tuple[int, int], colour: str) -> None:
    made = pictures.develop(encoded(size=(1300, 640)), "a.jpg", focus)
    square = Image.open(io.BytesIO(stored(made, "square-320.jpg"))).convert("RGB")
    red, _, blue = square.getpixel((160, 160))  # type: ignore[misc]
    assert (red > blue) == (colour == "red")


@pytest.mark.parametrize("focus", [(0, 0), (50, 50), (100, 100), (100, 0)])
@pytest.mark.parametrize("size", [(600, 600), (4000, 600), (601, 4000)])
@pytest.mark.parametrize("ratio", image_sandbox.RATIOS.values())
def test_a_cut_lies_inside_the_picture(size: tuple[int, int], focus: tuple[int, int], ratio: float) -> None:
    left, top, right, bottom = image_sandbox.around((focus[0] / 100, focus[1] / 100), size, ratio)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]
    assert (right - left) / (bottom - top) == pytest.approx(ratio, rel=0.01)


# --- in the admin -----------------------------------------------------------------------------------------------

WORDS = {
    "alt": "A red and a blue field", "caption": "Two fields", "credit": "Ours", "made_on": "2026-11-01",
    "focus_x": "50", "focus_y": "50",
}  # fmt: skip


def form(content: bytes | None, instance: Picture | None = None, **words: str) -> PictureForm:
    words = {"section": str(Section.objects.order_by("pk")[0].pk), **words}
    files = {"upload": SimpleUploadedFile("a.jpg", content)} if content is not None else {}
    return PictureForm({**WORDS, **words}, files, instance=instance)


@pytest.mark.parametrize("field", ["alt", "caption", "credit", "made_on", "upload"])
def test_no_picture_without_its_words(db: None, field: str) -> None:
    given = form(None if field == "upload" else encoded(), **({} if field == "upload" else {field: ""}))
    assert list(given.errors) == [field]


def test_the_form_says_why_an_upload_is_refused(db: None) -> None:
    given = form(b"<svg onload='alert(1)'/>")
    assert "SVG" in given.errors["upload"][0]


def test_moving_the_focus_cuts_anew_under_another_name(db: None) -> None:
    saved = form(encoded(size=(1300, 640))).save()
    before = saved.key
    moved = form(None, saved, focus_x="0").save()
    assert moved.key != before
    assert pictures.storage().exists(f"{moved.key}/square-160.avif")


def test_the_database_keeps_no_picture_without_words(db: None) -> None:
    saved = form(encoded()).save()
    for column in ("alt", "caption", "credit"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Picture.objects.filter(pk=saved.pk).update(**{column: ""})


def test_files_go_with_the_last_picture_that_shows_them(
    db: None, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    first, second = form(encoded()).save(), form(encoded()).save()
    assert first.key == second.key
    for picture, left in ((first, True), (second, False)):
        with django_capture_on_commit_callbacks(execute=True):
            picture.delete()
        assert pictures.storage().exists(f"{second.key}/wide-400.avif") is left


# --- on the site ------------------------------------------------------------------------------------------------


def test_a_file_may_be_kept_for_ever_and_nothing_else_is_served(client: Any) -> None:
    made = pictures.develop(encoded(), "a.jpg")
    answer = client.get(f"/media/{made.key}/wide-400.avif")
    assert answer["Content-Type"] == "image/avif"
    assert "immutable" in answer["Cache-Control"]
    for path in (f"{made.key}/wide-401.avif", f"{made.key}/", f"{made.key}/../x.svg", "../x.svg", "x.svg"):
        assert client.get(f"/media/{path}").status_code == 404


def test_a_picture_is_sized_lazy_and_offered_in_modern_formats_first(db: None) -> None:
    saved = form(encoded(), alt='"><script>').save()
    html = Template("{% load pictures %}{% picture p sizes='50vw' %}").render(Context({"p": saved}))
    assert re.findall(r'type="([^"]+)"', html) == ["image/avif", "image/webp"]
    assert "400w, " in html
    assert 'width="640" height="427"' in html
    assert 'loading="lazy"' in html
    assert "<script>" not in html
    for address in re.findall(r"/media/[^\s\",]+", html):
        assert pictures.storage().exists(address.removeprefix("/media/"))


def test_what_has_a_picture_shows_it_with_caption_credit_and_date(client: Any, make_campaign: Any) -> None:
    saved = form(encoded()).save()
    campaign = make_campaign(picture=saved)
    told = {"title": "Reported", "summary": "…", "source": "A paper", "published_on": "2026-01-01", "picture": saved}
    dossier = Dossier.objects.create(slug="subject", title="Subject", lead="…", picture=saved)
    coverage = Coverage.objects.create(dossier=dossier, **told)
    for page, times in ((campaign, 1), (dossier, 2)):
        html = client.get(page.get_absolute_url()).content.decode().partition("</head>")[2]
        for words in (WORDS["alt"], WORDS["caption"], WORDS["credit"], 'datetime="2026-11-01"'):
            assert html.count(words) == times
    saved.delete()
    for shown in (campaign, dossier, coverage):
        shown.refresh_from_db()
        assert shown.picture is None
