from django.contrib import admin
from django.urls import include, path

urlpatterns = [path('admin/', admin.site.urls), path('filer/', include('filer.urls')), path('', include('cms.urls'))]
