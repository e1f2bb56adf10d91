"""Settings of the daemon: `reserve.yaml`, overridden by the environment (CONTRACT 4).

Nothing else in the project reads the environment. YAML numbers with a point and dates are taken by their text, so no
amount ever becomes a float.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from monitor.core.journal.vocabulary import BALANCES, SOURCE_TOPICS
from monitor.core.values.currencies import is_iso_4217
from monitor.errors import ConfigurationError
from monitor.nesting import refuse_deep
from monitor.notify.settings import Links
from monitor.settings.admin.http import HttpSettings
from monitor.settings.feeds import SourceSettings
from monitor.settings.kafka import KafkaSettings
from monitor.settings.sections import (
    ADMIN_SERVER,
    AlertingSettings,
    AllPricesSettings,
    ArchiveSettings,
    AssessorSettings,
    AssetSettings,
    AuditSettings,
    CalendarSettings,
    ControlsSettings,
    CorrectionSettings,
    EntitySettings,
    ExposureSettings,
    IntakeSettings,
    LogSettings,
    MethodsSettings,
    MetricsSettings,
    Section,
    TopicsSettings,
)  # fmt: skip
from monitor.settings.values import Seconds, Whole

DEFAULT_FILE = Path("reserve.yaml")
ENV_PREFIX = "RESERVE_"
CONFIG_VARIABLE = "RESERVE_CONFIG"

_SLUG = re.compile(r"[a-z0-9-]{1,64}\Z", re.ASCII)


class Settings(Section):
    """The effective settings."""

    kafka: KafkaSettings = KafkaSettings()
    sources: dict[str, SourceSettings] = Field(default_factory=lambda: {topic: SourceSettings() for topic in SOURCE_TOPICS})
    topics: TopicsSettings = TopicsSettings()
    entities: dict[str, EntitySettings] = Field(default_factory=dict)
    exposure: ExposureSettings = ExposureSettings()
    scenarios: dict[str, Any] = Field(default_factory=dict)
    """Stress scenarios of the site beside those shipped, by name; null leaves a shipped one out."""
    corrections: CorrectionSettings = CorrectionSettings()
    publish_interval_s: Seconds = 60
    """How often an assessment is published while figures move without a change of state."""
    revision: Whole = Field(default=0, ge=0, le=2**53)
    """Number of this version of all that figures depend on. Raise it with every such change: the journal refuses a changed
    configuration under an old number, so that two processes never disagree in silence."""
    intake: IntakeSettings = IntakeSettings()
    assessor: AssessorSettings = AssessorSettings()
    prices: AllPricesSettings = AllPricesSettings()
    assets: AssetSettings = AssetSettings()
    methods: MethodsSettings = MethodsSettings()
    calendars: dict[str, CalendarSettings] = Field(default_factory=dict)
    alerting: AlertingSettings = AlertingSettings()
    http: HttpSettings = HttpSettings()
    metrics: MetricsSettings = MetricsSettings()
    audit: AuditSettings = AuditSettings()
    controls: ControlsSettings = ControlsSettings()
    archive: ArchiveSettings = ArchiveSettings()
    log: LogSettings = LogSettings()

    @field_validator("sources")
    @classmethod
    def _known_topics(cls, value: dict[str, SourceSettings]) -> dict[str, SourceSettings]:
        for topic in value:
            if topic not in SOURCE_TOPICS:
                known = ", ".join(SOURCE_TOPICS)
                raise ValueError(f"{topic!r} is not a source topic ({known}); another name is set by sources.<topic>.name")
        names = [value[topic].name or topic if topic in value else topic for topic in SOURCE_TOPICS]
        if len(set(names)) != len(names):
            raise ValueError("two source topics have one name")
        return {topic: value.get(topic, SourceSettings()) for topic in SOURCE_TOPICS}

    @field_validator("entities")
    @classmethod
    def _slugs(cls, value: dict[str, EntitySettings]) -> dict[str, EntitySettings]:
        for entity in value:
            if not _SLUG.match(entity):
                raise ValueError(f"{entity!r} is not an entity id: 1 to 64 of a-z, 0-9 and '-'")
        return value

    @field_validator("scenarios")
    @classmethod
    def _scenarios(cls, value: dict[str, Any]) -> dict[str, Any]:
        from monitor.methods.stresses import load_scenarios  # brings the book

        try:
            load_scenarios(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _assets_fit(self) -> Self:
        for topic, source in self.sources.items():
            if topic != BALANCES and (source.jump_ratio is not None or source.supply):
                raise ValueError(f"sources.{topic}: jump_ratio and supply are limits of balances, of {BALANCES} alone")
        for name, entity in self.entities.items():
            for asset in self.assets.ignore:
                if asset == entity.reporting_currency or asset in entity.prices.pivots:
                    raise ValueError(f"assets.ignore: {asset} is the reporting currency or a pivot of {name}")
            if entity.reporting_currency in self.assets.crypto and is_iso_4217(entity.reporting_currency):
                raise ValueError(f"assets.crypto: {entity.reporting_currency} is the reporting currency of {name}")
        return self

    def source(self, topic: str) -> SourceSettings:
        """Settings of a source topic, by its default name."""
        return self.sources[topic]

    def source_names(self) -> dict[str, str]:
        """The name on the broker of each source topic, by its default name."""
        return {topic: source.name or topic for topic, source in self.sources.items()}

    def feed_topics(self) -> dict[str, str]:
        """The topic on the broker that each feed (`<kind>/<feed>`) reads."""
        return {f"{kind}/{name}": feed.topic for kind, source in self.sources.items() for name, feed in source.feeds.items()}

    @property
    def links(self) -> Links:
        """Where notifications lead; without an advertised address to this host's page, as the runbook's default does."""
        here = self.http.local_url
        return Links(self.http.advertised_url or (here if here == ADMIN_SERVER else None), self.alerting.boards_base_url)

    def signed_topics(self) -> frozenset[str]:
        """The topics on the broker of which a source or feed asks for signatures."""
        feeds = [feed.topic for source in self.sources.values() for feed in source.feeds.values() if feed.signatures]
        return frozenset([*feeds, *(source.name or kind for kind, source in self.sources.items() if source.signatures)])


class SettingsProblems(ConfigurationError):
    """All that is wrong with the values: `lines`, one each. As a message: the first, and how many more."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(lines)
        more = f" (and {len(lines) - 1} more: `reserve-monitor config check` lists them)" if len(lines) > 1 else ""
        super().__init__(f"{lines[0]}{more}")


