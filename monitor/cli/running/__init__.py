"""The daemon and what people ask of it: how it is, what alerts, what was refused."""
