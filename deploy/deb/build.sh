#!/bin/sh
# build.sh ARCH: dist/drsn-agent_VERSION_ARCH.deb, for amd64 or arm64, from wheels: nothing is
# compiled, so that any machine builds for both. PYTHON has pip; DEB_PYTHON is the target's Python
# (Debian 12: 3.11), which the wheels and the package's dependency are for.
set -eu
cd "$(dirname "$0")/../.."
arch=$1
python=${PYTHON:-python3}
for_python=${DEB_PYTHON:-3.11}
next_python=3.$((${for_python#3.} + 1))
case $arch in
  amd64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
  *) echo "build.sh: found $arch, expected amd64 or arm64" >&2; exit 1 ;;
esac
version=$($python -c 'import agent; print(agent.__version__)')
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

build=build/deb-$arch
root=$build/root
lib=$root/opt/drsn-agent/lib
doc=$root/usr/share/doc/drsn-agent
rm -rf "$build" build/lib # where setuptools keeps modules that are gone

# The agent and what it needs, as the target has it; what pip cannot know of it stays out.
# Every package comes by its hash. The agent comes by its name: from a path pip would note the path.
$python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$build/wheel" .
install_to_lib() {
  $python -m pip install --quiet --no-compile --no-deps --only-binary=:all: --target "$lib" \
    --implementation cp --python-version "$for_python" \
    --platform "manylinux_2_28_$machine" --platform "manylinux_2_27_$machine" \
    --platform "manylinux_2_17_$machine" --platform "manylinux2014_$machine" "$@"
}
install_to_lib --require-hashes -r requirements/box.lock
install_to_lib --no-index --find-links "$build/wheel" "drsn-agent==$version"
$python -m pip list --path "$lib" --format=freeze >"$build/vendored.txt"
rm -r "${lib:?}/bin" # commands of its own that nobody needs, with the build machine's Python in them
find "$lib" -type d -name tests -prune -exec rm -r {} +
find "$lib" -type f -exec chmod 0644 {} +

install -D -m 0755 deploy/deb/drsn-agent "$root/opt/drsn-agent/bin/drsn-agent"
install -d "$root/usr/bin"
ln -s /opt/drsn-agent/bin/drsn-agent "$root/usr/bin/drsn-agent"
install -D -m 0644 deploy/drsn-agent.service "$root/lib/systemd/system/drsn-agent.service"
install -D -m 0644 deploy/config.yaml "$root/etc/drsn-agent/config.yaml"
install -d -m 0700 "$root/etc/drsn-agent/secrets"
install -D -m 0644 deploy/deb/lintian-overrides "$root/usr/share/lintian/overrides/drsn-agent"
install -D -m 0644 -t "$doc" README.md config.example.yaml deploy/deb/copyright "$build/vendored.txt"
install -D -m 0644 -t "$doc/docs" docs/*.md
gzip -9nc CHANGELOG.md >"$doc/CHANGELOG.md.gz"
printf 'drsn-agent (%s) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' "$version" \
  "$(sed -n 's/^Maintainer: //p' deploy/deb/control)" "$(date -uRd "@$SOURCE_DATE_EPOCH")" |
  gzip -9n >"$doc/changelog.gz"
install -d "$root/usr/share/man/man1"
$python -m deploy.deb.manual | gzip -9nc >"$root/usr/share/man/man1/drsn-agent.1.gz"

share=$root/usr/share
install -d "$share/bash-completion/completions" "$share/zsh/vendor-completions" \
  "$share/fish/vendor_completions.d"
$python -m agent completion bash >"$share/bash-completion/completions/drsn-agent"
$python -m agent completion zsh >"$share/zsh/vendor-completions/_drsn-agent"
$python -m agent completion fish >"$share/fish/vendor_completions.d/drsn-agent.fish"

install -d "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@PYTHON@/$for_python/" \
  -e "s/@NEXT@/$next_python/" -e "s/@SIZE@/$(du -sk --apparent-size "$root" | cut -f1)/" \
  deploy/deb/control >"$root/DEBIAN/control"
echo /etc/drsn-agent/config.yaml >"$root/DEBIAN/conffiles"
install -m 0755 -t "$root/DEBIAN" deploy/deb/postinst deploy/deb/prerm deploy/deb/postrm
find "$root" -type d ! -name secrets -exec chmod 0755 {} +
(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) \
  >"$build/md5sums"
install -m 0644 "$build/md5sums" "$root/DEBIAN/md5sums"
mkdir -p dist
dpkg-deb -Zxz -z3 --root-owner-group --build "$root" dist
