# tests/fuzz-diff/base.sh DIR - the image below the cases, as an OCI layout DIR/busybox: one busybox and a few awkward things.
bats_require_minimum_version() { :; }
. "$(dirname "$0")/../cli/common.bash"
umask 022
root=$1/root
busybox_root "$root"
cd "$root"
mkdir -p proc sys dev mnt usr/lib l/real/sub l/private l/sgid
touch etc/hosts etc/resolv.conf
ln -s usr/lib lib
echo in >l/real/in
echo file >l/file
ln -s file l/flink
ln -s real l/rel
ln -s /l/real l/abs
ln -s ../../l/real l/up
ln -s rel l/twice
ln -s /tmp l/out
ln -s loop l/loop
ln -s nowhere l/dangling
ln -s /gone/deep l/gone
ln l/file l/second
mkfifo l/fifo
chmod 0700 l/private
chmod 2775 l/sgid
cp l/file l/setid
chmod 4755 l/setid
oci_layout "$1/busybox" latest "$root"
rm -rf "$root"
