# SPDX-License-Identifier: Apache-2.0

"""``ecrae simulate`` over what a real Gnocchi remembers of a real Nova."""

import json
import time

from gnocchiclient.v1 import client

from tests import documented
from tests.cloud.testcloud import wait_for
from tests.telemetry.publisher import Publisher


#: What documents and help show of it.
SHOWN = {
    each.line
    for each in documented.everything()
    if each.line.startswith('ecrae simulate --history ')
}


def test_the_cloud_s_own_past_is_replayed(cloud, admin, name):
    server = admin.boot(name, 'm1.small')
    publisher = Publisher(client.Client(admin.sdk.session), granularity_s=1)
    began = time.time() - 1200
    # Half a core, as the cumulative nanoseconds that Ceilometer publishes.
    publisher.publish(
        'instance',
        server.id,
        'cpu',
        [(began + second, second * 0.5e9) for second in range(1200)],
        display_name=name,
    )

    def simulate(*argv):
        return cloud.execute('admin', 'ecrae', 'simulate', *argv)

    done = wait_for(
        lambda: simulate(
            '--history=0.1',
            '--interval=60',
            '--policy=none',
            '--policy=ecrae',
            '--format=json',
        ),
        # Gnocchi aggregates in its own time.
        lambda done: done.returncode == 0,
    )

    kwh = {row['policy']: row['kwh'] for row in json.loads(done.stdout)}
    assert set(kwh) == {'lower bound', 'none', 'ecrae'}
    assert 0 < kwh['lower bound'] <= kwh['ecrae'] < kwh['none']
    for line in SHOWN:
        done = simulate(*line.split()[2:])
        assert done.returncode == 0, line + done.stderr
