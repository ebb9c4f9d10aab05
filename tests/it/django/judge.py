"""Asks Django what it makes of our code: one process a Django version, all cases.

`judge.py prepare PROJECT` makes the project and its tables, and fills them from rows.sql.
`judge.py judge PROJECT < given.json > verdicts.json` judges `cases`, then `removals`, then `settings`. A case has `name`, `model` (lower case), `line` and
`imports` (None where Django cannot say it), `migration` (file name and text), `sql`, `index`, `query`. A removal has what a person changes in models.py.

`judge.py after PROJECT < given.json` is the second half of it, in a process of its own: the models are as they are when everybody did what the notes say.

`judge.py queries PROJECT < queries.json` gives the SQL of each query. `judge.py read - < texts.json` says what the texts call and import, and their strings.
"""
import importlib
import io
import json
import os
import re
import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal

PROJECT = sys.argv[2]
HERE = os.path.dirname(os.path.abspath(__file__))
APP = os.path.join(PROJECT, 'shopapp')
MIGRATIONS = os.path.join(APP, 'migrations')


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w') as file:
        file.write(text)


def models_with(cases):
    """models.py with each case's line in the Meta of its model."""
    with open(os.path.join(HERE, 'models.py')) as file:
        text = file.read()
    imports = sorted({line for case in cases if case['line'] for line in case['imports']})
    parts = re.split(r'(?m)^(?=class )', text)
    out = [parts[0] + '\n'.join(imports) + '\n\n\n']
    for part in parts[1:]:
        model = re.match(r'class (\w+)', part).group(1).lower()
        lines = [case['line'] for case in cases if case['line'] and case['model'] == model]
        assert not lines or 'indexes = []' in part, model
        listed = ''.join(f'            {line}\n' for line in lines)
        out.append(part.replace('indexes = []', f'indexes = [\n{listed}        ]'))
    return ''.join(out)


def set_up():
    """Configures Django for the project; models.py and migrations are as they are on disk."""
    sys.path.insert(0, PROJECT)
    sys.dont_write_bytecode = True
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.postgres', 'shopapp'],
        USE_TZ=True,
        TIME_ZONE='UTC',
        DEFAULT_AUTO_FIELD='django.db.models.BigAutoField',
        DATABASES={
            'default': {
                'ENGINE': 'django.db.backends.postgresql',
                'NAME': os.environ['PGDATABASE'],
                'USER': 'postgres',
                'HOST': os.environ['PGHOST'],
                'PORT': os.environ['PGPORT'],
            }
        },
    )
    django.setup()


def command(*args, **options):
    from django.core.management import call_command

    out = io.StringIO()
    call_command(*args, stdout=out, stderr=out, no_color=True, **options)
    return out.getvalue()


def prepare():
    write(os.path.join(APP, '__init__.py'), '')
    write(os.path.join(MIGRATIONS, '__init__.py'), '')
    write(os.path.join(APP, 'models.py'), models_with([]))
    set_up()
    command('makemigrations', 'shopapp')
    command('migrate', verbosity=0)
    from django.db import connection

    with open(os.path.join(HERE, 'rows.sql')) as file:
        rows = file.read()
    with connection.cursor() as cursor:
        # No foreign key is checked row by row.
        cursor.execute('set session_replication_role = replica; set synchronous_commit = off')
        for statement in rows.split(';\n'):
            if statement.strip():
                cursor.execute(statement)
        cursor.execute('vacuum analyze')


def indexes_of(operations):
    """Index by name, of AddIndex and AddIndexConcurrently, those of a state too."""
    found = {}
    for operation in operations:
        if hasattr(operation, 'state_operations'):
            found |= indexes_of(operation.state_operations)
        elif hasattr(operation, 'index'):
            found[operation.index.name] = (operation.model_name.lower(), operation.index)
    return found


def operations_of(name):
    module = importlib.import_module(f'shopapp.migrations.{name}')
    return module.Migration.operations


def statement_of(sql):
    """The CREATE INDEX in what sqlmigrate prints, with single spaces."""
    lines = [line for line in sql.splitlines() if not line.startswith('--')]
    statements = [line for line in ' '.join(lines).split(';') if 'INDEX' in line]
    return normal(';'.join(statements))


def printed_sql(migrations):
    """What sqlmigrate prints of each, an index each. It is asked of the last one; the way it takes, of all at once,
    for it makes every model anew each time."""
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection, replace_migrations=False)
    plan = [(loader.graph.nodes['shopapp', name], False) for name in migrations]
    lines = [line for text in loader.collect_sql(plan) for line in text.splitlines()]
    statements = [normal(line) for line in lines if 'INDEX' in line and not line.startswith('--')]
    assert statements[-1] == statement_of(command('sqlmigrate', 'shopapp', migrations[-1]))
    return statements


