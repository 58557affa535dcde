#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inputs: db_name, db_user, db_password
set -eu
mysql <<SQL
CREATE DATABASE IF NOT EXISTS \`$db_name\`;
CREATE USER IF NOT EXISTS '$db_user'@'%' IDENTIFIED BY '$db_password';
GRANT ALL ON \`$db_name\`.* TO '$db_user'@'%';
SQL
