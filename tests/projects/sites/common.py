"""Settings that every site here has: a private server, found by the environment; static files and mail go nowhere."""
import os

SECRET_KEY = 'of a test'
DEBUG = False
ALLOWED_HOSTS = ['*']
USE_TZ = True
TIME_ZONE = 'UTC'
LANGUAGE_CODE = 'en'
STATIC_URL = '/static/'
MEDIA_URL = '/media/'
MEDIA_ROOT = os.path.join(os.environ['SITE_FOLDER'], 'media')
ROOT_URLCONF = os.environ['SITE'] + '_urls'
EMAIL_BACKEND = 'django.core.mail.backends.dummy.EmailBackend'
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
PASSWORD_HASHERS = ['django.contrib.auth.hashers.MD5PasswordHasher']
DATABASES = {
    'default': {
        'ENGINE': 'django.db.backends.postgresql',
        'NAME': os.environ['PGDATABASE'],
        'USER': 'postgres',
        'HOST': os.environ['PGHOST'],
        'PORT': os.environ['PGPORT'],
    }
}
MIDDLEWARE = [
    'django.contrib.sessions.middleware.SessionMiddleware',
    'django.middleware.locale.LocaleMiddleware',
    'django.middleware.common.CommonMiddleware',
    'django.middleware.csrf.CsrfViewMiddleware',
    'django.contrib.auth.middleware.AuthenticationMiddleware',
    'django.contrib.messages.middleware.MessageMiddleware',
]
DJANGO_APPS = [
    'django.contrib.admin',
    'django.contrib.auth',
    'django.contrib.contenttypes',
    'django.contrib.sessions',
    'django.contrib.messages',
    'django.contrib.sites',
    'django.contrib.staticfiles',
    'django.contrib.postgres',
]
SITE_ID = 1


def templates(processors):
    """TEMPLATES with Django's own context processors and these."""
    own = ['debug', 'request', 'i18n', 'media', 'static', 'tz']
    names = [f'django.template.context_processors.{name}' for name in own]
    names += ['django.contrib.auth.context_processors.auth', 'django.contrib.messages.context_processors.messages']
    return [
        {
            'BACKEND': 'django.template.backends.django.DjangoTemplates',
            'APP_DIRS': True,
            'DIRS': [os.path.join(os.environ['SITE_FOLDER'], folder) for folder in ('templates', 'mysite/templates')],
            'OPTIONS': {'context_processors': names + processors},
        }
    ]
