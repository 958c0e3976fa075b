"""The keyring: made once whoever comes first, readable by its owner alone, and refusing what is not its own."""

import datetime
import json
import stat
import subprocess
import sys
import threading
import uuid

import pyrage
import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils import timezone

from petitions.models import Addressee, Campaign
from signatures import sealing
from signatures.models import CampaignKey, Outcome, Register, Submission
from signatures.register import admission, mailing
from signatures.register import keyring as keyrings
from signatures.register.keyring import ForeignPublicKey, Keyring, KeysDamaged, KeysMissing
from staff.models import Role
from tests.support.fixtures import acting_as

#: What every keyring holds.
OWN = {"signing.json", "site.json", "desk.txt", "recipients.json"}
UID = uuid.UUID("6f1b3f0e-5a0c-4c7e-9d53-0b2f6a6c1d11")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def admit_everything():
    with acting_as(django_settings.WORKER_ROLE):
        return admission.admit_everything()


# --- files --------------------------------------------------------------------------------------------------


def test_only_the_owner_may_read_the_keyring(keyring):
    keyring.provision(UID)
    keyring.pin_recipient("officer", str(pyrage.x25519.Identity.generate().to_public()))
    assert mode(keyring.directory) == 0o700
    assert {path.name: mode(path) for path in keyring.directory.iterdir()} == dict.fromkeys({f"{UID}.json", *OWN}, 384)


def test_keys_once_made_stay_the_same(keyring):
    first = keyring.provision(UID)
    again = Keyring(keyring.directory).provision(UID)
    assert (first.private_key, first.pepper, first.register_key) == (
        again.private_key,
        again.pepper,
        again.register_key,
    )
    assert len({first.pepper, first.register_key, first.private_key[:32]}) == 3


def test_every_campaign_has_keys_of_its_own(keyring):
    one, other = keyring.provision(UID), keyring.provision(uuid.uuid4())
    assert not {one.private_key, one.pepper, one.register_key} & {
        other.private_key,
        other.pepper,
        other.register_key,
    }


