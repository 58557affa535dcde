#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
set -eu
systemctl restart apache2
