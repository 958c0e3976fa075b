"""What becomes of a packet: the log, the days without an answer, the demands, and what is announced."""

import csv
import datetime
import io
import re

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.db.models import ProtectedError
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from petitions.models import Demand, DemandStep, Update
from signatures.desk import deliveries
from signatures.desk.announcements import differs, draft_announcement, unsaid
from signatures.models import Announcement, Delivery, Handover
from signatures.public_figures import press_draft
from signatures.public_figures.handovers import handover_standing, told_deliveries
from signatures.public_figures.press_draft import three_digits_down
from staff.models import Role
from staff.refusals import NotAllowed
from tests.support.fixtures import a_delivery
from tests.support.packets import admit, sign_all, withdraw
from web.models import Section

TODAY = timezone.now().date()


def ago(days):
    return TODAY - datetime.timedelta(days=days)


@pytest.fixture
def deliver(deliver):
    """Packets that were built two months ago."""

    def then(*args, **given):
        with time_machine.travel(timezone.now() - datetime.timedelta(days=60)):
            return deliver(*args, **given)

    return then


@pytest.fixture
def log(signed, deliver, officers):
    """Adds entries to the log of one packet: (kind, days ago)."""
    delivery = deliver(signed)

    def add(*entries, **given):
        for kind, days in entries:
            entry = {"delivery": delivery, "recorded_by": officers[0]} | given
            Handover.objects.create(kind=kind, on=ago(days), **entry)
        return delivery

    return add


@pytest.mark.parametrize(
    ("entries", "days"),
    [
        ([], None),
        ([("handed", 30)], 30),
        ([("nobody", 40), ("refused", 35), ("handed", 30)], 40),
        ([("handed", 30), ("answered", 10)], None),
        ([("handed", 30), ("answered", 10), ("handed", 4)], 4),
        ([("handed", 0)], 0),
    ],
)
def test_days_without_an_answer_count_themselves(log, signed, entries, days):
    log(*entries)
    assert handover_standing(signed, TODAY).days == days


def test_what_is_not_public_is_not_told_and_counts_no_days(log, signed, client):
    log(("handed", 30), is_public=False, place="Secretville", note="Notes", people="A. Official")
    log(("refused", 20), place="Minsk", statement="They shut the door.", reference="N 17/2", people="A. Official")
    for path in (f"/c/{signed.slug}/", f"/c/{signed.slug}/numbers/"):
        page = client.get(path).content.decode()
        for word in ("They shut the door.", "Minsk", "N 17/2", "days without an answer"):
            assert word in page, (path, word)
        for word in ("Secretville", "A. Official", "Notes"):
            assert word not in page
    assert handover_standing(signed, TODAY).days == 20


def test_of_each_packet_is_told_what_it_was_for_whom_and_what_became_of_it(log, signed, client, deliver):
    first = log(("handed", 30))
    (told,) = told_deliveries(signed, TODAY)
    assert (told.delivery, told.delivery.signatures, told.days) == (first, 12, 30)
    data = client.get(f"/c/{signed.slug}/numbers.json").json()["deliveries"]
    assert [(d["reference"], d["signatures"], [e["kind"] for e in d["events"]]) for d in data] == [
        (first.reference, 12, ["handed"])
    ]
    rows = list(csv.DictReader(io.StringIO(client.get(f"/c/{signed.slug}/numbers.csv").content.decode("utf-8-sig"))))
    assert [(row["what"], row["count"]) for row in rows if row["key"] == first.reference] == [
        ("delivery", "12"), ("unanswered", str((timezone.now().date() - ago(30)).days)),
    ]  # fmt: skip
    assert "12 signatures" in client.get(f"/c/{signed.slug}/numbers/").content.decode()


def test_an_answer_to_a_later_packet_answers_the_earlier_ones(log, signed, deliver, sign):
    first = log(("handed", 30))
    sign(signed)
    admit(signed)
    second = deliver(signed)
    assert [told.days for told in told_deliveries(signed, TODAY)] == [30]
    log(("handed", 9), ("answered", 2), delivery=second)
    assert [(told.delivery, told.days) for told in told_deliveries(signed, TODAY)] == [(second, None), (first, None)]


def test_an_entry_needs_a_packet_and_a_day_that_has_come(signed, officers):
    waiting = a_delivery(signed, *officers, first_number=1, last_number=12)
    with pytest.raises(ValidationError) as refused:
        Handover(delivery=waiting, kind="handed", on=ago(-2), recorded_by=officers[0]).clean()
    assert set(refused.value.message_dict) == {"on", "delivery"}


