"""Makes each alert of docker/prometheus/alerts.yml fire and rest again on a live stack: `make alerts`."""
