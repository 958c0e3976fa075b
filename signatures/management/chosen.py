"""The campaign that a command is told to keep to."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import CommandError

from petitions.models import Campaign


def add_campaign(parser: ArgumentParser) -> None:
    parser.add_argument("--campaign", help="the address of one campaign; of all without it")


def chosen_campaign(slug: str | None) -> Campaign | None:
    """Raises CommandError where there is no such campaign."""
    if slug is None:
        return None
    if found := Campaign.objects.filter(slug=slug).first():
        return found
    raise CommandError(f"There is no campaign {slug!r}.")