def test_web_adds_to_the_log_and_changes_nothing_of_it(log, signed, as_desk):
    log(("handed", 3))
    for change in (lambda: Handover.objects.update(on=ago(9)), lambda: Handover.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic(), as_desk():
            change()


# --- the log in the admin -----------------------------------------------------------------------------------------

HANDOVER = "admin:signatures_handover_"


@pytest.fixture
def officer(staff_client, staff):
    return staff_client(staff(Role.DELIVERY_OFFICER, username="anna"))


@pytest.fixture
def attachments(settings, tmp_path):
    options = {"location": tmp_path / "attachments", "base_url": None}
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "attachments": backend}


def entry_for(delivery, **changes):
    return {"delivery": delivery.pk, "kind": "refused", "on": ago(2), "statement": "They shut the door.", **changes}


def test_from_a_packet_one_records_what_happened_to_it_and_comes_back_to_it(signed, deliver, officer):
    delivery = deliver(signed)
    page = reverse("admin:signatures_delivery_change", args=[delivery.pk])
    add = reverse(f"{HANDOVER}add", query={"delivery": delivery.pk})
    assert add in officer.get(page).content.decode()
    assert officer.get(add).context["adminform"].form.initial["delivery"] == str(delivery.pk)
    assert officer.post(add, entry_for(delivery, is_public="on")).url == page
    assert "They refused it" in officer.get(page).content.decode()
    packets = reverse("admin:signatures_delivery_changelist")
    assert date_format(ago(3)) not in officer.get(packets).content.decode()
    officer.post(add, entry_for(delivery, kind="handed", on=ago(3)))
    assert date_format(ago(3)) in officer.get(packets).content.decode()
    recorded = Handover.objects.get(kind="refused")
    assert (recorded.recorded_by.username, recorded.is_public) == ("anna", True)
    assert officer.get(reverse(f"{HANDOVER}change", args=[recorded.pk])).status_code == 200
    assert officer.get(reverse(f"{HANDOVER}changelist")).status_code == 200
    changed = officer.post(reverse(f"{HANDOVER}change", args=[recorded.pk]), entry_for(delivery, kind="answered"))
    assert (changed.status_code, Handover.objects.get(pk=recorded.pk).kind) == (403, "refused")


def test_a_receipt_is_kept_for_officers_and_comes_as_a_download(signed, deliver, officer, attachments, client):
    delivery = deliver(signed)
    receipt = SimpleUploadedFile("receipt.pdf", b"%PDF-1.7 a receipt", "application/pdf")
    officer.post(reverse(f"{HANDOVER}add"), entry_for(delivery, attachment=receipt))
    for name, data in (("reply.eml", b"Return-Path: <a@b.example>\r\n"), ("reply.docx", b"PK\x03\x04more")):
        said = entry_for(delivery, kind="answered", attachment=SimpleUploadedFile(name, data))
        assert officer.post(reverse(f"{HANDOVER}add"), said).status_code == 302
    file = reverse(f"{HANDOVER}file", args=[Handover.objects.get(kind="refused").pk])
    answer = officer.get(file)
    assert b"".join(answer.streaming_content) == b"%PDF-1.7 a receipt"
    assert answer["Content-Disposition"].startswith("attachment;")
    assert client.get(file).status_code == 302
    assert file not in client.get(f"/c/{signed.slug}/").content.decode()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"on": ago(-2)}, "on"),
        ({"attachment": SimpleUploadedFile("page.html", b"<script>")}, "attachment"),
        ({"attachment": SimpleUploadedFile("page.pdf", b"<script>")}, "attachment"),
        ({"attachment": SimpleUploadedFile("page.PNG", b"%PDF-1.7")}, "attachment"),
        ({"attachment": SimpleUploadedFile("page.jpeg", b"\xff\xd8")}, "attachment"),
        ({"attachment": SimpleUploadedFile("reply.eml", b"<script>")}, "attachment"),
        ({"attachment": SimpleUploadedFile("reply.docx", b"%PDF-1.7")}, "attachment"),
        ({"kind": ""}, "kind"),
    ],
)
def test_an_entry_that_cannot_be_is_refused_at_its_field(signed, deliver, officer, attachments, changes, field):
    answer = officer.post(reverse(f"{HANDOVER}add"), entry_for(deliver(signed), **changes))
    assert set(answer.context["adminform"].form.errors) == {field}


def test_a_packets_page_says_what_it_waits_for_and_what_was_announced_of_it(signed, deliver, officers, officer):
    later = a_delivery(signed, *officers, series=2, first_number=7, last_number=12)
    first = a_delivery(signed, *officers, series=2, first_number=1, last_number=6)
    waiting = officer.get(reverse("admin:signatures_delivery_change", args=[later.pk])).content.decode()
    assert f"It will be sealed after {first.reference}" in waiting
    assert 'data-again="3"' in waiting
    ready = reverse("admin:signatures_delivery_change", args=[deliver(signed, first_number=1).pk])
    announce = reverse("admin:signatures_delivery_announce", args=[Delivery.objects.ready().get().pk])
    assert "Announced" not in officer.get(ready).content.decode()
    page = officer.post(announce, follow=True).content.decode()
    assert "Announced" in page
    assert "12 signatures" in page
    assert "data-again" not in page


