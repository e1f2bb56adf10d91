"""What the demo shows while it runs: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from monitor.core.values.wording import count_of
from monitor.web.text import amount, coverage_range, percent, state_sign, state_word

if TYPE_CHECKING:
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    from streams.demo.scenario import Scene

_STYLES = {"adequate": "green", "watch": "yellow", "shortfall": "bold red", "unknown": "magenta", "not_computable": "magenta"}
_SEVERITIES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_BARS = " ▁▂▃▄▅▆▇█"
_HISTORY = 60
_LINES = 12
_OF_ENTITY = "jp-main: "
_WIDE, _HIGH = 100, 40
"""Columns and lines below which the view is told in single lines."""
_TITLE = "jp-main, in the spirit of 26 January 2018"


@dataclass(slots=True)
class Sight:
    """All that is shown, as it was last known."""

    acts: Sequence[Scene]
    act: Scene | None = None
    elapsed_s: float = 0.0
    """Since the demo began: the one clock of all that is shown."""
    url: str = ""
    missed: int = 0
    """Looks in a row that the daemon did not answer: what is shown is of before them."""
    status: Mapping[str, Any] | None = None
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=_HISTORY))
    firing: dict[str, tuple[float, Mapping[str, Any]]] = field(default_factory=dict)
    lines: deque[tuple[float, Mapping[str, Any]]] = field(default_factory=lambda: deque(maxlen=_LINES))
    _counted: tuple[float, int] | None = None

    def take(self, status: Mapping[str, Any], now_s: float) -> None:
        """A newer status object, seen at `now_s` of a clock that only goes forward."""
        self.status, self.missed = status, 0
        trades = sum(row["trades"] for row in status["trade_flow"] if row["window"] == "24h")
        if self._counted is not None and now_s - self._counted[0] >= 1:
            self.rates.append(max(0.0, (trades - self._counted[1]) / (now_s - self._counted[0])))
        if self._counted is None or now_s - self._counted[0] >= 1:
            self._counted = (now_s, trades)

    @property
    def calm(self) -> bool:
        """Whether every method is known to be well and nothing fires."""
        if self.status is None or self.missed or self.firing or self.status["alerts"]:
            return False
        return bool(self.status["methods"]) and all(one["state"] == "adequate" for one in self.status["methods"])

    def alert(self, elapsed_s: float, alert: Mapping[str, Any]) -> None:
        """A change of an alert."""
        if news(alert):
            self.lines.append((elapsed_s, alert))
        if alert["status"] == "firing":
            since = self.firing.get(alert["fingerprint"], (elapsed_s, alert))[0]
            self.firing[alert["fingerprint"]] = (since, alert)
        else:
            self.firing.pop(alert["fingerprint"], None)


class StoryView(Protocol):
    """A way to show the demo; entered while the story is told."""

    def __enter__(self) -> Any: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None: ...

    def show(self, sight: Sight) -> None: ...

    def told(self, elapsed_s: float, alert: Mapping[str, Any]) -> None: ...


class PlainView:
    """One line for each act and each alert change, for output that is no terminal."""

    def __init__(self) -> None:
        self._act = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, sight: Sight) -> None:
        """The act, when it is a new one."""
        if sight.act is not None and sight.act.name != self._act:
            self._act = sight.act.name
            _line(f"{sight.elapsed_s:5.1f} s  -- {sight.act.caption}")

    def told(self, elapsed_s: float, alert: Mapping[str, Any]) -> None:
        """The change and why; figures that moved are left out."""
        if not news(alert):
            return
        _line(f"{elapsed_s:5.1f} s  {alert['status']:8} {headline(alert)}")
        if alert["causes"]:
            _line(f"           because of {causes_text(alert)}")


class LiveView:
    """The whole screen, drawn anew a few times a second."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(), screen=False, refresh_per_second=4, transient=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, sight: Sight) -> None:
        """Draw the sight."""
        size = self._live.console.size
        self._live.update(draw(sight, size.width, size.height))

    def told(self, elapsed_s: float, alert: Mapping[str, Any]) -> None:
        """Nothing at once: the next drawing has it."""


