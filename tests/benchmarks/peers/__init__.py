"""What users would pick instead, each as its documentation shows it, and at its best settings with PEER_TUNED=1.

Each file is a program of its own that runs in an environment of its own; it is told by PEER_… variables.
"""
