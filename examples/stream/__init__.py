"""Complaints through Apache Kafka: published from one table, and counted, joined and scored by three applications."""
