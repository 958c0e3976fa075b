"""What machines read of a page, in schema.org's words: the inside of a script element of type application/ld+json.

A data block is no script: browsers do not run it, and the content security policy does not concern it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from django.utils.safestring import SafeString, mark_safe

#: What could end a script element, as JSON writes it otherwise.
_INERT: Final = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def data_block(data: dict[str, Any]) -> SafeString:
    """The data, and that it is schema.org's; what would be empty is left out."""
    said = {"@context": "https://schema.org", **{key: value for key, value in data.items() if value}}
    return mark_safe(json.dumps(said, ensure_ascii=False).translate(_INERT))  # noqa: S308 - made inert just now
