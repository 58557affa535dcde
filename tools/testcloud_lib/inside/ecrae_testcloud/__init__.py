# SPDX-License-Identifier: Apache-2.0

"""Stand-ins for the hypervisors, the network and the guests of a cloud."""
