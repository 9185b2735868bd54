"""Which reasons of dead letters a message's bytes alone cannot have."""

from schemas.dead_letter import Reason

REASONS_OF_THE_WORKER = {
    Reason.MESSAGE_TOO_LARGE,
    Reason.NULL_KEY_AND_VALUE,
    Reason.LABEL_TOO_LARGE,
    Reason.REFUSED_BY_TOPIC,
    Reason.MODEL_FAILED,
}
