"""Every setting of the worker, a file for each group; of ours it knows errors and `schemas`."""

from worker.settings.load import load_settings
from worker.settings.settings import Settings, variable

__all__ = ["Settings", "load_settings", "variable"]
