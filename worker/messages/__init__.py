"""Bytes to messages and back, by the contracts in `schemas`. Of ours it knows settings, the values and errors."""
