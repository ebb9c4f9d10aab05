"""django CMS as its documentation sets it up."""
from common import *

INSTALLED_APPS = DJANGO_APPS + [
    'cms',
    'menus',
    'treebeard',
    'sekizai',
    'filer',
    'easy_thumbnails',
    'djangocms_text',
]
MIDDLEWARE = MIDDLEWARE + [
    'cms.middleware.user.CurrentUserMiddleware',
    'cms.middleware.page.CurrentPageMiddleware',
    'cms.middleware.toolbar.ToolbarMiddleware',
    'cms.middleware.language.LanguageCookieMiddleware',
]
TEMPLATES = templates(['sekizai.context_processors.sekizai', 'cms.context_processors.cms_settings'])
LANGUAGES = [('en', 'English'), ('de', 'German')]
CMS_TEMPLATES = [('page.html', 'Page')]
CMS_CONFIRM_VERSION4 = True
X_FRAME_OPTIONS = 'SAMEORIGIN'
CMS_PERMISSION = True
THUMBNAIL_HIGH_RESOLUTION = True
