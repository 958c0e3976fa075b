"""A section's logo: drawn anew before anybody keeps it, at the head of its letters, and nowhere else."""

import io
import zipfile

import pypdfium2
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from PIL import Image, PngImagePlugin

from petitions import pictures
from petitions.models import LOGO_BYTES, Letterhead
from staff.models import AuditEntry, Role
from tests.support.packets import plain, sign_all


def a_logo(size=(1500, 300), kind="PNG", mode="RGBA"):
    """A red bar on nothing, with words in its metadata."""
    image, out = Image.new(mode, size, (0, 0, 0, 0) if mode == "RGBA" else "white"), io.BytesIO()
    image.paste((168, 30, 23, 255)[: len(mode)], (0, 0, size[0] // 2, size[1]))
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", "Zebediah was here")
    image.save(out, kind, **({"pnginfo": told} if kind == "PNG" else {}))
    return out.getvalue()


def noise(size=(1200, 1200)):
    out = io.BytesIO()
    Image.effect_noise(size, 100).convert("RGB").save(out, "PNG")
    return out.getvalue()


def test_a_logo_is_drawn_anew_on_white_small_and_says_nothing_else():
    logo = pictures.draw_logo(a_logo(), "logo.png")
    assert (logo.width, logo.height) == (1200, 240)
    assert b"Zebediah" not in logo.png
    with Image.open(io.BytesIO(logo.png)) as drawn:
        assert (drawn.mode, drawn.getpixel((1, 1)), drawn.getpixel((1199, 1))) == ("RGB", (168, 30, 23), (255,) * 3)
    assert pictures.draw_logo(a_logo(kind="JPEG", mode="RGB"), "LOGO.JPG").png.startswith(b"\x89PNG")
    assert len(pictures.draw_logo(noise(), "noise.png").png) <= LOGO_BYTES


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (a_logo((299, 100)), "logo.png", "logo_too_small"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "logo.svg", "svg"),
        (b"<html><script>", "logo.png", "markup"),
        (a_logo()[:200], "logo.png", "damaged"),
        (a_logo(), "logo.jpg", "misnamed"),
        (b"%PDF-1.7", "logo.png", "unknown"),
        (b"", "logo.png", "unknown"),
    ],
)
def test_what_is_no_logo_is_refused(content, name, reason):
    with pytest.raises(pictures.PictureRefused) as refused:
        pictures.draw_logo(content, name)
    assert refused.value.reason == reason


def test_an_administrator_puts_it_at_the_head_of_letters(staff, staff_client, campaign, sign, deliver):
    client = staff_client(staff(Role.ADMINISTRATOR))
    add = reverse("admin:petitions_letterhead_add")
    wrong = {"section": campaign.section_id, "upload": SimpleUploadedFile("logo.svg", b"<svg/>")}
    assert "SVG files can contain scripts" in client.post(add, wrong).content.decode()
    given = {"section": campaign.section_id, "upload": SimpleUploadedFile("logo.png", a_logo())}
    assert client.post(add, given).status_code == 302
    assert AuditEntry.objects.filter(action="letterhead.added").exists()
    assert "1200 × 240" in client.get(reverse("admin:petitions_letterhead_changelist")).content.decode()
    sign_all(campaign, sign)
    files = plain(deliver(campaign))
    with pypdfium2.PdfDocument(files["letter-en.pdf"]) as document:
        page = document[0].render(scale=2).to_pil().convert("RGB")
    # 25 mm from the left, above the sender's line, two pixels a point.
    assert page.getpixel((160, 150)) == (168, 30, 23)
    with zipfile.ZipFile(io.BytesIO(files["letter-en.odt"])) as letter:
        (drawn,) = [name for name in letter.namelist() if name.startswith("Pictures/")]
        assert letter.read(drawn).startswith(b"\x89PNG")


def test_the_database_keeps_no_logo_that_letters_could_not_carry(section):
    with pytest.raises(IntegrityError), transaction.atomic():
        Letterhead.objects.create(section=section, png=b"x" * (LOGO_BYTES + 1), width=1, height=1)
