#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes mysql-server
