"""Streams of events, through Apache Kafka: a table's events published, and what applies events of a topic."""