def load_settings(path: Path | None = None) -> Settings:
    """The effective settings of the file at `path` (else `RESERVE_CONFIG`, else `reserve.yaml` if it is there).

    Raises ConfigurationError: one line that names the file or the environment, the key and what is wrong. What is wrong with
    values is SettingsProblems, which knows every line.
    """
    source = found_path(path)
    content = {} if source is None else read_yaml(source)
    unknown = _unknown_variables()
    try:
        settings = _overridden(content) if has_variables() else Settings.model_validate(content)
    except ValidationError as error:
        raise SettingsProblems([*unknown, *_problems(error, source)]) from None
    if unknown:
        raise SettingsProblems(unknown)
    return settings


def _overridden(content: Mapping[str, Any]) -> Settings:
    """The settings of the environment, and of `content` where it says nothing. ConfigurationError for a section not in JSON.

    The library is imported where it is needed: it brings asyncio, 0.1 s of a command's start.
    """
    from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

    class EnvironmentFirst(Settings, BaseSettings):
        model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__")

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature, as the two below
            init_settings: Any,
            env_settings: Any,
            dotenv_settings: Any,  # noqa: ARG003
            file_secret_settings: Any,  # noqa: ARG003
        ) -> tuple[Any, ...]:
            return env_settings, init_settings

    try:
        return EnvironmentFirst(**content)
    except SettingsError as error:
        raise ConfigurationError(f"environment: {error}: give the whole section as JSON") from None


def has_variables() -> bool:
    """Whether the environment sets any value."""
    return any(name.upper().startswith(ENV_PREFIX) and name.upper() != CONFIG_VARIABLE for name in os.environ)


def settings_of(content: Mapping[str, Any]) -> Settings:
    """Settings from values alone, without file and environment: what a demo or an offline run composes."""
    try:
        return Settings.model_validate(dict(content))
    except ValidationError as error:
        raise SettingsProblems(_problems(error, None)) from None


