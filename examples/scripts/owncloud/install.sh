#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
set -eu
release=https://download.owncloud.com/server/stable/owncloud-complete-latest.tar.bz2
curl --fail --silent --show-error --location "$release" |
    tar --extract --bzip2 --directory /var/www/html
chown -R www-data:www-data /var/www/html/owncloud
