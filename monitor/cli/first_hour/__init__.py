"""The first hour: a broker without Apache Kafka, made events, the demo."""
