"""Which keyrings a worker works with, and when one is made."""

import uuid

import pyrage
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from config.celery import STAGES, app
from signatures import tasks
from signatures.models import CampaignKey, DeskKey, Shredding, SigningKey
from signatures.register import keyring as keyrings
from signatures.register.own_keys import DESK, SIGNING, WrongKeyring, init_keyring, require_own_keyring
from staff.models import Role
from tests.support.fixtures import a_proposal, acting_as


@pytest.fixture
def own(keyring, db):
    with acting_as(django_settings.WORKER_ROLE):
        init_keyring()
    return keyring


def refused():
    with acting_as(django_settings.WORKER_ROLE), pytest.raises(WrongKeyring) as caught:
        require_own_keyring()
    return str(caught.value)


def test_a_keyring_is_made_with_what_the_web_is_shown(tmp_path, settings, db):
    settings.KEYRING_DIR = tmp_path / "new" / "keyring"
    assert "no signing.json, no site.json, no desk.txt" in refused()
    with acting_as(django_settings.WORKER_ROLE):
        call_command("init_keyring")
        require_own_keyring()
    assert DeskKey.objects.count() == SigningKey.objects.count() == 1
    before = keyrings.keyring().files()
    call_command("init_keyring")
    assert keyrings.keyring().files() == before


def test_none_is_made_on_a_second_host(own, tmp_path, settings):
    settings.KEYRING_DIR = tmp_path / "second"
    with pytest.raises(CommandError, match="the desk key, the signing key"):
        call_command("init_keyring")
    assert not settings.KEYRING_DIR.exists()
    assert "the desk key, the signing key" in refused()


def test_a_keyring_of_its_own_on_a_second_host_is_refused_too(own, tmp_path, settings):
    settings.KEYRING_DIR = tmp_path / "second"
    keyrings.keyring().make()
    assert "the desk key, the signing key" in refused()


def test_a_shredded_campaign_lacks_nothing(own, make_campaign, staff):
    shredded, lost = make_campaign(slug="shredded"), make_campaign(slug="lost")
    for one in (shredded, lost):
        own.destroy(one.uid)
    a_proposal("shredding", {"campaign": shredded.pk}, staff(Role.PRIVACY_OFFICER), staff(Role.PRIVACY_OFFICER))
    Shredding.objects.create(campaign=shredded)
    assert "campaign lost" in refused()
    assert "campaign shredded" not in refused()


def test_what_is_in_the_keyring_and_not_in_the_database_is_no_matter(own, campaign):
    """As after a dump of yesterday was restored."""
    CampaignKey.objects.all().delete()
    SigningKey.objects.all().delete()
    own.provision(uuid.uuid4())
    with acting_as(django_settings.WORKER_ROLE):
        require_own_keyring()


def test_signing_keys_of_before_stay_published(own):
    SigningKey.objects.create(sha256="0" * 64, public_key=bytes(32))
    require_own_keyring()
    (own.directory / "signing.json").unlink()
    assert "the signing key 0000000000000000…" in refused()


@pytest.mark.parametrize("name", ["signing.json", "desk.txt"])
@pytest.mark.parametrize("text", [b"", b"{}", b"\xff\xfe"])
def test_a_damaged_key_is_none(own, name, text):
    (own.directory / name).write_bytes(text)
    assert {"signing.json": "the signing key", "desk.txt": "the desk key"}[name] in refused()
    assert (own.directory / name).read_bytes() == text


def test_a_key_that_is_lost_for_good_is_replaced_only_where_that_is_said(own):
    before = DeskKey.objects.get().recipient, SigningKey.objects.get().sha256
    for name in ("desk.txt", "signing.json"):
        (own.directory / name).unlink()
    with pytest.raises(CommandError, match="the signing key"):
        call_command("init_keyring", "--lost", DESK)
    assert not (own.directory / "desk.txt").exists()
    with acting_as(django_settings.WORKER_ROLE):
        call_command("init_keyring", "--lost", DESK, "--lost", SIGNING)
        require_own_keyring()
    assert DeskKey.objects.get().recipient != before[0]
    assert SigningKey.objects.filter(sha256=before[1]).exists()
    assert SigningKey.objects.count() == 2


def test_many_lost_keys_are_named_up_to_a_number(own, make_campaign):
    for _ in range(23):
        own.destroy(make_campaign().uid)
    assert refused().count("the keys of campaign") == 20
    assert " and 3 more" in refused()


def test_every_stage_refuses_and_says_so_once(own, make_campaign, staff, caplog):
    key = pyrage.x25519.Identity.generate().to_public()
    call_command("pin_recipient", staff(Role.PRIVACY_OFFICER, username="privacy").username, str(key))
    campaign = make_campaign()
    (own.directory / "recipients.json").unlink()
    own.destroy(campaign.uid)
    before = own.files()
    tasks.Stage._said = ("", 0.0)
    for stage in STAGES:
        app.tasks[f"signatures.{stage}"]()
    (record,) = [record for record in caplog.records if "No work is done" in record.getMessage()]
    assert "the keys of campaign" in record.getMessage()
    assert "the pinned key of privacy" in record.getMessage()
    assert own.files() == before
    assert keyrings.Campaign.objects.filter(key__isnull=True).count() == 0
