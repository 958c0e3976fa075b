"""Erasure that stays erased: tombstones, their copy, and what a restore of yesterday's backup does with them."""

import datetime

import pyrage
import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from signatures.identity import canonical_mailbox, fingerprint, token_hash, withdrawal_token
from signatures.intake import confirmation
from signatures.models import LedgerEntry, Register, Shredding, Signature, Submission, Tally, TallySum
from signatures.register import admission, replaying, shredding, tombstones, withdrawal
from signatures.register.keyring import keys_of
from signatures.register.tally import check_tally
from staff.models import AuditEntry
from tests.support.fixtures import acting_as

ADA = "ada@example.org"


def worker(work, *given, **named):
    with acting_as(django_settings.WORKER_ROLE):
        return work(*given, **named)


def mark_of(campaign, email):
    return fingerprint(keys_of(campaign).mac, canonical_mailbox(email))


def withdraw(campaign, email):
    mac = keys_of(campaign).mac
    with acting_as(django_settings.PUBLIC_ROLE):
        confirmation.ask_withdrawal(token_hash(withdrawal_token(mac, mark_of(campaign, email))))
    worker(withdrawal.apply_withdrawals)


def replay(**given):
    return worker(lambda: replaying.replay_tombstones(replaying.union(**given)))


def live(campaign):
    return set(campaign.signatures.exclude(state="withdrawn").values_list("number", flat=True))


#: What a backup has of a register, in an order in which it can be put back.
TABLES = (Signature, Submission, Tally, TallySum, LedgerEntry)


class Backup:
    """Rows as they were, put back as a restore does."""

    def __init__(self):
        self.rows = {model: list(model.objects.values()) for model in TABLES}
        self.registers = list(Register.objects.values())

    def restore(self):
        for model in reversed(TABLES):
            model.objects.all().delete()
        for model, rows in self.rows.items():
            model.objects.bulk_create(model(**row) for row in rows)
        for row in self.registers:
            changes = {name: value for name, value in row.items() if name != "campaign_id"}
            Register.objects.filter(pk=row["campaign_id"]).update(**changes)


@pytest.fixture
def signed(campaign, sign):
    for email in (ADA, "bob@example.org", "carol@example.org"):
        sign(campaign, email=email)
    worker(admission.admit_all, campaign)
    return campaign


def test_who_withdrew_after_the_backup_is_withdrawn_again(signed):
    backup = Backup()
    withdraw(signed, ADA)
    backup.restore()
    assert live(signed) == {1, 2, 3}
    done = replay()
    assert (done.tombstones, done.signatures) == (1, 1)
    assert live(signed) == {2, 3}
    worker(check_tally, signed, repair=True)
    assert check_tally(signed) == []
    assert replay().signatures == 0


def test_who_signed_anew_stays(signed, sign):
    withdraw(signed, ADA)
    sign(signed, email=ADA)
    worker(admission.admit_all, signed)
    backup = Backup()
    backup.restore()
    assert replay().signatures == 0
    assert live(signed) == {2, 3, 4}


def test_a_row_of_an_earlier_day_is_known_though_it_has_another_key(signed):
    """Imported once more from a file, say."""
    withdraw(signed, ADA)
    yesterday = timezone.now().date() - datetime.timedelta(days=1)
    row = Signature.objects.get(number=2)
    for key, on in ((901, yesterday), (902, timezone.now().date() + datetime.timedelta(days=1))):
        Signature.objects.create(
            pk=key, campaign=signed, number=key, signed_on=on, country="PL", source="web", state="counted", slot=key,
            fingerprint=mark_of(signed, ADA), name_key=row.name_key, withdrawal_hash=bytes(32), sealed=row.sealed,
        )  # fmt: skip
    Register.objects.filter(pk=signed.pk).update(last_number=902)
    worker(check_tally, signed, repair=True)
    replay()
    assert 901 not in live(signed)
    assert 902 in live(signed)


def test_what_waited_to_be_admitted_in_the_backup_does_not_come_in(campaign, sign):
    sign(campaign, email=ADA)
    backup = Backup()
    worker(admission.admit_all, campaign)
    withdraw(campaign, ADA)
    backup.restore()
    assert replay().submissions == 1
    worker(admission.admit_all, campaign)
    assert live(campaign) == set()


def test_the_file_tells_nobody_anything(signed):
    withdraw(signed, ADA)
    text = (django_settings.KEYRING_DIR / tombstones.NAME).read_text()
    assert "example" not in text
    assert mark_of(signed, ADA).hex() not in text
    assert (django_settings.KEYRING_DIR / tombstones.NAME).stat().st_mode & 0o777 == 0o600


