"""The chart of the last evaluations: coverage with its bounds over time, above a strip of states.

Coverage holds until the next evaluation, so lines are steps; where it is not known there is no line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.core.values.wording import count_of
from monitor.web.history import CoveragePoint
from monitor.web.text import STATE_WORDS

WIDTH, HEIGHT = 400, 120
LEFT, RIGHT, TOP, BOTTOM = 60, 4, 8, 36
"""The margins; the left one holds `100.5 %` in the letters of a phone."""
_APART = 20
"""Labels nearer to each other than this would touch."""


@dataclass(frozen=True, slots=True)
class ChartSegment:
    """A stretch of the state strip."""

    x: float
    width: float
    state: str
    title: str


@dataclass(frozen=True, slots=True)
class Label:
    """A text beside an axis."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws from `left` to `right`; `lines` and `bands` are SVG path data."""

    lines: tuple[str, ...]
    bands: tuple[str, ...]
    strip: tuple[ChartSegment, ...]
    limit_y: float
    scale: tuple[Label, ...]
    begins: str
    ends: str
    description: str
    left: float = LEFT
    right: float = WIDTH - RIGHT


@dataclass(frozen=True, slots=True)
class _Frame:
    first_s: float
    last_s: float
    low: float
    high: float

    def x(self, at_s: float) -> float:
        share = (at_s - self.first_s) / (self.last_s - self.first_s)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float | None, missing: float) -> float:
        shown = min(max(missing if value is None else value, self.low), self.high)
        return round(TOP + (self.high - shown) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM), 1)


def draw(points: Sequence[CoveragePoint], until_s: float) -> Chart | None:
    """The chart of these evaluations up to `until_s`; None while they show no course: too few, or no coverage known."""
    if len(points) < 2 or not _known(points):
        return None
    frame = _frame(points, max(until_s, points[-1].at_s))
    ends = [*(point.at_s for point in points[1:]), frame.last_s]
    spans = list(zip(points, ends, strict=True))
    return Chart(
        lines=tuple(_steps(frame, spans)),
        bands=tuple(_bands(frame, spans)),
        strip=tuple(_strip(frame, spans)),
        limit_y=frame.y(1.0, 1.0),
        scale=tuple(_scale(frame)),
        begins=_time(frame.first_s),
        ends=_time(frame.last_s),
        description=_description(points, frame),
    )


_Span = tuple[CoveragePoint, float]


def _known(points: Sequence[CoveragePoint]) -> list[float]:
    return [value for point in points for value in (point.coverage, point.lower, point.upper) if value is not None]


def _frame(points: Sequence[CoveragePoint], last_s: float) -> _Frame:
    known = _known(points)
    low, high = min([1.0, *known]), min(max([1.0, *known]), 10.0)
    margin = max((high - low) * 0.1, 0.005)
    return _Frame(points[0].at_s, max(last_s, points[0].at_s + 1), max(0.0, low - margin), high + margin)


def _steps(frame: _Frame, spans: Sequence[_Span]) -> Iterator[str]:
    path = ""
    for point, end_s in spans:
        if point.coverage is None:
            if path:
                yield path
            path = ""
            continue
        y = frame.y(point.coverage, 1.0)
        path += f"{'V' if path else f'M{frame.x(point.at_s)} '}{y}H{frame.x(end_s)}"
    if path:
        yield path


def _bands(frame: _Frame, spans: Sequence[_Span]) -> Iterator[str]:
    began: CoveragePoint | None = None
    for index, (point, end_s) in enumerate(spans):
        if point.coverage is not None or (point.lower is None and point.upper is None):
            continue
        began = began or point
        following = spans[index + 1][0] if index + 1 < len(spans) else None
        if following is None or (following.coverage, following.lower, following.upper) != (None, began.lower, began.upper):
            left, right = frame.x(began.at_s), frame.x(end_s)
            top, bottom = frame.y(began.upper, frame.high), frame.y(began.lower, frame.low)
            yield f"M{left} {top}H{right}V{bottom}H{left}Z"
            began = None


def _strip(frame: _Frame, spans: Sequence[_Span]) -> Iterator[ChartSegment]:
    began: CoveragePoint | None = None
    for index, (point, end_s) in enumerate(spans):
        began = began or point
        last = index == len(spans) - 1
        if last or spans[index + 1][0].state != began.state:
            left, right = frame.x(began.at_s), frame.x(end_s)
            words = f"{STATE_WORDS.get(began.state, began.state)} from {_time(began.at_s)} to {_time(end_s)}"
            yield ChartSegment(left, round(max(right - left, 0.5), 1), began.state, words)
            began = None


def _scale(frame: _Frame) -> Iterator[Label]:
    digits = 0 if frame.high - frame.low > 0.1 else 1
    yield Label(LEFT - 5, frame.y(1.0, 1.0) + 4, "100 %")
    for value in (frame.low, frame.high):
        y = frame.y(value, value)
        if abs(y - frame.y(1.0, 1.0)) > _APART:
            yield Label(LEFT - 5, min(max(y + 4, TOP + 8), HEIGHT - BOTTOM), f"{value * 100:,.{digits}f} %")


def _time(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%H:%M:%S}"


def _description(points: Sequence[CoveragePoint], frame: _Frame) -> str:
    newest = points[-1]
    known = [point.coverage for point in points if point.coverage is not None]
    course = f"between {min(known) * 100:,.2f} and {max(known) * 100:,.2f} percent" if known else "not known"
    return (
        f"{count_of(len(points), 'evaluation')} from {_time(frame.first_s)} to {_time(frame.last_s)} UTC: coverage {course}, "
        f"now {STATE_WORDS.get(newest.state, newest.state).lower()}."
    )
