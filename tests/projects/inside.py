"""What runs inside a project's own Python: what Django says of the models, rows, requests, and the judgement of code.

    inside.py truth                     the model of each table and what each index comes from, by `_meta`
    inside.py judge < verdicts.json     puts every printed piece of code into the models and asks the autodetector

DJANGO_SETTINGS_MODULE names the settings. Everything is printed as JSON.
"""
import collections
import json
import os
import re
import sys


# Names of the migrations that were judged before.
PRINTED = set()
OF_DJANGO = ('admin', 'auth', 'contenttypes', 'flatpages', 'redirects', 'sessions', 'sites')


def set_up():
    sys.dont_write_bytecode = True
    import django

    django.setup()
    if os.environ['SITE'] == 'pretix':
        # pretix's own makemigrations, which leaves out what the database does not see.
        from pretix.base.management.commands._migrations import monkeypatch_migrations

        monkeypatch_migrations()


def tables():
    """Table: app, model, and the field where it is the table of a many-to-many field."""
    from django.apps import apps

    found = {}
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.proxy or not meta.managed:
            continue
        if meta.auto_created:
            owner = meta.auto_created._meta
            field = next(f.name for f in owner.local_many_to_many if f.remote_field.through is model)
            found[meta.db_table] = [owner.app_label, owner.model_name, field]
        else:
            found[meta.db_table] = [meta.app_label, meta.model_name, None]
    return found


def all_models():
    """Every model that has a table, that of django_migrations too."""
    from django.apps import apps
    from django.db.migrations.recorder import MigrationRecorder

    models = [*apps.get_models(include_auto_created=True), MigrationRecorder.Migration]
    return [model for model in models if model._meta.managed and not model._meta.proxy]


def elements(model):
    """What of a model makes an index: (sources, columns, is_unique, name or None)."""
    from django.contrib.postgres.constraints import ExclusionConstraint
    from django.db import connection, models

    meta = model._meta
    column = lambda name: meta.get_field(name).column
    for field in meta.local_fields:
        kind = field.db_type(connection) or ''
        is_text = kind.startswith(('varchar', 'text', 'citext')) or 'COLLATE' in kind
        if field.primary_key:
            yield ['PrimaryKey'], [field.column], True, None
        elif field.unique:
            yield ['UniqueField'], [field.column], True, None
        elif field.db_index:
            yield ['ForeignKey' if field.remote_field else 'Field'], [field.column], False, None
        if is_text and (field.unique or field.db_index):
            yield ['Pattern'], [field.column], False, None
    for fields in meta.unique_together:
        yield ['UniqueTogether', 'UniqueField'] if len(fields) == 1 else ['UniqueTogether'], [column(f) for f in fields], True, None
    for index in meta.indexes:
        columns = [column(name) for name, _ in index.fields_orders]
        yield ['MetaIndex', 'Named', 'IndexTogether'], columns, False, index.name
    for constraint in meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            yield ['UniqueConstraint'], [column(f) for f in constraint.fields], True, constraint.name
        elif isinstance(constraint, ExclusionConstraint):
            yield ['Exclusion'], [], False, constraint.name


def indexes():
    """Index: table, the sources it can come from by the models; empty where no model asks for it."""
    from django.db import connection

    by_table = collections.defaultdict(list)
    for model in all_models():
        by_table[model._meta.db_table].extend(elements(model))
    query = """
        select t.relname, c.relname, i.indisunique,
            array(select a.attname from unnest(i.indkey::int2[]) with ordinality as u (n, p)
                  join pg_attribute as a on a.attrelid = t.oid and a.attnum = u.n where u.p <= i.indnkeyatts order by u.p),
            exists (select from unnest(i.indclass::oid[]) as u (o) join pg_opclass as o on o.oid = u.o where o.opcname like '%pattern_ops'),
            pg_get_indexdef(i.indexrelid)
        from pg_index as i join pg_class as c on c.oid = i.indexrelid join pg_class as t on t.oid = i.indrelid
        join pg_namespace as n on n.oid = t.relnamespace where n.nspname = 'public' and t.relkind in ('r', 'p', 'm')"""
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
    found = {}
    for table, name, is_unique, columns, is_pattern, definition in rows:
        named, like = [], []
        for sources, of, unique, own in by_table[table]:
            if own is not None:
                # PostgreSQL cuts a name at 63 bytes.
                if own.encode()[:63] == name.encode():
                    named.extend(sources)
            elif of == columns and unique == is_unique and ('Pattern' in sources) == is_pattern:
                like.extend(sources)
        found[name] = {'table': table, 'sources': named or like, 'columns': columns, 'definition': definition}
    return found


def truth():
    from django.db import connection
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection)
    last = collections.defaultdict(list)
    for app, name in loader.graph.leaf_nodes():
        last[app].append(name)
    with connection.cursor() as cursor:
        cursor.execute("select c.relname from pg_class as c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')")
        there = [name for (name,) in cursor.fetchall()]
    return {'tables': tables(), 'indexes': indexes(), 'last': last, 'there': there}


class Judge:
    """The state after the migrations on disk, and the models as they are in memory."""

    def __init__(self):
        from django.db import connection
        from django.db.migrations.loader import MigrationLoader

        self.loader = MigrationLoader(connection)

    def changes(self, migrations=()):
        """Label: operations that makemigrations would write after these; each is an app label and a Migration."""
        from django.apps import apps
        from django.db.migrations.autodetector import MigrationAutodetector
        from django.db.migrations.state import ProjectState

        state = self.loader.project_state()
        for app, migration in migrations:
            for operation in migration.operations:
                operation.state_forwards(app, state)
        detector = MigrationAutodetector(state, ProjectState.from_apps(apps))
        return {
            app: [operation for one in found for operation in one.operations]
            for app, found in detector.changes(graph=self.loader.graph).items()
        }

    def leaves(self, app):
        return [name for label, name in self.loader.graph.leaf_nodes() if label == app]


