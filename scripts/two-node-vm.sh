#!/usr/bin/env bash
# Makes a small virtual machine with two memory nodes in the folder $1, out of Debian's packages: node 0 has the CPUs and DRAM, node 1 is
# slower memory without CPUs (a soft-reserved range that dax/kmem brings online, as CXL and persistent memory are). This Node.js is in
# its initramfs. Half a minute; needs no rights but those to download a package. scripts/test-numa.mjs boots it.
set -euo pipefail
W=$1
mkdir -p "$W/debs"
apt-cache search --names-only '^linux-image-6\.[0-9]+\.[0-9]+(-[0-9]+)?\+deb[0-9]+-amd64$' | cut -d' ' -f1 | sort -V >"$W/kernels"
KERNEL=$(tail -1 "$W/kernels")
[ -n "$KERNEL" ] || { echo "apt-cache knows no kernel of 6.1 or later: apt-get update" >&2; exit 1; }
(cd "$W/debs" && apt-get download -q "$KERNEL" >/dev/null 2>&1)
rm -rf "$W/kernel" && mkdir "$W/kernel"
dpkg -x "$W"/debs/"$KERNEL"_*.deb "$W/kernel"

R=$W/root
rm -rf "$R" && mkdir -p "$R"/{bin,dev,proc,sys,tmp,mod,app,usr/bin}
cp "$(command -v busybox)" "$R/bin/busybox"
for applet in sh mount cat ls echo mkdir sleep tar insmod poweroff stty sync timeout mke2fs; do ln -s busybox "$R/bin/$applet"; done
NODE=$(node -p process.execPath)
cp "$NODE" "$R/usr/bin/node"
# Its libraries where it looks for them; the last two are opened at run time.
{
  ldd "$NODE" | grep -oE '/[^ ]+'
  for name in libgcc_s.so.1 libpthread.so.0; do ldconfig -p | sed -n "s|.*$name (libc6,x86-64).* => ||p" | head -1; done
} | sort -u | while read -r library; do
  mkdir -p "$R$(dirname "$library")"
  cp -L "$library" "$R$library"
done
# Modules in the order of their loading; what is built in is not there.
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk libnvdimm nd_btt nfit nd_pmem dax device_dax kmem dax_hmem crc32c_generic libcrc32c crc16 mbcache jbd2 ext4; do
  file=$(find "$W/kernel" -path '*/modules/*' \( -name "$module.ko" -o -name "$module.ko.xz" \) -print -quit)
  [ -n "$file" ] || continue
  case $file in *.xz) xz -dc "$file" >"$R/mod/$module.ko" ;; *) cp "$file" "$R/mod/$module.ko" ;; esac
  echo "$module" >>"$R/mod/order"
done
cat >"$R/init" <<'INIT'
#!/bin/sh
export PATH=/bin:/usr/bin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /sys/fs/cgroup
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
mount -t cgroup2 cg /sys/fs/cgroup
echo online_movable >/sys/devices/system/memory/auto_online_blocks
while read -r m; do insmod /mod/$m.ko 2>/dev/null; done </mod/order
i=0
while [ $i -lt 100 ] && [ ! -e /sys/devices/system/node/node1/vmstat ]; do
  if [ -e /sys/bus/dax/drivers/device_dax/dax0.0 ]; then
    echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind 2>/dev/null
    echo dax0.0 >/sys/bus/dax/drivers/kmem/new_id 2>/dev/null
  fi
  sleep 0.1
  i=$((i + 1))
done
tar xf /dev/vda -C /app
# A disk for files that are not memory.
mke2fs /dev/vdb >/dev/null && mkdir -p /data && mount -t ext4 /dev/vdb /data
stty raw -echo </dev/ttyS1 2>/dev/null
cd /app
timeout 1500 node test/numa/guest.mjs >/dev/ttyS1 2>&1
echo "exit code $?" >/dev/ttyS1
sync
poweroff -f
INIT
chmod +x "$R/init"
(cd "$R" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -1) >"$W/initrd.part"
cp "$W"/kernel/boot/vmlinuz-* "$W/vmlinuz"
rm -rf "$W/kernel" "$R" "$W/debs"
mv "$W/initrd.part" "$W/initrd.gz"