def test_another_sections_packet_can_be_chosen_by_nobody(signed, deliver, staff_client, staff):
    elsewhere = Section.objects.create(name="Elsewhere")
    other = staff_client(staff(Role.DELIVERY_OFFICER, elsewhere, "carla"))
    answer = other.post(reverse(f"{HANDOVER}add"), entry_for(deliver(signed)))
    assert set(answer.context["adminform"].form.errors) == {"delivery"}


# --- demands ------------------------------------------------------------------------------------------------------


def test_a_demand_is_what_its_latest_step_says(demand, signed, client):
    assert demand.standing is None
    DemandStep.objects.create(demand=demand, state="promised", on=ago(20), evidence="The Mayor said so.")
    DemandStep.objects.create(
        demand=demand, state="partly", on=ago(5), evidence="Open until six.", url="https://x.example/"
    )
    demand = Demand.objects.get()
    assert demand.standing.state == "partly"
    page = client.get(f"/c/{signed.slug}/").content.decode()
    assert "Partly met" in page
    assert "Open until six." in page


def test_an_editor_records_where_a_demand_stands_and_translates_the_evidence(
    demand, signed, staff_client, staff, client
):
    editor = staff_client(staff(Role.CAMPAIGNER))
    step = {"demand": demand.pk, "state": "partly", "on": ago(3), "language": "en", "evidence": "Open until six."}
    add = reverse("admin:petitions_demandstep_add")
    assert editor.post(add, step | {"on": ago(-2)}).context["adminform"].form.errors.keys() == {"on"}
    assert editor.post(add, step).status_code == 302
    recorded = DemandStep.objects.get()
    recorded.translate("de", {"evidence": "Bis sechs geöffnet."})
    recorded.save()
    assert editor.get(reverse("admin:petitions_demandstep_changelist")).status_code == 200
    assert (
        "Translations" in editor.get(reverse("admin:petitions_demandstep_change", args=[recorded.pk])).content.decode()
    )
    assert "Bis sechs geöffnet." in client.get(f"/de/c/{signed.slug}/").content.decode()


# --- announcing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "said"),
    [(0, 0), (7, 7), (999, 999), (1000, 1000), (1234, 1230), (191_437, 191_000), (2_345_678, 2_340_000)],
)
def test_announced_figures_are_rounded_down_to_three_digits(total, said):
    assert three_digits_down(total) == said


def test_a_follow_up_is_announced_with_the_total_to_date(signed, sign, deliver):
    deliver(signed)
    withdraw(signed, 2)
    for _ in range(3):
        sign(signed)
    admit(signed)
    delivery = deliver(signed)
    update = draft_announcement(delivery)
    assert update.title == "14 signatures for The Mayor"
    announcement = Announcement.objects.get()
    assert (announcement.signatures, announcement.countries, differs(announcement)) == (14, 0, "")
    Announcement.objects.update(
        rule="three-digits-down", signatures=3, countries=delivery.manifest["totals"]["countries"]
    )
    announcement.refresh_from_db()
    assert "the manifest gives" not in differs(announcement)  # by the rule that it was written under


def test_a_press_release_is_drafted_once_with_figures_that_can_be_computed_again(signed, deliver, capsys):
    delivery = deliver(signed)
    update = draft_announcement(delivery)
    assert (update.kind, update.published_at, update.campaign) == (Update.Kind.PRESS, None, signed)
    assert update.title.startswith("12 signatures")
    assert delivery.reference in update.body
    assert draft_announcement(delivery) == update
    announcement = Announcement.objects.get()
    assert (announcement.signatures, announcement.rule, differs(announcement)) == (12, press_draft.CURRENT, "")
    call_command("check_announcements")
    assert "signatures 12," in capsys.readouterr().out
    Announcement.objects.update(signatures=13)
    with pytest.raises(CommandError, match="differ from what was announced"):
        call_command("check_announcements")


@pytest.fixture
def editor(staff_client, staff):
    return staff_client(staff(Role.CAMPAIGNER))


def fields_of(update, **changes):
    names = ("kind", "language", "title", "slug", "lead", "body", "quote", "quote_by", "media_contact")
    return {"campaign": update.campaign_id, **{name: getattr(update, name) for name in names}, **changes}


