# SPDX-License-Identifier: Apache-2.0

"""What can go wrong with the test cloud."""


class CloudError(Exception):
    """The message is for the person at the terminal."""
