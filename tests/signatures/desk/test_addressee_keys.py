"""An addressee's own key: entered by one officer, proven by another, pinned by a worker; and packets to it."""

import base64
import json

import pyrage
import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from petitions.models import Addressee
from signatures import bech32
from signatures.delivery.reissuing import reissue_packets
from signatures.desk import addressee_keys, deliveries, reissues
from signatures.models import AddresseeKey, Delivery, PacketCopy, Recipient
from signatures.register.addressee_keys import pinned_key_for, settle_addressee_keys
from signatures.register.keyring import KeysDamaged, keys_of
from signatures.register.own_keys import WrongKeyring, require_own_keyring
from signatures.register.packet_keys import packet_identity
from signatures.register.recipients import pin_by_hand, unpin_by_hand
from staff import approvals
from staff.models import AuditEntry, Proposal, Role
from staff.refusals import NotAllowed
from tests.support.fixtures import acting_as
from tests.support.packets import path_of, plain

pytestmark = pytest.mark.django_db
OFFICERS = ("anna", "boris")


def an_identity():
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def two(staff, keyring):
    """Two delivery officers, each with a pinned key: [(user, identity)]."""
    made = []
    for name in OFFICERS:
        identity = an_identity()
        user = staff(Role.DELIVERY_OFFICER, username=name)
        pin_by_hand(user, str(identity.to_public()))
        made.append((user, identity))
    return made


@pytest.fixture
def officers(two):
    """Those who ask for and approve packets in these tests (tests/support/packets.py)."""
    return [user for user, _identity in two]


@pytest.fixture
def notary(db):
    return Addressee.objects.create(name="A notary", trusted_third_party=True)


@pytest.fixture
def as_desk():
    with acting_as(settings.DESK_ROLE):
        yield


def settle():
    with acting_as(settings.WORKER_ROLE):
        settle_addressee_keys()


def agree(key, approver, identity):
    """The second officer proves and approves, as their browser does; the worker settles."""
    with acting_as(settings.DESK_ROLE):
        addressee_keys.ask_challenge(key, approver)
    settle()
    key.refresh_from_db()
    sealed, problem = addressee_keys.challenge_for(key, approver)
    assert problem == ""
    told = json.loads(pyrage.decrypt(sealed, [identity]))
    assert {name: told[name] for name in ("addressee", "recipient", "agreement")} == (
        addressee_keys.expected_in_challenge(key)
    )
    with acting_as(settings.DESK_ROLE):
        addressee_keys.approve(key, approver, base64.b64decode(told["code"]))
    settle()
    key.refresh_from_db()
    return key


@pytest.fixture
def pinned(two, notary):
    """(the notary's key in use, their identity)."""
    identity = an_identity()
    (asker, _), (approver, approvers) = two
    with acting_as(settings.DESK_ROLE):
        key = addressee_keys.enter(notary, str(identity.to_public()), "NDA 2026-4", asker)
    key = agree(key, approver, approvers)
    assert key.state == AddresseeKey.State.PINNED
    return key, identity


def opens(data, identity):
    try:
        return pyrage.decrypt(data, [identity])
    except pyrage.DecryptError:
        return None


# --- the ceremony -------------------------------------------------------------------------------------------------


def test_two_officers_pin_it_in_the_keyring_and_the_trail_says_so(pinned, notary, keyring, two):
    key, identity = pinned
    assert keyring.addressee_pins()[notary.pk].recipient == str(identity.to_public())
    assert keyring.addressee_pins()[notary.pk].agreement == "NDA 2026-4"
    assert "addressees.json" in keyring.files()
    entry = AuditEntry.objects.filter(action="addressee_key.approve").latest("seq")
    assert entry.detail["addressee"] == notary.pk
    assert key.proposal.requested_by == two[0][0]
    require_own_keyring()


def test_it_comes_into_use_by_no_other_way_than_a_proof(two, notary, keyring):
    (asker, own), (approver, _) = two
    key = addressee_keys.enter(notary, str(an_identity().to_public()), "NDA", asker)
    with pytest.raises(NotAllowed):
        approvals.approve(key.proposal, approver)  # a click
    with pytest.raises(NotAllowed):
        addressee_keys.ask_challenge(key, asker)  # oneself
    with acting_as(settings.DESK_ROLE):
        addressee_keys.ask_challenge(key, approver)
    settle()
    key.refresh_from_db()
    assert opens(bytes(key.challenge), own) is None
    with acting_as(settings.DESK_ROLE):
        addressee_keys.approve(key, approver, b"x" * 32)  # made up
    settle()
    key.refresh_from_db()
    assert (key.state, key.problem) == ("waiting", "not_proven")
    assert keyring.addressee_pins() == {}


