"""Kafka in and out. The only room that imports kafka; of ours it knows settings, the values and errors."""

import warnings
from importlib.metadata import version

CHECKED_WITH = "3.0.12"
"""The kafka-python that `patches` was checked with."""

if (_installed := version("kafka-python")) != CHECKED_WITH:
    warnings.warn(
        f"kafka-python {_installed} is installed, but worker.kafka was checked with {CHECKED_WITH} only, and reaches "
        f"into private parts of it: install kafka-python=={CHECKED_WITH}",
        RuntimeWarning,
        stacklevel=2,
    )