def test_threads_at_once_make_one_set_of_keys(keyring):
    found, start = [], threading.Barrier(8)

    def provision():
        start.wait()
        found.append(Keyring(keyring.directory).provision(UID).private_key)

    threads = [threading.Thread(target=provision) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {keyring.keys_of(UID).private_key}
    assert {path.name for path in keyring.directory.iterdir()} == {f"{UID}.json", *OWN}


PROVISION = """
import hashlib, sys, uuid
from pathlib import Path
import django
django.setup()
from signatures.register.keyring import Keyring
keyring = Keyring(Path(sys.argv[1]))
print("there", flush=True)
sys.stdin.readline()
print(hashlib.sha256(keyring.provision(uuid.UUID(sys.argv[2])).private_key).hexdigest())
"""


def test_processes_at_once_make_one_set_of_keys(tmp_path):
    Keyring(tmp_path / "keyring").make()
    arguments = [sys.executable, "-c", PROVISION, str(tmp_path / "keyring"), str(UID)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": django_settings.BASE_DIR}
    workers = [subprocess.Popen(arguments, **pipes) for _ in range(2)]
    for worker in workers:
        assert worker.stdout.readline() == "there\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    digests = [worker.communicate()[0] for worker in workers]
    assert digests[0] == digests[1] != ""
    assert {path.name for path in (tmp_path / "keyring").iterdir()} == {f"{UID}.json", *OWN}


def test_what_every_keyring_holds_is_made_once_and_never_by_asking_for_it(tmp_path):
    ring = Keyring(tmp_path / "deep" / "keyring")
    for ask in (ring.signing_key, ring.site_key, ring.desk_identity, lambda: ring.provision(UID)):
        with pytest.raises(KeysMissing):
            ask()
    assert not (tmp_path / "deep").exists()
    assert set(ring.make()) == OWN
    before = ring.files()
    assert ring.make() == []
    assert ring.files() == before
    (ring.directory / "site.json").unlink()
    assert ring.make() == ["site.json"]
    assert {name: held for name, held in ring.files().items() if name != "site.json"} == {
        name: held for name, held in before.items() if name != "site.json"
    }


# --- what is missing, damaged or foreign ---------------------------------------------------------------------


def test_a_campaign_without_keys_is_said_to_have_none(keyring):
    with pytest.raises(KeysMissing, match=str(UID)):
        keyring.keys_of(UID)


def _without(name):
    return lambda text: json.dumps({key: value for key, value in json.loads(text).items() if key != name})


def _with(name, value):
    return lambda text: json.dumps(json.loads(text) | {name: value})


DAMAGES = {
    "empty": lambda text: "",
    "cut": lambda text: text[: len(text) // 2],
    "no-json": lambda text: "keys",
    "a-list": lambda text: "[]",
    "null": lambda text: "null",
    "not-utf-8": lambda text: b"\xff\xfe" + text.encode(),
    "no-pepper": _without("pepper"),
    "no-base64": _with("pepper", "A"),
    "foreign-letters": _with("pepper", "ключ"),
    "a-number": _with("pepper", 7),
    "short-private-key": _with("private_key", "AAAA"),
    "short-pepper": _with("pepper", "AAAA"),
    "empty-register-key": _with("register_key", ""),
}


def _damage(path, damage):
    damaged = damage(path.read_text())
    path.write_bytes(damaged if isinstance(damaged, bytes) else damaged.encode())


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_said_to_be_damaged_and_its_content_is_not_told(keyring, damage):
    secret = keyring.provision(UID).pepper
    path = keyring.directory / f"{UID}.json"
    _damage(path, damage)
    with pytest.raises(KeysDamaged) as caught:
        keyring.keys_of(UID)
    assert str(caught.value) == str(UID)
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert secret.hex() not in repr(caught.value)


def test_what_cannot_be_read_is_said_to_be_missing_and_why(keyring):
    for name in (f"{UID}.json", "signing.json", "site.json", "desk.txt", "recipients.json"):
        (keyring.directory / name).unlink(missing_ok=True)
        (keyring.directory / name).mkdir()
    asked = (lambda: keyring.keys_of(UID), keyring.signing_key, keyring.site_key, keyring.desk_identity)
    for ask in (*asked, keyring.recipients, lambda: keyring.provision(UID)):
        with pytest.raises(KeysMissing, match=f"IsADirectoryError: Is a directory in {keyring.directory}"):
            ask()


def test_damaged_keys_are_never_made_anew(keyring):
    """What was sealed under them may open once the file is restored from the export."""
    keyring.provision(UID)
    path = keyring.directory / f"{UID}.json"
    _damage(path, DAMAGES["cut"])
    before = path.read_bytes()
    with pytest.raises(KeysDamaged):
        keyring.provision(UID)
    assert path.read_bytes() == before


def _swap_public_key(campaign, keyring):
    foreign = sealing.public_key_of(sealing.generate_private_key())
    CampaignKey.objects.filter(campaign=campaign).update(public_key=foreign)


def _remove_public_key(campaign, keyring):
    CampaignKey.objects.filter(campaign=campaign).delete()


def _damage_keys(campaign, keyring):
    _damage(keyring.directory / f"{campaign.uid}.json", DAMAGES["cut"])


def _remove_keys(campaign, keyring):
    (keyring.directory / f"{campaign.uid}.json").unlink()


@pytest.mark.parametrize("spoil", [_swap_public_key, _remove_public_key, _damage_keys, _remove_keys])
def test_a_spoilt_campaign_is_neither_admitted_nor_mailed_and_the_others_go_on(make_campaign, sign, keyring, spoil):
    spoilt, fine = make_campaign(), make_campaign()
    pending = {campaign: sign(campaign, confirmed=False) for campaign in (spoilt, fine)}
    confirmed = {campaign: sign(campaign) for campaign in (spoilt, fine)}
    spoil(spoilt, keyring)
    # A test is one transaction, and begins before what it inserts is due.
    Submission.objects.update(mail_due=timezone.now() - datetime.timedelta(minutes=1))
    with acting_as(django_settings.WORKER_ROLE):
        sent = mailing.send_batch()
    assert set(sent.mailed) == {pending[fine], confirmed[fine]}
    assert not {pending[spoilt], confirmed[spoilt]} & {*sent.mailed, *sent.refused}
    assert admit_everything() == 1
    rows = Submission.objects.in_bulk()
    assert rows[confirmed[fine]].outcome == Outcome.COUNTED
    for waiting in (pending[spoilt], confirmed[spoilt]):
        assert rows[waiting].outcome is None
        assert rows[waiting].sealed is not None
        assert rows[waiting].mail_due is not None
    assert Register.objects.get(campaign=spoilt).last_number == 0


def test_a_public_key_that_is_not_the_keyrings_is_refused(campaign, keyring):
    assert keyrings.keys_of(campaign).public_key == bytes(campaign.key.public_key)
    _swap_public_key(campaign, keyring)
    with pytest.raises(ForeignPublicKey):
        keyrings.keys_of(campaign)


def test_one_campaign_whose_keys_are_damaged_does_not_keep_another_from_getting_its_own(section, keyring):
    mayor = Addressee.objects.create(name="The Mayor")
    spoilt, fine = (
        Campaign.objects.create(slug=slug, title=slug, addressee=mayor, section=section) for slug in ("spoilt", "fine")
    )
    keyring.provision(spoilt.uid)
    _damage_keys(spoilt, keyring)
    with acting_as(django_settings.WORKER_ROLE):
        assert keyrings.provision_campaigns() == 1
    assert CampaignKey.objects.filter(campaign=fine).exists()
    assert not CampaignKey.objects.filter(campaign=spoilt).exists()


def test_provisioning_again_changes_nothing(campaign, keyring):
    before = bytes(campaign.key.public_key)
    with acting_as(django_settings.WORKER_ROLE):
        assert keyrings.provision_campaigns() == 0
    assert bytes(CampaignKey.objects.get(campaign=campaign).public_key) == before


def test_a_process_without_a_keyring_says_so(campaign, settings):
    settings.KEYRING_DIR = None
    for ask in (keyrings.keyring, lambda: keyrings.keys_of(campaign), keyrings.provision_campaigns):
        if ask is keyrings.provision_campaigns:
            CampaignKey.objects.all().delete()
        with pytest.raises(ImproperlyConfigured, match="holds no keys"):
            ask()


# --- pinned recipients ----------------------------------------------------------------------------------------

NONSENSE = ["", "age1", "age1qqqq", "AGE-SECRET-KEY-1QQQ", "ssh-ed25519 AAAA", "x" * 5000, "age1\n", "ключ", "\0"]


@pytest.mark.parametrize("recipient", NONSENSE)
def test_nonsense_is_not_pinned(keyring, recipient):
    with pytest.raises(ValueError, match="not an age recipient"):
        keyring.pin_recipient("officer", recipient)
    assert keyring.recipients() == {}
    assert {path.name for path in keyring.directory.iterdir()} == OWN


def test_a_secret_key_is_not_pinned_nor_told(keyring, staff):
    secret = str(pyrage.x25519.Identity.generate())
    with pytest.raises(ValueError, match="not an age recipient") as caught:
        keyring.pin_recipient("officer", secret)
    assert secret not in str(caught.value)
    with pytest.raises(CommandError) as refused:
        call_command("pin_recipient", staff(Role.DELIVERY_OFFICER).username, secret)
    assert secret not in str(refused.value)


def test_the_last_pinned_recipient_holds_and_the_others_stay(keyring):
    first, second, third = (str(pyrage.x25519.Identity.generate().to_public()) for _ in range(3))
    for username, recipient in (("anna", first), ("boris", second), ("anna", third)):
        keyring.pin_recipient(username, recipient)
    assert keyring.recipients() == {"anna": third, "boris": second}


@pytest.mark.parametrize("text", ["", "[]", '{"anna": 7}', "\0"])
def test_damaged_recipients_are_said_to_be_damaged(keyring, text):
    (keyring.directory / "recipients.json").write_text(text)
    with pytest.raises(KeysDamaged, match=r"recipients\.json"):
        keyring.recipients()
