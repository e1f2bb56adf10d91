"""Intake: source topics in, journal statements out, every trade once (JOURNAL 3, 4). The argument stands in `segments`."""
