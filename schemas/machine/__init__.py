"""What the machine leaves to a process: worker and trainer ask alike. Imports nothing of ours."""
