"""The process itself: its memory, and signals. Imports nothing of ours but schemas.machine."""
