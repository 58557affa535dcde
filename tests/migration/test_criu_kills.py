# SPDX-License-Identifier: Apache-2.0

"""criu is killed while it works on processes; they must not notice.

``benchmarks/fault_drill.py --kills N`` does it more often.
"""

from testnodes import fleet as fleets


def test_a_criu_that_is_killed_harms_no_process(one):
    found = fleets.kill_criu(one, kills=24, mib=4)
    assert len(found) == 24
    assert [each for each in found if each['wrong']] == []
