"""The model folder: reading, writing, exporting and pushing it. May import preprocessing.

Besides it imports errors, output, and the manifest of schemas.
"""
