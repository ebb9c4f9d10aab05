"""A site on django CMS: 5,000 pages in two languages, 60,000 plugins, 30,000 files."""


def rows(filler):
    fill, sql = filler.fill, filler.cursor.execute
    fill('auth.user', 3000, is_active='true', is_superuser='false', is_staff='false')
    page = dict(site='1', is_home='false', reverse_id='null', login_required='false', application_urls='null', application_namespace='null', soft_root='false', parent='null', numchild='0', depth='1', languages="'en,de'")
    fill('cms.page', 50, **(page | dict(path="lpad(i::text, 4, '0')", numchild='100')))
    sql("select min(id) from cms_page")
    first = filler.cursor.fetchone()[0]
    fill('cms.page', 5000, **(page | dict(path="lpad((1 + i % 50)::text, 4, '0') || lpad((i / 50 + 1)::text, 4, '0')", depth='2', parent_id=f'{first} + i % 50')))
    for language in ('en', 'de'):
        sql(f"select count(*) from cms_pagecontent where language = '{language}'")
        sql(f"""insert into cms_pagecontent (language, title, page_title, menu_title, meta_description, redirect, created_by, creation_date, changed_by, changed_date, in_navigation, soft_root, template, limit_visibility_in_menu, xframe_options, page_id, slug)
            select '{language}', 'Page ' || id, 'Page ' || id, '', '', '', 'x', now() - id * interval '1 hour', 'x', now() - id * interval '1 hour', true, false, 'page.html', null, 0, id, 'p' || id from cms_page""")
        sql(f"""insert into cms_pageurl (slug, path, language, managed, page_id, site_id) select 'p' || id, case when parent_id is null then 'p' || id else 'p' || parent_id || '/p' || id end, '{language}', true, id, 1 from cms_page""")
    kind = "(select id from django_content_type where app_label = 'cms' and model = 'pagecontent')"
    sql(f"insert into cms_placeholder (slot, default_width, content_type_id, object_id) select 'content', 100, {kind}, id from cms_pagecontent")
    sql("insert into cms_cmsplugin (position, language, plugin_type, creation_date, changed_date, parent_id, placeholder_id) select p, c.language, 'TextPlugin', now(), now(), null, h.id from cms_placeholder as h join cms_pagecontent as c on c.id = h.object_id, generate_series(1, 6) as p")
    sql("insert into djangocms_text_text (cmsplugin_ptr_id, body, json, rte) select id, '<p>' || md5(id::text) || '</p>', null, '' from cms_cmsplugin")
    fill('cms.usersettings', 1000, user_id='(select min(id) from auth_user) + i - 1')
    fill('cms.pagepermission', 2000)
    fill('filer.folder', 500, parent='null', lft='2 * i', rght='2 * i + 1', tree_id='i', level='0')
    kind = "(select id from django_content_type where app_label = 'filer' and model = 'image')"
    fill('filer.file', 30000, polymorphic_ctype=kind, is_public='true', file="'f/' || i || '.png'", sha1="md5(i::text)", original_filename="'file ' || floor(r * 900) || '.png'")
    sql("insert into filer_image (file_ptr_id, date_taken, default_alt_text, default_caption, author, must_always_publish_author_credit, must_always_publish_copyright, subject_location, _width, _height) select id, now(), '', '', '', false, false, '', 800, 600 from filer_file")
    fill('easy_thumbnails.source', 30000, name="'f/' || i || '.png'", storage_hash="'x'")
    fill('easy_thumbnails.thumbnail', 60000, name="'t/' || i || '.png'", storage_hash="'x'")
    fill('admin.logentry', 50000)


def requests(pick):
    for _ in range(15):
        page = pick('cms.pageurl')
        yield f'/en/x/{page}/'
    from cms.models import PageUrl

    for url in PageUrl.objects.filter(language='en').order_by('?')[:20]:
        yield f'/{url.path}/'
    for _ in range(10):
        yield f'/admin/cms/page/{pick("cms.page")}/change/'
        yield f'/admin/cms/pagecontent/{pick("cms.pagecontent")}/change/'
        yield f'/admin/filer/folder/{pick("filer.folder")}/list/'
        yield f'/admin/filer/image/{pick("filer.file")}/change/'
    yield '/admin/cms/pagecontent/?language=de'
    for word in ('page 12', '777', 'zzz'):
        yield f'/admin/cms/pagecontent/?q={word}'
        yield f'/admin/filer/folder/?q={word}'
        yield f'/admin/auth/user/?q={word}'
    yield '/admin/filer/folder/'
    yield '/admin/filer/folder/unfiled_images/list/'
    yield '/admin/cms/pagecontent/get-tree/?language=en'
