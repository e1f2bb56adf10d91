"""One evaluation's read-only sight of an entity's book: the door through which methods read (INPUTS 1).

Figures come out as intervals; whatever widens one leaves a gap behind, so a method cannot forget to report it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from monitor.core.book import Book
from monitor.core.calendar import Calendar, Zone
from monitor.core.figure import Figure

Effect = Literal["required", "available", "both", "figures"]


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is not known: INPUTS 1. `since` (ns): the own time from which it holds, None is always."""

    kind: str
    subject: str
    effect: Effect
    since: int | None


@dataclass(frozen=True, slots=True)
class DeclarationView:
    """A declaration in effect: its attributes (defaults filled in), amount in the view's currency, effective_from (ns)."""

    kind: str
    attributes: dict[str, str]
    amount: Figure
    effective_from: int


class IncidentView:
    """An incident at its highest known revision; money in the view's currency at the prices of `occurred_at` (ns).

    Gaps (`quantity_unknown`, `price_missing`) are noted when a figure is read, under the effect that is set then.
    """

    id: str
    kind: str
    severity: str
    status: str
    occurred_at: int
    revision: int

    @property
    def loss(self) -> Figure:
        """`loss_estimate` if given, else the sum of `losses`."""
        raise NotImplementedError

    @property
    def recovered(self) -> Figure:
        """Receipts with `received_at` not after the view's instant."""
        raise NotImplementedError

    @property
    def net(self) -> Figure:
        """Loss less receipts, not below 0."""
        raise NotImplementedError

    @property
    def client(self) -> Figure:
        """The `losses` of owner `client`, before receipts, also beside an estimate."""
        raise NotImplementedError

    @property
    def client_net(self) -> Figure:
        """Client part less all receipts, not below 0."""
        raise NotImplementedError


