"""Streams, through a real Apache Kafka: the lane `make test-streams`."""
