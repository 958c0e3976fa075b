"""As in Europe, and as the public pages write them: 27 July 2020, 08:00."""

from __future__ import annotations

from typing import Final

DATE_FORMAT: Final = "j F Y"
TIME_FORMAT: Final = "H:i"
DATETIME_FORMAT: Final = "j F Y, H:i"