def test_of_a_press_release_the_words_may_change_and_the_figures_may_not(signed, deliver, editor):
    update = draft_announcement(deliver(signed))
    form = reverse("admin:petitions_update_change", args=[update.pk])
    assert "must appear in the title, lead or text" in editor.get(form).content.decode()
    reworded = {"title": "The Mayor got our 12 signatures.", "quote": "At last."}
    assert editor.post(form, fields_of(update, **reworded)).status_code == 302
    update.refresh_from_db()
    for wrong in ("The Mayor got our 13 signatures", "The Mayor got our 1,200 signatures", "120 signatures"):
        answer = editor.post(form, fields_of(update, title=wrong))
        assert "12 (en)" in answer.context["adminform"].form.errors["title"][0]
    update.refresh_from_db()
    assert update.title == reworded["title"]


def test_a_text_that_no_longer_says_the_frozen_figures_is_found(signed, deliver):
    update = draft_announcement(deliver(signed))
    update.translate("de", {"title": "13 Unterschriften"})
    update.save()
    with pytest.raises(CommandError, match=r"no longer says 12 \(de\)"):
        call_command("check_announcements")


def test_who_translates_a_press_release_is_told_of_figures_that_are_missing(signed, deliver, editor):
    update = draft_announcement(deliver(signed))
    page = reverse("admin:petitions_update_translations", args=[update.pk], query={"language": "de"})
    for title, told in (("13 Unterschriften", True), ("12 Unterschriften", False)):
        answer = editor.post(page, {f"update-{update.pk}-title": title}, follow=True)
        assert ("These fixed figures are missing: 12 (de)." in answer.content.decode()) == told


#: Its reference has figures of its own.
PACKET = Delivery(archive="ALD-2026-191000-ab.zip")


@pytest.mark.parametrize(
    ("title", "missing"),
    [
        ("From 184 countries, ALD-2026-191000", ["191,000 (en)"]),
        ("About 191,000 signatures from 184 countries", []),
        ("Some 191000, from 184", []),
        ("In 2020 191\u202f000 signed, from 184 countries", []),
        ("191 and 000 from 184", ["191,000 (en)"]),
        ("191,000,000 from 184", ["191,000 (en)"]),
        ("About 191,000. From everywhere", ["184 (en)"]),
        ("About 191,000; the reference is c-9-184-191000", ["184 (en)"]),
    ],
)
def test_a_frozen_figure_is_looked_for_as_a_whole(title, missing):
    update = Update(title=title, lead="", body="")
    assert unsaid(Announcement(signatures=191_000, countries=184, delivery=PACKET), update) == missing


def test_a_translation_may_write_the_figures_in_its_own_way_and_has_to_say_them():
    update = Update(title="191,000 from 184", lead="", body="")
    announcement = Announcement(signatures=191_000, countries=184, delivery=PACKET)
    update.translate("de", {"title": "191.000 aus 184"})
    update.translate("uk", {"title": "191\u00a0000 зі 184"})
    assert unsaid(announcement, update) == []
    update.translate("de", {"title": "190.000 aus 184"})
    assert unsaid(announcement, update) == ["191.000 (de)"]


def test_what_was_announced_cannot_be_deleted(signed, deliver):
    with pytest.raises(ProtectedError):
        draft_announcement(deliver(signed)).delete()


def test_a_draft_is_in_the_campaigns_language(campaign, sign, deliver):
    campaign.language = "de"
    campaign.save()
    sign_all(campaign, sign)
    delivery = deliver(campaign)
    update = draft_announcement(Delivery.objects.get(pk=delivery.pk))
    assert (update.language, update.title.split()[1]) == ("de", "Unterschriften")


def test_nothing_is_announced_of_a_packet_that_is_not_there(signed, officers):
    with pytest.raises(NotAllowed):
        draft_announcement(a_delivery(signed, *officers, first_number=1, last_number=12))


# --- everything again ---------------------------------------------------------------------------------------------


def test_a_new_series_begins_at_the_first_number_again(signed, deliver, staff):
    deliver(signed)
    officer = staff(Role.DELIVERY_OFFICER, signed.section)
    with pytest.raises(NotAllowed, match="nothing new"):
        deliveries.request_delivery(signed, signed.addressee, "count", officer)
    again = deliveries.request_delivery(signed, signed.addressee, "count", officer, anew=True)
    assert (again.series, again.first_number, again.last_number) == (2, 1, 12)
    assert Delivery.objects.filter(campaign=signed).count() == 2


def test_the_field_for_an_attachment_asks_for_what_is_taken(staff, staff_client, section):
    """A phone makes a JPEG of its photo for it, and offers no film."""
    page = staff_client(staff(Role.DELIVERY_OFFICER)).get("/admin/signatures/handover/add/").text
    (field,) = re.findall(r'<input[^>]*name="attachment"[^>]*>', page)
    assert 'accept="application/pdf,image/png,image/jpeg,.docx,.odt,.eml"' in field
