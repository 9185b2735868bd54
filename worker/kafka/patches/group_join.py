"""Joining a group: what it agreed on is taken, and a coordinator that cannot be reached is looked for anew.

What the client does:
- It joins anew because the topic has more partitions, takes note of them half-way, and sees no more reason to join. If
  a poll ends there, and the next one looks, nobody ever takes the assignment: it polls for ever as no member.
- It throws away what was agreed on between two polls, and begins again.
- A coordinator that died meanwhile it asks again, and drops only once connections to it are refused. Where something in
  front of the broker takes them nevertheless (a load balancer, a sidecar, a tunnel), that is when it is back.
- One that falls silent it waits for as long as other members may take to join, `max_poll_interval_ms`.
Since: 3.0.0, which joins in a task of its own.
Without the patch: partitions that nobody reads, until `max_poll_interval_ms` or for ever.
Upstream: no issue found of 3.0; #1134 and #2373 tell of like symptoms in older versions.
"""

from kafka.coordinator.base import BaseCoordinator
from kafka.errors import Cancelled, KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError
from kafka.structs import MemberState

_join_once = BaseCoordinator._do_join_and_sync_async


async def join_and_sync(coordinator: BaseCoordinator) -> bytes:
    """Join the group; returns the assignment as it came.

    A coordinator is asked again after each session time-out. To one that is well the same member may say twice that it
    joins.
    """
    generation, assignment = coordinator.__dict__.pop("_agreed", (None, b""))
    if generation is coordinator._generation and coordinator.state is MemberState.REBALANCING:
        return bytes(assignment)
    coordinator.request_rejoin()  # until it is through
    manager, node_id = coordinator._manager, coordinator.coordinator_id
    try:
        attempt = manager.call_soon(_join_once, coordinator)
        assignment = await manager.wait_for(attempt, coordinator.config["session_timeout_ms"])
    except (Cancelled, KafkaConnectionError, KafkaTimeoutError, RequestTimedOutError) as error:
        for connection in {manager._conns.get(node_id), manager._conns.get(coordinator.coordinator_id)} - {None}:
            connection.close(error)  # which ends the attempt as well
        coordinator.coordinator_dead(error)
        raise
    coordinator._agreed = coordinator._generation, assignment
    return bytes(assignment)
