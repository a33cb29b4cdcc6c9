#!/bin/sh
# Installs a Debian release with some packages into a folder, unless that folder is there.
# Runs as root in a mount namespace of its own, so that its mounts end with it, however it ends:
#   flock LOCK unshare --mount sh make-root.sh FOLDER RELEASE MIRROR PACKAGE...
set -eu
exec 2>&1
folder=$1 release=$2 mirror=$3 root=$1.making
shift 3
[ ! -d "$folder" ] || exit 0
rm -rf "$root" # of a run that was interrupted; nothing is mounted there
# The script for sid serves every release, those as well that this debootstrap does not know yet.
debootstrap --variant=minbase "$release" "$root" "$mirror" /usr/share/debootstrap/scripts/sid
cp /etc/hosts "$root/etc/hosts"
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d" && chmod +x "$root/usr/sbin/policy-rc.d" # start no service
echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/no-sync"
echo 'Acquire::Check-Valid-Until "false";' > "$root/etc/apt/apt.conf.d/no-valid-until" # testing is not always renewed in time
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc" # packages look into it while they are installed
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
chroot "$root" apt-get update -qq
chroot "$root" apt-get install -y -qq --no-install-recommends "$@"
chroot "$root" apt-get clean
mv "$root" "$folder"
