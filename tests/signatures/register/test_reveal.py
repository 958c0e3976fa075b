"""Looking at persons: what a worker answers, to whom, how often, and what web can tell of it."""

from __future__ import annotations

import datetime
import json
import unicodedata
import uuid
from contextlib import nullcontext

import pyrage
import pytest
from django.conf import settings as django_settings
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from petitions.models import Campaign
from signatures.desk import reveals
from signatures.models import ANSWER_KEPT, CampaignKey, Purpose, Recipient, Refusal, Reveal, Signature, Trace
from signatures.register import admission
from signatures.register import reveal as reveal_room
from signatures.register.masking import masked_name
from signatures.register.recipients import settle_recipients
from signatures.register.reveal import PAGE, answer_reveals, clear_reveals
from staff import audit
from staff.models import AuditEntry, Role
from staff.refusals import NotAllowed
from tests.support.fixtures import acting_as
from tests.support.shredding import shred

NAME, ADDRESS = "Волька Планта", "planted.person@example.org"
KIND = Reveal.Kind


@pytest.fixture
def signed(campaign, sign):
    """A campaign with the planted person as number 1, and somebody else as number 2."""
    sign(campaign, name=NAME, email=ADDRESS, place="Évora", comment="Because.", share_name="1", country="PT")
    sign(campaign)
    admission.admit_everything()
    return campaign


def ask(officer, kind, where, **about):
    with acting_as(django_settings.DESK_ROLE):
        question = reveals.Question(kind, where, Purpose.COMPLAINT, "case 17", **about)
        return reveals.ask(officer, question)


def work():
    with acting_as(django_settings.WORKER_ROLE):
        return answer_reveals()


def sealed(desk_key, username, email):
    plain = json.dumps({"officer": username, "email": email}).encode().ljust(1024)
    return pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(desk_key)])


def progress(reveal, user):
    with acting_as(django_settings.DESK_ROLE):
        return reveals.progress(Reveal.objects.get(pk=reveal.pk), user)


def opened(reveal, user, identity):
    said = progress(reveal, user)
    assert said.state == "answered", said
    return json.loads(pyrage.decrypt(said.answer, [identity]))


def test_a_number_tells_its_whole_person_to_the_asking_officer(signed, officer):
    user, identity = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)
    assert progress(reveal, user).state == "asked"
    assert work() == 1
    answer = opened(reveal, user, identity)
    assert answer["reveal"] == str(reveal.pk)
    (told,) = answer["found"]
    expected = {"name": NAME, "email": ADDRESS, "place": "Évora", "comment": "Because.", "country": "PT", "number": 1}
    assert told.items() >= {**expected, "share_name": True, "campaign": signed.title}.items()


def test_each_look_is_in_the_audit_trail_and_what_was_found_is_not(signed, officer, desk_key):
    user, _ = officer()
    looks = [
        ask(user, KIND.NUMBER, signed, number=1),
        ask(user, KIND.NUMBER, signed, number=99),
        ask(user, KIND.EMAIL, signed.section, query=sealed(desk_key, user.username, ADDRESS)),
    ]
    work()
    entries = AuditEntry.objects.filter(action__startswith="reveal.").order_by("pk")
    assert [entry.detail["reveal"] for entry in entries] == [str(look.pk) for look in looks]
    assert {entry.actor for entry in entries} == {user}
    assert {entry.purpose for entry in entries} == {"case 17"}
    found, missing, by_address = (set(entry.detail) for entry in entries)
    assert found == missing == {"reveal", "purpose", "campaign", "number"}
    assert by_address == {"reveal", "purpose"}


def test_what_was_not_written_down_is_not_told(signed, officer, monkeypatch):
    user, _ = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)

    def fail(*args, **kwargs):
        raise IntegrityError

    monkeypatch.setattr(audit, "append", fail)
    assert work() == 0
    assert Reveal.objects.get(pk=reveal.pk).answer is None


def test_nobody_else_opens_an_answer(signed, officer):
    user, _ = officer()
    _, other = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)
    work()
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(progress(reveal, user).answer, [other])


