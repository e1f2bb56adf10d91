"""Settings whose values the environment replaces. A module of its own: its library brings asyncio, 0.1 s of a command's start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from monitor.errors import ConfigurationError
from monitor.settings.load import ENV_PREFIX, Settings


class _Sourced(Settings, BaseSettings):
    """The same, read from the environment first and from the file's values after it."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature, as the two below
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


def overridden(content: Mapping[str, Any]) -> Settings:
    """The settings of the environment, and of `content` where it says nothing. ConfigurationError for a section not in JSON."""
    try:
        return _Sourced(**content)
    except SettingsError as error:
        raise ConfigurationError(f"environment: {error}: give the whole section as JSON") from None
