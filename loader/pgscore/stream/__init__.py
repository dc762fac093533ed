"""Streams of Apache Kafka's: what comes by a topic is done in the database, once."""