def test_an_address_is_found_in_every_campaign_of_the_section_and_in_no_other(
    signed, make_campaign, other_section, sign, officer, desk_key
):
    second, elsewhere = make_campaign(title="Second"), make_campaign(title="Elsewhere", section=other_section)
    for campaign in (second, elsewhere):
        sign(campaign, name=NAME, email=ADDRESS.upper())
    admission.admit_everything()
    user, identity = officer()
    reveal = ask(user, KIND.EMAIL, signed.section, query=sealed(desk_key, user.username, f" {ADDRESS} "))
    work()
    answer = opened(reveal, user, identity)
    assert [told["campaign"] for told in answer["found"]] == [signed.title, "Second"]
    assert Reveal.objects.get(pk=reveal.pk).query is None


@pytest.mark.parametrize("kind", [KIND.NUMBER, KIND.EMAIL])
def test_found_and_not_found_look_the_same_to_the_web(signed, officer, desk_key, kind):
    user, identity = officer()
    where = {
        KIND.NUMBER: [(signed, {"number": 1}), (signed, {"number": 99})],
        KIND.EMAIL: [
            (signed.section, {"query": sealed(desk_key, user.username, address)})
            for address in (ADDRESS, "nobody@example.org")
        ],
    }
    asked = [ask(user, kind, place, **about) for place, about in where[kind]]
    work()
    found, missing = (opened(reveal, user, identity)["found"] for reveal in asked)
    assert (len(found), len(missing)) == (1, 0)
    rows = Reveal.objects.filter(pk__in=[reveal.pk for reveal in asked])
    assert {row.state for row in rows} == {"answered"}
    assert len({payload_size(row.answer) for row in rows}) == 1


def payload_size(sealed):
    """Bytes after the header, into which pyrage puts a stanza of random length, whatever is encrypted."""
    header, _, payload = sealed.partition(b"\n--- ")
    assert header.startswith(b"age-encryption.org/v1\n-> X25519 ")
    return len(payload)


def test_a_review_list_is_masked_and_comes_in_pages(campaign, sign, officer):
    for _ in range(PAGE + 3):
        sign(campaign, name=NAME, email=f"{uuid.uuid4().hex}@planted.example.org", comment="Mine.")
    admission.admit_everything()
    Signature.objects.filter(campaign=campaign).update(state=Signature.State.QUARANTINED)
    user, identity = officer(Role.MODERATOR)
    first, second = (ask(user, KIND.LIST, campaign, page=page) for page in (1, 2))
    work()
    answers = [opened(reveal, user, identity) for reveal in (first, second)]
    assert [len(answer["found"]) for answer in answers] == [PAGE, 3]
    assert {answer["pages"] for answer in answers} == {2}
    for told in answers[0]["found"]:
        assert told["name"] == "В… П…"
        assert told["email"].endswith("@p….org")
        assert "planted" not in json.dumps(told, ensure_ascii=False)
        assert "comment" not in told


def test_a_review_list_says_of_each_why_it_is_held_and_what_came_alike(campaign, sign, officer):
    seen = {"network": "one", "wide": "one", "so_far": 12, "took": 1}
    sign(campaign, comment="The very same words as others say.", signals=seen)
    sign(campaign, signals={**seen, "network": "two", "so_far": 1, "took": 60, "trap": True})
    sign(campaign, signals={**seen, "took": 60})  # one of many, and nothing else: counted
    admission.admit_everything()
    user, identity = officer(Role.MODERATOR)
    reveal = ask(user, KIND.LIST, campaign, page=1)
    work()
    many, trapped = opened(reveal, user, identity)["found"]
    network, quick = "many signatures from the same network that day", "form filled in within three seconds"
    assert sorted(many["reasons"]) == [quick, network]
    assert trapped["reasons"] == ["filled in a hidden field"]
    trace = Trace.objects.get(signature=many["reference"])
    assert many["labels"] == {kind: bytes(getattr(trace, kind)).hex() for kind in ("network", "domain", "comment")}
    assert "comment" not in trapped["labels"]
    assert {"name", "email"} <= many.keys()


def test_of_a_signature_whose_trace_is_gone_no_reason_is_made_up(campaign, sign, officer):
    sign(campaign, signals={"network": "one", "trap": True})
    admission.admit_everything()
    Trace.objects.all().delete()
    user, identity = officer(Role.MODERATOR)
    reveal = ask(user, KIND.LIST, campaign, page=1)
    work()
    (told,) = opened(reveal, user, identity)["found"]
    assert "reasons" not in told
    assert "labels" not in told


