"""Programs that keep versions of directories in a repository of deduplicated chunks."""

import os
import shutil

from workspace import byte_count_of, run


class Restic:
    """restic, with its defaults."""

    name = "restic"
    program = "restic"

    def __init__(self, workspace, label=""):
        self.repository = workspace.fresh(f"restic{label}")
        cache = workspace.fresh(f"restic{label}.cache")
        self.places = (self.repository, cache)
        self._environment = {
            "RESTIC_PASSWORD": "benchmark", "RESTIC_REPOSITORY": self.repository,
            "RESTIC_CACHE_DIR": cache}
        run(["restic", "init"], self._environment)

    def keep(self, directory, name, exclude="none"):
        """Stores the directory, but for what is excluded, as a version."""
        run(["restic", "backup", "--host", "host", "--tag", name, "--exclude", exclude, "."],
            self._environment, directory)

    def restore(self, name, target):
        """Writes a version to a new directory."""
        run(["restic", "restore", "latest", "--tag", name, "--target", target],
            self._environment)

    def stored(self):
        """Bytes of the repository."""
        return byte_count_of(self.repository)


class Borg:
    """borg, with zstd at level 1 and no encryption."""

    name = "borg"
    program = "borg"

    def __init__(self, workspace, label=""):
        self.repository = workspace.fresh(f"borg{label}")
        home = workspace.fresh(f"borg{label}.home")
        self.places = (self.repository, home)
        self._environment = {
            "BORG_BASE_DIR": home,
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}
        run(["borg", "init", "-e", "none", self.repository], self._environment)

    def keep(self, directory, name, exclude="none"):
        """Stores the directory, but for what is excluded, as a version."""
        run(["borg", "create", "--compression", "zstd,1", "--exclude", exclude,
             f"{self.repository}::{name}", "."], self._environment, directory)

    def restore(self, name, target):
        """Writes a version to a new directory."""
        os.mkdir(target)
        run(["borg", "extract", f"{self.repository}::{name}"], self._environment, target)

    def stored(self):
        """Bytes of the repository."""
        return byte_count_of(self.repository)


class Growth:
    """What changed directories add to a repository that has what they were made from."""

    def __init__(self, archive, base):
        self.name = archive.name
        self._archive = archive
        archive.keep(base, "base")
        self._byte_count = archive.stored()
        # With what the program notes of a repository elsewhere: it refuses one that became older.
        for place in archive.places:
            shutil.copytree(place, f"{place}.kept", symlinks=True)

    def added(self, directory, exclude="none"):
        """Bytes that the directory adds; the repository is as before then."""
        self._archive.keep(directory, "after", exclude)
        byte_count = self._archive.stored() - self._byte_count
        for place in self._archive.places:
            shutil.rmtree(place)
            shutil.copytree(f"{place}.kept", place, symlinks=True)
        return byte_count