def test_a_tombstone_is_there_before_the_withdrawal_counts(signed, monkeypatch):
    monkeypatch.setattr(withdrawal.ledger, "note", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        withdraw(signed, ADA)
    assert len(worker(tombstones.local_lines)) == 1


@pytest.mark.parametrize("harm", ["altered", "left out", "moved"])
def test_an_altered_file_is_refused(signed, harm):
    for email in (ADA, "bob@example.org", "carol@example.org"):
        withdraw(signed, email)
    path = django_settings.KEYRING_DIR / tombstones.NAME
    lines = path.read_bytes().splitlines(keepends=True)
    if harm == "altered":
        lines[1] = lines[1].replace(b'"withdrawn"', b'"erased"')
    elif harm == "left out":
        del lines[1]
    else:
        lines[0], lines[1] = lines[1], lines[0]
    path.write_bytes(b"".join(lines))
    with pytest.raises(tombstones.TombstonesDamaged):
        replay()


def test_a_line_cut_off_by_a_crash_is_written_again(signed):
    withdraw(signed, ADA)
    path = django_settings.KEYRING_DIR / tombstones.NAME
    with path.open("ab") as file:
        file.write(b'{"n":2,"tombst')
    withdraw(signed, "bob@example.org")
    assert [line.n for line in worker(tombstones.local_lines)] == [1, 2]


@pytest.fixture
def copy(settings, tmp_path):
    """Where the copy goes, and who opens it."""
    identity = pyrage.x25519.Identity.generate()
    settings.TOMBSTONES_COPY_DIR = str(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    settings.RECOVERY_RECIPIENTS = [str(identity.to_public())]
    return tmp_path / "elsewhere", str(identity)


def test_the_copy_brings_back_what_a_lost_keyring_had(signed, copy):
    backup = Backup()
    folder, identity = copy
    for email in (ADA, "bob@example.org"):
        withdraw(signed, email)
        assert worker(tombstones.copy_tombstones) == 1
    assert worker(tombstones.copy_tombstones) == 0
    assert b"withdrawn" not in b"".join(path.read_bytes() for path in folder.iterdir())
    head = worker(tombstones.head)
    (django_settings.KEYRING_DIR / tombstones.NAME).unlink()
    backup.restore()
    with pytest.raises(replaying.TombstonesTooOld):
        replay(at_least=head)
    assert replay(copy=folder, identities=[identity], at_least=head).signatures == 2
    assert live(signed) == {3}


def test_a_restored_keyring_writes_on_and_the_union_has_both_branches(signed, copy):
    folder, identity = copy
    path = django_settings.KEYRING_DIR / tombstones.NAME
    withdraw(signed, ADA)
    exported = path.read_bytes()
    withdraw(signed, "bob@example.org")
    worker(tombstones.copy_tombstones)
    path.write_bytes(exported)
    withdraw(signed, "carol@example.org")
    assert worker(tombstones.copy_tombstones) == 2  # from where the branches part, or before
    lines = worker(lambda: replaying.union(folder, [identity]))
    assert sorted(line.n for line in lines) == [1, 2, 2]


def test_a_stranger_cannot_open_the_copy(signed, copy):
    withdraw(signed, ADA)
    worker(tombstones.copy_tombstones)
    with pytest.raises(tombstones.TombstonesDamaged):
        tombstones.copied_lines(copy[0], [str(pyrage.x25519.Identity.generate())])


@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5))
@how(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_number_of_lines_in_any_batches_is_read_as_written(keyring, sizes):
    path = django_settings.KEYRING_DIR / tombstones.NAME
    path.unlink(missing_ok=True)
    marks, total = tombstones.Marks(), 0
    for size in sizes:
        stones = [tombstones.Tombstone("c", tombstones.ERASED, "2026-01-01", "r" * n) for n in range(size)]
        tombstones.append(stones, marks)
        total += size
        assert tombstones.head().startswith(f"{total}:")
    assert [line.n for line in tombstones.local_lines()] == list(range(1, total + 1))


def test_the_tally_follows(signed):
    backup = Backup()
    withdraw(signed, ADA)
    backup.restore()
    worker(check_tally, signed, repair=True)
    replay()
    assert Tally.objects.of(signed).total() == 2
    assert check_tally(signed) == []


# --- campaigns --------------------------------------------------------------------------------------------------------


def test_a_campaign_that_was_shredded_after_the_backup_is_shredded_again(signed, sign, keyring):
    """Rows and key are there, as a backup and an older export of the keyring bring them back."""
    sign(signed, email="dora@example.org", confirmed=False)
    worker(tombstones.bury_campaign, signed)
    when = tombstones.local_lines()[-1].tombstone.moment
    file = keyring.directory / f"{signed.uid}.json"
    assert file.exists()
    done = replay()
    assert (done.campaigns, file.exists()) == (1, False)
    assert (Shredding.objects.get().campaign, Shredding.objects.get().at) == (signed, when)
    assert not Submission.objects.filter(outcome=None).exists()
    signed.refresh_from_db()
    assert signed.state == "closed"
    assert replay().campaigns == 0  # it may come twice
    assert AuditEntry.objects.filter(action="shredding.again").count() == 1


def test_a_campaign_that_signed_on_beside_a_shredded_one_keeps_its_keys(signed, make_campaign, keyring):
    other = make_campaign()
    worker(tombstones.bury_campaign, other)
    assert replay().campaigns == 1
    assert (keyring.directory / f"{signed.uid}.json").exists()
    assert live(signed) == {1, 2, 3}


def test_shredding_writes_its_tombstone_before_the_keys_go(signed, keyring, monkeypatch):
    def at_that_moment(uid):
        assert [line.tombstone.kind for line in tombstones.local_lines()] == ["shredded"]
        raise KeyboardInterrupt

    monkeypatch.setattr(shredding, "_pinned", lambda identities: {"a", "b"})
    monkeypatch.setattr(type(keyring), "destroy", lambda self, uid: at_that_moment(uid))
    with pytest.raises(KeyboardInterrupt):
        worker(shredding.shred_now, signed, [])
    line = tombstones.local_lines()[0]
    assert (line.tombstone.campaign, line.tombstone.row, line.tombstone.mailbox) == (str(signed.uid), "", "")
