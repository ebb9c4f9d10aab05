#!/usr/bin/env python3
"""Compares what pgdj says of Django projects that others wrote with what Django itself says of them.

    tests/projects/compare.py [--bin DIR] [--folder target/projects] [--python python3.12] [PROJECT …]

For each project (wagtail, oscar, cms, pretix): makes a venv with its pinned version, starts a private PostgreSQL, migrates,
records the database with `pgdj record`, and compares with `_meta`:

- the model of every table, and where in the models every index comes from;
- every finding on the freshly migrated project: it should have none;
- the code for an index on every foreign key and for the removal of every index, put into the models: the dependency of each
  migration, and what `makemigrations` would still write.

`--fill` also fills the main tables, sends requests to every view it knows, explains the 25 costliest statements, builds what is
advised and measures again (see load.py). What differs is printed line by line, the counts at the end.
Needs Python 3.12, the network for pip at the first run, a PostgreSQL (HypoPG if it is there), and
`cargo build --bin pgdj --example verdicts`.
"""
import argparse
import collections
import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.dont_write_bytecode = True
from private_server import PrivateServer, server_binaries  # noqa: E402

ROOT = HERE.parent.parent
PINS = {
    'oscar': ['django-oscar==4.2.1', 'sorl-thumbnail', 'Django==6.1.3'],
    'wagtail': ['wagtail==8.0.1', 'Django==6.1.3'],
    'cms': ['django-cms==5.1.3', 'djangocms-text', 'django-filer==3.6.0', 'easy-thumbnails', 'Django==6.1.3'],
    'pretix': ['pretix==2026.8.0'],
}
SETTINGS = """
shared_preload_libraries = 'pg_stat_statements'
listen_addresses = ''
compute_query_id = on
shared_buffers = '512MB'
work_mem = '16MB'
synchronous_commit = off
random_page_cost = 1.1
track_io_timing = on
max_wal_size = '4GB'
log_min_messages = fatal
"""


class Given:
    """A server that runs already."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    def stop(self):
        pass


class Project:
    """A project: its folder with the venv, its environment, its database."""

    def __init__(self, name, options, server):
        self.name, self.server = name, server
        self.folder = (options.folder / name).resolve()
        self.site = self.folder / 'site'
        self.python = self.folder / 'bin' / 'python'
        self.env = {
            **os.environ, 'PGHOST': server.host, 'PGPORT': server.port, 'PGDATABASE': name, 'PGUSER': 'postgres',
            'SITE': name, 'SITE_FOLDER': str(self.site), 'PYTHONPATH': f'{self.site}:{HERE}/sites',
            'DJANGO_SETTINGS_MODULE': f'{name}_settings', 'PRETIX_CONFIG_FILE': str(self.site / 'pretix.cfg'),
            'DATA_DIR': str(self.site),
        }

    def install(self, python):
        if not self.python.exists():
            subprocess.run([python, '-m', 'venv', self.folder], check=True)
            subprocess.run([self.folder / 'bin' / 'pip', 'install', '-q', 'psycopg[binary]', *PINS[self.name]], check=True)
        shutil.rmtree(self.site, ignore_errors=True)
        (self.site / 'templates').mkdir(parents=True)
        if self.name == 'wagtail':
            # `wagtail start` brings the apps home and search.
            subprocess.run([self.folder / 'bin' / 'wagtail', 'start', 'mysite', self.site], check=True, stdout=subprocess.DEVNULL)
            shutil.copytree(HERE / 'sites' / 'bakery', self.site / 'bakery')
            (self.site / 'bakery' / 'migrations').mkdir()
            (self.site / 'bakery' / 'migrations' / '__init__.py').touch()
            shutil.copytree(HERE / 'sites' / 'templates', self.site / 'templates', dirs_exist_ok=True)
            self.manage('makemigrations', 'bakery', '-v', '0')
        if self.name == 'cms':
            shutil.copytree(HERE / 'sites' / 'templates', self.site / 'templates', dirs_exist_ok=True)
        if self.name == 'pretix':
            (self.site / 'pretix.cfg').write_text(
                f'[pretix]\ninstance_name=test\nurl=http://testserver\n[database]\nbackend=postgresql\nname=pretix\nuser=postgres\n'
                f'host={self.server.host}\nport={self.server.port}\n[mail]\nfrom=a@example.org\n[django]\ndebug=false\nsecret=test\n'
            )

    def manage(self, *words):
        subprocess.run([self.python, '-m', 'django', *words], check=True, env=self.env, cwd=self.site, stdout=subprocess.DEVNULL)

    def migrate(self, binaries):
        self.psql('postgres', f'drop database if exists {self.name}')
        self.psql('postgres', f'create database {self.name}')
        self.psql(self.name, 'create extension pg_stat_statements')
        if subprocess.run(self.psql_words(self.name, 'create extension hypopg'), capture_output=True).returncode:
            print('without HypoPG: advice is an estimate')
        self.manage('migrate', '-v', '0')

    def psql_words(self, database, sql):
        return ['psql', '-h', self.server.host, '-p', self.server.port, '-U', 'postgres', '-d', database, '-qAtc', sql]

    def psql(self, database, sql):
        return subprocess.run(self.psql_words(database, sql), check=True, capture_output=True, text=True).stdout.strip()

    def inside(self, *words, given=None):
        """Runs a Python file here inside the project's Python; returns what it answers in JSON."""
        command = [self.python, HERE / words[0], *words[1:]]
        done = subprocess.run(command, env=self.env, cwd=self.site, stdout=subprocess.PIPE, text=True, input=given)
        if done.returncode:
            sys.exit(f'{self.name}: {" ".join(words)} failed')
        return json.loads(done.stdout[done.stdout.index('{'):])

    def verdicts(self, options, seconds):
        recording = self.folder / 'recording.gz'
        recording.unlink(missing_ok=True)
        where = ['-h', self.server.host, '-p', self.server.port, '-U', 'postgres', '-d', self.name]
        subprocess.run([options.pgdj / 'pgdj', *where, 'record', recording, '--for', f'{seconds}s'], check=True, stdout=subprocess.DEVNULL, env=self.env)
        printed = subprocess.run([options.pgdj / 'examples' / 'verdicts', recording], check=True, capture_output=True, text=True).stdout
        (self.folder / 'verdicts.json').write_text(printed)
        return json.loads(printed)


