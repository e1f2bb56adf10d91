"""Packs from files, their digests and options; calendars and zones resolved so that the core needs no library for them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor.core.components.packs.plan import COMMON_OPTIONS
from monitor.core.values.canonical import digest_of
from monitor.core.values.times import SECOND, exact_time
from monitor.errors import ConfigurationError
from monitor.methods.closed_dates import FIRST_YEAR, LAST_YEAR, closed_dates
from monitor.methods.places import Document, read_document
from monitor.methods.validation import check_pack, option_problem

SHIPPED = Path(__file__).parent / "packs"

_FIRST_ZONE_YEAR = 1970
_WEEKEND = [5, 6]
_EVERY_DAY = ("all",)
_NO_HOLIDAYS = ("weekdays", "all")


def load_packs(directories: Sequence[str | Path] = (), named: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
    """Every pack by id: those shipped, and those of a site's directories, which replace a shipped one by a new version.

    What is returned is what the configuration record carries and `pack_digest` is taken of: without `documentation`.
    `named`: where no directory is given, only these of the shipped are read.
    ConfigurationError names file, line and field of what is wrong.
    """
    return {name: pack_object(document) for name, document in load_documents(directories, named).items()}


def load_documents(directories: Sequence[str | Path] = (), named: Collection[str] | None = None) -> dict[str, Document]:
    """As `load_packs`, each with its file, lines and documentation."""
    if named is not None and not directories:
        return {file.stem: read_pack_file(file) for file in sorted(SHIPPED.glob("*.yaml")) if file.stem in named}
    found: dict[str, Document] = {}
    for directory in (SHIPPED, *map(Path, directories)):
        for name, document in _read_directory(directory).items():
            _check_override(found.get(name), document)
            found[name] = document
    return dict(sorted(found.items()))


def read_pack_file(file: Path) -> Document:
    """One checked pack file."""
    document = read_document(file)
    check_pack(document)
    return document


def pack_object(document: Document) -> dict[str, Any]:
    """What a pack computes with: the document without its documentation."""
    return {key: value for key, value in document.value.items() if key != "documentation"}


def pack_digest(pack: Mapping[str, Any]) -> str:
    """`sha256:<hex>` of the canonical bytes of a pack object: the `method_digest` of its results."""
    return digest_of(dict(pack))


def check_options(pack: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Raise ConfigurationError for an option the pack does not know, a value it cannot take, or one that is needed and absent."""
    known = pack.get("options", {})
    for name, value in options.items():
        if name in COMMON_OPTIONS:
            problem = _common_problem(pack, name, value)
        elif name not in known:
            problem = f"{name} is not an option; there are {', '.join([*known, *COMMON_OPTIONS])}"
        else:
            problem = option_problem(name, known[name], value)
        if problem:
            raise ConfigurationError(f"options of {pack['id']}: {problem}")
    for name, option in known.items():
        if _lacks(name, option, known, options):
            others = [other for other, o in known.items() if o.get("instead_of") == name]
            raise ConfigurationError(f"options of {pack['id']}: {' or '.join([name, *others])} is needed")


def resolve_calendars(codes: Iterable[str], changes: Mapping[str, Mapping[str, Sequence[date]]] | None = None) -> dict[str, Any]:
    """Calendars in the form of the configuration record: weekend days (Monday is 0), closed dates, and dates open after all.

    Codes: `weekdays`, `all`, or a country or market of the holidays library; `changes` gives local `closed` and `open` dates.
    """
    result: dict[str, Any] = {}
    for code in sorted(set(codes)):
        closed = set() if code in _NO_HOLIDAYS else _holidays(code)
        local = (changes or {}).get(code, {})
        opened = set(local.get("open", ()))
        closed = (closed | set(local.get("closed", ()))) - opened
        result[code] = {
            "weekend": [] if code in _EVERY_DAY else _WEEKEND,
            "closed": [day.isoformat() for day in sorted(closed)],
            "open": [day.isoformat() for day in sorted(opened)],
        }
    return result


def resolve_zones(names: Iterable[str]) -> dict[str, list[list[Any]]]:
    """Each zone as [instant, offset] from 1970 to 2040, in the form of the configuration record.

    An offset of whole hours is their number, another a text such as `+05:45`. ConfigurationError for a zone that is not on
    quarter hours from FIRST_YEAR on: a local midnight must be the start of a UTC hour or of a quarter of one.
    """
    return {name: _transitions(name) for name in sorted(set(names))}


