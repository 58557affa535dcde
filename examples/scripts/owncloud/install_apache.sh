#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes apache2 libapache2-mod-php php-mysql php-gd php-curl \
    php-zip php-xml php-mbstring php-intl