class View:
    """`book` at the instant `at` (ns) under a method's zone, calendar and currency."""

    at: int
    entity: str
    currency: str
    zone: Zone
    calendar: Calendar

    def __init__(self, book: Book, at: int, zone: Zone, calendar: Calendar, currency: str) -> None:
        raise NotImplementedError

    # --- dates
    def local_date(self, instant: int | None = None) -> date:
        """Local date of `instant` (ns; None: of `at`)."""
        raise NotImplementedError

    def day_end(self, day: date) -> int:
        """Start of the next local day (ns): the instant to give to `quantity_at`, `assets_at` and `price_at` for a closing."""
        raise NotImplementedError

    def is_business_day(self, day: date) -> bool:
        """Whether `day` is a business day of the method's calendar."""
        raise NotImplementedError

    def add_business_days(self, day: date, count: int) -> date:
        """The `count`-th business day after `day`."""
        raise NotImplementedError

    def first_business_day(self, year: int, month: int) -> date:
        """First business day of a month."""
        raise NotImplementedError

    # --- gaps
    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Every gap noted so far, one for each (kind, subject), sorted by them."""
        raise NotImplementedError

    def gap(self, kind: str, subject: str, effect: Effect | None = None, since: int | None = None) -> None:
        """Note a gap; `effect` None takes the one set by `reading`.

        Of one (kind, subject): required + available is both, figures gives way to any other, and the earliest `since` counts
        (None is the earliest).
        """
        raise NotImplementedError

    @contextmanager
    def reading(self, effect: Effect) -> Iterator[None]:
        """Within it, gaps of reads have this effect (outside: `both`)."""
        raise NotImplementedError

    @property
    def forced_unknown(self) -> bool:
        """Whether a topic read so far is silent, unhealthy or holed: the whole is then at least `unknown` (P3)."""
        raise NotImplementedError

    def reads(self, topic: str) -> None:
        """Note that the result depends on a source topic (the reads below do so by themselves), with that topic's gaps."""
        raise NotImplementedError

    # --- positions
    def role_seen(self, role: str) -> bool:
        """Whether the entity has any position of the role at `at`."""
        raise NotImplementedError

    def is_fiat(self, asset: str) -> bool:
        """Whether the asset is an ISO 4217 currency."""
        raise NotImplementedError

    def assets(self, role: str) -> tuple[str, ...]:
        """Every asset of the role with any position at `at`, fiat too, sorted."""
        raise NotImplementedError

    def quantity(self, role: str, asset: str, storages: frozenset[str] | None = None) -> Figure:
        """Sum over accounts in `storages` (None: all).

        A role never seen is UNKNOWN with gap `position_missing`; accounts too old leave the rest as lower bound with gap
        `position_stale`; a silent feed leaves no bound.
        """
        raise NotImplementedError

    def positive_quantity(self, role: str, asset: str) -> Figure:
        """Sum over accounts of max(0, quantity): money of clients is not netted between them (`fiat_trust`)."""
        raise NotImplementedError

    def role_value(self, role: str, storages: frozenset[str] | None = None, *, fiat: bool | None = False) -> Figure:
        """Value of a role over crypto assets (fiat False), fiat (True) or all (None); a role never seen is UNKNOWN."""
        raise NotImplementedError

    def quantity_at(self, role: str, asset: str, storages: frozenset[str] | None, instant: int) -> Figure:
        """As `quantity`, of the positions with own time before `instant`, a local day's end."""
        raise NotImplementedError

    def assets_at(self, role: str, instant: int) -> tuple[str, ...]:
        """Every asset of the role with any position before `instant`, sorted."""
        raise NotImplementedError

    def first_record_date(self, kind: Literal["balance", "trade"]) -> date | None:
        """Local date (own time) of the entity's first position or trade, at or before `at`; None before any."""
        raise NotImplementedError

    def fiat_trust_history(self) -> Iterator[tuple[int, Decimal, Decimal | None]]:
        """Steps (own time in ns, sum over accounts of max(0, client_liability), trust principal or None) in the view's currency, ascending, up to `at`, rebuilt by own times from all that is known:

        each holds until the next.
        """
        raise NotImplementedError

    # --- prices
    def price(self, asset: str, currency: str | None = None) -> Figure:
        """Price at `at`; gaps `price_missing`, `price_stale`, `price_outlier` with subject `ASSET/CURRENCY`."""
        raise NotImplementedError

    def price_at(self, asset: str, instant: int, currency: str | None = None) -> Figure:
        """The newest price not after an earlier `instant`, without an age limit; own trades count by the UTC hour."""
        raise NotImplementedError

    def value(self, asset: str, quantity: Figure, currency: str | None = None) -> Figure:
        """`quantity` at the price at `at`; 0 is worth 0 without a price. A negative quantity is valued with its sign."""
        raise NotImplementedError

    def value_at(self, asset: str, quantity: Figure, instant: int, currency: str | None = None) -> Figure:
        """`quantity` at `price_at`; 0 is worth 0 without a price."""
        raise NotImplementedError

    def daily_closes(self, asset: str, first: date, last: date) -> dict[date, Decimal]:
        """`daily_close` prices in the view's currency by local date of `as_of`, one a date: the newest. No age limit."""
        raise NotImplementedError

    # --- declarations
    def came(self, kind: str, **attributes: str) -> bool:
        """Whether a declaration of the kind (with these attributes, if given) was logged with `effective_from` <= `at`."""
        raise NotImplementedError

    def declared(self, kind: str, **attributes: str) -> Figure | None:
        """The amount in effect for exactly these attributes (defaults count as absent), in the view's currency.

        None: it never came, no gap is noted. Expired: UNKNOWN with gap `declaration_missing` on the kind.
        """
        raise NotImplementedError

    def needed(self, kind: str, **attributes: str) -> Figure:
        """As `declared`; one that never came is UNKNOWN with gap `declaration_missing`."""
        raise NotImplementedError

    def declarations(self, kind: str) -> tuple[DeclarationView, ...]:
        """Those in effect at `at`, one per attributes, sorted by them. Expired ones are left out without a gap: see `came`."""
        raise NotImplementedError

    # --- incidents
    def incidents(self) -> tuple[IncidentView, ...]:
        """Every incident at its highest known revision, sorted by id, whatever its status."""
        raise NotImplementedError

    # --- trades
    def trades_seen(self) -> bool:
        """Whether any trade of the entity was ever seen."""
        raise NotImplementedError

    def trade_value_24h(self, instrument: str, capacity: str | None = None) -> Figure:
        """

        alue of trades executed in the UTC hour of `at` and the 23 before it, at the current price of the quote currency; capacity
        None is all.
        """
        raise NotImplementedError

    def trade_value_day(self, day: date, instrument: str, capacity: str) -> dict[str, Decimal]:
        """|buys| + |sells| of a local date by quote currency, exact, sorted; nothing traded: empty."""
        raise NotImplementedError

    def trades_lost(self) -> bool:
        """Whether records of `market.trades` were lost or are read anew, so that trade values are lower bounds only."""
        raise NotImplementedError