def test_whoever_writes_to_the_database_pins_nothing_and_leads_no_packet_elsewhere(pinned, notary, keyring, signed):
    theirs = str(an_identity().to_public())
    for sql in (
        "UPDATE signatures_addresseekey SET recipient = %s",
        "UPDATE signatures_addresseekey SET agreement = %s",
        "INSERT INTO signatures_addresseekey (addressee_id, recipient, agreement, proposal_id, state, pinned_at)"
        f" SELECT {signed.addressee_id}, %s, 'x', proposal_id, 'pinned', now() FROM signatures_addresseekey",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, [theirs])
    # With the guards out of the way, as the owner of the database can have it: the keyring is what counts.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE signatures_addresseekey DISABLE TRIGGER USER")
        cursor.execute("UPDATE signatures_addresseekey SET recipient = %s", [theirs])
        cursor.execute("ALTER TABLE signatures_addresseekey ENABLE TRIGGER USER")
    assert pinned_key_for(notary) is None
    with pytest.raises(WrongKeyring, match="pinned key of the addressee A notary"):
        require_own_keyring()
    settle()
    assert keyring.addressee_pins() == {}


def test_a_key_that_is_revoked_is_used_no_more_and_never_comes_back(pinned, two, keyring):
    key, _ = pinned
    with acting_as(settings.DESK_ROLE):
        addressee_keys.revoke(key, two[0][0])
    settle()
    assert keyring.addressee_pins() == {}
    require_own_keyring()
    with pytest.raises(IntegrityError), transaction.atomic():
        AddresseeKey.objects.update(state="pinned")


def test_a_new_key_takes_the_place_of_the_old_one(pinned, two, notary, keyring):
    old, _ = pinned
    (asker, askers), (approver, _) = two
    identity = an_identity()
    with acting_as(settings.DESK_ROLE):
        new = addressee_keys.enter(notary, str(identity.to_public()), "NDA 2026-9", approver)
    agree(new, asker, askers)
    old.refresh_from_db()
    assert (old.state, new.state) == ("revoked", "pinned")
    assert keyring.addressee_pins()[notary.pk].agreement == "NDA 2026-9"


RIGHT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
MALFORMED = {
    "empty": ("", "It starts with age1|it starts with age1"),
    "cut": (RIGHT[:-1], "it starts with age1"),
    "longer": (RIGHT + "q", "it starts with age1"),
    "one sign altered": (RIGHT[:20] + ("q" if RIGHT[20] != "q" else "p") + RIGHT[21:], "wrong or missing"),
    "two swapped": (RIGHT[:30] + RIGHT[31] + RIGHT[30] + RIGHT[32:], "wrong or missing"),
    "the secret half": (str(an_identity()), "secret half"),
    "ssh": ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN", "Only keys of age"),
    "pgp": ("-----BEGIN PGP PUBLIC KEY BLOCK-----\nmDME", "Only keys of age"),
    "a mixture of cases": (RIGHT[:10] + RIGHT[10:].upper(), "it starts with age1"),
    "a plugin's": ("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t", "Only keys of age"),
    "cyrillic": (RIGHT.replace("a", "а"), "it starts with age1"),
}  # fmt: skip


