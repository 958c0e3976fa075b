"""One address: the form's."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from tests.benchmarks.yardstick.models import Signer


class SignForm(forms.ModelForm):
    class Meta:
        model = Signer
        fields = ("name", "email", "country", "place", "comment")


def sign(request: HttpRequest) -> HttpResponse:
    form = SignForm(request.POST)
    if not form.is_valid():
        return HttpResponse(form.as_p(), status=422)
    Signer.objects.create(**form.cleaned_data)
    return redirect("/thanks/")


urlpatterns = [path("sign/", sign)]