def normal(sql):
    return re.sub(r'\s+', ' ', sql).replace('( ', '(').strip().rstrip(';')


def names_for_queries():
    from django.contrib.postgres import search
    from django.db import models
    from django.db.models import functions
    from django.db.models.fields.json import KT
    from shopapp import models as shop

    scope = {**vars(functions), **vars(models), **vars(search), **vars(shop)}
    return scope | {'KT': KT, 'Decimal': Decimal, 'D': lambda *a: datetime(*a, tzinfo=timezone.utc), 'datetime': datetime}


def sql_of(query):
    """The SQL of a queryset, or of a queryset and the arguments of its aggregate(), as psycopg sends it."""
    from django.db import connection

    if isinstance(query, tuple):
        seen = []

        def keep(execute, sql, params, many, context):
            seen.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(keep):
            query[0].aggregate(**query[1])
        sql, params = seen[0]
    else:
        sql, params = query.query.sql_with_params()
    with connection.cursor() as cursor:
        text = cursor.mogrify(sql, params)
    return text.decode() if isinstance(text, bytes) else text


def plan_with(case, others):
    """The plan of the case's query as if only its own index of all these were there."""
    from django.db import connection, transaction

    sql = sql_of(eval(case['query'], names_for_queries()))
    with transaction.atomic(), connection.cursor() as cursor:
        for other in others:
            if other not in case['with']:
                cursor.execute('drop index ' + connection.ops.quote_name(other))
        cursor.execute('explain (costs off) ' + sql)
        plan = '\n'.join(row[0] for row in cursor.fetchall())
        transaction.set_rollback(True)
    return plan


