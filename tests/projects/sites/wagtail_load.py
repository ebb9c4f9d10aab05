"""A bakery on Wagtail: 20,000 pages with revisions, tags, images and a search index."""


def rows(filler):
    fill, sql = filler.fill, filler.cursor.execute
    fill('auth.user', 3000, is_active='true', is_superuser='false', is_staff='false')
    fill('wagtailcore.collection', 200, path="'0001' || lpad(i::text, 4, '0')", depth='2', numchild='0')
    fill('wagtailimages.image', 20000, width='800', height='600', file="'images/' || i || '.png'", file_hash="md5(i::text)", collection='1')
    fill('wagtailimages.rendition', 40000, filter_spec="(array['max-165x165', 'width-400', 'original'])[1 + i % 3]")
    fill('wagtaildocs.document', 10000, collection='1', file_hash="md5(i::text)")
    fill('bakery.person', 2000)
    home = "(select path from wagtailcore_page where depth = 2 limit 1)"
    page = dict(
        live='r < 0.9', numchild='0', latest_revision='null', live_revision='null', alias_of='null', locale='1', locked='false', has_unpublished_changes='r > 0.95',
        expired='false', expire_at='null', go_live_at='null', slug="'page-' || i", owner='null', locked_by='null', draft_title="'Page ' || i", title="'Page about ' || floor(r * 900) || ' ' || left(md5(i::text), 5)", locked_at='null',
    )
    kind = lambda model: f"(select id from django_content_type where model = '{model}')"
    fill('wagtailcore.page', 20, **(page | dict(path=f"{home} || lpad(i::text, 4, '0')", depth='3', numchild='1000', slug="'index-' || i", url_path="'/home/index-' || i || '/'", content_type=kind('blogindexpage'))))
    fill('wagtailcore.page', 20000, **(page | dict(path=f"{home} || lpad((1 + i % 20)::text, 4, '0') || lpad((i / 20 + 1)::text, 4, '0')", depth='4', url_path="'/home/index-' || 1 + i % 20 || '/page-' || i || '/'", content_type=kind('blogpage'))))
    sql(f"update wagtailcore_page set numchild = 20 where path = {home}")
    sql("insert into bakery_blogindexpage (page_ptr_id, introduction) select id, 'x' from wagtailcore_page where depth = 3 and slug like 'index-%'")
    image = "(select min(id) from wagtailimages_image)"
    sql(f"insert into bakery_blogpage (page_ptr_id, introduction, subtitle, date_published, image_id, body) select id, 'about ' || md5(id::text), 'sub ' || id, current_date - id % 900, {image} + id % 20000, '[]' from wagtailcore_page where depth = 4")
    fill('bakery.blogpersonrelationship', 30000, sort_order='i % 3')
    fill('taggit.tag', 500, slug="'tag-' || i", name="'tag ' || i")
    fill('bakery.blogpagetag', 60000)
    fill('taggit.taggeditem', 20000, object_id=f'{image} + i', content_type=kind('image'))
    first = "(select min(id) from wagtailcore_page where depth = 4)"
    fill('wagtailcore.revision', 80000, object_id=f'({first} + i % 20000)::text', content_type=kind('blogpage'), base_content_type=kind('page'), content="'{\"title\": \"x\"}'::jsonb", approved_go_live_at='null', submitted_for_moderation='false')
    sql(f"update wagtailcore_page as p set latest_revision_id = r.id, live_revision_id = r.id from (select object_id::int as page, max(id) as id from wagtailcore_revision group by 1) as r where r.page = p.id")
    fill('wagtailcore.pagelogentry', 150000, page=f'{first} + i % 20000', action="(array['wagtail.edit', 'wagtail.publish', 'wagtail.create'])[1 + i % 3]", content_type=kind('blogpage'), data="'{}'::jsonb", revision='null')
    fill('wagtailcore.modellogentry', 50000, object_id=f'(1 + i % 2000)::text', content_type=kind('person'), data="'{}'::jsonb", revision='null')
    fill('wagtailcore.referenceindex', 60000, content_type=kind('blogpage'), base_content_type=kind('page'), to_content_type=kind('image'), object_id=f'({first} + i % 20000)::text', to_object_id=f'({image} + (i * 7) % 20000)::text', model_path="'image'", content_path="'image'", content_path_hash="gen_random_uuid()")
    fill('wagtailcore.comment', 20000, page=f'{first} + i % 20000')
    fill('wagtailcore.workflowstate', 2000, object_id=f'({first} + i % 20000)::text', content_type=kind('blogpage'), base_content_type=kind('page'))
    fill('wagtailcore.taskstate', 5000)
    fill('wagtailredirects.redirect', 20000, old_path="'/old/' || i", site='null', redirect_page='null')
    fill('wagtailforms.formsubmission', 20000, form_data="'{}'::jsonb")
    fill('wagtailsearchpromotions.query', 5000)
    fill('wagtailsearchpromotions.querydailyhits', 50000)
    sql(f"insert into wagtailsearch_indexentry (object_id, title_norm, title, autocomplete, body, content_type_id, title_text, body_text) select id::text, 1, to_tsvector(title), to_tsvector(title), to_tsvector(title || ' ' || md5(id::text)), {kind('blogpage')}, title, title from wagtailcore_page where depth = 4 on conflict do nothing")
    sql(f"insert into wagtailsearch_indexentry (object_id, title_norm, title, autocomplete, body, content_type_id, title_text, body_text) select id::text, 1, to_tsvector(title), to_tsvector(title), to_tsvector(title), {kind('image')}, title, title from wagtailimages_image on conflict do nothing")


