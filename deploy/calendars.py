"""`python -m deploy.calendars` makes the shipped calendars anew from the holidays library: after it was raised in the lock."""

from __future__ import annotations

from monitor.methods.closed_dates import SHIPPED_CODES, librarys, printed, table


def main() -> None:
    """Write every table."""
    for code in SHIPPED_CODES:
        table(code).write_text(printed(librarys(code)), encoding="ascii")


if __name__ == "__main__":
    main()