def judge():
    given = json.load(sys.stdin)
    cases, removals = given['cases'], given['removals']
    # What makemigrations makes of the lines.
    write(os.path.join(APP, 'models.py'), models_with(cases))
    set_up()
    import django
    from django.db import connection

    verdicts = {case['name']: {} for case in cases}
    command('makemigrations', 'shopapp', name='judged')
    made = indexes_of(operations_of('0002_judged'))
    os.remove(os.path.join(MIGRATIONS, '0002_judged.py'))
    for case in cases:
        write(os.path.join(MIGRATIONS, case['migration'][0] + '.py'), case['migration'][1])
    importlib.invalidate_caches()
    for case in cases:
        ours = indexes_of(operations_of(case['migration'][0]))
        same = ours == {case['index']: made[case['index']]} if case['line'] else ours == {}
        verdicts[case['name']]['same_index'] = same
    # Nothing is left for makemigrations to do once our migrations are there.
    try:
        command('makemigrations', 'shopapp', check=True, dry_run=True)
        left = ''
    except SystemExit:
        left = command('makemigrations', 'shopapp', dry_run=True)
    for case, printed in zip(cases, printed_sql([case['migration'][0] for case in cases]), strict=True):
        verdicts[case['name']] |= {'theirs': printed, 'ours': normal(case['sql'])}
    command('migrate', verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute('analyze')
        cursor.execute('select indexrelid::regclass::text from pg_index where not indisvalid')
        invalid = [row[0] for row in cursor.fetchall()]
    every = [case['index'] for case in cases]
    for case in cases:
        plan = plan_with(case, every)
        quoted = connection.ops.quote_name(case['index'])
        verdicts[case['name']] |= {'used': case['index'] in plan or quoted in plan, 'plan': plan}
    # What our removals remove.
    for removal in removals:
        write(os.path.join(MIGRATIONS, removal['migration'][0] + '.py'), removal['migration'][1])
    importlib.invalidate_caches()
    faults = []
    for removal in removals:
        printed = statement_of(command('sqlmigrate', 'shopapp', removal['migration'][0]))
        if printed != normal(removal['sql']):
            faults.append(f"{removal['index']}: {printed} is not {removal['sql']}")
    command('migrate', verbosity=0)
    gone = [removal['index'] for removal in removals]
    with connection.cursor() as cursor:
        cursor.execute('select relname from pg_class where relname = any(%s)', [gone])
        faults += [f'{row[0]} is still there' for row in cursor.fetchall()]
    settings = settings_faults(given['settings'])
    # And back again.
    command('migrate', 'shopapp', '0001', verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute('select relname from pg_class where relname = any(%s)', [every])
        remaining = [row[0] for row in cursor.fetchall()]
        old = [name for name in gone if name not in every]
        cursor.execute('select relname from pg_class where relname = any(%s)', [old])
        back = [row[0] for row in cursor.fetchall()]
        faults += [f'{name} did not come back' for name in old if name not in back]
    settings += [f'{table} keeps {found}' for table, found in reloptions(given['settings']) if found]
    again = subprocess.run(
        [sys.executable, __file__, 'after', PROJECT], input=json.dumps(given), capture_output=True, text=True
    )
    print(json.dumps({
        'django': django.get_version(), 'cases': verdicts, 'left': left, 'invalid': invalid, 'remaining': remaining,
        'removals': faults, 'settings': settings, 'after': again.stdout.strip() + again.stderr,
    }))


def reloptions(settings):
    """The settings of each table."""
    from django.db import connection

    with connection.cursor() as cursor:
        for setting in settings:
            cursor.execute('select reloptions::text from pg_class where relname = %s', [setting['table']])
            yield setting['table'], cursor.fetchone()[0]


def settings_faults(settings):
    """What is wrong with migrations of settings: they run the statement that is shown, and it holds."""
    for setting in settings:
        write(os.path.join(MIGRATIONS, setting['migration'][0] + '.py'), setting['migration'][1])
    importlib.invalidate_caches()
    faults = []
    for setting in settings:
        lines = command('sqlmigrate', 'shopapp', setting['migration'][0]).splitlines()
        printed = [line for line in lines if line and not line.startswith('--') and line not in ('BEGIN;', 'COMMIT;')]
        if printed != [setting['sql'] + ';']:
            faults.append(f"{printed} is not {setting['sql']}")
    command('migrate', verbosity=0)
    for table, found in reloptions(settings):
        if found != '{autovacuum_vacuum_scale_factor=0.02}':
            faults.append(f'{table} has {found}')
    return faults


def after():
    """Does to models.py and the migrations what the notes of the removals say; then makemigrations finds nothing."""
    given = json.load(sys.stdin)
    gone = {removal['index'] for removal in given['removals']}
    text = models_with([case for case in given['cases'] if case['index'] not in gone])
    changed = [removal for removal in given['removals'] if removal['change']]
    for removal in changed:
        old, new = removal['change']
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    write(os.path.join(APP, 'models.py'), text)
    set_up()
    # What makemigrations writes for the changed fields goes into state_operations.
    command('makemigrations', 'shopapp', name='altered')
    name = next(name for name in sorted(os.listdir(MIGRATIONS)) if name.endswith('_altered.py'))
    with open(os.path.join(MIGRATIONS, name)) as file:
        made = file.read()
    importlib.invalidate_caches()
    operations = operations_of(name[:-3])
    os.remove(os.path.join(MIGRATIONS, name))
    kinds = [type(operation).__name__ for operation in operations]
    if kinds != ['AlterField'] * len(changed):
        print(f'makemigrations writes {kinds}')
    imports = [line for line in made.splitlines() if line.startswith(('import ', 'from '))]
    body = made.split('operations = [', 1)[1].rsplit(']', 1)[0]
    for removal in changed:
        path, text = os.path.join(MIGRATIONS, removal['migration'][0] + '.py'), removal['migration'][1]
        assert text.count('state_operations=[]') == 1, text
        write(path, '\n'.join(imports) + '\n' + text.replace('state_operations=[]', f'state_operations=[{body}]'))
    for module in [module for module in sys.modules if module.startswith('shopapp.migrations')]:
        del sys.modules[module]
    importlib.invalidate_caches()
    try:
        command('makemigrations', 'shopapp', check=True, dry_run=True)
    except SystemExit:
        print(command('makemigrations', 'shopapp', dry_run=True))
    command('migrate', verbosity=0)
    command('migrate', 'shopapp', '0001', verbosity=0)


def queries():
    """The SQL of each query."""
    set_up()
    scope = names_for_queries()
    print(json.dumps({name: sql_of(eval(query, scope)) for name, query in json.load(sys.stdin).items()}))


def read():
    """What each text calls and imports: nothing of that may come from a database."""
    import ast

    called, imported, strings = set(), set(), []
    for text in json.load(sys.stdin):
        strings.append([])
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings[-1].append(node.value)
            if isinstance(node, ast.Call):
                called.add(ast.unparse(node.func).rsplit('.', 1)[-1])
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
            elif isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
    print(json.dumps({'called': sorted(called), 'imported': sorted(imported), 'strings': strings}))


if __name__ == '__main__':
    {'prepare': prepare, 'judge': judge, 'after': after, 'queries': queries, 'read': read}[sys.argv[1]]()