def test_a_page_of_a_review_list_has_room_for_all_its_rows(make_campaign, sign, officer):
    campaign = make_campaign(title="«Ω»" * 66)
    for n in range(PAGE):
        seen = {"network": f"{n}", "trap": True, "so_far": 99, "took": 0, "abroad": True, "unlimited": True}
        words = {"name": "Ὑ Ὑ Ὑ Ὑ Ὑ Ὑx", "email": f"{n}@mailinator.com", "comment": "The very same words as others."}
        sign(campaign, **words, signals=seen | {"work": "missing"})
    admission.admit_everything()
    user, identity = officer(Role.MODERATOR)
    reveal = ask(user, KIND.LIST, campaign, page=1)
    work()
    answer = opened(reveal, user, identity)
    assert (len(answer["found"]), answer["left"]) == (PAGE, 0)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Ada Lovelace", "A… L…"), ("王 明", "王…"), ("김 민", "김…"), ("J R", "J…"), ("O", "…"), ("श्री राम", "श्री… रा…"),
     ("'t Hooft", "t… H…"), ("A b c d e f", "A… b… c… d…")],
)  # fmt: skip
def test_a_masked_name_is_never_the_whole_name(name, shown):
    assert masked_name(name) == unicodedata.normalize("NFC", shown)


def test_what_was_withdrawn_has_nothing_left_to_tell(signed, officer):
    erased = {"fingerprint": None, "name_key": None, "withdrawal_hash": None, "sealed": None}
    Signature.objects.filter(number=1).update(state="withdrawn", **erased)
    user, identity = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)
    work()
    (told,) = opened(reveal, user, identity)["found"]
    assert "name" not in told
    assert told["state"] == "Withdrawn"


def test_an_altered_signature_is_said_to_be_unreadable(signed, officer):
    Signature.objects.filter(number=1).update(sealed=b"x" * 300)
    user, identity = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)
    work()
    (told,) = opened(reveal, user, identity)["found"]
    assert told["unreadable"]


# --- who may --------------------------------------------------------------------------------------------------


def refusal(reveal):
    work()
    row = Reveal.objects.get(pk=reveal.pk)
    assert (row.state, row.answer, row.query) == ("refused", None, None)
    return row.refusal


@pytest.mark.parametrize("role", [Role.CAMPAIGNER, Role.DELIVERY_OFFICER, Role.ADMINISTRATOR])
def test_other_roles_may_not_ask(signed, officer, role):
    user, _ = officer(role)
    with pytest.raises(NotAllowed):
        ask(user, KIND.NUMBER, signed, number=1)


def test_a_role_in_another_section_opens_nothing_here(signed, officer, other_section):
    user, _ = officer(Role.MODERATOR, other_section)
    with pytest.raises(NotAllowed):
        ask(user, KIND.NUMBER, signed, number=1)


def forged(user, campaign, **values):
    """What a seized web host writes without asking anybody."""
    given = {"kind": KIND.NUMBER, "purpose": Purpose.FAULT, "reason": "none", "number": 1, "campaign": campaign}
    with acting_as(django_settings.DESK_ROLE):
        return Reveal.objects.create(officer=user, section=campaign.section, **{**given, **values})


def test_a_worker_believes_no_question_it_has_not_checked(signed, officer, staff, other_section):
    wrong_role, _ = officer(Role.DELIVERY_OFFICER)
    assert refusal(forged(wrong_role, signed)) == Refusal.NOT_ALLOWED
    keyless = staff(Role.MODERATOR)
    assert refusal(forged(keyless, signed)) == Refusal.NOT_PINNED
    there, _ = officer(Role.MODERATOR, other_section)
    with acting_as(django_settings.DESK_ROLE):
        lying = Reveal.objects.create(
            officer=there,
            section=other_section,
            campaign=signed,
            kind="number",
            purpose="fault",
            reason="none",
            number=1,
        )
    assert refusal(lying) == Refusal.NOT_ALLOWED


def test_whoever_left_is_answered_nothing(signed, officer):
    user, _ = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)
    user.is_active = False
    user.save()
    assert refusal(reveal) == Refusal.NOT_ALLOWED