def draw(sight: Sight, width: int = 120, height: int = 50) -> Group:
    """The sight as a rich drawing: the story, the methods, exposure and trading, alerts; in short where there is little room."""
    from rich.console import Group

    if width < _WIDE or height < _HIGH:
        return Group(*_lines(sight, height))
    parts: list[Any] = [_story(sight)]
    if sight.status is not None:
        parts += [_methods(sight.status), _flows(sight)]
    parts += [_alerts(sight), _log(sight)]
    return Group(*parts)


def _lines(sight: Sight, height: int) -> list[Text]:
    """The sight in fewer than `height` lines: what is so now, what fires, and the newest changes as far as there is room."""
    from rich.text import Text

    head = [*_story_text(sight).split("\n"), *(_method_line(one) for one in (sight.status or {}).get("methods", ()))]
    exposure = (sight.status or {}).get("exposure")
    if exposure:
        rate = f"{sight.rates[-1]:.0f} trades/s {sparkline(list(sight.rates)[-20:])}" if sight.rates else ""
        head.append(Text(f"exposure {_whole(exposure['total'])} {exposure['currency']}   {rate}"))
    firing, changes = _firing_lines(sight), _change_lines(sight)
    room = max(2, height - 1 - len(head) - 2)
    shown = firing[: max(1, room - min(len(changes), room // 2))]
    if len(shown) < len(firing):
        shown[-1] = Text(f"and {len(firing) - len(shown) + 1} more", style="bold red")
    newest = changes[-(room - len(shown)) :] if room > len(shown) else []
    titled = [Text("firing", style="dim"), *(shown or [Text("none", style="green")]), Text("what changed", style="dim"), *newest]
    return [_one_line(text) for text in (*head, *titled)]


def _one_line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _method_line(one: Mapping[str, Any]) -> Text:
    from rich.text import Text

    state = f"{state_sign(one['state'])} {state_word(one['state'])}"
    text = f"{one['method']:16} {state:14} {_coverage(one):>9}  surplus {_whole(one['surplus']):>18}"
    return Text(text, style=_STYLES.get(one["state"], ""))


def _coverage(one: Mapping[str, Any]) -> str:
    return percent(one["coverage"]) if one["coverage"] else coverage_range(one["coverage_lower"], one["coverage_upper"])


def said_again(known: Mapping[str, Any] | None, alert: Mapping[str, Any]) -> bool:
    """Whether an alert that began is told once more as one that began: the daemon's own have no memory of what they said."""
    same = ("status", "starts_at", "reason")
    return known is not None and alert["reason"] == "entered" and all(known[name] == alert[name] for name in same)


def news(alert: Mapping[str, Any]) -> bool:
    """Whether a change is more than moved figures: a new revision of an incident is."""
    return str(alert["reason"]) != "updated" or str(alert["alertname"]) == "SecurityIncidentOpen"


def headline(alert: Mapping[str, Any]) -> str:
    """An alert's name, what it is about, and its one sentence without the entity, of which the demo has one."""
    about = alert["subject"] or alert["method"] or ""
    return f"{alert['alertname']} {about}: {alert['summary'].removeprefix(_OF_ENTITY)}"


def causes_text(alert: Mapping[str, Any]) -> str:
    """The event that began a change, by its name and place, and how many more followed it; nothing where there is none."""
    if not alert["causes"]:
        return ""
    cause, more = alert["causes"][0], len(alert["causes"]) - 1
    name = f"{cause['event_id']} in " if cause.get("event_id") else ""
    following = f" and {more} more" if more else ""
    return f"{name}{cause['topic']}[{cause['partition']}]@{cause['offset']}{following}"


def sparkline(values: Sequence[float]) -> str:
    """Values as bars, the highest as a full block."""
    top = max(values, default=0.0)
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] if top else _BARS[0] for value in values)


def bar(value: str | None, whole: str | None, width: int = 24) -> str:
    """A share as a bar; nothing where either is not known."""
    if value is None or whole is None or not Decimal(whole):
        return ""
    return "█" * min(width, round(Decimal(value) / Decimal(whole) * width))


def _story(sight: Sight) -> Panel:
    from rich.panel import Panel

    return Panel(_story_text(sight), title=_TITLE, border_style="blue", title_align="left")


def _story_text(sight: Sight) -> Text:
    from rich.text import Text

    caption = sight.act.caption if sight.act is not None else "starting"
    passed = [act for act in sight.acts if sight.act is not None and act.begins <= sight.act.begins]
    text = Text.assemble((caption, "bold"), "\n", (f"act {len(passed)} of {len(sight.acts)}", "dim"))
    text.append(f"   {sight.elapsed_s:.0f} s   status page {sight.url}/", style="dim")
    if sight.missed:
        text.append(f"\nthe daemon did not answer {count_of(sight.missed, 'time')}: all below is of before", style="bold red")
    return text


def _methods(status: Mapping[str, Any]) -> Table:
    from rich.text import Text

    table = _table("method", "state", "coverage", "required", "available", "surplus", "short of")
    for one in status["methods"]:
        style = _STYLES.get(one["state"], "")
        short = [row["name"] for row in one["components"] if row["state"] == "shortfall"]
        gaps = [f"{gap['kind']} {gap['subject']}" for gap in one["gaps"]]
        state = Text(f"{state_sign(one['state'])} {state_word(one['state'])}", style=style)
        figures = (amount(one["required"]), amount(one["available"]), amount(one["surplus"]))
        table.add_row(one["method"], state, Text(_coverage(one), style=style), *figures, ", ".join(short or gaps))
    return table


def _flows(sight: Sight) -> Table:
    status = sight.status or {}
    table = _table("exposure", "JPY", "", "trading", "")
    exposure = status.get("exposure")
    parts = list(exposure["parts"].items()) if exposure else []
    whole = exposure["total"] if exposure else None
    prices = {row["market"]: row["last_price"] for row in status.get("trade_flow", ()) if row["window"] == "24h"}
    rate = f"{sight.rates[-1]:.0f} trades/s" if sight.rates else "counting"
    trading = [(rate, sparkline(list(sight.rates)[-30:])), *((market, amount(price)) for market, price in sorted(prices.items()))]
    rows = [(name.replace("_", " "), _whole(value), bar(value, whole)) for name, value in parts]
    rows.append(("total", _whole(whole), ""))
    for index in range(max(len(rows), len(trading))):
        left = rows[index] if index < len(rows) else ("", "", "")
        right = trading[index] if index < len(trading) else ("", "")
        table.add_row(*left, *right)
    return table


def _alerts(sight: Sight) -> Panel:
    from rich.panel import Panel
    from rich.text import Text

    text = Text("\n", overflow="ellipsis", no_wrap=True).join(_firing_lines(sight) or [Text("none", style="green")])
    return Panel(
        text, title="alerts firing (as the webhook was told)", title_align="left", border_style="red" if sight.firing else "green"
    )


def _firing_lines(sight: Sight) -> list[Text]:
    from rich.text import Text

    return [
        Text.assemble((f"● {alert['severity']:8} at {since:3.0f} s  ", _SEVERITIES.get(alert["severity"], "")), headline(alert))
        for since, alert in sorted(sight.firing.values(), key=lambda one: one[0])
    ]


def _change_lines(sight: Sight) -> list[Text]:
    from rich.text import Text

    lines = []
    for elapsed_s, alert in sight.lines:
        style = "red" if alert["status"] == "firing" else "green"
        line = Text(f"{elapsed_s:5.1f} s {alert['status']:8} {alert['reason']:9} ", style=style)
        line.append(f"{alert['alertname']} {alert['subject'] or alert['method'] or ''}", style="default")
        why = causes_text(alert)
        lines.append(line.append(f"  ← {why}" if why else "", style="dim"))
    return lines


def _log(sight: Sight) -> Panel:
    from rich.panel import Panel
    from rich.text import Text

    text = Text("\n", overflow="ellipsis", no_wrap=True).join(_change_lines(sight))
    return Panel(text, title="what changed, and the event that caused it", title_align="left", border_style="dim")


def _whole(text: str | None) -> str:
    """An amount without its fraction, which is nothing beside billions of yen."""
    return amount(None if text is None else text.partition(".")[0])


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in {"coverage", "required", "available", "surplus", "JPY"} else "left")
    return table


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
