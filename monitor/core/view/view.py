"""One evaluation's read-only sight of an entity's book: the door through which methods read (INPUTS 1).

Figures come out as intervals; whatever widens one leaves a gap behind, so a method cannot forget to report it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Literal, TypeVar

from monitor.core.book.book import Book
from monitor.core.book.declarations import Attributes, DatedDeclaration, attributes_key
from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS, PRICES, TRADES, Effect
from monitor.core.values.calendar import Calendar, Zone
from monitor.core.values.figure import NOTHING, UNKNOWN, Figure, total
from monitor.core.values.money import EXACT
from monitor.core.view.asset_sight import AssetSight, Ignored
from monitor.core.view.declared import DeclarationView, TrustStep, trust_steps
from monitor.core.view.gaps import Gap
from monitor.core.view.holdings import Holdings
from monitor.core.view.incident_view import IncidentView, KnownIncidents, known_incidents
from monitor.core.view.memory.memo import Memo
from monitor.core.view.prices.earlier import Earlier
from monitor.core.view.prices.pricing import Pricing
from monitor.core.view.traded import Traded

__all__ = ["DeclarationView", "Effect", "Gap", "IncidentView", "View"]

S = TypeVar("S")
T = TypeVar("T")
U = TypeVar("U")


class View:
    """`book` at the instant `at` (ns) under a method's zone, calendar and currency.

    At or after the book's clock it is live. A view of an earlier instant sees what is known now of then: positions and
    prices by their event time, incidents by log time, trades by the UTC hours that ended by then. Views of one book and one
    instant may share a `memo`.
    """

    def __init__(self, book: Book, at: int, zone: Zone, calendar: Calendar, currency: str, *, memo: Memo | None = None) -> None:
        book.advance(at)
        self.at = at
        self.entity = book.entity
        self.currency = currency
        self.zone = zone
        self.calendar = calendar
        self._book = book
        self._live = at >= book.clock
        self._before: dict[int, int] = {}
        memo = memo or Memo()
        self.completeness = memo.completeness(book, at)
        self._gaps, self._health, self._memo = memo.notebook(self.completeness)
        self._kinds = AssetSight(book, at, self._gaps, live=self._live)
        self._holdings = Holdings(book, at, self._gaps, self._health, kinds=self._kinds, memo=self._memo, live=self._live)
        self._carried = memo
        self._prices = Pricing(book, at, self._gaps, self._health, live=self._live)
        self._trades = Traded(book, at, self._gaps, self._kinds)

    @cached_property
    def _earlier(self) -> Earlier:
        return Earlier(self._book, self.at, self._holdings, self._prices, memo=self._memo, carried=self._carried)

    # --- dates

    @property
    def now(self) -> int:
        """The instant (ns) from which a method reckons back: `at`."""
        return self.at

    def local_date(self, instant: int | None = None) -> date:
        """Local date of `instant` (ns; None: of `at`)."""
        return self.zone.local_date(self.now if instant is None else instant)

    def day_end(self, day: date) -> int:
        """Start of the next local day (ns): the instant to give to the reads `*_at` for a day's closing."""
        return self.zone.day_end(day)

    def is_business_day(self, day: date) -> bool:
        """Whether `day` is a business day of the method's calendar."""
        return self.calendar.is_business_day(day)

    def add_business_days(self, day: date, count: int) -> date:
        """The `count`-th business day after `day`."""
        return self.calendar.add_business_days(day, count)

    def first_business_day(self, year: int, month: int) -> date:
        """First business day of a month."""
        return self.calendar.first_business_day(year, month)

    # --- gaps and sources

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Every gap noted so far, one for each (kind, subject), sorted by them."""
        return self._gaps.sorted()

    def gap(self, kind: str, subject: str, effect: Effect | None = None, since: int | None = None) -> None:
        """Note a gap; see `Gaps.add`."""
        self._gaps.add(kind, subject, effect, since)

    def reading(self, effect: Effect) -> AbstractContextManager[None]:
        """Within it, gaps of reads have this effect (outside: `both`)."""
        return self._gaps.reading(effect)

    def term(self, name: str, effect: Effect) -> AbstractContextManager[None]:
        """As `reading`, for all that the term of that name reads itself."""
        del name
        return self._gaps.reading(effect)

    @property
    def notes_gaps(self) -> bool:
        """Whether what a read leaves beside its value matters to anybody: not to a trial."""
        return self._carried.notes_gaps

    @property
    def forced_unknown(self) -> bool:
        """Whether a topic read so far is silent, unhealthy or holed: the whole is then at least `unknown` (P3)."""
        return self._health.impaired

    def reads(self, topic: str) -> None:
        """Note that the result depends on a source topic (the reads below do so by themselves), with that topic's gaps."""
        self._health.reads_under((topic, None), self._gaps.effect)

    def impaired(self, topic: str) -> bool:
        """Whether what a source topic says may be wrong or not all: it is read, and is silent, unhealthy or holed."""
        return self._health.reads(topic)

    # --- positions

    def role_seen(self, role: str) -> bool:
        """Whether the entity has any position of the role at `at`."""
        self.reads(BALANCES)
        return bool(self._holdings.assets(role))

    @property
    def minor_unit(self) -> int:
        """Decimals to which amounts in the view's currency are printed."""
        return self._kinds.minor_unit(self.currency)

    def is_fiat(self, asset: str) -> bool:
        """Whether the asset is money, as far as anybody knows; see `doubtful`."""
        return self._kinds.is_fiat(asset)

    def counts_as(self, asset: str, *, fiat: bool | None) -> bool:
        """Whether the asset is, or may be, crypto (fiat False), money (True) or any (None)."""
        return self._kinds.counts(asset, fiat=fiat)

    def doubtful(self, asset: str) -> bool:
        """Whether nobody can tell if the asset is money or a coin: gap `asset_ambiguous`, and its value is not known."""
        return self._kinds.doubtful(asset)

    def ignored(self) -> tuple[Ignored, ...]:
        """What `assets.ignore` leaves out of every figure and is held at `at`."""
        return self._kinds.ignored()

    def assets(self, role: str) -> tuple[str, ...]:
        """Every asset of the role with any position at `at`, fiat too, without those left out, sorted."""
        self.reads(BALANCES)
        return self._holdings.assets(role)

    def quantity(self, role: str, asset: str, storages: frozenset[str] | None = None) -> Figure:
        """Sum over accounts in `storages` (None: all).

        A role never seen is UNKNOWN with gap `position_missing`; accounts too old leave the rest as lower bound with gap
        `position_stale`; a silent feed leaves what other feeds say.
        """
        return self._holdings.of(role, asset).quantity(storages)

    def positive_quantity(self, role: str, asset: str) -> Figure:
        """Sum over accounts of max(0, quantity): money of clients is not netted between them (`fiat_trust`)."""
        return self._holdings.of(role, asset).positive()

    def role_value(self, role: str, storages: frozenset[str] | None = None, *, fiat: bool | None = False) -> Figure:
        """Value of a role over crypto assets (fiat False), fiat (True) or all (None); a role never seen is UNKNOWN."""
        key = ("role_value", role, storages, fiat, self.currency)
        return self._memo.value(key, lambda: self._role_value(role, storages, fiat=fiat))

    def _role_value(self, role: str, storages: frozenset[str] | None, *, fiat: bool | None) -> Figure:
        if not self.role_seen(role):
            self._gaps.add("position_missing", role)
            return UNKNOWN
        key = ("role_value", role, storages, fiat, self.currency)
        assets = self.counted(role, fiat=fiat)
        found = self.summed(key, assets, lambda asset: self.value(asset, self.quantity(role, asset, storages)))
        return Figure(found.low, None) if self.impaired(BALANCES) else found

    def counted(self, role: str, *, fiat: bool | None) -> tuple[str, ...]:
        """The assets of the role that are, or may be, crypto (fiat False), money (True) or any (None), sorted."""
        key = ("counted", role, fiat)
        return self._memo.value(key, lambda: tuple(a for a in self.assets(role) if self.counts_as(a, fiat=fiat)))

    # --- asset by asset

    def summed(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """The sum over assets of what `make` gives of each: see `each`."""
        return self._memo.summed(key, assets, self._noting(make))

    def summed_before(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """As `summed`, where `make` reads of an asset at instants before `at` alone (`quantity_at`, `price_at`, `value_at`).

        What lies long enough back is read again only when something comes so late.
        """
        return self._memo.summed_old(key, assets, self._earlier.noting(make, self._kinds))

    def sums_before(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Iterator[None]:
        """Makes what `summed_before` adds up, in steps: the sum is then there for the next view of this memo that asks for it."""
        return self._memo.old_parts_ahead(key, assets, self._earlier.noting(make, self._kinds))

    def each(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T]) -> Mapping[str, T]:
        """What `make` gives of each asset; of one of which nothing has changed it is what it gave before.

        `make` reads of this view what is of that asset (quantities, prices at `at`, daily closes, what it stands for), and
        nothing else but parameters. `key` names it with whatever it depends on besides, the view's currency too.
        """
        return self._memo.each(key, assets, self._noting(make))

    def begins(self, key: Hashable) -> bool:
        """Whether nobody has asked so of the key before, of what is carried on from one evaluation to the next."""
        begun = key not in self._carried.beside
        self._carried.beside[key] = None
        return begun

    def made_of(self, key: Hashable, things: tuple[S, ...], make: Callable[[S], T], whole: Callable[[list[T]], U]) -> U:
        """`whole` of what `make` gives of each of these objects; what was made of the same objects before is not made again.

        Both read nothing but what they are given. `key` names them with whatever else they depend on.
        """
        return self._carried.made_of(key, things, make, whole)

    def _noting(self, make: Callable[[str], T]) -> Callable[[str], T]:
        if not self._carried.notes_gaps:
            return make

        def made(asset: str) -> T:
            if self._kinds.may_vary(asset):
                self._carried.varying[asset] = None
            return make(asset)

        return made

    def quantity_at(self, role: str, asset: str, storages: frozenset[str] | None, instant: int) -> Figure:
        """As `quantity`, of the positions with event time before `instant`, a local day's end."""
        if instant > self.at:
            self._earlier.unsettle()
            return self.quantity(role, asset, storages)
        self.reads(BALANCES)
        return self._earlier.quantity(role, asset, storages, instant)

    def assets_at(self, role: str, instant: int) -> tuple[str, ...]:
        """Every asset of the role with any position before `instant`, sorted."""
        self.reads(BALANCES)
        return self._holdings.assets_before(role, min(instant, self.at + 1))

    def first_record_date(self, kind: Literal["balance", "trade"], of: str | None = None) -> date | None:
        """Local date (event time) of the first position of the role `of`, or trade of the capacity `of`, by `at`.

        `of` None is any; None before the first.
        """
        self.reads(BALANCES if kind == "balance" else TRADES)
        first = self._book.positions.first_event_time(of) if kind == "balance" else self._book.trades.first_executed(of)
        return None if first is None or first > self.at else self.zone.local_date(first)

    def fiat_trust_history(self) -> Iterator[TrustStep]:
        """Steps of the money owed to clients and held in trust for them, ascending up to `at`; each holds until the next.

        (event time in ns, sum over accounts of max(0, client_liability), trust principal or None) in the view's currency,
        rebuilt by event times from all that is known. Of days older than 48 hours the lowest and the closing level stand at the
        day's start: their local dates are exact.
        """
        return trust_steps(self._book, self.currency, self.at, self._principal)

    def _principal(self, found: DatedDeclaration) -> Decimal | None:
        if found.currency == self.currency:
            return found.amount
        value = self.value(found.currency, Figure.of(found.amount)).value
        return None if value is None else EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))

    # --- prices

    def price(self, asset: str, currency: str | None = None) -> Figure:
        """Price at `at`; gaps `price_missing`, `price_stale`, `price_outlier` with subject `ASSET/CURRENCY`."""
        into = currency or self.currency
        return self._memo.kept(("price", asset, into), lambda: self._read_price(asset, into))

    def _read_price(self, asset: str, currency: str) -> Figure:
        figure, markets, until = self._prices.read(asset, currency)
        self._carried.priced(asset, currency, markets, until)
        return figure

    def price_at(self, asset: str, instant: int, currency: str | None = None) -> Figure:
        """The newest price at an earlier `instant`, without an age limit; own trades count by the UTC hour.

        A local day's end belongs to the next day: prices of event time before it; else those not after `instant`.
        """
        before = self._before.get(instant)
        if before is None:
            before = self._before[instant] = instant if self.zone.start_of(instant) == instant else instant + 1
        return self._earlier.price(asset, currency or self.currency, before, instant)

    def value(self, asset: str, quantity: Figure, currency: str | None = None) -> Figure:
        """`quantity` at the price at `at`; 0 is worth 0 without a price. A negative quantity is valued with its sign."""
        if quantity.exact_low == 0 and quantity.exact_high == 0:
            return NOTHING
        return UNKNOWN if self.doubtful(asset) else quantity.at_price(self.price(asset, currency))

    def value_at(self, asset: str, quantity: Figure, instant: int, currency: str | None = None) -> Figure:
        """`quantity` at `price_at`; 0 is worth 0 without a price."""
        if quantity == NOTHING:
            return NOTHING
        return UNKNOWN if self.doubtful(asset) else quantity.at_price(self.price_at(asset, instant, currency))

    def daily_closes(self, asset: str, first: date, last: date) -> dict[date, Decimal]:
        """`daily_close` prices in the view's currency by local date of `as_of`, one a date: the newest. No age limit."""
        self.reads(PRICES)
        return self._book.shared.prices.daily_closes((asset, self.currency), self.zone, first, last, self.at + 1)

    # --- declarations

    def came(self, kind: str, **attributes: str) -> bool:
        """Whether a declaration of the kind with these attributes, among others or not, came: `effective_from` <= `at`."""
        self.reads(DECLARATIONS)
        return self._book.declarations.came(kind, attributes, self.at)

    def declared(self, kind: str, **attributes: str) -> Figure | None:
        """The amount in effect for exactly these attributes (defaults count as absent), in the view's currency.

        None: it never came, no gap is noted. Expired: UNKNOWN with gap `declaration_missing` on the kind.
        """
        self.reads(DECLARATIONS)
        found = self._in_effect(kind, attributes_key(kind, attributes))
        if isinstance(found, DatedDeclaration):
            return self._amount(found)
        if found is None:
            return None
        self._gaps.add("declaration_missing", kind, since=found)
        return UNKNOWN

    def _in_effect(self, kind: str, key: Attributes) -> DatedDeclaration | int | None:
        """The one in effect for exactly these attributes; else when the last one ended (ns), None if none came."""
        found = self._book.declarations.in_effect(kind, key, self.at)
        return self._book.declarations.expired_at(kind, key, self.at) if found is None else found

    def needed(self, kind: str, **attributes: str) -> Figure:
        """As `declared`; one that never came is UNKNOWN with gap `declaration_missing`."""
        found = self.declared(kind, **attributes)
        if found is None:
            self._gaps.add("declaration_missing", kind)
            return UNKNOWN
        return found

    def declarations(self, kind: str) -> tuple[DeclarationView, ...]:
        """Those in effect at `at`, one per attributes, sorted by them. Expired ones are left out without a gap: see `came`."""
        self.reads(DECLARATIONS)
        return tuple(
            DeclarationView(kind, dict(found.attributes), self._amount(found), found.effective_from)
            for found in self._all_in_effect(kind)
        )

    def _all_in_effect(self, kind: str) -> tuple[DatedDeclaration, ...]:
        return tuple(self._book.declarations.of_kind(kind, self.at))

    def _amount(self, declaration: DatedDeclaration) -> Figure:
        if self.impaired(DECLARATIONS):
            return UNKNOWN
        return self.value(declaration.currency, Figure.of(declaration.amount))

    # --- incidents

    def incidents(self) -> tuple[IncidentView, ...]:
        """Every incident at its highest known revision, sorted by id, whatever its status."""
        self.reads(INCIDENTS)
        known = self._known_incidents()
        return tuple(IncidentView(name, found, known.at, self._worth_of_loss, self._gaps) for name, found in known.revisions)

    def _known_incidents(self) -> KnownIncidents:
        return known_incidents(self._book, self.at, live=self._live)

    def _worth_of_loss(self, asset: str, quantity: Figure, instant: int) -> Figure:
        if quantity == NOTHING or self._kinds.left_out(asset):
            return NOTHING
        if self.doubtful(asset):
            return UNKNOWN
        return quantity.at_price(self._prices.price_before(asset, self.currency, instant + 1, instant))

    # --- trades

    def trades_seen(self) -> bool:
        """Whether any trade of the entity was ever seen."""
        self.reads(TRADES)
        return self._trades.seen()

    def trade_value_24h(self, instrument: str, capacity: str | None = None) -> Figure:
        """Value of trades executed in the UTC hour of `at` and the 23 before it, at the current price of the quote currency.

        `capacity` None is all.
        """
        values = self._traded_24h(instrument, capacity)
        found = total([NOTHING, *(self.value(quote, Figure.of(value)) for quote, value in values.items())])
        lossy = self._lossy_24h()
        if self.completeness.counts_twice(TRADES):
            return Figure(Fraction(0), None)
        return Figure(max(found.low or Fraction(0), Fraction(0)), None) if lossy else found

    def _traded_24h(self, instrument: str, capacity: str | None) -> dict[str, Decimal]:
        return self._trades.value(instrument, capacity, *self._trades.last_24h())

    def _lossy_24h(self) -> bool:
        return self.impaired(TRADES) or self._trades.below_zero(*self._trades.last_24h())

    def trade_value_day(self, day: date, instrument: str, capacity: str) -> dict[str, Decimal]:
        """|buys| + |sells| of a local date by quote currency, exact, sorted; nothing traded: empty."""
        self.reads(TRADES)
        start, end = self.zone.day_start(day), self.zone.day_end(day)
        self._trades.below_zero(start, end)
        return self._trades.value(instrument, capacity, start, end)

    def trades_lost(self) -> bool:
        """Whether records of `market.trades` are silent, lost or read anew, so that trade values are lower bounds only."""
        return self.impaired(TRADES)

    def trades_twice(self) -> bool:
        """Whether records of `market.trades` may count twice, so that trade values are no lower bounds either."""
        return self.completeness.counts_twice(TRADES)
