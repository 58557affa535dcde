# SPDX-License-Identifier: Apache-2.0

"""Tests on a real OpenStack; see doc/source/contributor/testcloud.rst."""
