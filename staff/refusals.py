"""What the database refuses, turned into words for whoever asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import IntegrityError
from django.db.models import Model
from django.utils.functional import Promise


class NotAllowed(Exception):
    """The step cannot be taken; the message says why, in words for an officer."""


def words_of_constraints(model: type[Model]) -> dict[str, str | Promise]:
    """{constraint: what its model says where it is violated}, of those that say something of their own."""
    return {
        constraint.name: constraint.violation_error_message or ""
        for constraint in model._meta.constraints
        if constraint.violation_error_message != constraint.default_violation_error_message
    }


def violated_constraint(error: IntegrityError) -> str:
    """The name of the constraint or guard that refused; "" where the driver does not say."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""


@contextmanager
def refusals_in_words(words: Mapping[str, str | Promise]) -> Iterator[None]:
    """Turn what the database refuses into NotAllowed: {constraint: words}. Around an atomic(), which rolls back."""
    try:
        yield
    except IntegrityError as error:
        message = words.get(violated_constraint(error))
        if message is None:
            raise
        raise NotAllowed(str(message)) from error
