"""The numbers page and its data: one set of figures in every form, drawn so that nothing small shows."""

import csv
import datetime
import io
import json

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from petitions.models import Update
from signatures.models import LedgerEntry, PublishedFigures, Register, TallySum
from signatures.public_figures.charts import SHADES, day_bars, world_map
from signatures.public_figures.figures import CountryFigure, DayFigure, public_figures
from signatures.public_figures.open_data import numbers_of
from signatures.public_figures.world import world
from signatures.register import ledger
from signatures.register.publishing import publish_figures
from signatures.register.tally import Arrival, Departure, count_in, count_out
from web.spreadsheets import csv_text

TODAY = datetime.date(2026, 3, 1)
PAGES = ("numbers/", "numbers/by-name/", "numbers.json", "numbers.csv", "tally.json", "embed/")


@pytest.fixture
def counted(campaign):
    """Poland 34, Belarus 3, Malta 13, over two days: counted by the worker's own hand."""
    arrivals = [
        Arrival(country, TODAY + datetime.timedelta(days=n % 2), "web", "mail" if n % 3 else "direct", "en", "5m")
        for country, number in (("PL", 34), ("BY", 3), ("MT", 13))
        for n in range(number)
    ]
    register, _ = Register.objects.get_or_create(campaign=campaign)
    Register.objects.filter(pk=register.pk).update(last_number=60)
    count_in(register, arrivals)
    ledger.note(campaign.pk, received=60, taken=52, admitted=50, duplicate=2, expired=3)
    publish_figures(campaign)
    return campaign


def test_page_json_and_csv_say_the_same(client, counted):
    page = client.get(f"/c/{counted.slug}/numbers/")
    figures = page.context["figures"]
    everything = client.get(f"/c/{counted.slug}/numbers.json").json()
    table = client.get(f"/c/{counted.slug}/numbers.csv")
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    shown = {country.code: country.count for country in figures.countries}
    assert shown == {"PL": 30, "MT": 10}
    assert {row["code"]: row["count"] for row in everything["countries"]} == shown
    assert {row["key"]: int(row["count"]) for row in rows if row["what"] == "country"} == shown
    assert everything["total"] == int(rows[0]["count"]) == 50
    assert everything["other"] == 10 == 50 - sum(shown.values())
    assert {row["what"] for row in rows} <= everything["dictionary"].keys()
    assert 'rel="license"' in table["Link"]
    assert table["Content-Disposition"] == f'attachment; filename="{counted.slug}.csv"'
    assert everything["licence"]["name"] == "CC0 1.0"


