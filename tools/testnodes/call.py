# SPDX-License-Identifier: Apache-2.0

"""usage: call.py CONF   Calls agents: a line of JSON in, a line out.

A line is [METHOD, ARGUMENT...]; the answer has ``result``, or ``error`` and
``message``. Beside the agents' own methods there are:

``wait HOST ID SECONDS`` polls until a migration is over at its source.
``enact SOURCE WORKLOAD DESTINATION`` moves as the rebalancer does.
"""

import datetime
import json
import sys
import time

from oslo_config import cfg

from ecrae import exception
from ecrae import rpc
from ecrae.migration import container_moves
from ecrae.migration import rpcapi
from ecrae.model import plan


def _wait(api, host, migration_id, timeout_s):  # noqa: ANN001, ANN202
    deadline = time.monotonic() + float(timeout_s)
    while True:
        try:
            found = api.get_migration(host, migration_id)
        except exception.Unreachable:
            found = {'phase': ''}
        if found['phase'] in ('released', 'returned'):
            return found
        if time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _enact(api, source, workload, destination):  # noqa: ANN001, ANN202
    action = plan.Action(
        kind=plan.ActionKind.MIGRATE,
        workload=workload,
        source=source,
        destination=destination,
        reason='the destination draws less',
        saving_w=10.0,
        cost_j=1.0,
        started_at=datetime.datetime.now(datetime.UTC),
    )
    mover = container_moves.ContainerMover(api, poll_s=0.2)
    mover(action, cancelled=lambda: False)


def _answer(api, method, *arguments):  # noqa: ANN001, ANN002, ANN202
    try:
        if method == 'wait':
            result = _wait(api, *arguments)
        elif method == 'enact':
            result = _enact(api, *arguments)
        else:
            result = getattr(api, method)(*arguments)
    except exception.EcraeError as error:
        return {'error': type(error).__name__, 'message': str(error)}
    return {'result': result}


def main() -> None:
    """Answer each line until there are no more."""
    conf = cfg.ConfigOpts()
    conf(['--config-file', sys.argv[1]])
    api = rpcapi.AgentAPI(rpc.get_transport(conf), timeout_s=10.0)
    for line in sys.stdin:
        print(json.dumps(_answer(api, *json.loads(line))), flush=True)


if __name__ == '__main__':
    main()
