"""What the shell offers after Tab: methods, entities, channels, alerts by name. Where nothing can be read, nothing."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from monitor.errors import MonitorError


def methods(incomplete: str) -> list[str]:
    """Ids of the shipped packs and of those in the site's folders."""
    from monitor.methods.loader import load_packs
    from monitor.settings.load import load_settings

    folders: tuple[object, ...] = ()
    with suppress(MonitorError):
        folders = load_settings().methods.pack_dirs
    with suppress(MonitorError):
        return _beginning(load_packs([str(folder) for folder in folders]), incomplete)
    return []


def entities(incomplete: str) -> list[str]:
    """Entities of the configuration that is found without `--config`."""
    from monitor.settings.load import load_settings

    with suppress(MonitorError):
        return _beginning(load_settings().entities, incomplete)
    return []


def channels(incomplete: str) -> list[str]:
    """Channels of the configuration that is found without `--config`."""
    from monitor.settings.load import load_settings

    with suppress(MonitorError):
        return _beginning(load_settings().alerting.channels, incomplete)
    return []


def alerts(incomplete: str) -> list[str]:
    """Names of alerts."""
    from monitor.core.journal.vocabulary import ALERT_SEVERITIES

    return _beginning(ALERT_SEVERITIES, incomplete)


def formats(incomplete: str) -> list[str]:
    """Formats that `convert` reads."""
    from monitor.cli.event_files.formats import FORMATS

    return _beginning(FORMATS, incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
