"""Metrics, health, log and traces, taken from outside of the stages. Alone imports prometheus_client, opentelemetry."""
