"""What the shell offers after Tab: names of methods, entities, channels, alerts, feeds. Where nothing can be read, nothing."""

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


def feeds(incomplete: str) -> list[str]:
    """Mappings that ship, and `<kind>/<feed>` of the configuration that is found without `--config`."""
    from monitor.settings.feeds import shipped_names

    return _beginning([*shipped_names(), *_configured_feeds()], incomplete)


def shipped_feeds(incomplete: str) -> list[str]:
    """Mappings that ship."""
    from monitor.settings.feeds import shipped_names

    return _beginning(shipped_names(), incomplete)


def sources(incomplete: str) -> list[str]:
    """Source topics by their default names, and `<kind>/<feed>` of the configuration that is found without `--config`."""
    from monitor.core.journal.vocabulary import SOURCE_TOPICS

    return _beginning([*SOURCE_TOPICS, *_configured_feeds()], incomplete)


def topics(incomplete: str) -> list[str]:
    """Every topic with a schema, by its default name."""
    from streams.schemas import json_schemas

    return _beginning(json_schemas(), incomplete)


def scenarios(incomplete: str) -> list[str]:
    """Stress scenarios that ship, and those of the configuration that is found without `--config`."""
    from monitor.methods.stresses import load_scenarios
    from monitor.settings.load import load_settings

    with suppress(MonitorError):
        return _beginning(load_scenarios(load_settings().scenarios), incomplete)
    return []


def jurisdictions(incomplete: str) -> list[str]:
    """Codes of which there is a first configuration."""
    from monitor.settings.jurisdictions import JURISDICTIONS

    return _beginning(JURISDICTIONS, incomplete)


def explainable(incomplete: str) -> list[str]:
    """What `explain` takes by name: alerts and entities."""
    return sorted([*alerts(incomplete), *entities(incomplete)])


def _configured_feeds() -> list[str]:
    from monitor.settings.load import load_settings

    with suppress(MonitorError):
        return list(load_settings().feed_topics())
    return []


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))
