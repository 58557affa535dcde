# SPDX-License-Identifier: Apache-2.0

"""A real OpenStack on one machine, with nothing but the standard library.

What runs inside the cloud's own environment lies in ``inside/``; what talks
to its APIs is ``seed.py``, run by that environment's Python.
"""
