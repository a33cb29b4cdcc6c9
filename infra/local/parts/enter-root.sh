#!/bin/sh
# Becomes a program of another Debian, in its root folder, with this machine's devices, processes, temporary files
# and this repository where they are. Runs as root in a mount namespace of its own, so that its mounts end with it:
#   unshare --mount sh enter-root.sh ROOT PROGRAM [ARGUMENT...]
set -eu
root=$1
shift
repository=$(cd "$(dirname "$0")/../../.." && pwd)
for folder in /dev /proc /tmp "${TMPDIR:-/tmp}" "$repository"; do
  mkdir -p "$root$folder"
  mount --rbind "$folder" "$root$folder"
done
exec chroot "$root" "$@"
