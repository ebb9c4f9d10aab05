"""Wagtail as `wagtail start` sets it up, with the home and search apps that it makes, and a bakery of our own."""
from common import *

INSTALLED_APPS = [
    'home',
    'search',
    'bakery',
    'wagtail.contrib.forms',
    'wagtail.contrib.redirects',
    'wagtail.contrib.settings',
    'wagtail.contrib.search_promotions',
    'wagtail.embeds',
    'wagtail.sites',
    'wagtail.users',
    'wagtail.snippets',
    'wagtail.documents',
    'wagtail.images',
    'wagtail.search',
    'wagtail.admin',
    'wagtail',
    'modelcluster',
    'taggit',
    'django_filters',
] + [app for app in DJANGO_APPS if app != 'django.contrib.sites']
MIDDLEWARE = MIDDLEWARE + ['wagtail.contrib.redirects.middleware.RedirectMiddleware']
TEMPLATES = templates(['wagtail.contrib.settings.context_processors.settings'])
WAGTAIL_SITE_NAME = 'bakery'
WAGTAILADMIN_BASE_URL = 'http://testserver'
WAGTAILSEARCH_BACKENDS = {'default': {'BACKEND': 'wagtail.search.backends.database'}}
WAGTAILDOCS_EXTENSIONS = ['pdf', 'txt']
DEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'