def run_text(text):
    scope = {'__name__': 'printed'}
    exec(compile(text, 'printed', 'exec'), scope)
    return scope


def described(changes):
    return sorted(f'{app}: {operation.describe()}' for app, operations in changes.items() for operation in operations)


def model_of(code):
    from django.apps import apps

    return apps.get_model(code['app'], code['model'])


def is_dependency_right(judge, code, problems, what):
    migration = run_text(code['migration']['text'])['Migration']
    given = [tuple(it) for it in migration.dependencies if it[0] == code['app']]
    if code['is_of_django']:
        return True
    expected = [(code['app'], name) for name in judge.leaves(code['app'])]
    # Two of one advice follow each other.
    if given and given[0][1] in PRINTED:
        return True
    PRINTED.add(code['migration']['path'].rsplit('/')[-1].removesuffix('.py') if 'path' in code['migration'] else code['migration']['name'])
    if given != expected:
        problems.append([what, f'depends on {given}, not {expected}'])
    return given == expected


def judge_code(verdicts):
    """Puts the code of all additions, then of all removals into the models at once, and asks what is left to do."""
    from django.db import models

    judge = Judge()
    before = described(judge.changes())
    problems, counts = [], collections.Counter()
    done = []
    for it in verdicts['additions']:
        code = it['code']
        what = f'index on {it["table"]}({", ".join(it["columns"])})'
        if not code.get('migration'):
            counts['additions with SQL only'] += 1
            continue
        counts['dependencies'] += 1
        counts['dependencies right'] += is_dependency_right(judge, code, problems, what)
        scope = {'models': models}
        exec('\n'.join(code['imports']), scope)
        if code['meta']:
            try:
                index = eval(code['meta'].rstrip(','), scope)
                meta = model_of(code)._meta
                for name, _ in index.fields_orders:
                    meta.get_field(name)
                    if meta.get_field(name) not in meta.local_fields:
                        raise ValueError(f'{name} is not a field of this model but of its parent')
                meta.indexes = [*meta.indexes, index]
                meta.original_attrs['indexes'] = meta.indexes
            except Exception as why:
                problems.append([what, f'{type(why).__name__}: {why}'])
                continue
        done.append((code['app'], run_text(code['migration']['text'])['Migration']))
        counts['additions'] += 1
    left = [line for line in described(judge.changes(done)) if line not in before]
    counts['left to do after additions'] = len(left)
    problems += [['makemigrations after the additions', line] for line in left]
    judge_removals(judge, verdicts, done, before, problems, counts)
    return {'before': before, 'problems': problems, 'counts': counts}


def judge_removals(judge, verdicts, done, before, problems, counts):
    """The same for removals: what is printed is done by hand, which is to say the field or Meta is changed."""
    made = []
    for it in verdicts['indexes']:
        code = it['removal']
        what = f'removal of {it["name"]} on {it["table"]}'
        if not code.get('migration'):
            counts['removals refused or SQL only'] += 1
            continue
        is_dependency_right(judge, code, problems, what)
        migration = run_text(code['migration']['text'])['Migration']
        try:
            pending = remove(code, it, migration)
        except Exception as why:
            problems.append([what, f'{type(why).__name__}: {why}'])
            continue
        made.append((code['app'], migration, pending))
        counts['removals'] += 1
    state = [(app, migration) for app, migration, _ in made]
    left = [line for line in described(judge.changes(done + state)) if line not in before]
    # The AlterField of each field goes into state_operations by hand, as the comment says.
    awaited = collections.Counter(pending for _, _, pending in made if pending and pending not in before)
    for line in left:
        if awaited[line] > 0:
            awaited[line] -= 1
            counts['AlterField for state_operations'] += 1
        else:
            problems.append(['makemigrations after the removals', line])
    problems += [['makemigrations after the removals', f'not asked for: {line}'] for line in +awaited]


def remove(code, it, migration):
    """Changes the models as the code says; returns the line that makemigrations is then to print, if any."""
    model = model_of(code)
    meta = model._meta
    text = code['migration']['text']
    if meta.app_label in OF_DJANGO and 'SeparateDatabaseAndState' in text:
        raise LookupError('a field of a model of Django is not the project\'s to change')
    if 'RemoveIndexConcurrently' in text:
        kept = [index for index in meta.indexes if index.name != it['name']]
        if len(kept) == len(meta.indexes):
            raise LookupError('Meta.indexes does not have it')
        meta.indexes = kept
        meta.original_attrs['indexes'] = kept
        return None
    if 'SeparateDatabaseAndState' not in text:
        return None
    found = re.search(r'Put the AlterField of (\S+) ', text).group(1)
    field = meta.get_field(found)
    if not field.db_index:
        raise LookupError(f'the field {found} has no db_index')
    if field not in meta.local_fields:
        raise LookupError(f'the field {found} is not of this model')
    field.db_index = False
    return f'{meta.app_label}: Alter field {field.name} on {meta.model_name}'


def main():
    set_up()
    verb = sys.argv[1]
    if verb == 'truth':
        answer = truth()
    elif verb == 'judge':
        answer = judge_code(json.load(sys.stdin))
    json.dump(answer, sys.stdout, default=str)


if __name__ == '__main__':
    main()
