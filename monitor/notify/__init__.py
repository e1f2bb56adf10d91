"""Channels that tell people: one module a channel, none of them knows Kafka."""
