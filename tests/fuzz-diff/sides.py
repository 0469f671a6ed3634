"""Those who build the cases: cooper, in each of its identities, and BuildKit in the chroot of the peers."""
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.environ.get("SHARED", os.path.join(HERE, "../../../shared"))
CHROOT = os.environ.get("PEERS", "/opt/peers")
COOPER = os.path.realpath(os.environ.get("COOPER", "build/cooper"))
LONGEST = 120  # seconds of a build
SECRET = "sesame\nopen\n"  # of --secret id=token
IMAGES = ["busybox", "rich", "trigger"]  # below the cases: base.sh, rich.Dockerfile


@dataclass
class Built:
    archive: str
    refused: str  # the words, or nothing


def in_peers(*words, **more):
    return subprocess.run([os.path.join(SHARED, "peers/setup-peers"), *words], stdin=subprocess.DEVNULL, capture_output=True, **more)


def ready(identities):
    return os.path.exists(os.path.join(SHARED, "tools/image-diff")) and (identities or (
        os.path.exists(os.path.join(SHARED, "peers/setup-peers")) and shutil.which("skopeo") and in_peers("docker", "info").returncode == 0))


def build(words, env, log):
    """Nothing, or why it was refused. A build that does not end is killed, with the group of its processes."""
    with open(log, "wb") as out:
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True)
        try:
            status = child.wait(LONGEST)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 15)
            child.wait()
            return f"not ended after {LONGEST} s"
    with open(log, errors="replace") as text:
        return status and (text.read().strip() or f"status {status}") or ""


class Cooper:
    def __init__(self, world, name="cooper", prefix=(), env=()):
        self.world, self.name, self.prefix = world, name, list(prefix)
        self.env = {**os.environ, **dict(env), "NO_COLOR": "1"}
        self.env["FUZZ_DIFF_SECRET"] = SECRET
        self.env.pop("SOURCE_DATE_EPOCH", None)

    def images(self):
        return [word for i in IMAGES for word in ("--build-context", f"{i}=oci-layout://{self.world.scratch}/{i}:latest") if os.path.exists(f"{self.world.scratch}/{i}")]

    def make_image(self, name):
        """One of the other images below the cases, from rich.Dockerfile."""
        done = subprocess.run([COOPER, "build", "--quiet", *self.images(), "--target", name, "-f", os.path.join(HERE, "rich.Dockerfile"), "-t", f"{name}:latest", "--output", f"type=oci,dest={self.world.scratch}/{name},tar=false", self.world.scratch], env=self.env, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)

    def build(self, one, fresh=False):
        """fresh: with a store that is new."""
        out = os.path.join(self.world.out(self.name), "image.tar")
        env = {**self.env, "COOPER_ROOT": tempfile.mkdtemp(dir=self.world.scratch)} if fresh else self.env
        refused = build([*self.prefix, COOPER, "build", "--progress", "plain", *self.images(), *one.arguments(f"{self.world.scratch}/context"),
                         "-t", "fuzz:case", "--output", "type=image", "--output", f"type=docker-archive,dest={out}", f"{self.world.scratch}/context"], env, out + ".log")
        if fresh:
            subprocess.run([COOPER, "prune", "--all", "--quiet"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            shutil.rmtree(env["COOPER_ROOT"])
        return Built(out, refused)


class Clean(Cooper):
    """One that remembers nothing."""

    def build(self, one, fresh=True):
        return super().build(one, fresh=True)


class BuildKit:
    name = "BuildKit"

    def __init__(self, world):
        self.world, self.tag = world, "fuzz-diff-%d" % os.getpid()
        for i in IMAGES:
            archive = os.path.join(world.scratch, i + ".tar")
            subprocess.run(["skopeo", "copy", "-q", f"oci:{world.scratch}/{i}:latest", f"docker-archive:{archive}:{self.tag}:{i}"], check=True)
            in_peers("docker", "load", "-q", "-i", self.inside(archive), check=True)

    def inside(self, path):
        return path.removeprefix(CHROOT)

    def build(self, one, fresh=False):
        """fresh: without the cache."""
        out = os.path.join(self.world.out(self.name), "image.tar")
        context = self.inside(f"{self.world.scratch}/context")
        refused = build([os.path.join(SHARED, "peers/setup-peers"), "docker", "buildx", "build", "--progress", "plain", "--network=host", "--provenance=false", "--load",
                         *[word for i in IMAGES for word in ("--build-context", f"{i}=docker-image://{self.tag}:{i}")], *one.arguments(context), *(["--no-cache"] if fresh else []), "-t", f"{self.tag}:case", context], {**os.environ, "FUZZ_DIFF_SECRET": SECRET}, out + ".log")
        if "Cannot connect to the Docker daemon" in refused:
            sys.exit("dockerd is gone, perhaps by this case:\n" + one.text())
        if refused:
            return Built(out, refused)
        if os.path.exists(out):
            os.remove(out)
        saved = in_peers("docker", "save", "-o", self.inside(out), f"{self.tag}:case")
        in_peers("docker", "image", "rm", "-f", f"{self.tag}:case")
        if b"empty export - not implemented" in saved.stderr:  # this engine saves no image without layers
            shutil.copy(os.path.join(self.world.out("cooper"), "image.tar"), out)
        elif saved.returncode:
            raise RuntimeError(saved.stderr.decode(errors="replace"))
        return Built(out, "")

    def close(self):
        in_peers("docker", "image", "rm", "-f", *[f"{self.tag}:{i}" for i in IMAGES])


class World:
    """A scratch directory within the peers' chroot, if there is one, with the base image; everything made goes with it."""

    def __enter__(self):
        top = os.path.join(CHROOT, "var/tmp")
        self.scratch, self.peers = tempfile.mkdtemp(prefix="fuzz-diff.", dir=top if os.path.isdir(top) else "/var/tmp"), None
        os.chmod(self.scratch, 0o755)
        try:
            subprocess.run(["bash", os.path.join(HERE, "base.sh"), self.scratch], check=True)
            for name in IMAGES[1:]:
                self.cooper().make_image(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.peers:
            self.peers.close()
        subprocess.run([COOPER, "prune", "--all", "--quiet"], env=self.cooper().env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.scratch)

    def out(self, name):
        directory = os.path.join(self.scratch, "out." + name)
        if not os.path.isdir(directory):
            os.mkdir(directory)
            os.chmod(directory, 0o777)
        return directory

    def cooper(self):
        return Cooper(self, env=[("COOPER_ROOT", self.scratch + "/store"), ("HOME", self.scratch)])

    def clean(self):
        return Clean(self, "clean", env=[("HOME", self.scratch)])

    def buildkit(self):
        self.peers = BuildKit(self)
        return self.peers

    def identities(self):
        """Root against each of the others; as_user of tests/cli/common.bash says who they are."""
        def user(kind):
            script = f'bats_require_minimum_version() {{ :; }}; . {HERE}/../cli/common.bash; SUITE_DIR={self.scratch}; export SUITE_DIR; as_user {kind} "$@"'
            return Cooper(self, kind, ["bash", "-c", script, "bash"])
        return [(self.cooper(), user("subids")), (self.cooper(), user("single"))]
