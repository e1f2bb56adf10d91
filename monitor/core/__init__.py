"""The pure core: standard library only, no I/O, no clock, no logging. Its one door is `monitor.core.engine`."""
