"""/my-signatures/: what each person may ask of their own mailbox, without anybody's help, whatever a petition's state.

Two steps, as with every link: a mailbox is typed, and a link comes by mail. What is answered to the first is the same
for every mailbox; the second opens the person's own page. Looking at it changes nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from signatures.identity import parse_token
from signatures.intake.body import GarbageBody, read_added, read_form
from signatures.intake.mailboxes import NotReady, Opened, ask_for_page, look_at_page, wish_for
from signatures.mailbox_boxes import Held, Wish
from signatures.models.mailboxes import MailboxWish
from signatures.sign_form.form import CorrectForm, MailboxForm
from signatures.views.links import private
from web.clean_address import clean_redirect
from web.i18n.languages import path_in
from web.page_cache import cached_page
from web.rate_limits import Verdict, check_limit
from web.senders import is_cross_site, sender_of

#: Of a mailbox's page, what has no petition beside it: the same for everybody.
FOR_ALL: Final = (MailboxWish.Kind.WITHDRAW, MailboxWish.Kind.ERASE, MailboxWish.Kind.ALLOW)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST: have the link mailed; the answer is the same whether or not the mailbox signed anything."""
    if request.method != "POST":
        return _ask_page(request)
    if is_cross_site(request):
        return render(request, "403.html", {"reason": _("This form was sent from another website.")}, status=403)
    try:
        data = read_form(request)
    except GarbageBody:
        return render(request, "400.html", status=400)
    limit = check_limit(request, "my-signatures", settings.MY_SIGNATURES_RATE)
    if limit.verdict is Verdict.OVER:
        problem = _("We are getting many requests from your network. Wait a while, then send yours again.")
        return _asked_badly(request, data, 429, problem, limit.retry_after)
    typed = MailboxForm.cleaned(data)
    if typed is None:
        return _asked_badly(request, data, 422)
    sender = sender_of(request)
    try:
        ask_for_page(typed["email"], request.LANGUAGE_CODE, "" if sender.is_ours else sender.narrow)
    except NotReady:
        return _asked_badly(request, data, 503, _("Please try again in a minute."), 60)
    to = path_in(request.LANGUAGE_CODE, reverse("my_signatures_sent"))
    return HttpResponse(status=303, headers={"Location": to, "Cache-Control": "no-store"})


@cached_page
def _ask_page(request: HttpRequest) -> HttpResponse:
    return render(request, "signatures/my_signatures.html", {"form": MailboxForm(lang=request.LANGUAGE_CODE)})


def _asked_badly(
    request: HttpRequest, data: Mapping[str, str], status: int, problem: str = "", retry_after: int = 0
) -> HttpResponse:
    context = {"form": MailboxForm(data, lang=request.LANGUAGE_CODE), "problem": problem}
    response = render(request, "signatures/my_signatures.html", context, status=status)
    response["Cache-Control"] = "no-store"
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


@require_safe
@cached_page
def sent(request: HttpRequest) -> HttpResponse:
    return render(request, "signatures/my_signatures_sent.html")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what is held; POST asks for what was pressed, and comes back here."""
    opened = _opened(token)
    if opened is None:
        return _over(request)
    if request.method != "POST":
        return _page(request, opened)
    if is_cross_site(request):
        return render(request, "403.html", status=403)
    try:
        data = read_added(request)
    except GarbageBody:
        return private(render(request, "400.html", status=400))
    return _pressed(request, token, opened, data)


def _pressed(request: HttpRequest, token: str, opened: Opened, data: Mapping[str, str]) -> HttpResponse:
    """Only what the page offers is asked for; anything else shows it again."""
    kind, place = data.get("wish", ""), data.get("of", "")
    of = next((entry for entry in opened.page.held if _place(entry) == place), None)
    if kind not in MailboxWish.Kind or (of is None and (place or kind not in FOR_ALL)):
        return private(render(request, "400.html", status=400))
    wish = Wish(kind, of.campaign if of else "", of.slot if of else 0)
    if kind == MailboxWish.Kind.CORRECT:
        form = CorrectForm(data, lang=request.LANGUAGE_CODE)
        if not form.is_valid():
            return _page(request, opened, {place: form}, status=422)
        wish = msgspec.structs.replace(wish, **form.cleaned_data)
    wish_for(token, wish)
    response = HttpResponseRedirect(request.path)
    response.status_code = 303
    return private(response)


@dataclass(frozen=True, slots=True)
class Entry:
    """One signature as the page shows it."""

    held: Held
    #: What a button says of which signature it is: campaign and slot.
    place: str
    form: CorrectForm

    @property
    def signed_on(self) -> datetime.date:
        return datetime.date.fromisoformat(self.held.signed_on)

    @property
    def trace_until(self) -> datetime.date | None:
        return datetime.date.fromisoformat(self.held.trace_until) if self.held.trace_until else None

    @property
    def handed_over(self) -> Iterator[tuple[str, datetime.date | None]]:
        for one in self.held.handed_over:
            yield one.addressee, datetime.date.fromisoformat(one.on) if one.on else None


def _place(held: Held) -> str:
    return f"{held.campaign}:{held.slot}"


def _page(
    request: HttpRequest, opened: Opened, forms: Mapping[str, CorrectForm] | None = None, status: int = 200
) -> HttpResponse:
    entries = [
        Entry(held, _place(held), (forms or {}).get(_place(held)) or _correcting(held, request.LANGUAGE_CODE))
        for held in opened.page.held
    ]
    context: dict[str, Any] = {
        "opened": opened,
        "entries": entries,
        "as_of": datetime.datetime.fromisoformat(opened.page.as_of),
    }
    return private(render(request, "signatures/mine.html", context, status=status))


def _correcting(held: Held, lang: str) -> CorrectForm:
    form = CorrectForm(lang=lang)
    form.initial = {"name": held.name, "place": held.place}
    return form


def _opened(token: str) -> Opened | None:
    return None if parse_token(token) is None else look_at_page(token)


def _over(request: HttpRequest) -> HttpResponse:
    return clean_redirect(request) or private(render(request, "signatures/mine_over.html", status=404))


# --- to take along ----------------------------------------------------------------------------------------------------


@require_safe
def as_json(request: HttpRequest, token: str) -> HttpResponse:
    """Everything that the page says, for programs (GDPR, article 20)."""
    opened = _opened(token)
    if opened is None:
        return _over(request)
    body = msgspec.json.format(msgspec.json.encode(_taken_along(opened)), indent=2)
    return _file(body, "application/json", "signatures.json")


@require_safe
def as_text(request: HttpRequest, token: str) -> HttpResponse:
    """The same for reading, in the language of the page."""
    opened = _opened(token)
    if opened is None:
        return _over(request)
    entries = [Entry(held, _place(held), CorrectForm()) for held in opened.page.held]
    as_of = datetime.datetime.fromisoformat(opened.page.as_of)
    context = {"opened": opened, "entries": entries, "as_of": as_of}
    body = render(request, "signatures/mine.txt", context).content
    return _file(body, "text/plain; charset=utf-8", "signatures.txt")


def _taken_along(opened: Opened) -> dict[str, Any]:
    page = opened.page
    held = [{name: getattr(entry, name) for name in entry.__struct_fields__} for entry in page.held]
    return {"format": "undersigned my-signatures 1", "e-mail": page.email, "as_of": page.as_of, "signatures": held}


def _file(body: bytes, content_type: str, name: str) -> HttpResponse:
    response = HttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return private(response)
