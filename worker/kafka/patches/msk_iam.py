"""SASL AWS_MSK_IAM with credentials that are looked for once, and a region that the broker's name tells.

What the client does: for each connection it looks for credentials anew, on the thread that sends the heartbeats; those
of a role are fetched over the network each time. The region it takes from AWS_DEFAULT_REGION or a profile alone, not
from AWS_REGION, which most of AWS sets. Where there are no credentials it fails with an AttributeError.
Since: 2.1.0, which brought the mechanism.
Without the patch: a worker in a container of AWS needs one variable more than every other tool, and is not told.
Upstream: no issue found.
"""

import os
import re
from typing import Any, ClassVar

from kafka.errors import KafkaConnectionError
from kafka.net.sasl import register_sasl_mechanism
from kafka.net.sasl.msk import AwsMskIamClient, SaslMechanismAwsMskIam

from worker.errors import UserError
from worker.kafka.fatal_errors import FatalConnectionError

_BROKER_OF_MSK = re.compile(r"\.kafka(?:-serverless)?\.([a-z]{2,}(?:-[a-z]+)+-\d+)\.")


class MskIam(SaslMechanismAwsMskIam):  # type: ignore[misc]
    """The mechanism, with the session of this process."""

    session: ClassVar[Any]

    def _build_client(self) -> AwsMskIamClient:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            credentials = self.session.get_credentials().get_frozen_credentials()  # renewed before they expire
        except (BotoCoreError, ClientError) as error:
            raise KafkaConnectionError(f"AWS gives no credentials ({error})") from error
        return AwsMskIamClient(
            host=self.host,
            access_key=credentials.access_key,
            secret_key=credentials.secret_key,
            region=self._region(),
            token=credentials.token,
        )

    def _region(self) -> str:
        """Of the broker, whose name tells it; a name of your own does not."""
        if found := _BROKER_OF_MSK.search(self.host):
            return found[1]
        region: str | None = os.environ.get("AWS_REGION") or self.session.get_config_variable("region")
        if not region:
            raise FatalConnectionError(f"{self.host} does not tell its AWS region", "set AWS_REGION")
        return region


def use_aws_credentials() -> None:
    """Let the clients of this process sign in with the credentials that AWS's own tools would use here.

    Raises:
        UserError: There are none, or botocore, which finds them, is not installed.
    """
    try:
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    except ImportError as error:
        raise UserError(
            "EMOTION_SASL_MECHANISM=AWS_MSK_IAM needs botocore", "pip install 'emotion-labeller[aws]'"
        ) from error
    session, reason = Session(), "there are none"
    try:
        found = session.get_credentials()
    except BotoCoreError as error:
        found, reason = None, str(error)
    if found is None:
        raise UserError(
            f"no AWS credentials for EMOTION_SASL_MECHANISM=AWS_MSK_IAM ({reason})",
            "give this container or machine a role, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        )
    MskIam.session = session
    register_sasl_mechanism("AWS_MSK_IAM", MskIam, overwrite=True)