def compare_tables(project, verdicts, truth, report):
    counts = collections.Counter()
    for table in verdicts['tables']:
        if table['schema'] != 'public':
            continue
        expected = truth['tables'].get(table['name'])
        owner = table['owner']
        given = owner and [owner['app'], owner['model'], owner['through']]
        if given == expected:
            counts['right' if expected else 'right: has no model'] += 1
        elif given is None:
            counts['unknown'] += 1
            report('table', table['name'], 'unknown', expected)
        else:
            kind = 'WRONG' if owner['is_confirmed'] else 'wrong, with "probably"'
            counts[kind] += 1
            report('table', table['name'], kind, given, 'is', expected, '-', owner['words'])
    return counts


def compare_indexes(project, verdicts, truth, report):
    counts = collections.Counter()
    for index in verdicts['indexes']:
        if index['schema'] != 'public' or index['name'] not in truth['indexes']:
            continue
        known = truth['indexes'][index['name']]
        # What no model asks for was made by RunSQL, or a migration left it.
        expected = known['sources'] or ['Named', 'LeftOver', 'UniqueConstraint']
        is_column_right = not index['column'] or index['column'] in known['columns']
        if index['source'] in expected and is_column_right:
            counts['right' if index['is_confirmed'] or index['source'] in ('Named', 'UniqueConstraint') else 'right, with "probably"'] += 1
        elif index['source'] == 'Named':
            counts['unknown'] += 1
            report('index', index['name'], 'unknown', expected, known['definition'])
        else:
            kind = 'WRONG' if index['is_confirmed'] else 'wrong, with "probably"'
            counts[kind] += 1
            report('index', index['name'], kind, index['word'], 'is', expected, known['definition'])
    return counts


SECTIONS = {
    'content_types': ['app_label', 'model'],
    'migrations': ['id', 'app', 'name'],
    'tables': ['relid', 'schema', 'name', 'kind'],
    'foreign_keys': ['oid', 'name', 'relid', 'schema', 'table', 'columns', 'column_names', 'referred_relid', 'referred_table'],
    'indexes': ['indexrelid', 'relid', 'schema', 'table', 'name', 'method', 'is_unique', 'is_primary', 'is_exclusion', 'is_constraint',
                'is_valid', 'is_partial', 'is_expression', 'key_columns', 'column_names', 'key_options'],
}


