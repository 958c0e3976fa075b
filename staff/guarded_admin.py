"""The admin's questions, answered by the access table: what one may see, add, change and delete, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, Literal, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin, StackedInline

from staff.access import InASection, may, sections_of, within
from staff.concurrent_edits import ToldOfOthers, kept_words, write_seen
from web.models import Section

type Right = Literal["view", "add", "change", "delete"]

#: What a list filter puts behind its field's name in the address.
FILTER_ENDS: Final = ("", "__exact", "__isnull", "__id__exact", "__gte", "__lt")


class Uncut:
    """Fields take what is pasted, and say what is too long: with a maxlength, a browser cuts it without a word."""

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None:
            field.widget.attrs.pop("maxlength", None)
        return field


class Shared:
    """Several people work at one thing: each form is told of what others saved meanwhile, whatever else it does."""

    form: type[forms.ModelForm]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not issubclass(self.form, ToldOfOthers):
            # Behind the form's own checks, so that these see what is kept of others.
            bases = (ToldOfOthers,) if self.form is forms.ModelForm else (self.form, ToldOfOthers)
            made = forms.models.ModelFormMetaclass(self.form.__name__, bases, {"__module__": __name__})
            self.form = cast(type[forms.ModelForm], made)


class GuardedAdmin(Shared, Uncut, ModelAdmin):
    """Shows and changes what `rights` allow in one's own sections; what it does not name is for nobody."""

    #: Leaving the page asks first.
    warn_unsaved_form = True

    #: What Django asks for → the action of the access table.
    rights: ClassVar[dict[Right, str]] = {}
    #: Pages beside Django's own, by the end of their names → the action, or a Who (staff/access_matrix.py).
    pages: ClassVar[dict[str, str]] = {}
    #: The lookup from the model to its section; None for what belongs to no section.
    section_lookup: ClassVar[str | None] = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if any("\0" in value for values in request.GET.lists() for value in values[1]):
            raise SuspiciousOperation("a zero byte, which no text in the database has")
        return super().changelist_view(request, extra_context)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """What the list's own filters ask, and no more: Django lets a list be asked about any column of its rows,
        letter by letter, a password's hash as well."""
        filters = (entry if isinstance(entry, str) else entry[0] for entry in self.get_list_filter(request))
        return lookup in {f"{name}{end}" for name in filters for end in FILTER_ENDS}

    def section_of(self, obj: Any) -> Section | InASection | None:
        """Where the object belongs, for may()."""
        return None

    def may_do(self, request: HttpRequest, right: Right, obj: Any = None) -> bool:
        action = self.rights.get(right)
        return action is not None and may(request.user, action, self.section_of(obj) if obj else None)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_do(request, "view", obj) or self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_do(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_do(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_do(request, "delete", obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """What is not in one's own sections does not exist: a 404, not a refusal."""
        found: QuerySet[Any] = super().get_queryset(request)
        if self.section_lookup is None:
            return found
        return found.filter(**{f"{self.section_lookup}__in": sections_of(request.user, self.rights["view"])})

    def object_or_404(self, request: HttpRequest, object_id: str, found: QuerySet[Any] | None = None) -> Any:
        """The object of an address, among those that this person may see or among `found`."""
        found = self.get_queryset(request) if found is None else found
        return get_object_or_404(found, pk=int(object_id) if object_id.isdecimal() else 0)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A day and a time are two boxes under one label: each says which it is."""
        form = super().get_form(request, obj, change, **kwargs)
        for field in form.base_fields.values():
            if isinstance(field, forms.SplitDateTimeField):
                for box, which in zip(field.widget.widgets, (_("day"), _("time, UTC")), strict=True):
                    box.attrs["aria-label"] = f"{field.label}: {which}"
        return form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        shown = [context["adminform"].form]
        for inline in context["inline_admin_formsets"]:
            shown += inline.formset.initial_forms
        context["seen"] = write_seen(shown, request.POST)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if words := kept_words([form, *(part for formset in formsets for part in formset.forms)]):
            self.message_user(request, words, messages.WARNING)

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        """Only sections of one's own, and what belongs to them, are offered, and only they are taken."""
        action = self.rights.get("add", self.rights.get("change", ""))
        model = db_field.remote_field.model
        if model is Section and action:
            kwargs.setdefault("queryset", sections_of(request.user, action))
        elif action and any(field.name == "section" for field in model._meta.get_fields()):
            kwargs.setdefault("queryset", within(model._default_manager.all(), request.user, action))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def pages_of_objects(self, **views: Callable[..., Any]) -> list[URLPattern]:
        """<object>/<name>/ of each, for whoever is logged in; links know it as "<app>_<model>_<name>". For a button
        of unfold's as well, which calls its page after the method and a hash."""
        model = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"{model}_{name}")
            for name, view in views.items()
        ]

    def get_urls(self) -> list[URLPattern]:
        """Without Django's history of an object, which is its own log's. What was done is in the audit trail."""
        return [url for url in super().get_urls() if not str(url.name).endswith("_history")]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """The database writes it into the audit trail (config/database/audited_rows.sql): there is no second truth."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """As log_addition()."""

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """As log_addition()."""

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        """Straight to the page. Django's own detour by number would tell of other sections' drafts as well."""
        if obj is None or not hasattr(obj, "get_absolute_url"):
            return None
        return self.view_on_site(obj) if callable(self.view_on_site) else str(obj.get_absolute_url())


class GuardedInline(Shared, Uncut, StackedInline):
    """Parts of a page: whoever may change the page may change its parts."""

    extra = 0

    def _page(self) -> GuardedAdmin:
        page = self.admin_site.get_model_admin(self.parent_model)
        assert isinstance(page, GuardedAdmin)
        return page

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._page().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request, obj)

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        page = self._page()
        return page.may_do(request, "change", obj) if obj else page.has_add_permission(request)
