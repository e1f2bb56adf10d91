"""The reserve monitor without Kafka: the pure engine, the methods, the channels, the command line."""
