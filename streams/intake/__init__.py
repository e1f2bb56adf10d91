"""Intake: source topics in, journal statements out, every trade once (JOURNAL 3, 4); why, says `segment.segments`."""
