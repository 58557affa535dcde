# SPDX-License-Identifier: Apache-2.0

"""Machines to migrate between, made of namespaces on this one.

A node has its own mount, pid, network, uts and ipc namespaces, a Debian
userland with a CRIU that works on recent kernels, and an init that reaps.
Two nodes are joined by a veth whose rate and delay can be set, or which
can be cut. Everything a node holds goes when it stops.
"""
