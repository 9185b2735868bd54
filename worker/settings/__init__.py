"""Every setting of the worker, a file for each group; of ours it knows errors and `schemas`."""

from worker.settings.all_settings import Settings, variable
from worker.settings.load import load_settings

__all__ = ["Settings", "load_settings", "variable"]