def extract(project, verdicts, truth):
    """Writes a small recording of the tables that once were wrong or say most, and beside it what Django says of them."""
    with gzip.open(project.folder / 'recording.gz', 'rt') as file:
        header, frame = json.loads(file.readline()), json.loads(file.readline())
        rows = {}
        for line in [frame, *map(json.loads, file)]:
            rows.update({name: part['rows'] for name, part in line['sections'].items() if 'rows' in part})
    chosen, kinds = set(), collections.Counter()
    for table in verdicts['tables']:
        words = table['owner']['words'].split(':')[0] if table['owner'] else 'none'
        kinds[words] += 1
        if kinds[words] <= 3 and table['schema'] == 'public':
            chosen.add(table['name'])
    for index in verdicts['indexes']:
        kind = (index['word'], *truth['indexes'].get(index['name'], {}).get('sources', []))
        kinds[kind] += 1
        if kinds[kind] <= (4 if '?' in index['word'] else 1):
            chosen.add(index['table'])
    header['server'] = {**header['server'], 'target': '', 'columns': [], 'memberships': [], 'extensions': {}}
    columns = {name: [column['name'] for column in header['columns'][name]] for name in SECTIONS}
    last = {}
    for row in rows['migrations']:
        last.setdefault(row[columns['migrations'].index('app')], []).append(row)
    name = lambda row: row[columns['migrations'].index('name')]
    is_kept = lambda row, app: row in app[-5:] or row in sorted(app, key=name)[-2:] or any(other.endswith('_squashed_' + name(row)) for other in map(name, app))
    rows['migrations'] = [row for app in last.values() for row in app if is_kept(row, app)]
    place = {'tables': 'name', 'foreign_keys': 'table', 'indexes': 'table'}
    sections = {}
    for name, kept in SECTIONS.items():
        where = columns[name].index(place[name]) if name in place else None
        those = [row for row in rows[name] if where is None or row[where] in chosen]
        sections[name] = [[value if column in kept else None for column, value in zip(columns[name], row)] for row in those]
        keep = [place for place, column in enumerate(columns[name]) if column in kept]
        sections[name] = [[row[place] for place in keep] for row in sections[name]]
        header['columns'][name] = [header['columns'][name][place] for place in keep]
    header['columns'] = {name: [{**c, 'help': '', 'source': ''} for c in header['columns'][name]] for name in SECTIONS}
    frame.pop('server', None)
    frame['sections'] = {name: {'at': frame['at'], 'rows': rows} for name, rows in sections.items()}
    expected = {
        'tables': {name: '.'.join(filter(None, truth['tables'][name])) if name in truth['tables'] else None for name in sorted(chosen)},
        'indexes': {name: sorted(set(of['sources'])) for name, of in sorted(truth['indexes'].items()) if of['table'] in chosen},
        'last_migrations': {app: names[0] for app, names in sorted(truth['last'].items()) if app in last},
    }
    text = '\n'.join(json.dumps(part, separators=(',', ':')) for part in (header, frame, expected))
    (HERE / 'extracts' / f'{project.name}.jsonl').write_text(text + '\n')


def compare(project, options):
    report = lambda *words: print('  ', *words)
    verdicts = project.verdicts(options, options.seconds)
    truth = project.inside('inside.py', 'truth')
    if options.extract:
        extract(project, verdicts, truth)
    counts = {'tables': compare_tables(project, verdicts, truth, report), 'indexes': compare_indexes(project, verdicts, truth, report)}
    for finding in verdicts['findings']:
        report('finding', finding['severity'], finding['id'], finding['title'], finding['evidence'])
    for unknown in verdicts['unknown']:
        report('not judged', unknown['rule'], unknown['why'])
    counts['last migrations'] = collections.Counter()
    for app, name in verdicts['last_migrations']:
        if name:
            is_right = truth['last'].get(app, [name]) == [name]
            counts['last migrations']['right' if is_right else 'WRONG'] += 1
            if not is_right:
                report('last migration of', app, name, 'is', truth['last'][app])
    counts['findings'] = collections.Counter(finding['id'] for finding in verdicts['findings'])
    judged = project.inside('inside.py', 'judge', given=json.dumps(verdicts))
    for what, why in judged['problems']:
        report('code', what, why)
    counts['code'] = judged['counts'] | {'problems': len(judged['problems']), 'changes that the project itself lacks': len(judged['before'])}
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bin', type=Path, help='folder with initdb and postgres')
    parser.add_argument('--server', help='HOST:PORT of a server that runs already, HOST a folder; its databases of these names are dropped')
    parser.add_argument('--folder', type=Path, default=ROOT / 'target' / 'projects')
    parser.add_argument('--pgdj', type=Path, default=ROOT / 'target' / 'debug', help='folder with pgdj and examples/verdicts')
    parser.add_argument('--python', default='python3.12')
    parser.add_argument('--seconds', type=int, default=20, help='how long is recorded')
    parser.add_argument('--keep', action='store_true', help='take the database as it is')
    parser.add_argument('--extract', action='store_true', help='write the small extract that tests/it/projects.rs reads')
    parser.add_argument('--fill', action='store_true', help='fill the tables, send requests, build what is advised')
    parser.add_argument('project', nargs='*')
    options = parser.parse_args()
    binaries = options.bin or server_binaries()
    server = Given(*options.server.rsplit(':', 1)) if options.server else PrivateServer(binaries, SETTINGS, 'pgdj-projects-')
    time.sleep(1)
    try:
        for name in options.project or PINS:
            project = Project(name, options, server)
            print(f'{name}: {" ".join(PINS[name])}', flush=True)
            if not options.keep:
                project.install(options.python)
                project.migrate(binaries)
            counts = compare(project, options)
            for what, figures in counts.items():
                print(f'{name} {what}:', ', '.join(f'{count} {word}' for word, count in sorted(figures.items())) or 'none', flush=True)
            if options.fill:
                import load

                load.run(project, options)
    finally:
        server.stop()


if __name__ == '__main__':
    main()