@pytest.mark.parametrize(("typed", "words"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_key_is_refused_and_the_words_say_what_it_is(two, notary, typed, words):
    with pytest.raises(NotAllowed, match=words):
        addressee_keys.enter(notary, typed, "NDA", two[0][0])
    assert not AddresseeKey.objects.exists()
    assert not Proposal.objects.filter(kind="their_key").exists()


@pytest.mark.parametrize("typed", [f"  {RIGHT}\n", RIGHT.upper(), f"{RIGHT[:31]}\r\n{RIGHT[31:]}"])
def test_a_key_is_taken_as_mails_wrap_it(typed):
    assert addressee_keys.recipient_typed(typed) == RIGHT


@pytest.mark.parametrize("looks_like", ["age1pq", "pgp"])
def test_a_key_that_begins_or_reads_like_another_kind_of_key_is_taken(looks_like):
    """One in a thousand of age's own begins as those of other kinds do, and a QR code writes all of it large."""
    keys = (str(an_identity().to_public()) for _ in range(100_000))
    key = next(key for key in keys if looks_like in key)
    assert addressee_keys.recipient_typed(key) == addressee_keys.recipient_typed(key.upper()) == key


def test_nobodys_key_here_is_an_addressees_nor_without_an_agreement_nor_twice(two, notary, signed):
    officer = two[0][0]
    with pytest.raises(NotAllowed, match="used by somebody here"):
        addressee_keys.enter(notary, Recipient.objects.first().recipient, "NDA", officer)
    for agreement in ("", "   ", "with a@example.org"):
        with pytest.raises(NotAllowed):
            addressee_keys.enter(notary, RIGHT, agreement, officer)
    addressee_keys.enter(notary, RIGHT, "NDA", officer)
    with pytest.raises(NotAllowed, match="registered before"):
        addressee_keys.enter(signed.addressee, RIGHT, "NDA", officer)
    with pytest.raises(NotAllowed, match="pending approval"):
        addressee_keys.enter(notary, str(an_identity().to_public()), "NDA", officer)


# --- packets to it ------------------------------------------------------------------------------------------------


def test_a_packet_is_encrypted_to_the_addressee_the_officers_and_the_workers_and_to_nobody_else(
    pinned, two, notary, signed, deliver
):
    delivery = deliver(signed, "full", addressee=notary)
    assert delivery.problem == ""
    sealed = path_of(delivery).read_bytes()
    own = packet_identity(keys_of(signed))
    for identity in (pinned[1], two[0][1], two[1][1], own):
        assert opens(sealed, identity)[:2] == b"PK"
    assert opens(sealed, an_identity()) is None
    assert sealed.count(b"-> X25519 ") == 4
    assert plain(delivery, str(pinned[1]))["signers-0001.csv"]


def test_a_packet_to_another_addressee_is_not_encrypted_to_that_key(pinned, signed, deliver):
    assert opens(path_of(deliver(signed, "named")).read_bytes(), pinned[1]) is None


def test_totals_stay_in_clear(pinned, notary, signed, deliver):
    assert plain(deliver(signed, "count", addressee=notary))["countries.csv"]


def test_with_the_officers_keys_revoked_it_is_built_for_the_addressee_alone(pinned, notary, signed, deliver, officers):
    for officer in OFFICERS:
        unpin_by_hand(officer)
    delivery = deliver(signed, "full", addressee=notary)
    assert (delivery.state, delivery.problem) == ("ready", "")
    assert opens(path_of(delivery).read_bytes(), pinned[1])[:2] == b"PK"
    assert deliveries.key_holders(delivery, officers) == []
    assert deliveries.addressee_key_of(delivery) == pinned[0]


def test_a_damaged_list_of_their_keys_fails_the_delivery_in_words(pinned, notary, signed, deliver, keyring):
    (keyring.directory / "addressees.json").write_text("[]")
    with pytest.raises(KeysDamaged):
        keyring.addressee_pins()
    delivery = deliver(signed, "full", addressee=notary)
    assert (delivery.state, delivery.problem) == ("failed", "The keyring's list of age recipients is damaged.")


# --- encrypted anew -----------------------------------------------------------------------------------------------


def reissued(delivery, two):
    (asker, _), (approver, _) = two
    with acting_as(settings.DESK_ROLE):
        proposal = reissues.request_reissue(delivery, asker, "The notary's laptop was stolen.")
        approvals.approve(proposal, approver)
    with acting_as(settings.WORKER_ROLE):
        made = reissue_packets()
    proposal.refresh_from_db()
    return made, proposal


def test_after_a_lost_key_the_same_packet_is_encrypted_to_the_new_ones(pinned, two, notary, signed, deliver, keyring):
    delivery = deliver(signed, "full", addressee=notary)
    before = plain(delivery, str(two[0][1]))
    new = {name: an_identity() for name in (*OFFICERS, "notary")}
    for (user, _old), name in zip(two, OFFICERS, strict=True):
        pin_by_hand(user, str(new[name].to_public()))
    with acting_as(settings.DESK_ROLE):
        key = addressee_keys.enter(notary, str(new["notary"].to_public()), "NDA 2", two[0][0])
    agree(key, two[1][0], new["boris"])
    made, proposal = reissued(delivery, two)
    assert (made, proposal.problem) == (1, "")
    assert proposal.done_at is not None
    delivery = Delivery.objects.get(pk=delivery.pk)
    copy = PacketCopy.objects.get()
    assert delivery.file == (copy.archive, copy.archive_sha256)
    assert (copy.officers, copy.addressee_can) == (list(OFFICERS), True)
    sealed = (path_of(delivery).parent / copy.archive).read_bytes()
    for identity in new.values():
        assert opens(sealed, identity)[:2] == b"PK"
    for identity in (two[0][1], two[1][1], pinned[1]):
        assert opens(sealed, identity) is None
    delivery.archive = copy.archive  # as it is downloaded now
    assert plain(delivery, str(new["notary"])) == before
    with acting_as(settings.WORKER_ROLE):
        assert reissue_packets() == 0  # an approval is good for one time
    assert AuditEntry.objects.filter(action="delivery.reissue", detail__delivery=delivery.pk, actor=None).exists()


def test_a_packet_that_workers_cannot_open_says_so_and_is_tried_no_more(pinned, two, notary, signed, deliver):
    delivery = deliver(signed, "full", addressee=notary)
    path_of(delivery).write_bytes(pyrage.encrypt(b"PK", [an_identity().to_public()]))
    made, proposal = reissued(delivery, two)
    assert made == 0
    assert proposal.problem.startswith("This packet was built before")
    assert not PacketCopy.objects.exists()
    with acting_as(settings.WORKER_ROLE):
        assert reissue_packets() == 0


def test_nothing_is_encrypted_anew_without_two_people_nor_what_a_campaign_no_longer_allows(
    pinned, two, notary, signed, deliver
):
    delivery = deliver(signed, "full", addressee=notary)
    with pytest.raises(IntegrityError), transaction.atomic():
        PacketCopy.objects.create(delivery=delivery, archive="x", archive_sha256="x", officers=[], addressee_can=False)
    count = deliver(signed, "count", first_number=1)
    with pytest.raises(NotAllowed, match="no encrypted packet"):
        reissues.request_reissue(count, two[0][0], "lost")
    with pytest.raises(NotAllowed, match="which key was lost"):
        reissues.request_reissue(delivery, two[0][0], " ")
    type(signed).objects.filter(pk=signed.pk).update(at_risk=True, disclosure="count")
    made, proposal = reissued(delivery, two)
    assert (made, proposal.problem) == (0, "The campaign no longer allows this much disclosure to this addressee.")
    assert len(list(path_of(delivery).parent.iterdir())) == 2  # the two packets, and no copy left lying


@given(secret=st.binary(min_size=32, max_size=32), at=st.integers(4, 61), other=st.sampled_from("qpzry9x8gf2tvdw0"))
def test_a_key_of_age_is_known_by_its_checksum_and_no_altered_sign_is_taken(secret, at, other):
    identity = pyrage.x25519.Identity.from_str(bech32.encode("age-secret-key-", secret).upper())
    key = str(identity.to_public())
    assert bech32.is_whole(key)
    assert bech32.is_whole(str(identity).lower())
    assert bech32.is_whole(key[:at] + other + key[at + 1 :]) == (key[at] == other)


def test_the_workers_identity_is_derived_from_the_campaigns_keys_alone(signed, make_campaign):
    again = packet_identity(keys_of(signed))
    assert str(again) == str(packet_identity(keys_of(signed)))
    assert str(again).startswith("AGE-SECRET-KEY-1")


# --- the pages ----------------------------------------------------------------------------------------------------


def test_an_officer_enters_a_key_and_the_pages_lead_on(two, notary, staff_client, signed, deliver):
    client = staff_client(two[0][0])
    add = reverse("admin:signatures_addresseekey_add")
    refused = client.post(add, {"addressee": notary.pk, "recipient": RIGHT[:-1] + "q", "agreement": "NDA"})
    assert b"wrong or missing" in refused.content
    entered = client.post(add, {"addressee": notary.pk, "recipient": f" {RIGHT}\n", "agreement": "NDA 2026-4"})
    key = AddresseeKey.objects.get()
    page = client.get(entered["Location"]).content.decode()
    assert "Another officer has to compare this key" in page
    assert "NDA 2026-4" in page
    other = staff_client(two[1][0])
    page = other.get(entered["Location"]).content.decode()
    assert "I have compared it" in page
    for url in (reverse("admin:index"), reverse("admin:staff_proposal_change", args=[key.proposal_id])):
        assert reverse("admin:signatures_addresseekey_change", args=[key.pk]) in other.get(url).content.decode()
    client.post(reverse("admin:signatures_addresseekey_revoke", args=[key.pk]))
    key.refresh_from_db()
    assert key.state == "revoked"
    delivery = deliver(signed, "full", addressee=notary)
    page = client.get(reverse("admin:signatures_delivery_change", args=[delivery.pk])).content.decode()
    ask = reverse("admin:staff_proposal_ask", args=["reissue"], query={"delivery": delivery.pk})
    assert ask in page
    asked = client.post(ask, {"delivery": delivery.pk, "reason": "A key was lost."})
    assert asked.status_code == 302, asked.content
    page = client.get(reverse("admin:signatures_delivery_change", args=[delivery.pk])).content.decode()
    assert "A request to encrypt it anew" in page
