"""Fills a project's tables and sends requests to it, inside its own Python.

    drive.py fill             rows for the main tables
    drive.py requests OUT     GETs every view without arguments, every list of the admin, and what the site names;
                              prints counts as JSON, and writes an example of each statement with its values to OUT
"""
import collections
import importlib
import json
import logging
import os
import random
import sys
import time
import warnings

import inside

# What a request to it would end or break.
LEFT_ALONE = ('logout', 'delete', 'jsi18n', 'cache', 'sendtest', 'debug')


def site():
    return importlib.import_module(os.environ['SITE'] + '_load')


def fill():
    from rows import Filler

    filler = Filler()
    site().rows(filler)
    filler.cursor.execute('vacuum analyze')
    return {}


def user():
    from django.contrib.auth import get_user_model

    model = get_user_model()
    name = {model.USERNAME_FIELD: 'root@example.org'}
    root = model.objects.filter(**name).first() or model(**name)
    root.is_staff = root.is_active = True
    if os.environ['SITE'] != 'pretix':
        root.is_superuser = True
    root.set_password('x')
    root.save()
    if os.environ['SITE'] == 'pretix':
        from pretix.base.models import Organizer, Team

        for organizer in Organizer.objects.all():
            flags = {f.name: True for f in Team._meta.local_fields if f.get_internal_type() == 'BooleanField' and f.name != 'require_2fa'}
            team, _ = Team.objects.get_or_create(organizer=organizer, name='root', defaults=flags)
            team.members.add(root)
    return root


def without_arguments(patterns, before=''):
    """Paths of the views that take no argument."""
    from django.urls import URLPattern
    from django.urls.resolvers import RegexPattern

    for one in patterns:
        text = str(one.pattern)
        if isinstance(one.pattern, RegexPattern):
            text = text.lstrip('^').rstrip('$').replace('\\Z', '')
        if any(letter in text for letter in '<(?[\\*+'):
            continue
        if isinstance(one, URLPattern):
            yield '/' + before + text
        else:
            yield from without_arguments(one.url_patterns, before + text)


def admin_lists():
    from django.apps import apps
    from django.contrib import admin
    from django.urls import NoReverseMatch, reverse

    if not apps.is_installed('django.contrib.admin'):
        return

    for model, options in admin.site._registry.items():
        try:
            base = reverse(f'admin:{model._meta.app_label}_{model._meta.model_name}_changelist')
        except NoReverseMatch:
            continue
        yield base
        yield base + '?p=3'
        if options.search_fields:
            yield base + '?q=word12'
        for number in (1, 2, 3):
            yield f'{base}?o=-{number}'
        for name in options.list_filter:
            if isinstance(name, str) and '__' not in name:
                kind = model._meta.get_field(name).get_internal_type()
                yield f'{base}?{name}__exact=1' if kind != 'ForeignKey' else f'{base}?{name}__id__exact=1'
        last = model._default_manager.order_by('-pk').first()
        if last is not None:
            yield f'{base}{last.pk}/change/'


def pick(label):
    """The key of some row."""
    from django.apps import apps
    from django.db import connection

    model = apps.get_model(label)
    if label not in pick.known:
        with connection.cursor() as cursor:
            cursor.execute(f'select {connection.ops.quote_name(model._meta.pk.column)} from {connection.ops.quote_name(model._meta.db_table)} limit 5000')
            pick.known[label] = [key for (key,) in cursor.fetchall()]
    return random.choice(pick.known[label])


pick.known = {}


def requests(out):
    from django.db import connection
    from django.test import Client
    from django.urls import get_resolver

    random.seed(5)
    client = Client(raise_request_exception=False)
    client.force_login(user(), **({} if os.environ['SITE'] != 'oscar' else {'backend': 'django.contrib.auth.backends.ModelBackend'}))
    if os.environ['SITE'] == 'pretix':
        session = client.session
        session['pretix_auth_long_session'] = True
        session['pretix_auth_login_time'] = session['pretix_auth_last_used'] = int(time.time())
        session.save()
    paths = [*without_arguments(get_resolver().url_patterns), *admin_lists(), *site().requests(pick)]
    paths = [path for path in paths if not any(word in path for word in LEFT_ALONE)]
    with connection.cursor() as cursor:
        cursor.execute('select pg_stat_statements_reset()')
    examples = {}

    def watch(execute, sql, params, many, context):
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent = time.perf_counter() - start
            if not many and spent > examples.get(sql, (0, None))[0]:
                examples[sql] = (spent, params)

    counts = collections.Counter()
    with connection.execute_wrapper(watch):
        for path in paths:
            for _ in range(2):
                response = client.get(path)
            counts[str(response.status_code)] += 1
            if response.status_code >= 500:
                print('500', path, file=sys.stderr)
    texts = []
    for sql, (spent, params) in examples.items():
        try:
            texts.append([spent, connection.ops.compose_sql(sql, params) if params else sql])
        except Exception:
            counts['statements without values'] += 1
    with open(out, 'w') as file:
        json.dump(sorted(texts, reverse=True), file, default=str)
    return counts


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    inside.set_up()
    logging.disable(logging.CRITICAL)
    answer = fill() if sys.argv[1] == 'fill' else requests(sys.argv[2])
    print(json.dumps(answer))
