"""Sealing: pinned to bytes, so that what is in the database today opens tomorrow; and every way to misuse it."""

import base64
import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signatures import sealing
from signatures.register.keyring import CampaignKeys
from signatures.sealing import NotOpened, Person

CAMPAIGN = uuid.UUID("6f1b3f0e-5a0c-4c7e-9d53-0b2f6a6c1d11")
KEY_ID = uuid.UUID("0d9a4a53-6c2c-4a37-8f59-4a1d3f0e7b22")
KEY = bytes(range(32))
HASHED = b"\x11" * 32
PRIVATE_KEY = bytes(range(96))
SESSION_KEY = bytes(range(100, 132))
PERSON = Person(
    name="Дар’я Ada", email="ada@example.org", country="BY", place="Брэст", share_name="named-1", token="A" * 43,
    signals={"unlimited": True},
)  # fmt: skip

# Made once with the key, the nonce and the person above. If one of these tests fails, data sealed
# before no longer opens: that needs a new version in the purpose, and a way to read the old one.
SUBMISSION = base64.b64decode(
    "AAECAwQFBgcICQoLPCC4eqiA4CGvkQNbATj4jwNPVrvQOjsdGkvH4HAIad4jKoydy6BS/QzFEp3k4gZXnD5CoXi1zK9R41hgOtnX"
    "rKke6lijvUcCeXaQTD8e32jpBxjjp+FxRN+O9q0KlebjqpU8xJ5jpnvzeVqfeVcNXc4ICc6N5x+4DL4WjMOnL0/6E0GH9ZaKEkmg"
    "CeB8mw2Dd7WidHRQ0gvNHqk2u5Oor9LW3zfF3b8XwA28lqyivMC/u6RO4sYayAC74v0Ft8KWbjGq2i399ukXdvPGmmH5pMFe2FYd"
    "IJrRUbG652For9pjA/SPxgAjBXJnmCiVMVxxiLOZVb0QqYU3S0dTq7xiobJHHd+q61xGYlKq0S0IIbc="
)
REGISTER_TAG = "ff06752ea9ca8e4f42f131d7679e77c9"
PUBLIC_KEY_SHA256 = "d99e4496af749b54ee4a2d270c8057450624ecc5dc0866295ffc504a26134ad4"
WRAPPED = base64.b85decode(
    "2%fqQqIYY~ovg`cz=|rB3#qH!5rMw3=fsZ3sFx#qEuY+xmeE(ULic2let}Ye#nmz-*7J^kL-?`pwdN8fhaG<9iw9mby6NH3sRF+5"
    "K-|F7HI>I^yorY{4dH(N)NPs}s2hE;+Y8dKdDX6#w0ouxAQi4MNT6g97eWTneK=ZSW?<p^7e*-|(IDYjRSbnwJ>MLqh1c@#a41Ms"
    "4PEI`gLOUydH#d=pv>%J!~0q;tK9Oo%#*X0e||h!Tc7Lbu{873t-czaI69s>(IJ`1o;x?BZ9P<|4M1iL3?59ofd<}xj$_p_&n}wa"
    "qrvWtsaG4Tfj3ZR5_$=mkt+gK2|m08eM)kUW+A(b)xkKMUinc+uYOn}xa}Zv!0JatDz=RboFmaHeI?l6kr5fvAO%>i0+OZ;WglZ8"
    "+WnGOch812-{oR7BMX>X8}?zMF0BO|u)Ne8Z0o_$Zm#@P7CgTnvgJB^ubk@!;G(#M%7*HUyyel9>k`YsPC*=lm?M&^|G+h?mDvJT"
    "B+mc%IbAOo2PMZanOOtw6Hj4hOJ1LnBt$xI_XDAbN{$VeIv&E>EK%BnseMcEt-%0a_OKYJ>?bBqDQf?FpYu*pTe>9{wXilm2Uqlh"
    "k(^p7wA2^e<tlY&6z1<<469WT1Zapyx6@aY-i8S^m01u^|B=(<fYKZEW&}55M#(AqJaAga9J_!ndbtTa;r+IhdL<&OP-!`Dj?R9#"
    "rE2w8ri{tDpa=ipt4v;l`qKd-InBZx2sOjkkWvp*aj5&O6i!NI+@!5Xow+8=b==1G1YdKKe{0%``@#}B@qj{Aon2iVl1RJ%tH2b<"
    "?ws&P+{@3-&=ceAFld%~{EFeFcB3aKi#8kIj}6-UK2uE@w`dTOrPuu;C2%-c5;)D$e879_mo0cfdYUhp>7#6;1QfXD0K8ao=0QjQ"
    "y*WN}4$#2zMUb)N_9A(<P#>yUa!>ayG6&SFbN@m}e&pxJHrAN-?pW!1CtX6CQ2cG-vO|_dd{^V7e#f5*VwPx`<X(FJ`<>y)Cs(g3"
    "o8CuSv=UUKhs=$a_8MsJAlNx#9CmoXsa4S`D|g;oQE5H}dc!HiSwa@?>-<Ay#Rc$b+K-f;(@_@V-X`rFrk$2%yDHj@({AONG?%j2"
    "4(B^78_e(~LkK2bT!cOFF{x-v?Bbx59$BH9BpcCGfg77;6n<0cGplEDIe@(wa$gdmy#-5-(t{qO!Wta3_f^xJM=rrj)Am%Z^0Eux"
    "<zm>EK4<ZO5U!;05?>FXuFU5z9rz#VzZ+YPUAR+wVd8+0bo~`q?-Y={a`P2rP5Iq~pkED$Cs!pK1b{jC>^mMQNK-td=dp8ssX$9v"
    "SG1xUx>q%mRj#3wNk4<@2uBh3ntbXzQ>$AecjfOWF4VtZmnawye_d>AL5ho_D)FEZrxEEhy&ntp$N6fx37MrScGrInw#>$hz==0~"
    "11|M=IwI={t*R?b)nzp@$K${+xX1<hwveTMuBC@&B-O;4u7DS>+<inK(WKvT"
)


