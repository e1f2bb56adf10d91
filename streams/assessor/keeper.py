"""When the assessor sets its state aside from the garbage collector (`monitor.collector`)."""

from __future__ import annotations

import time

from monitor.collector import set_aside

RECORDS = 5_000
SECONDS = 60.0


class Keeper:
    """Sets aside what is alive after so many applied records, or after a minute."""

    def __init__(self) -> None:
        self._records = 0
        self._since = time.monotonic()

    def applied(self, records: int) -> None:
        """Note records applied, and set aside what they left if it is time."""
        self._records += records
        if self._records and (self._records >= RECORDS or time.monotonic() - self._since >= SECONDS):
            set_aside()
            self._records = 0
            self._since = time.monotonic()
