"""A private PostgreSQL on loopback for tests: initdb in a directory of its own, as an unprivileged user, without fsync of its own making."""
import glob, os, pwd, shutil, socket, subprocess, tempfile, time


def find():
    """The newest installed server's folder of programs; None where there is none."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda p: int(p.split("/")[4]))
    return os.path.dirname(found[-1]) if found else None


class Postgres:
    def __init__(self):
        self.bin = find()
        self.dir = tempfile.mkdtemp(prefix="gw-pg-")
        os.chmod(self.dir, 0o755)
        self.user = None
        if os.getuid() == 0:
            self.user = next(u for u in ("postgres", "nobody") if self.exists(u))
            shutil.chown(self.dir, self.user)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.data = os.path.join(self.dir, "data")
        self.process = None
        self.run(os.path.join(self.bin, "initdb"), "-D", self.data, "-U", "gpuwise", "--auth=trust", "-E", "UTF8", "--locale=C")
        self.start()

    @staticmethod
    def exists(user):
        try:
            pwd.getpwnam(user)
            return True
        except KeyError:
            return False

    def command(self, args):
        return (["setpriv", "--reuid=" + self.user, "--regid=" + str(pwd.getpwnam(self.user).pw_gid), "--clear-groups"] if self.user else []) + list(args)

    def run(self, *args):
        subprocess.run(self.command(args), check=True, cwd=self.dir, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120)

    def start(self):
        with open(os.path.join(self.dir, "log"), "ab") as log:
            self.process = subprocess.Popen(self.command([os.path.join(self.bin, "postgres"), "-D", self.data, "-p", str(self.port), "-h", "127.0.0.1", "-k", self.dir]),
                                            cwd=self.dir, stdout=subprocess.DEVNULL, stderr=log)
        deadline = time.time() + 60
        while subprocess.run(self.command([os.path.join(self.bin, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]), cwd=self.dir, timeout=20).returncode:
            if self.process.poll() is not None or time.time() > deadline:
                raise RuntimeError("PostgreSQL did not start; see " + os.path.join(self.dir, "log"))
            time.sleep(0.1)

    def halt(self):
        """At once, as in a crash."""
        if self.process and self.process.poll() is None:
            subprocess.run(self.command([os.path.join(self.bin, "pg_ctl"), "-D", self.data, "-m", "immediate", "stop"]), cwd=self.dir, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=60)
            self.process.wait(60)

    def database(self, name):
        self.run(os.path.join(self.bin, "createdb"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "gpuwise", name)
        return "postgres://gpuwise@127.0.0.1:%d/%s" % (self.port, name)

    def stop(self):
        self.halt()
        shutil.rmtree(self.dir, ignore_errors=True)
