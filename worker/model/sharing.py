"""Which texts may share a batch: labels never depend on the neighbours."""

from enum import StrEnum


class Sharing(StrEnum):
    """What a model needs so that a text gets the scores that it gets alone."""

    ANY_LENGTHS = "any_lengths"  # the shorter ones are padded
    EQUAL_LENGTHS = "equal_lengths"  # padding changes the scores: there is none
    NO_OTHERS = "no_others"  # other texts change the scores
