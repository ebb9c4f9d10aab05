"""Rows, requests, the 25 costliest statements of a project, and what becomes of the advice: see compare.py."""
import collections
import json
import re
import statistics
import subprocess

COSTLIEST = 25
# Less than this is noise.
GAIN = 0.1
TIMED = 5


def run(project, options):
    if not options.keep:
        project.inside('drive.py', 'fill')
    examples = project.folder / 'examples.json'
    answers = project.inside('drive.py', 'requests', str(examples))
    print(f'{project.name} requests by status:', ', '.join(f'{count} {word}' for word, count in sorted(answers.items())))
    project.psql(project.name, 'vacuum analyze')
    explained = explain(project, options, costliest(project, json.loads(examples.read_text())))
    (project.folder / 'explained.json').write_text(json.dumps(explained))
    counts = collections.Counter()
    codes = []
    for one in explained:
        judge_advice(project, one, counts, codes)
    print(f'{project.name} advice:', ', '.join(f'{count} {word}' for word, count in sorted(counts.items())))
    judged = project.inside('inside.py', 'judge', given=json.dumps({'additions': codes, 'indexes': []}))
    for what, why in judged['problems']:
        print('  ', 'code', what, why)
    print(f'{project.name} code of the advice:', ', '.join(f'{count} {word}' for word, count in sorted(judged['counts'].items())))
    verdicts = project.verdicts(options, options.seconds)
    for finding in verdicts['findings']:
        print('  ', 'finding', finding['severity'], finding['id'], finding['title'], finding['evidence'])


def costliest(project, examples):
    """The costliest statements as pg_stat_statements has them, each with an example: [seconds, calls, text]."""
    by_id = {}
    for spent, text in examples:
        if not re.match(r'(?i)\s*(select|with)', text):
            continue
        plan = subprocess.run(project.psql_words(project.name, f'explain (verbose, format json) {text}'), capture_output=True, text=True)
        if plan.returncode == 0:
            by_id.setdefault(str(json.loads(plan.stdout)[0]['Query Identifier']), text)
    rows = project.psql(project.name, "select json_agg(s) from (select queryid::text, total_exec_time / 1000 as seconds, calls from pg_stat_statements "
                        "where dbid = (select oid from pg_database where datname = current_database()) and query ~* '^\\s*(select|with)' order by 2 desc limit 200) as s")
    found = [[row['seconds'], row['calls'], by_id[row['queryid']]] for row in json.loads(rows) if row['queryid'] in by_id]
    return found[:COSTLIEST]


def explain(project, options, statements):
    explained = []
    for seconds, calls, text in statements:
        where = ['-h', project.server.host, '-p', project.server.port, '-U', 'postgres', '-d', project.name]
        done = subprocess.run([options.pgdj / 'pgdj', *where, 'explain', '-', '--analyze', '--timeout', '120', '--format', 'json'], input=text, capture_output=True, text=True)
        if done.returncode:
            print('  ', 'not explained:', done.stderr.strip()[:300], '-', text[:200])
            continue
        plan = json.loads(done.stdout)['plans'][0]
        explained.append({'seconds': seconds, 'calls': calls, 'sql': text, **{key: plan[key] for key in ('verdict', 'is_fine', 'tips', 'indexes', 'refusals')}})
    return explained


def timed(project, sql):
    """The median time of the statement, in milliseconds."""
    times = []
    for _ in range(TIMED):
        plan = json.loads(project.psql(project.name, f'explain (analyze, timing off, format json) {sql}'))[0]
        times.append(plan['Execution Time'])
    return statistics.median(times)


def judge_advice(project, one, counts, codes):
    counts['statements'] += 1
    head = f'{one["seconds"]:.2f} s in {one["calls"]} calls'
    print('  ', 'statement', head, '-', one['verdict'], '-', one['sql'][:160].replace('\n', ' '))
    for tip in one['tips']:
        print('      tip', tip['id'], '-', tip['seen'], '-', tip['advice'])
    if not one['indexes']:
        counts['without an index advised'] += 1
        return
    for index in one['indexes']:
        sqls = [code['sql'] for code in index['code'] if code.get('sql')]
        if not sqls:
            counts['index without code'] += 1
            continue
        before = timed(project, one['sql'])
        built = []
        for sql, code in zip(sqls, index['code']):
            done = subprocess.run(project.psql_words(project.name, sql.rstrip(';')), capture_output=True, text=True)
            if done.returncode:
                counts['NOT BUILT'] += 1
                print('      not built:', done.stderr.strip(), sql)
            else:
                built.append(code['name'])
            if code.get('migration') and code['model']:
                app, model = code['model'].split('.')[:2]
                if not any(known['code']['name'] == code['name'] and known['table'] == index['table'] for known in codes):
                    codes.append({'table': index['table'], 'columns': [code['name']], 'code': code | {'app': app, 'model': model, 'is_of_django': 'your_app' in code['migration']['text']}})
        project.psql(project.name, f'analyze "{index["table"]}"')
        after = timed(project, one['sql'])
        for name in built:
            project.psql(project.name, f'drop index "{name}"')
        kind = 'faster' if after < before * (1 - GAIN) else 'SLOWER' if after > before * (1 + GAIN) else 'no gain'
        counts[kind] += 1
        print(f'      advice {index["summary"]}: {before:.2f} ms -> {after:.2f} ms: {kind}; {index["evidence"]}, {index["confidence"]}')
