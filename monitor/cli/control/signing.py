"""Proposals that people sign: their keys, and the files that go from one to the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.cli import talk
from monitor.errors import UsageError
from monitor.files import write_new, write_over

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


def left_to_second(
    act: Mapping[str, Any],
    second: str | None,
    key: Path | None,
    out: Path | None,
    config: Path | None,
    *,
    needed: bool,
    dry_run: bool,
) -> bool:
    """Whether a dismissal went into a file, signed by the one who does it, for a second to sign.

    `needed`: it counts for nothing without. UsageError where that is so, or half of what it takes is given.
    """
    if second is not None and key is not None and out is not None:
        _write_for_second(act, second, key, None if dry_run else out, config)
        return True
    if second or key or out or needed:
        raise UsageError("a dismissal that two must sign takes --by, --second, --key and --out")
    return False


def _write_for_second(act: Mapping[str, Any], second: str, key: Path, out: Path | None, config: Path | None) -> None:
    from monitor.audit.signatures.approvals import signed_by
    from monitor.settings.load import load_settings

    settings, (by,) = load_settings(config), act["by"]
    approver(settings, second)
    signed = signed_by({**act, "by": [by, second], "signatures": []}, by, private_key(settings, by, key))
    if out is None:
        talk(f"would be signed by {by}, for {second} to sign: {signed['event_id']}")
        return
    write(out, signed, new=True)
    talk(f"{out} written: {second} signs it with `reserve-monitor promote sign {out} --by {second} --key FILE`")


def read(path: Path) -> dict[str, Any]:
    """A JSON object in a file; UsageError for anything else."""
    from monitor.nesting import json_of

    try:
        found = json_of(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path}: holds no JSON object")
    return found


def write(path: Path, made: Mapping[str, Any], *, new: bool = False) -> None:
    """A proposal into a file; `new`: into one that is not there yet."""
    content = (json.dumps(made, indent=1, ensure_ascii=False) + "\n").encode()
    try:
        (write_new if new else write_over)(path, content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror})") from None
