"""What the machine leaves to a process, for worker and trainer. Imports nothing of ours."""
