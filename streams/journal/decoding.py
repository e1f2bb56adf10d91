"""Journal records read at speed: by msgspec what it reads as Python does, and by Python's own reader all else.

What msgspec refuses and Python does not (a half surrogate, a number beyond a float, a byte order mark) no writer of ours
writes; it is read as it always was, so that whoever reads a record finds the same in it.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from monitor.core.journal.records import JournalRecord, record_of

_DECODER = msgspec.json.Decoder()


def decoded(data: bytes, offset: int, journal_time: int) -> JournalRecord:
    """As `records.decode_record`: the record in `data`, `BadRecord` when it is not one or is of a newer version."""
    return record_of(data, offset, journal_time, _loads)


def _loads(data: bytes) -> Any:
    try:
        return _DECODER.decode(data)
    except ValueError:
        return json.loads(data)
