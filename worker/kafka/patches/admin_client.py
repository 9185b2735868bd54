"""An admin client that learns its rights on a group that nobody has joined yet.

What the client does: asks in the newest version of DescribeGroups that the broker knows. From version 6 on (Apache
Kafka 4.0) a group without members is an error there, and the rights of the asker are left out.
Since: version 6 is in 3.0.
Without the patch: `check` cannot tell before the first start whether the worker may use its group.
Upstream: no issue found; KIP-1043 changed the answer.
"""

from kafka import KafkaAdminClient
from kafka.protocol.admin import DescribeGroupsRequest


class GroupRightsAdminClient(KafkaAdminClient):  # type: ignore[misc]
    """An admin client that learns its rights on a group that nobody has joined yet."""

    def _describe_groups_request(self, group_ids: list[str]) -> DescribeGroupsRequest:
        return DescribeGroupsRequest(groups=list(group_ids), include_authorized_operations=True, max_version=5)