def test_another_officers_sealed_question_is_refused(signed, officer, desk_key):
    """Or the web could learn who was looked for, by handing it in once more under a friend's name."""
    (asker, _), (thief, _) = officer(), officer()
    box = sealed(desk_key, asker.username, ADDRESS)
    assert refusal(ask(thief, KIND.EMAIL, signed.section, query=box)) == Refusal.UNREADABLE


@pytest.mark.parametrize("box", [b"", b"age-encryption.org/v1\n", b"x" * 300])
def test_a_question_that_did_not_arrive_whole_is_refused(signed, officer, desk_key, box):
    user, _ = officer()
    assert refusal(ask(user, KIND.EMAIL, signed.section, query=box)) == Refusal.UNREADABLE


def test_a_day_has_so_many_looks_and_no_more(signed, officer, settings):
    settings.REVEALS_PER_DAY = 2
    user, identity = officer()
    looks = [ask(user, KIND.NUMBER, signed, number=number) for number in (1, 2, 3)]
    work()
    assert sorted(Reveal.objects.get(pk=look.pk).state for look in looks) == ["answered", "answered", "refused"]
    clear_reveals(timezone.now() + ANSWER_KEPT)
    assert refusal(ask(user, KIND.NUMBER, signed, number=1)) == Refusal.LIMIT
    Reveal.objects.filter(answered_at__isnull=False).update(answered_at=timezone.now() - datetime.timedelta(hours=25))
    again = ask(user, KIND.NUMBER, signed, number=1)
    work()
    assert opened(again, user, identity)["found"]


def test_a_campaign_without_keys_is_said_to_have_none(signed, officer, keyring):
    user, _ = officer()
    (keyring.directory / f"{signed.uid}.json").unlink()
    assert refusal(ask(user, KIND.NUMBER, signed, number=1)) == Refusal.NO_KEYS


def test_a_shredded_campaign_keeps_nobody_from_the_others_of_its_section(
    signed, make_campaign, sign, officer, desk_key, staff
):
    shredded, second = make_campaign(title="Shredded"), make_campaign(title="Second")
    for campaign in (shredded, second):
        sign(campaign, name=NAME, email=ADDRESS)
    admission.admit_everything()
    over = timezone.now() + datetime.timedelta(minutes=1)
    Campaign.objects.filter(pk=shredded.pk).update(state="closed", closes_at=over)
    assert shred(shredded, staff) == 1
    user, identity = officer()
    for address, titles in ((ADDRESS, [signed.title, "Second"]), ("nobody@example.org", [])):
        look = ask(user, KIND.EMAIL, signed.section, query=sealed(desk_key, user.username, address))
        work()
        answer = opened(look, user, identity)
        assert [told["campaign"] for told in answer["found"]] == titles
        assert (answer["shredded"], answer["unavailable"]) == (["Shredded"], [])


@pytest.mark.parametrize("spoil", ["missing", "damaged", "foreign"])
def test_a_campaign_whose_keys_are_not_to_be_had_is_named_as_not_searched(
    signed, make_campaign, officer, desk_key, keyring, spoil
):
    lost = make_campaign(title="Lost")
    path = keyring.directory / f"{lost.uid}.json"
    if spoil == "missing":
        path.unlink()
    elif spoil == "damaged":
        path.write_text("{}")
    else:
        CampaignKey.objects.filter(campaign=lost).update(public_key=b"x" * 1216)
    user, identity = officer()
    look = ask(user, KIND.EMAIL, signed.section, query=sealed(desk_key, user.username, ADDRESS))
    work()
    answer = opened(look, user, identity)
    assert (len(answer["found"]), answer["shredded"], answer["unavailable"]) == (1, [], ["Lost"])


def test_very_many_campaigns_without_keys_leave_room_for_what_is_found(
    signed, make_campaign, officer, desk_key, keyring
):
    for _ in range(23):
        keyring.destroy(make_campaign(title="𐀀" * 200).uid)
    user, identity = officer()
    look = ask(user, KIND.EMAIL, signed.section, query=sealed(desk_key, user.username, ADDRESS))
    work()
    answer = opened(look, user, identity)
    assert (len(answer["found"]), answer["unavailable"][20:]) == (1, ["… +3"])


