"""Labels for texts that have none: by their own words, or by teachers. May import data, artifact.

Besides it imports errors and output.
"""