def _read_directory(directory: Path) -> dict[str, Document]:
    if not directory.is_dir():
        raise ConfigurationError(f"methods.pack_dirs: {directory} is not a directory")
    found: dict[str, Document] = {}
    for file in sorted([*directory.glob("*.yaml"), *directory.glob("*.yml")]):
        document = read_pack_file(file)
        name = document.value["id"]
        if name in found:
            raise document.error(("id",), f"{name} is in {found[name].file} too")
        found[name] = document
    return found


def _check_override(before: Document | None, document: Document) -> None:
    if before is None or pack_object(before) == pack_object(document):
        return
    if before.value["version"] == document.value["version"]:
        version = document.value["version"]
        raise document.error(("version",), f"{version} is the version of {before.file} with other content: give it a new version")


def _common_problem(pack: Mapping[str, Any], name: str, value: Any) -> str | None:
    if name != "skip":
        return None if isinstance(value, str) and value else f"{name} is {value!r}, must be a name"
    if not isinstance(value, list):
        return f"skip is {value!r}, must be a list of component names"
    names = [*pack["components"], *pack.get("parts", ())]
    families = [family for family, raw in pack["components"].items() if raw["type"] == "same_asset"]
    for item in value:
        if item not in names and not (isinstance(item, str) and any(item.startswith(f"{family}.") for family in families)):
            return f"skip names {item!r}; there are {', '.join(names)}"
    return None


def _lacks(name: str, option: Mapping[str, Any], known: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    if option.get("default") is not None or options.get(name) is not None or "instead_of" in option:
        return False
    if any(other.get("instead_of") == name and options.get(key) is not None for key, other in known.items()):
        return False
    return option.get("needed_for") not in options.get("skip", ()) or option.get("needed_for") is None


def _holidays(code: str) -> set[date]:
    try:
        return closed_dates(code)
    except NotImplementedError:
        raise ConfigurationError(
            f"calendar {code!r} is not known: use weekdays, all, or a code of the holidays library (JP, KR, HK, GB, SG, AE, ECB)"
        ) from None


def _transitions(name: str) -> list[list[Any]]:
    """Offsets of a zone, without those before FIRST_YEAR that are finer than all from then on need."""
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(f"time zone {name!r} is not known: use a name such as Asia/Tokyo") from None
    start, end = datetime(_FIRST_ZONE_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
    changes = [start, *_changes(zone, start, end)]
    offsets = [(moment, moment.astimezone(zone).utcoffset() or timedelta()) for moment in changes]
    kept = _on(timedelta(hours=1), offsets) or _on(timedelta(minutes=15), offsets)
    if kept is None:
        raise ConfigurationError(f"time zone {name} is not on quarter hours: its days would split them; use another zone")
    return [[_text(moment if index else start), _offset_text(offset)] for index, (moment, offset) in enumerate(kept)]


def _on(grain: timedelta, offsets: Sequence[tuple[datetime, timedelta]]) -> Sequence[tuple[datetime, timedelta]] | None:
    """The offsets after the last one that is no multiple of `grain`; None where that one held in FIRST_YEAR or later."""
    broken = [index for index, (_, offset) in enumerate(offsets) if offset % grain]
    if not broken:
        return offsets
    kept = offsets[broken[-1] + 1 :]
    return kept if kept and kept[0][0].year < FIRST_YEAR else None


def _offset_text(offset: timedelta) -> int | str:
    hours, rest = divmod(offset, timedelta(hours=1))
    if not rest:
        return hours
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{'-' if offset < timedelta() else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The first minutes (UTC) from which another offset holds, from `start` to `end`; two in one week are found in no zone."""
    at, last = start.replace(tzinfo=zone), end.replace(tzinfo=zone)
    offset = _offset(zone, at)
    while at < last:
        following = at + timedelta(days=7)
        before, offset = offset, _offset(zone, following)
        if offset != before:
            yield _first_minute(zone, at, following).replace(tzinfo=UTC)
        at = following


def _first_minute(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first at which no longer the offset of `before` holds, but that of `after`: found by halving."""
    offset, minutes = _offset(zone, before), (after - before) // timedelta(minutes=1)
    held = bisect_left(range(minutes), 1, key=lambda minute: _offset(zone, before + timedelta(minutes=minute)) != offset)
    return before + timedelta(minutes=held)


def _offset(zone: ZoneInfo, reading: datetime) -> timedelta:
    """What local clocks show less what UTC shows. `reading` is of UTC and bears the zone, as `fromutc` wants it.

    It is asked of every week of 71 years, and is three times as fast so.
    """
    return zone.fromutc(reading) - reading


def _text(moment: datetime) -> str:
    return exact_time(int(moment.timestamp()) * SECOND)
