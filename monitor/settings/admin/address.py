"""Where this host's process listens, found without the models: a health check asks every few seconds, and they cost a second.

What it finds is what `load_settings` would find; a test holds the two together.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from monitor.errors import ConfigurationError

_DEFAULTS: dict[str, Any] = {"host": "127.0.0.1", "port": 9464}
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - asked of, not bound to

_TLS_VARIABLES = "RESERVE_HTTP__TLS__"


def admin_address(path: Path | None) -> str:
    """`http://host:port`, or https, by environment, file and default; ConfigurationError for what cannot be read."""
    section = _DEFAULTS | _of_file(path) | _of_environment()
    host = _EVERYWHERE.get(str(section["host"]), str(section["host"]))
    scheme = "https" if section.get("tls") or any(name.startswith(_TLS_VARIABLES) for name in os.environ) else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{section['port']}"


def _of_file(path: Path | None) -> dict[str, Any]:
    import yaml

    from monitor.nesting import refuse_deep

    asked = path or os.environ.get("RESERVE_CONFIG") or "reserve.yaml"
    try:
        text = Path(asked).read_text(encoding="utf-8")
        refuse_deep(text)
        content = yaml.safe_load(text)
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError, ValueError) as error:  # also bytes that are no text, and a date that is none
        raise ConfigurationError(f"{asked}: cannot be read ({error}): see `reserve-monitor config check`") from None
    return _mapping(content.get("http") if isinstance(content, dict) else None)


def _of_environment() -> dict[str, Any]:
    found: dict[str, Any] = {}
    if text := os.environ.get("RESERVE_HTTP"):
        try:
            found = _mapping(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"environment: RESERVE_HTTP: {error}: give the whole section as JSON") from None
    return found | {key: os.environ[name] for key in _DEFAULTS if (name := f"RESERVE_HTTP__{key.upper()}") in os.environ}


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
