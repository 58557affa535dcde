#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Inputs: admin_user, db_host, db_name, db_user, db_password
set -eu
password=$(head -c 18 /dev/urandom | base64)
cd /var/www/html/owncloud
sudo -u www-data ./occ maintenance:install \
    --database mysql --database-host "$db_host" --database-name "$db_name" \
    --database-user "$db_user" --database-pass "$db_password" \
    --admin-user "$admin_user" --admin-pass "$password"
(umask 077 && echo "$password" > /root/owncloud-admin-password)