def requests(pick):
    for i in range(1, 10):
        yield f'/index-{i}/'
        yield f'/index-{i}/page-{19 + i + 20 * i}/'
        yield f'/old/{i * 30}'
    for word in ('page', 'about', '800', 'zzz'):
        yield f'/search/?query={word}'
        yield f'/admin/pages/search/?q={word}'
        yield f'/admin/images/?q={word}'
        yield f'/admin/documents/?q={word}'
        yield f'/admin/snippets/bakery/person/?q={word}'
        yield f'/admin/choose-page/search/?q={word}'
    for _ in range(10):
        number = pick('bakery.blogpage')
        yield f'/admin/pages/{number}/edit/'
        yield f'/admin/pages/{number}/history/'
        yield f'/admin/pages/{number}/usage/'
        yield f'/admin/pages/{number}/'
        yield f'/admin/pages/{pick("bakery.blogindexpage")}/'
        yield f'/admin/pages/{pick("bakery.blogindexpage")}/?ordering=-latest_revision_created_at'
        yield f'/admin/pages/{pick("bakery.blogindexpage")}/?ordering=title&p=3'
        yield f'/admin/images/{pick("wagtailimages.image")}/'
        yield f'/admin/images/usage/{pick("wagtailimages.image")}/'
        yield f'/admin/snippets/bakery/person/edit/{pick("bakery.person")}/'
        yield f'/admin/snippets/bakery/person/usage/{pick("bakery.person")}/'
        yield f'/admin/snippets/bakery/person/history/{pick("bakery.person")}/'
    for path in ('', 'reports/site-history/', 'reports/aging-pages/', 'reports/locked/', 'reports/workflow/', 'reports/page-types-usage/', 'reports/workflow_tasks/', 'images/', 'images/?tag=tag 12', 'documents/', 'users/', 'users/?q=word12', 'redirects/', 'redirects/?q=old', 'choose-page/', 'images/chooser/', 'pages/usage/bakery/blogpage/', 'searchpicks/', 'images/?ordering=title', 'reports/site-history/?object_type=1', 'reports/site-history/?label=word12'):
        yield f'/admin/{path}'
