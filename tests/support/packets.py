"""Packets for tests: signers of a campaign, officers, a builder, and the eyes to look into what it built."""

import contextlib
import csv
import io
import re
import zipfile
import zlib
from pathlib import Path

import pyrage
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.files.storage import storages

from petitions.models import Demand
from signatures.delivery import build
from signatures.models import Delivery, Register
from signatures.register import admission
from tests.support.fixtures import a_delivery, acting_as

PEOPLE = [
    {"name": f"Zebediah{n} Quuxley", "email": f"quux{n}@example.org", "place": "Hrodnaville", "comment": "Plugh!"}
    for n in range(12)
]
PLANTED = ("zebediah", "quux", "hrodnaville", "plugh")


@pytest.fixture
def packets(settings, tmp_path):
    """Where packets go in this test."""
    settings.STORAGES = {
        **settings.STORAGES,
        **{
            name: {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"location": tmp_path / name, "base_url": None},
            }
            for name in ("packets", "spool")
        },
    }
    return tmp_path / "packets"


@pytest.fixture
def identity(keyring):
    found = pyrage.x25519.Identity.generate()
    keyring.pin_recipient("anna", str(found.to_public()))
    return str(found)


@pytest.fixture
def officers(db):
    return [User.objects.create_user(name, password=None) for name in ("anna", "boris")]


@pytest.fixture
def deliver(packets, officers):
    """Builds what the campaign's series lacks, as the worker does; returns the delivery."""

    def build_one(campaign, profile="count", **given):
        last = Delivery.objects.filter(campaign=campaign).live().order_by("-last_number").first()
        values = {
            "addressee": campaign.addressee,
            "first_number": last.last_number + 1 if last else 1,
            "last_number": Register.objects.get(campaign=campaign).last_number,
        } | given
        delivery = a_delivery(campaign, *officers, profile=profile, **values)
        with acting_as(django_settings.WORKER_ROLE):
            build.build_delivery(delivery.pk)
        delivery.refresh_from_db()
        return delivery

    return build_one


@pytest.fixture
def demand(campaign):
    """A demand of the campaign; to be asked for before `signed`, for what was signed stays."""
    return Demand.objects.create(campaign=campaign, position=1, text="Keep it open.", explanation="It closes at four.")


@pytest.fixture
def signed(campaign, sign):
    """Twelve signers of a campaign that may name; every second one agreed."""
    sign_all(campaign, sign)
    return campaign


def sign_all(campaign, sign, people=PEOPLE):
    for n, person in enumerate(people):
        country = "PL" if n < 11 else "BY"
        agreed = {"share_name": "named-1" if n % 2 == 0 else "", "share_comment": "comment-1" if n % 3 == 0 else ""}
        sign(campaign, **person, country=country, **agreed)
    admit(campaign)


def admit(campaign):
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)


def withdraw(campaign, number):
    campaign.signatures.filter(number=number).update(
        state="withdrawn", fingerprint=None, name_key=None, withdrawal_hash=None, sealed=None, share_name=False
    )


def path_of(delivery):
    return Path(storages["packets"].path(delivery.archive))


def plain(delivery, identity=None):
    """The files of the packet, by name."""
    data = path_of(delivery).read_bytes()
    if identity:
        data = pyrage.decrypt(data, [pyrage.x25519.Identity.from_str(identity)])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        # All of them lie in one folder, which has the packet's name.
        return {name.removeprefix(f"{delivery.reference}/"): archive.read(name) for name in archive.namelist()}


def everything_in(files):
    """(where, text in lower case) of all that the files say: also in their metadata, and inside what is compressed."""
    for name, data in files.items():
        yield name, data.decode("utf-8", "replace").casefold() + name
        if name.endswith((".odt", ".xlsx")):
            with zipfile.ZipFile(io.BytesIO(data)) as inner:
                for part in inner.namelist():
                    yield f"{name}/{part}", inner.read(part).decode("utf-8", "replace").casefold()
        if name.endswith(".pdf"):
            for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
                with contextlib.suppress(zlib.error):
                    yield f"{name}/stream", zlib.decompress(stream).decode("latin-1").casefold()


def rows(data):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def approved(campaign, officers, profile="count"):
    last = Register.objects.get(campaign=campaign).last_number
    return a_delivery(campaign, *officers, profile=profile, first_number=1, last_number=last)


def files_in(packets):
    return [path.name for path in packets.rglob("*") if path.is_file()]
