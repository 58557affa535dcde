# SPDX-License-Identifier: Apache-2.0

"""nova-compute that finds the test cloud's virt driver.

Nova loads drivers from below ``nova.virt`` only, so that package's path is
extended before it looks.
"""

import pathlib
import sys

import nova.virt
from nova.cmd import compute


def main() -> None:
    """Run nova-compute with the command line's arguments."""
    here = pathlib.Path(__file__).parent
    nova.virt.__path__.append(str(here / 'nova_virt'))
    sys.argv[0] = 'nova-compute'
    compute.main()
