"""Asks a live Prometheus every question of the Grafana dashboard, and draws the answers: `make dashboard`."""
