import TestSupport
import Testing

/// Programs that people keep their files with: what goes through a mount by them comes back equal.
@Suite(.serialized, .enabled(if: MountRequirement.isMet, MountRequirement.comment))
struct RoundTripTests {
  private let store: MountedStore
  private var folder: TemporaryFolder { store.folder }

  /// A tree `source` beside the mount with one of everything that the tools keep.
  init() throws {
    store = try MountedStore()
    try script(
      """
      mkdir -p source/a/b source/empty; cd source
      seq 1 60000 > a/numbers; printf hello > a/b/hello; : > nothing; head -c 3M /dev/urandom > \
      noise
      ln a/numbers hard; ln -s a/b/hello soft; ln -s "$(printf 'far/%.0s' {1..200})" dangling
      mkfifo pipe; mknod device c 4 64; chmod 4755 a/b/hello; chmod 1777 empty; chown 12:34 nothing
      truncate -s 20M sparse; printf x | dd of=sparse bs=1 seek=9000000 conv=notrunc status=none
      printf odd > $'new\\nline'; printf raw > $'\\xff\\xfe'; printf long > "$(printf 'n%.0s' \
      {1..255})"
      python3 -c "import os; os.setxattr('noise', 'user.a b=%', b'\\0\\xff\\n'); os.setxattr('a', \
      'user.empty', b'')"
      find . -depth -exec touch -h -d '2021-03-04 05:06:07.123456789 UTC' {} +
      touch -h -d '1931-01-02 UTC' soft; touch -d '2021-03-04 05:06:07.987654321 UTC' a .
      """)
  }

  private func script(_ text: String) throws {
    try Program("bash", environment: ["M": store.directory + "/main"]).check(
      ["-euc", text], in: folder.path)
  }

  /// All that a tree has, but inode numbers and the sizes of directories.
  private func listing(_ directory: String) throws -> String {
    try Program("bash").check(
      [
        "-euc",
        """
        cd \(directory)
        find . -type d -printf '%p %y %m %U:%G %T@\\n' -o -printf '%p %y %m %U:%G %n %s %T@ %l\\n' |
          LC_ALL=C sort
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
        python3 -c "import os
        for d, ds, fs in sorted(os.walk(b'.')):
          for f in sorted(ds + fs):
            p = os.path.join(d, f)
            print(p, [(n, os.getxattr(p, n, follow_symlinks=False))
                      for n in sorted(os.listxattr(p, follow_symlinks=False))])"
        """,
      ], in: folder.path
    ).text
  }

  private func expectEqual(_ copies: String..., location: SourceLocation = #_sourceLocation) throws
  {
    let expected = try listing("source")
    for copy in copies {
      #expect(try listing(copy) == expected, "\(copy) differs", sourceLocation: location)
    }
  }

  @Test func `cp and tar`() throws {
    try script(
      """
      cp -a source "$M/cp"; cp -a "$M/cp" cp
      tar --xattrs --xattrs-include='*' --format=posix -S -cf - -C source . > out.tar
      mkdir "$M/tar" tar; tar --xattrs --xattrs-include='*' --numeric-owner -xpf out.tar -C "$M/tar"
      tar --xattrs --xattrs-include='*' --format=posix -S -cf - -C "$M/tar" . |
        tar --xattrs --xattrs-include='*' --numeric-owner -xpf - -C tar
      """)
    try expectEqual("mount/main/cp", "cp", "mount/main/tar", "tar")
  }

  @Test(.enabled(if: Program("rsync").isInstalled)) func rsync() throws {
    try script(
      """
      rsync -aHAX --devices --specials -S source/ "$M/rsync/"
      echo changed >> source/a/b/hello; rm source/hard
      rsync -aHAX --devices --specials -S --delete source/ "$M/rsync/"
      rsync -aHAX --devices --specials -S "$M/rsync/" rsync/
      # It leaves the time of a top in which it removed something in the same second.
      touch -r source "$M/rsync" rsync
      """)
    try expectEqual("mount/main/rsync", "rsync")
  }

  @Test(.enabled(if: Program("git").isInstalled)) func git() throws {
    try script(
      """
      export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b \
      GIT_COMMITTER_NAME=a \\
        GIT_COMMITTER_EMAIL=a@b
      git init -q "$M/work"; cd "$M/work"; cp -r "$OLDPWD/source/a" .
      git add .; git commit -qm one; echo more >> a/numbers; git mv a/b c; git commit -qam two
      git gc -q; git fsck --strict; [ -z "$(git status --porcelain)" ]
      git clone -q . ../clone; cd ../clone; git fsck --strict
      git checkout -q HEAD~1; git -C ../work checkout -q HEAD~1; diff -r --exclude=.git . ../work
      """)
  }

  @Test(.enabled(if: Program("restic").isInstalled)) func restic() throws {
    try script(
      """
      export RESTIC_PASSWORD=x RESTIC_REPOSITORY="$M/repository" RESTIC_CACHE_DIR="$PWD/cache"
      cp -a source "$M/source"; restic -q init; cd "$M/source"; restic -q backup .; cd - > /dev/null
      restic -q check --read-data; restic -q restore latest --target "$M/back"
      """)
    try script(#"cd source; find . -type f -exec cmp {} "$M/back/{}" \;; [ -p "$M/back/pipe" ]"#)
  }

  @Test(.enabled(if: Program("borg").isInstalled)) func borg() throws {
    try script(
      """
      export BORG_BASE_DIR="$PWD/base" BORG_REPO="$M/repository"
      # It keeps no time before 1970, and none of the top.
      touch -h -d '1971-01-02 UTC' source/soft
      cp -a source "$M/source"; borg init -e none; cd "$M/source"; borg create ::one .; cd - > \
      /dev/null
      borg check --verify-data; mkdir "$M/back"; cd "$M/back"; borg extract --sparse ::one
      touch -d '2021-03-04 05:06:07.987654321 UTC' .
      """)
    try expectEqual("mount/main/back")
  }
}
