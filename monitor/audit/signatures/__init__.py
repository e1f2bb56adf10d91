"""Signatures: the keys, what people sign together, what an authority says of the time."""
