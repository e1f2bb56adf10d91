"""A bundle of evidence from event files: what the daemon would have journaled and published of them, sealed as if at once."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from monitor.audit.bundle import OUTPUTS, BundleWriter, Origin
from monitor.audit.checkpoints import signed
from monitor.audit.signatures.keys import Keyring
from monitor.core.engine import Engine
from monitor.core.values.canonical import canonical_bytes
from monitor.errors import UsageError
from streams.eventfiles.offline import FileLines, Rejection, statements


def export_events(
    paths: Sequence[Path],
    configuration: Mapping[str, Any],
    bundle: BundleWriter,
    origin: Origin,
    *,
    keys: Keyring,
    until_ns: int | None,
    on_rejected: Callable[[Rejection], None],
) -> None:
    """Fills the bundle from the events up to `until_ns` (None: all); `UsageError` when they say nothing of the entity."""
    engine = Engine(origin.partition, check_journal_time=origin.broker_time)
    checkpoints, lines = [], FileLines()
    with ExitStack() as stack:
        spools = {topic: stack.enter_context(tempfile.TemporaryFile()) for topic in OUTPUTS}
        with bundle.journal() as take:
            for record in statements(paths, configuration, until_ns, on_rejected, on_line=lines.note):
                take(record, None)
                for output in engine.apply(record):
                    if output.value is not None and output.entity == origin.entity:
                        spools[output.topic].write(canonical_bytes(output.value) + b"\n")
                lines.tell(engine.too_old, on_rejected)
                checkpoints += [signed(one, keys) for one in engine.checkpoints() if one["entity"] == origin.entity]
        if not checkpoints:
            raise UsageError(f"the events say nothing of {origin.entity}: is its name right?")
        for topic, spool in spools.items():
            spool.seek(0)
            with bundle.outputs(topic) as put:
                for line in spool:
                    put(json.loads(line))
        bundle.checkpoints(checkpoints)
