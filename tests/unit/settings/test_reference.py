"""docs/configuration.md says of every key what the program takes, and the examples it shows are taken."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from monitor.settings.load import Settings, read_yaml, settings_of
from monitor.settings.reference import EXAMPLE_FILE, SettingKey, all_parts, reference_page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "configuration.md"
NUMBERS = ("integer", "number")
KEYS: list[SettingKey] = [key for part in all_parts() for key in part.keys]


def named(key: SettingKey) -> str:
    return f"{key.path} ({key.kind})"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page(), "reserve-monitor config reference > docs/configuration.md"


def test_every_key_says_what_it_means_and_why() -> None:
    silent = [named(key) for key in KEYS if len(key.reason) < 15]
    assert silent == [], "give the field a docstring in its model: meaning and reason"


def test_every_key_has_an_example() -> None:
    missing = [named(key) for key in KEYS if not key.example]
    assert missing == [], f"give the key a value in {EXAMPLE_FILE.name}"


def test_every_number_has_a_unit() -> None:
    bare = [named(key) for key in KEYS if key.kind.split(",")[0] in NUMBERS and not key.unit]
    assert bare == [], "name the field after its unit, or name the unit in monitor/settings/reference.py"


def test_the_examples_are_taken_by_the_program() -> None:
    settings = settings_of(read_yaml(EXAMPLE_FILE))
    assert {channel.type for channel in settings.alerting.channels.values()} == {"alertmanager", "webhook", "pagerduty", "slack"}


def fields_below(model: type[BaseModel]) -> int:
    """Fields that are no section, counted through the schema, wherever a section stands, and not through the page's own walk."""
    schema = model.model_json_schema()
    sections = {name: one for name, one in schema.get("$defs", {}).items() if one.get("type") == "object"}

    def below(one: dict[str, Any]) -> int:
        inner = [[name for name in sections if f'#/$defs/{name}"' in json.dumps(field)] for field in one["properties"].values()]
        return sum(sum(below(sections[name]) for name in names) if names else 1 for names in inner)

    return below(schema)


def test_no_key_is_left_out() -> None:
    assert len(KEYS) == fields_below(Settings)
