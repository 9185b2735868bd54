"""The process itself: what the machine leaves to it, its memory, and signals. Imports nothing of ours."""
