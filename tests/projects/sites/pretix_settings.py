"""pretix with its own settings; `pretix.cfg` names the server."""
from pretix.settings import *

PASSWORD_HASHERS = ['django.contrib.auth.hashers.MD5PasswordHasher']
