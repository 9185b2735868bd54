"""Says when a stream drifts from what its model knows, and has more of it reviewed until it does not."""

import logging
from collections.abc import Mapping

from worker.flow import Attention

_log = logging.getLogger(__name__)

_ENDS_AT = 0.8  # of the threshold: a distance that wavers about it is told once


class DriftAlarm:
    """Hears how far each feature of the stream is from the model's reference."""

    def __init__(self, threshold: float, factor: float, attention: Attention) -> None:
        """Get ready.

        Args:
            threshold: The distance from which a feature drifts.
            factor: What `attention` rises to while any does.
            attention: Those who draw texts for review look at it.
        """
        self._threshold = threshold
        self._factor = factor
        self._attention = attention
        self._drifting: set[str] = set()

    def __call__(self, distances: Mapping[str, float]) -> None:
        """Take note of the distance of each feature, from 0 to 1."""
        for feature, distance in distances.items():
            shown = round(distance, 3)
            if distance >= self._threshold and feature not in self._drifting:
                self._drifting.add(feature)
                _log.warning(
                    "drift_began",
                    extra={
                        "feature": feature,
                        "distance": shown,
                        "threshold": self._threshold,
                        "review_factor": self._factor,
                    },
                )
            elif distance < self._threshold * _ENDS_AT and feature in self._drifting:
                self._drifting.remove(feature)
                _log.info("drift_ended", extra={"feature": feature, "distance": shown, "threshold": self._threshold})
        self._attention.factor = self._factor if self._drifting else 1.0