def box(key=KEY, campaign=CAMPAIGN):
    return sealing.submission_box(key, campaign)


@pytest.fixture
def fixed_nonce(monkeypatch):
    monkeypatch.setattr("signatures.sealing.os.urandom", lambda size: bytes(range(size)))


# --- known answers ------------------------------------------------------------------------------------------


def test_a_submission_is_sealed_to_the_same_bytes_as_ever(fixed_nonce):
    assert box().seal(PERSON, HASHED) == SUBMISSION


def test_a_submission_sealed_long_ago_opens():
    assert box().open(SUBMISSION, HASHED) == PERSON


def test_a_signature_is_sealed_to_the_same_bytes_as_ever(fixed_nonce):
    sealed = sealing.register_box(KEY, CAMPAIGN).seal(PERSON, HASHED[:16])
    # The same key, nonce and text: the same ciphertext, but for the tag, which holds the purpose.
    assert sealed[:-16] == SUBMISSION[:-16]
    assert sealed[-16:].hex() == REGISTER_TAG


def test_a_public_key_follows_from_the_private_key_as_ever():
    public_key = sealing.public_key_of(PRIVATE_KEY)
    assert len(public_key) == 1216
    assert hashlib.sha256(public_key).hexdigest() == PUBLIC_KEY_SHA256


def test_a_session_key_wrapped_long_ago_opens():
    assert sealing.open_session_key(WRAPPED, PRIVATE_KEY, CAMPAIGN, KEY_ID) == SESSION_KEY


# --- round trip ---------------------------------------------------------------------------------------------


def texts(limit: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=limit)


persons = st.builds(
    Person, name=texts(500), email=texts(500), country=st.from_regex(r"[A-Z]{2}", fullmatch=True), place=texts(500),
    comment=texts(2000), token=texts(64),
    signals=st.dictionaries(texts(50), st.one_of(texts(50), st.integers(0, 2**53), st.booleans()), max_size=3),
)  # fmt: skip


@given(person=persons, key=st.binary(min_size=32, max_size=32), bind=st.binary(max_size=40))
def test_what_is_sealed_opens_as_it_was_and_its_length_comes_in_steps(person, key, bind):
    sealed = box(key).seal(person, bind)
    assert box(key).open(sealed, bind) == person
    assert (len(sealed) - 28) % sealing.PADDING == 0


@pytest.mark.parametrize("length", [1, 100, 195, 196, 197, 198, 199, 200, 201, 202, 203, 204, 205, 300])
def test_the_length_of_a_box_tells_no_short_name_from_a_longer_one(length):
    shortest = Person(name="A", email="a@example.org", country="GB")
    longer = Person(name="A" * length, email="a@example.org", country="GB")
    room = sealing.PADDING - len(sealing._encoder.encode(shortest)) + 1
    expected = sealing.PADDING if length <= room else 2 * sealing.PADDING
    assert len(box().seal(longer, HASHED)) == expected + 28


def test_the_same_person_is_never_sealed_to_the_same_bytes_twice():
    assert len({box().seal(PERSON, HASHED) for _ in range(100)}) == 100


def test_a_session_key_goes_round():
    private_key = sealing.generate_private_key()
    wrapped = sealing.seal_session_key(SESSION_KEY, sealing.public_key_of(private_key), CAMPAIGN, KEY_ID)
    assert sealing.open_session_key(wrapped, private_key, CAMPAIGN, KEY_ID) == SESSION_KEY


# --- misuse -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong_box", "bind"),
    [
        (box(campaign=uuid.UUID(int=CAMPAIGN.int ^ 1)), HASHED),
        (box(key=bytes(32)), HASHED),
        (sealing.register_box(KEY, CAMPAIGN), HASHED),
        (box(), b"\x12" * 32),
        (box(), HASHED[:-1]),
        (box(), HASHED + b"\x11"),
        (box(), b""),
    ],
    ids=["campaign", "key", "purpose", "row", "shorter-bind", "longer-bind", "no-bind"],
)
def test_a_box_opens_in_its_own_place_only(wrong_box, bind):
    with pytest.raises(NotOpened):
        wrong_box.open(SUBMISSION, bind)


