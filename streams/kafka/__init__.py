"""Kafka itself: clients, topics, reading, the embedded broker."""
