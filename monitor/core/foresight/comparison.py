"""What a back-test says of each candidate: closes, breaches, days short, the worst day, and the difference in money.

Figures are those an assessment prints, so that a sum over closes agrees with `assess` to the digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from monitor.core.foresight.history import Sample
from monitor.core.values.money import EXACT, round_down

NOT_KNOWN = ("unknown", "not_computable")
SHORT = "shortfall"


@dataclass(frozen=True, slots=True)
class Point:
    """One look: figures in the method's currency, None where not known.

    `gaps`: kinds of what was missing; `broken`: the components in shortfall.
    """

    at: int
    day: date
    is_business_day: bool
    state: str
    required: Decimal | None
    available: Decimal | None
    surplus: Decimal | None
    coverage: Decimal | None
    gaps: tuple[str, ...]
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Breach:
    """A time in shortfall: from the first look that found it to the first that found its end (None: it had none).

    `worst`: the lowest surplus of the headline in it, None where it was never known; `rules`: components that were broken.
    """

    begin: int
    end: int | None
    worst: Decimal | None
    rules: tuple[str, ...]


@dataclass(slots=True)
class Track:
    """All looks at one candidate of one entity, in order of time. `curve` holds every look, `closes` those at a day's end."""

    entity: str
    candidate: str
    currency: str
    curve: list[Point] = field(default_factory=list)
    closes: list[Point] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Takes a sample of this candidate in."""
        point = _point(sample)
        self.curve.append(point)
        if sample.kind == "close":
            self.closes.append(point)

    def breaches(self) -> tuple[Breach, ...]:
        """The times in shortfall. What is not known ends none of them."""
        found: list[Breach] = []
        begin: int | None = None
        worst: Decimal | None = None
        rules: set[str] = set()
        for point in self.curve:
            if point.state == SHORT:
                begin = point.at if begin is None else begin
                worst = _least(worst, point.surplus)
                rules.update(point.broken)
            elif begin is not None and point.state not in NOT_KNOWN:
                found.append(Breach(begin, point.at, worst, tuple(sorted(rules))))
                begin, worst, rules = None, None, set()
        if begin is not None:
            found.append(Breach(begin, None, worst, tuple(sorted(rules))))
        return tuple(found)

    def days_short(self) -> tuple[date, ...]:
        """Local dates with a look that found a shortfall, ascending."""
        return tuple(sorted({point.day for point in self.curve if point.state == SHORT}))

    def days_unknown(self) -> tuple[date, ...]:
        """Local dates whose close was not known."""
        return tuple(point.day for point in self.closes if point.state in NOT_KNOWN)

    def worst(self) -> Point | None:
        """The look with the lowest surplus, the first of several; None when none was known."""
        known = [point for point in self.curve if point.surplus is not None]
        return min(known, key=_surplus, default=None)

    def required(self) -> tuple[Decimal, Decimal, Decimal] | None:
        """Least, mean (cut at the last printed digit) and greatest requirement of the closes that know it.

        where no day was closed.
        """
        known = [point.required for point in self.closes or self.curve if point.required is not None]
        return (min(known), _mean(known), max(known)) if known else None

    def gaps(self) -> tuple[str, ...]:
        """Kinds of what was missing at any look, sorted."""
        return tuple(sorted({kind for point in self.curve for kind in point.gaps}))


@dataclass(frozen=True, slots=True)
class Difference:
    """A candidate's requirement less the first one's, over the instants at which both are known in one currency."""

    looks: int
    mean: Decimal
    most: Decimal
    least: Decimal


def tracks_of(samples: Iterable[Sample]) -> dict[tuple[str, str], Track]:
    """The track of each (entity, candidate), sorted by entity, candidates in the order of their first sample."""
    found: dict[tuple[str, str], Track] = {}
    for sample in samples:
        key = sample.entity, sample.candidate
        if key not in found:
            found[key] = Track(*key, sample.result.currency)
        found[key].add(sample)
    return dict(sorted(found.items(), key=_entity))


def difference(baseline: Track, other: Track) -> Difference | None:
    """What `other` asks more than `baseline`; None where they are never both known, or in different currencies."""
    if baseline.currency != other.currency:
        return None
    before = {point.at: point.required for point in baseline.curve}
    found = [
        EXACT.subtract(point.required, asked)
        for point in other.curve
        if point.required is not None and (asked := before.get(point.at)) is not None
    ]
    return Difference(len(found), _mean(found), max(found), min(found)) if found else None


def swept(changes: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The parameters that take more than one value over these candidates, sorted."""
    names = sorted({name for each in changes for name in each})
    return tuple(name for name in names if len({each[name] for each in changes if name in each}) > 1)


def _point(sample: Sample) -> Point:
    result = sample.result
    figures = (result.required, result.available, result.surplus, result.coverage)
    required, available, surplus, coverage = (None if text is None else Decimal(text) for text in figures)
    gaps = tuple(sorted({str(gap["kind"]) for gap in result.gaps}))
    broken = tuple(row.name for row in result.rows if row.state == SHORT)
    day, business = sample.day, sample.is_business_day
    return Point(sample.at, day, business, result.state, required, available, surplus, coverage, gaps, broken)


def _least(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return min((value for value in (one, other) if value is not None), default=None)


def _mean(values: Sequence[Decimal]) -> Decimal:
    """Cut toward minus infinity at the most digits any of the values has."""
    digits = max(-exponent for value in values if isinstance(exponent := value.as_tuple().exponent, int))
    return Decimal(round_down(sum(map(Fraction, values), Fraction(0)) / len(values), max(0, digits)))


def _surplus(point: Point) -> Decimal:
    return point.surplus if point.surplus is not None else Decimal(0)


def _entity(item: tuple[tuple[str, str], Track]) -> str:
    return item[0][0]
