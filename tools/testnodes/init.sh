#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# PID 1 of a node until tini is: makes the node's file system and enters it.
# usage: init.sh NAME LOWER PRIVATE [SOURCE:TARGET:ro|rw]...
set -eu
name=$1 lower=$2 private=$3
shift 3
root=$private/root
mount --make-rprivate /
mkdir -p "$root" "$private/upper" "$private/work" "$private/var"
mount -t overlay -o "lowerdir=$lower,upperdir=$private/upper,workdir=$private/work" node "$root"
# Overlay cannot hold every file system's state: daemons get a plain folder.
mkdir -p "$root/srv"
mount --bind "$private/var" "$root/srv"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
# Container daemons make their groups there; a node with one sees the host's.
[ ! -x "$root/usr/libexec/incus/incusd" ] && [ ! -x "$root/usr/bin/lxd" ] || mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t devtmpfs devtmpfs "$root/dev"
mkdir -p "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
# After /tmp and /run, since what is bound may lie there.
for bind in "$@"; do
    source=${bind%%:*}
    rest=${bind#*:}
    target=$root${rest%%:*}
    if [ -d "$source" ]; then mkdir -p "$target"; else mkdir -p "${target%/*}"; touch "$target"; fi
    mount --bind "$source" "$target"
    [ "${rest##*:}" = rw ] || mount -o remount,bind,ro "$target"
done
hostname "$name"
ip link set lo up
cd "$root"
mkdir -p .old
pivot_root . .old
umount -l /.old
exec /usr/bin/tini -s -g -- /bin/sleep infinity </dev/null >/dev/null 2>&1
