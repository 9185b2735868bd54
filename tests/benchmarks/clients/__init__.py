"""Loops without a model, whose CPU is counted: what Kafka and JSON cost in the ways that people write such a loop.

Each file is a program of its own; it is told by CLIENT_… variables.
"""
