"""Which reasons of dead letters the bytes of a JSON message alone cannot have."""

from schemas.dead_letter import Reason

REASONS_OF_THE_WORKER = {
    Reason.MESSAGE_TOO_LARGE,
    Reason.INVALID_AVRO,
    Reason.UNKNOWN_SCHEMA,
    Reason.NULL_KEY_AND_VALUE,
    Reason.LABEL_TOO_LARGE,
    Reason.REFUSED_BY_TOPIC,
    Reason.MODEL_FAILED,
}
