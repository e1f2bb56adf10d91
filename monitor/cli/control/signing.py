"""Proposals that people sign: their keys, and the files that go from one to the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.audit.signatures.keys import PrivateKey
    from monitor.settings.load import Settings


def approver(settings: Settings, name: str) -> str:
    """The public key of an approver; UsageError for one that is not configured."""
    known = settings.controls.approvers
    if name not in known:
        raise UsageError(f"{name} is not in controls.approvers: {', '.join(known) or 'nobody is'}")
    return known[name]


def private_key(settings: Settings, name: str, path: Path) -> PrivateKey:
    """The key in a file, which must be the configured one of that person."""
    from monitor.audit.signatures.keys import read_keyring

    public, key = approver(settings, name), read_keyring([path]).keys[0]
    if key.public.text != public:
        raise UsageError(f"{path} is not the key of {name}: controls.approvers has {public}, this one is {key.public.text}")
    return key


def read(path: Path) -> dict[str, Any]:
    """A JSON object in a file; UsageError for anything else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path}: holds no JSON object")
    return found


def write(path: Path, made: Mapping[str, Any], *, new: bool = False) -> None:
    """A proposal into a file; `new`: into one that is not there yet."""
    try:
        with path.open("x" if new else "w", encoding="utf-8") as file:
            file.write(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror})") from None
