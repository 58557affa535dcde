# SPDX-License-Identifier: Apache-2.0

"""Post-copy up to criu's command line."""

import pytest

from ecrae import exception
from ecrae.migration import job as jobs
from ecrae.privsep import criu as privileged


#: What criu does when the tree that it restores is killed under it.
_FOR_EVER = 'time.sleep(600)'


def test_a_daemon_without_pages_ends_the_restore(criu, ends):
    criu.does('lazy-pages', 'sys.exit(1)')
    criu.does('restore', _FOR_EVER)
    with pytest.raises(exception.TransferFailed, match='pages stopped coming'):
        ends.move(jobs.Mode.POST_COPY)


def test_no_server_is_left_over_as_a_zombie(criu, ends):
    job, coming = ends.move(jobs.Mode.POST_COPY)
    coming.finish(job)
    assert not privileged._running
