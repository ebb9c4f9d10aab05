"""A private PostgreSQL for the scripts of this folder: made, started and removed by them."""
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path


def server_binaries():
    """Returns the folder of the newest server on PATH or where Debian puts it."""
    found = shutil.which('postgres')
    if found:
        return Path(found).parent
    folders = sorted(Path('/usr/lib/postgresql').glob('*/bin'), key=lambda folder: int(folder.parent.name))
    if not folders:
        sys.exit('no PostgreSQL found: name its folder with --bin')
    return folders[-1]


class PrivateServer:
    """A server on a unix socket in a temporary folder, with its log in a file; it runs as `postgres` where this runs as root."""

    def __init__(self, binaries, settings, prefix):
        self.folder = Path(tempfile.mkdtemp(prefix=prefix))
        self.host, self.port, self.log = str(self.folder), '5432', self.folder / 'log'
        account = {}
        if os.getuid() == 0:
            entry = pwd.getpwnam('postgres')
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            account = {'user': entry.pw_uid, 'group': entry.pw_gid}
        data = self.folder / 'data'
        subprocess.run([binaries / 'initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'],
                       check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **account)
        with open(data / 'postgresql.conf', 'a') as file:
            file.write(settings)
        self.process = subprocess.Popen([binaries / 'postgres', '-D', data, '-k', self.folder],
                                        stdout=open(self.log, 'ab'), stderr=subprocess.STDOUT, cwd=self.folder, **account)

    def stop(self):
        """Stops the server at once and removes its folder."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
