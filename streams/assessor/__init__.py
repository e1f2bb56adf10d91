"""The assessor: journal records in, outputs and snapshots out (JOURNAL 6, 7)."""
