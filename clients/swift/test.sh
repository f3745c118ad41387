#!/usr/bin/env bash
# Compiles the Swift client, and runs its tests with the service at TOKENMINT_URL. Then a new project installs it from a
# repository. `make test-swift` calls this.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-$PWD/target/swift}
rm -rf "$out/new" && mkdir -p "$out/new/Sources/App"

coproc RULES { exec python3 clients/rules/server.py; }
read -r port <&"${RULES[0]}"
export RULES_URL=http://127.0.0.1:$port

build=(--disable-sandbox --scratch-path "$out/build")
tools/swift.sh swift test "${build[@]}"
# The package says Swift 5.9. The rules of Swift 6 about data races must hold, too.
tools/swift.sh swift build --disable-sandbox --scratch-path "$out/build-6" --target Tokenmint -Xswiftc -swift-version -Xswiftc 6 -Xswiftc -warnings-as-errors

# Another project, which finds the package by a repository's address and a version.
repository=$out/new/tokenmint
mkdir "$repository"
git ls-files --cached --others --exclude-standard -z | tar --create --null --files-from - | tar --extract --directory "$repository"
git -C "$repository" init --quiet
git -C "$repository" add --all
git -C "$repository" -c user.name=test -c user.email=test@example.com -c commit.gpgsign=false commit --quiet --message "the package"
git -C "$repository" tag 9.9.9
cat >"$out/new/Package.swift" <<PACKAGE
// swift-tools-version: 5.9
import PackageDescription

let package = Package(
    name: "App",
    platforms: [.macOS(.v13)],
    dependencies: [.package(url: "file://$repository", from: "9.9.9")],
    targets: [.executableTarget(name: "App", dependencies: [.product(name: "Tokenmint", package: "tokenmint")])]
)
PACKAGE
cp clients/swift/Tests/new-project.swift "$out/new/Sources/App/main.swift"
tools/swift.sh swift build --disable-sandbox --package-path "$out/new" --cache-path "$out/new/cache"
tools/swift.sh timeout 60 swift run --skip-build --disable-sandbox --package-path "$out/new" --cache-path "$out/new/cache" App | tee "$out/new/printed"
grep --quiet "^token 2 " "$out/new/printed"
