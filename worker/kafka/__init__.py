"""Kafka in and out. The only room that imports kafka; of ours it knows settings, the values and errors."""
