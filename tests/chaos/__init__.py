"""Proof of delivery by breaking it: faults in a continuous stream, and a checker of what a reader saw."""