def test_a_signature_is_no_submission():
    with pytest.raises(NotOpened):
        box().open(sealing.register_box(KEY, CAMPAIGN).seal(PERSON, HASHED), HASHED)


def test_a_box_truncated_anywhere_does_not_open():
    for length in range(len(SUBMISSION)):
        with pytest.raises(NotOpened):
            box().open(SUBMISSION[:length], HASHED)


def test_a_box_with_any_byte_altered_does_not_open():
    for at in range(len(SUBMISSION)):
        for change in (0x01, 0x80):
            altered = bytearray(SUBMISSION)
            altered[at] ^= change
            with pytest.raises(NotOpened):
                box().open(bytes(altered), HASHED)


def test_a_box_with_something_appended_does_not_open():
    with pytest.raises(NotOpened):
        box().open(SUBMISSION + b"\0", HASHED)


@pytest.mark.parametrize("plain", [b"", b"[]", b"{}", b'{"name":1}', b'{"name":"A"} {', b"\xff" * 8])
def test_a_box_that_holds_no_person_does_not_open(plain):
    nonce = bytes(12)
    sealed = nonce + box()._aead.encrypt(nonce, plain, box()._purpose + HASHED)
    with pytest.raises(NotOpened):
        box().open(sealed, HASHED)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 1087, 1088, 1119, 1120, 1136, len(WRAPPED) - 1])
def test_a_truncated_session_key_does_not_open(length):
    with pytest.raises(NotOpened):
        sealing.open_session_key(WRAPPED[:length], PRIVATE_KEY, CAMPAIGN, KEY_ID)


def test_a_session_key_with_any_byte_altered_does_not_open():
    for at in range(len(WRAPPED)):
        altered = bytearray(WRAPPED)
        altered[at] ^= 1
        with pytest.raises(NotOpened):
            sealing.open_session_key(bytes(altered), PRIVATE_KEY, CAMPAIGN, KEY_ID)


@pytest.mark.parametrize(
    ("private_key", "campaign", "key_id"),
    [
        (bytes(range(1, 97)), CAMPAIGN, KEY_ID),
        (PRIVATE_KEY[:64] + bytes(32), CAMPAIGN, KEY_ID),
        (bytes(64) + PRIVATE_KEY[64:], CAMPAIGN, KEY_ID),
        (PRIVATE_KEY, KEY_ID, KEY_ID),
        (PRIVATE_KEY, CAMPAIGN, CAMPAIGN),
    ],
    ids=["private-key", "x25519-half", "mlkem-half", "campaign", "key-id"],
)
def test_a_session_key_opens_for_its_campaign_and_its_row_only(private_key, campaign, key_id):
    with pytest.raises(NotOpened):
        sealing.open_session_key(WRAPPED, private_key, campaign, key_id)


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_what_is_wrapped_but_no_session_key_does_not_open(length):
    wrapped = sealing.seal_session_key(bytes(length), sealing.public_key_of(PRIVATE_KEY), CAMPAIGN, KEY_ID)
    with pytest.raises(NotOpened):
        sealing.open_session_key(wrapped, PRIVATE_KEY, CAMPAIGN, KEY_ID)


# --- nothing secret in what is printed ----------------------------------------------------------------------


def test_an_error_says_nothing_of_what_did_not_open():
    with pytest.raises(NotOpened) as caught:
        box().open(SUBMISSION, b"")
    assert (str(caught.value), repr(caught.value)) == ("", "NotOpened()")
    # What the decoder complained about is a person's text: the error must not carry it along.
    assert caught.value.__suppress_context__


def test_keys_and_boxes_print_no_secret():
    keys = CampaignKeys(CAMPAIGN, PRIVATE_KEY, b"pepper-pepper-pepper-pepper-1234", KEY)
    keys.register_box, keys.public_key  # noqa: B018 - cached now, and still not shown
    shown = f"{keys!r} {keys} {box()!r} {keys.register_box!r}"
    assert str(CAMPAIGN) in shown
    for secret in (PRIVATE_KEY, keys.pepper, KEY):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown
    assert "pepper" not in shown


@pytest.mark.parametrize(
    "given",
    [{"country": "XXXX"}, {"country": "G\x00"}, {"country": "GB\n"}, {"country": ""}, {"name": "A" * 501},
     {"comment": "A" * 2001}, {"language": "x" * 17}, {"token": "x" * 65}],
)  # fmt: skip
def test_a_well_sealed_person_that_does_not_fit_the_register_does_not_open(given):
    """Whoever held the web for a minute could leave one behind: it must not stop the batch it is in."""
    box = sealing.submission_box(KEY, CAMPAIGN)
    person = Person(**{"name": "Ada", "email": "ada@example.org", "country": "GB", **given})
    with pytest.raises(NotOpened):
        box.open(box.seal(person, b"bind"), b"bind")
