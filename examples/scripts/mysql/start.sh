#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
set -eu
# The web server is on another machine.
printf '[mysqld]\nbind-address = 0.0.0.0\n' > /etc/mysql/conf.d/listen.cnf
systemctl restart mysql
