"""What a peer is told."""

import os

SERVERS, INPUT, OUTPUT, GROUP, MODEL = (
    os.environ[f"PEER_{name}"] for name in ("SERVERS", "INPUT", "OUTPUT", "GROUP", "MODEL")
)
TUNED = os.environ["PEER_TUNED"] == "1"
BATCH = 32  # texts at once, where a peer batches