def found_path(path: Path | None) -> Path | None:
    """The file that is read: the one asked for, else `reserve.yaml` if it is there; None when there is none."""
    return asked_path(path) or (DEFAULT_FILE if DEFAULT_FILE.exists() else None)


def asked_path(path: Path | None) -> Path | None:
    """The file given by option, else by `RESERVE_CONFIG`; None when nobody asked for one."""
    if path is not None:
        return path
    given = os.environ.get(CONFIG_VARIABLE)
    return Path(given) if given else None


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; numbers with a point and dates stay text, a key twice is an error."""
    try:
        text = path.read_text(encoding="utf-8")
        refuse_deep(text)
        content = yaml.load(text, Loader=_ExactLoader)  # noqa: S506 - a safe loader with fewer types
    except OSError as error:
        advice = f"give the file with --config or {CONFIG_VARIABLE}"
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}): {advice}") from None
    except (yaml.YAMLError, ValueError) as error:  # also bytes that are no text, and a number that is none
        raise ConfigurationError(f"{path}: is not YAML: {_where(error)}") from None
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigurationError(f"{path}: holds no mapping of sections")
    return content


def _where(error: Exception) -> str:
    """A parser's words in one line, without the name that it has for a text."""
    return " ".join(str(error).split()).replace(' in "<unicode string>",', ",")


if TYPE_CHECKING:
    _SafeLoader = yaml.SafeLoader
else:  # the library's C parser where it was built: a configuration of a thousand entities is read in a fifth of the time
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _ExactLoader(_SafeLoader):
    """Safe YAML that keeps decimals and dates as their text and refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a list or a mapping is no key", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


_ExactLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in {"tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _unknown_variables() -> list[str]:
    """One line for each variable that means a section there is not."""
    lines = []
    for name in sorted(os.environ):
        section, nested, _ = name.upper().removeprefix(ENV_PREFIX).partition("__")
        if name.upper().startswith(ENV_PREFIX) and nested and section.lower() not in Settings.model_fields:
            meant = _suggestion(section.lower(), Settings.model_fields)
            lines.append(f"environment: {name}: there is no section {section.lower()}{meant}")
    return lines


_NO_SECTION = frozenset({"model_type", "model_attributes_type"})
_NO_LIST = frozenset({"tuple_type", "list_type", "set_type", "frozen_set_type"})


def _problems(error: ValidationError, source: Path | None) -> list[str]:
    """One line for each problem, unknown keys first, since they explain what is missing."""
    found = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    return [_problem(one, source) for one in found]


def _problem(problem: Mapping[str, Any], source: Path | None) -> str:
    """Where it was written, the key, what is wrong, what was perhaps meant."""
    place = list(problem["loc"])
    if place[:2] == ["alerting", "channels"] and len(place) > 3:
        del place[3]  # the type by which the channel's model was chosen is no key
    key = ".".join(str(part) for part in place)
    variable = ENV_PREFIX + "__".join(str(part) for part in place).upper()
    origin = (
        f"environment: {variable}" if source is not None and variable in map(str.upper, os.environ) else f"{source or 'settings'}"
    )
    if problem["type"] == "extra_forbidden":
        return f"{origin}: {key}: unknown key{_suggestion(str(place[-1]), _siblings(place))}"
    if problem["type"] == "missing":
        return f"{origin}: {key}: is missing"
    if problem["type"] in _NO_SECTION:
        return f"{origin}: {key}: a mapping belongs here, of {', '.join(_siblings([*place, '']))}"
    if problem["type"] == "dict_type":
        return f"{origin}: {key}: a mapping belongs here, of names"
    if problem["type"] in _NO_LIST:
        return f"{origin}: {key}: a list belongs here, such as [A, B]"
    text = problem["msg"].removeprefix("Value error, ")
    return f"{origin}: {key}: {text[:1].lower()}{text[1:]}"


def _siblings(place: list[int | str]) -> list[str]:
    """Keys that are known beside the last one of `place`."""
    model: Any = Settings
    for part in place[:-1]:
        fields = getattr(model, "model_fields", None)
        if fields is not None and part in fields:
            model = _inner(fields[part].annotation)
    fields = getattr(model, "model_fields", None)
    return list(fields) if fields else []


def _inner(annotation: Any) -> Any:
    """The model inside an annotation such as `dict[str, Model]` or `tuple[Model, ...]`."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _suggestion(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""
