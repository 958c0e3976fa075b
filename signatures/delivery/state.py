"""What a worker changes of a delivery while it builds it: only what is approved, and never what is ready."""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError, transaction

from signatures.models import Delivery
from staff import audit

log = logging.getLogger(__name__)


class CannotBuild(Exception):
    """Why it cannot be built, in words for officers; never a person's data."""


def still_approved(delivery: Delivery) -> bool:
    return Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.APPROVED).exists()


def change(delivery: Delivery, **values: Any) -> None:
    """Change what is approved. Raises CannotBuild where the database refuses, or somebody was faster."""
    approved = Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.APPROVED)
    try:
        with transaction.atomic():
            changed = approved.update(**values)
            if changed and values.get("state") == Delivery.State.READY:
                _note(delivery, values["archive_sha256"])
    except IntegrityError as error:
        raise CannotBuild(_refusal(error)) from error
    if not changed:
        raise CannotBuild("The delivery is no longer queued.")


def _note(delivery: Delivery, sha256: str) -> None:
    detail = {"packet": delivery.reference, "delivery": delivery.pk} | delivery.agreed_terms | {"sha256": sha256}
    audit.append(None, "delivery.build", delivery.campaign.section, detail=detail)


def _refusal(error: IntegrityError) -> str:
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if constraint == "delivery_within_disclosure":
        return (
            "The campaign no longer allows this much disclosure to this addressee. Withdraw the delivery and "
            "request one with less."
        )
    if constraint == "delivery_in_order":
        return "The previous delivery in its series is not ready."
    return f"The database rejected it ({constraint})."


def fail(delivery: Delivery, problem: str) -> None:
    log.error("delivery %s failed: %s", delivery.reference, problem)
    Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.APPROVED).update(
        state=Delivery.State.FAILED, problem=problem
    )
