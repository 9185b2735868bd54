"""What drift is measured against."""

from pathlib import Path

import pytest

from schemas.manifest import ModelManifest


def test_the_manifest_holds_what_drift_is_measured_against(artifact: Path) -> None:
    manifest = ModelManifest.read(artifact)
    assert manifest is not None
    reference = manifest.reference
    assert reference is not None

    assert set(reference.labels) == set(manifest.labels)
    for shares in (list(reference.labels.values()), reference.scores.shares, reference.tokens.shares):
        assert sum(shares) == pytest.approx(1)
    assert len(reference.tokens.edges) == len(reference.tokens.shares) + 1
    assert 0 <= reference.unknown_token_share < 0.5
