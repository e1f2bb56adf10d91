"""Methods are data: packs in YAML, checked, hashed and described here; what they compute is in `monitor.core.components`."""