def test_an_address_is_no_reason(signed, officer):
    user, _ = officer()
    with pytest.raises(NotAllowed, match="Do not enter e-mail addresses"), acting_as(django_settings.DESK_ROLE):
        reveals.ask(user, reveals.Question(KIND.NUMBER, signed, "fault", "for a@b.org", number=1))


# --- what goes again ------------------------------------------------------------------------------------------


def test_an_answer_lives_ten_minutes(signed, officer):
    user, _ = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)
    work()
    Reveal.objects.update(answered_at=timezone.now() - ANSWER_KEPT)
    assert progress(reveal, user).state == "closed"  # also before a worker has cleared it
    with acting_as(django_settings.WORKER_ROLE):
        assert clear_reveals()["answers"] == 1
    assert Reveal.objects.get(pk=reveal.pk).answer is None


def test_a_question_that_nobody_answered_expires(signed, officer, desk_key):
    user, _ = officer()
    reveal = ask(user, KIND.EMAIL, signed.section, query=sealed(desk_key, user.username, ADDRESS))
    Reveal.objects.update(asked_at=timezone.now() - ANSWER_KEPT)
    assert progress(reveal, user).words == Refusal.EXPIRED.label
    assert work() == 0
    with acting_as(django_settings.WORKER_ROLE):
        assert clear_reveals()["questions"] == 1
    row = Reveal.objects.get(pk=reveal.pk)
    assert (row.refusal, row.query) == (Refusal.EXPIRED, None)


def test_closing_deletes_an_answer_without_a_worker(signed, officer):
    user, _ = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)
    work()
    with acting_as(django_settings.DESK_ROLE):
        reveals.close(reveal)
    row = Reveal.objects.get(pk=reveal.pk)
    assert (row.state, row.answer) == ("closed", None)
    assert progress(reveal, user).state == "closed"


def test_a_revoked_key_takes_its_answers_with_it(signed, officer):
    user, _ = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)
    work()
    Recipient.objects.update(state="revoked")
    assert progress(reveal, user).state == "revoked"
    with acting_as(django_settings.WORKER_ROLE):
        settle_recipients()
    assert Reveal.objects.get(pk=reveal.pk).answer is None


@pytest.mark.parametrize(
    ("change", "kept"),
    [({"state": "answered"}, False), ({"answer": b"x"}, False), ({"state": "closed", "answer": None}, True)],
)
def test_web_may_close_an_answer_and_nothing_else(signed, officer, change, kept):
    user, _ = officer()
    ask(user, KIND.NUMBER, signed, number=1)
    work()
    try:
        with acting_as(django_settings.DESK_ROLE), transaction.atomic():
            Reveal.objects.update(**change)
    except Exception:
        assert not kept
    else:
        assert kept


def test_the_two_tongues_of_waiting_agree(signed, officer):
    user, _ = officer()
    reveal = ask(user, KIND.NUMBER, signed, number=1)
    for age in (0, 9, 10, 11):
        at = reveal.asked_at if reveal.asked_at else timezone.now()
        moment = at + datetime.timedelta(minutes=age)
        row = Reveal.objects.get(pk=reveal.pk)
        assert row.is_waiting(moment) == Reveal.objects.waiting(moment).filter(pk=row.pk).exists()
        assert row.is_waiting(moment) != Reveal.objects.overdue(moment).filter(pk=row.pk).exists()


def test_a_question_asks_for_one_thing(signed, officer):
    user, _ = officer()
    with pytest.raises(IntegrityError):
        forged(user, signed, page=2)


@pytest.mark.parametrize(
    ("fault", "loud"), [(OSError("the disk"), False), (DatabaseError("a row"), False), (TypeError("a bug"), True)]
)
def test_a_question_that_cannot_be_answered_stops_none_behind_it(signed, officer, monkeypatch, fault, loud):
    """What may be over with the next sweep is logged, without its words; a bug is raised, when all had their turn."""
    user, identity = officer()
    spoilt, whole = (ask(user, KIND.NUMBER, signed, number=number) for number in (1, 2))
    answer = reveal_room.answer_reveal

    def fail_once(pk):
        if pk == spoilt.pk:
            raise fault
        return answer(pk)

    monkeypatch.setattr(reveal_room, "answer_reveal", fail_once)
    with pytest.raises(TypeError) if loud else nullcontext():
        assert work() == 1
    assert opened(whole, user, identity)["found"]
    assert progress(spoilt, user).state == "asked"