@pytest.mark.parametrize("title", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1+1", "Won;=1+1"])
def test_nothing_in_the_csv_is_a_formula_to_a_spreadsheet(client, counted, title):
    Update.objects.create(campaign=counted, slug="news", title=title, lead="x", published_at=timezone.now())
    text = client.get(f"/c/{counted.slug}/numbers.csv").content.decode("utf-8-sig")
    (row,) = [row for row in csv.DictReader(io.StringIO(text)) if row["what"] == "update"]
    assert row["name"].replace("'", "") == title
    for delimiter in ",;\t":
        cells = [cell for line in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in line]
        assert [cell for cell in cells if cell.lstrip(' "').startswith(("=", "+", "-", "@"))] == []


@given(
    st.lists(
        st.lists(st.text(max_size=12) | st.sampled_from(["=1", '"', ";@x", "\r\n+1", "Ж"]), min_size=1, max_size=4)
    )
)
def test_a_table_is_what_a_spreadsheet_reads_and_none_of_it_a_formula(rows):
    text = csv_text(["Ж"], rows)
    assert text.encode().startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [[cell.replace("'", "") for cell in row] for row in read] == [
        ["Ж"],
        *([cell.replace("'", "") for cell in row] for row in rows),
    ]
    assert not [cell for row in read for cell in row if cell.lstrip(' "').startswith(("=", "+", "-", "@"))]


def test_a_small_country_is_nowhere_in_what_is_public(client, counted):
    for page in PAGES:
        body = client.get(f"/c/{counted.slug}/{page}").content.decode()
        assert [word for word in ("Belarus", '"BY"', ",BY,") if word in body] == [], page


def adds_up(lines):
    """The public ledger's lines, {key: count}, after it has been reckoned through."""
    assert lines["confirmed"] == sum(lines[part] for part in ("duplicate", "late", "unreadable", "admitted"))
    assert lines["admitted"] == sum(lines[part] for part in ("quarantined", "removed", "withdrawn", "counted"))
    assert all(count >= 0 for count in lines.values())
    return lines


def test_the_ledger_adds_up_from_confirmed_to_counted(client, counted):
    ledger = client.get(f"/c/{counted.slug}/numbers/").context["ledger"]
    lines = {line.key: line.count for line in ledger.lines}
    assert adds_up(lines)["counted"] == 50


def test_one_signature_more_moves_the_total_and_nothing_finer(client, counted):
    before = client.get(f"/c/{counted.slug}/tally.json").json()
    count_in(Register.objects.get(campaign=counted), [Arrival("BY", TODAY, "web", "direct", "be", "1m")])
    assert publish_figures(counted) is None
    after = public_figures(counted)
    assert (after.total, after.other) == (before["total"] + 1, before["other"] + 1)
    assert [{"code": c.code, "count": c.count} for c in after.countries] == before["countries"]


def test_where_more_was_withdrawn_than_was_merged_all_is_merged(counted):
    count_out(Register.objects.get(campaign=counted), [Departure("PL", TODAY, "web")] * 11)
    figures = public_figures(counted)
    assert (figures.total, figures.countries, figures.other) == (39, [], 39)
    publish_figures(counted)
    assert [(c.code, c.count) for c in public_figures(counted).countries] == [("PL", 20), ("MT", 10)]


def test_the_table_is_sorted_by_two_links(client, counted):
    by_count, by_name = (client.get(f"/c/{counted.slug}/numbers/{path}").content.decode() for path in ("", "by-name/"))
    assert by_count.index("Poland</bdi>") < by_count.index("Malta</bdi>")
    assert by_name.index("Malta</bdi>") < by_name.index("Poland</bdi>")
    assert 'aria-sort="descending"' in by_count
    assert 'aria-sort="ascending"' in by_name


@pytest.mark.parametrize("page", [*PAGES, "feed.atom", "press/", "via/mail/"])
def test_an_unknown_campaign_and_a_language_that_is_none_are_a_page_with_404(client, counted, page):
    for path in (f"/c/there-is-none/{page}", f"/xx/c/{counted.slug}/{page}", f"/EN/c/{counted.slug}/{page}"):
        response = client.get(path)
        assert response.status_code == 404
        assert b"<h1" in response.content


def test_pages_read_a_handful_of_rows_however_long_the_campaign(client, counted, django_assert_max_num_queries):
    TallySum.objects.bulk_create(
        TallySum(campaign=counted, dimension="day", key=(TODAY - datetime.timedelta(days=n)).isoformat(), n=20)
        for n in range(1, 1000)
    )
    with django_assert_max_num_queries(2):
        public_figures(counted)
    with django_assert_max_num_queries(7):
        numbers_of(counted)
    assert PublishedFigures.objects.count() == 1
    assert LedgerEntry.objects.count() == 1


def test_an_update_is_marked_on_its_day(client, counted):
    Update.objects.create(
        campaign=counted, slug="u", title="The Mayor answers", lead="At last.",
        published_at=timezone.make_aware(datetime.datetime(2026, 3, 2, 12)),
    )  # fmt: skip
    chart = client.get(f"/c/{counted.slug}/numbers/").context["chart"]
    assert [(mark.number, mark.title, mark.on.isoformat()) for mark in chart.marks] == [
        (1, "The Mayor answers", "2026-03-02")
    ]


# --- geometry -----------------------------------------------------------------------------------------------------


def test_what_is_not_shown_is_one_shape():
    drawn = world_map([CountryFigure("PL", "Poland", 30), CountryFigure("MT", "Malta", 10)])
    assert [(land.code, land.shade, bool(land.path), bool(land.dot)) for land in drawn.lands] == [
        ("PL", 1, True, False), ("MT", 1, False, True),
    ]  # fmt: skip
    assert world().shapes["BY"] in drawn.rest
    assert world().shapes["PL"] not in drawn.rest
    assert drawn.legend == [(1, 10, 100)]


def test_kosovo_is_a_shape_of_its_own():
    (land,) = world_map([CountryFigure("XK", "Kosovo", 30)]).lands
    assert land.path
    assert land.path not in world_map([CountryFigure("XK", "Kosovo", 30)]).rest


def test_shades_begin_where_they_say():
    lands = world_map([CountryFigure("PL", "Poland", count) for count in SHADES]).lands
    assert [land.shade for land in lands] == [1, 2, 3, 4]


def test_no_shape_leaves_the_paper():
    drawn = world()
    assert len(drawn.shapes) > 170
    assert len(drawn.dots) > 50
    assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in drawn.dots.values())
    assert len(json.dumps(dict(drawn.shapes))) < 25_000  # it travels with the page


def test_a_long_campaign_is_drawn_by_weeks_and_keeps_its_sum():
    days = [DayFigure(TODAY + datetime.timedelta(days=n), 10) for n in range(0, 800, 3)]
    chart = day_bars(days)
    assert chart.days_a_bar == 7
    assert sum(bar.count for bar in chart.bars) == 10 * len(days)
    assert len(chart.bars) <= 370


def test_an_empty_chart_has_nothing():
    assert day_bars([]).bars == []
    assert day_bars([]).first is None


def test_french_guiana_has_the_shade_of_its_own_figure_not_of_frances():
    starts = {code: [int(ring.split()[0]) for ring in world().shapes[code].split("M")[1:]] for code in ("FR", "GF")}
    assert min(starts["FR"]) > 400 > max(starts["GF"])
