# SPDX-License-Identifier: Apache-2.0

"""Entry of ``python -m testcloud_lib``; see ``commands``."""

import sys

from testcloud_lib import commands


if __name__ == '__main__':
    sys.exit(commands.main(sys.argv[1:]))
