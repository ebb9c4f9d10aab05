"""Rows for the main tables: written as SQL from Django's `_meta`, so that foreign keys, choices and unique fields hold.

`ROWS` of each site names the models, how many rows, and the columns that a random value would not do for, as SQL over `i`
(1, 2, …), `r` (0 to 1, another for each row) and, for a child of another table, its columns.
"""
from django.db import connection, models


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


class Filler:
    def __init__(self):
        self.cursor = connection.cursor()
        self.cursor.execute('set session_replication_role = replica; set synchronous_commit = off')

    def fill(self, label, count, **given):
        """Inserts so many rows into a model's table; `given` are columns as SQL."""
        from django.apps import apps

        model = apps.get_model(label)
        meta = model._meta
        names, values = [], []
        for field in meta.local_concrete_fields:
            if isinstance(field, models.GeneratedField):
                continue
            name = field.column
            if name in given or field.name in given:
                value = given.get(name, given.get(field.name))
            elif field.primary_key and isinstance(field, models.AutoField):
                continue
            else:
                value = self.value(field)
            names.append(f'"{name}"')
            values.append(value)
        table = connection.ops.quote_name(meta.db_table)
        self.cursor.execute(
            f'insert into {table} ({", ".join(names)}) select {", ".join(values)} '
            f'from (select i, random() as r from generate_series(1, {count}) as i) as rows on conflict do nothing'
        )
        print(f'{meta.db_table}: {self.cursor.rowcount} rows')

    def through(self, label, field, count):
        """Inserts pairs into the table of a many-to-many field."""
        from django.apps import apps

        meta = apps.get_model(label)._meta.get_field(field).remote_field.through._meta
        self.fill(meta.label, count)

    def ids(self, model):
        self.cursor.execute(f'select array_agg(x) from (select {connection.ops.quote_name(model._meta.pk.column)} as x from {connection.ops.quote_name(model._meta.db_table)} order by 1 limit 20000) as ids')
        return self.cursor.fetchone()[0]

    def value(self, field):
        if field.remote_field:
            found = self.ids(field.remote_field.model)
            if not found or field.null and field.remote_field.model is field.model:
                return 'null' if field.null else '1'
            if len(found) > 2 and field.remote_field.model._meta.pk.get_internal_type() in ('AutoField', 'BigAutoField', 'OneToOneField'):
                low, high = min(found), max(found)
                if high - low + 1 == len(found):
                    # Some have many children, most a few.
                    pick = '(i - 1)' if field.unique else f'floor(power(random(), 2) * {len(found)})::int'
                    return f'{low} + {pick}'
            listed = ', '.join(quoted(one) for one in found)
            kind = field.remote_field.model._meta.pk.db_type(connection) or ''
            kind = {'serial': 'integer', 'bigserial': 'bigint'}.get(kind, kind.split(' GENERATED')[0])
            pick = 'i' if field.unique else f'1 + floor(random() * {len(found)})::int + 0 * i'
            return f"('{{}}'::{kind}[] || array[{listed}]::{kind}[])[{pick}]"
        kind = field.get_internal_type()
        if field.choices and not field.unique:
            keys = [key for key, _ in field.flatchoices if key not in (None, '')]
            # The first one is the most frequent.
            if keys:
                return f'(array[{", ".join(quoted(key) for key in keys)}])[1 + floor(power(r, 3) * {len(keys)})::int]' + ('::int' if 'Integer' in kind else '')
        if kind in ('CharField', 'SlugField', 'TextField', 'EmailField', 'URLField', 'FileField', 'FilePathField', 'ImageField'):
            text = "md5(i::text || 'x')" if field.unique else "'word' || floor(r * 5000)::int || ' ' || md5(i::text)"
            if kind == 'EmailField':
                text = "'user' || i || '@example.org'"
            if kind == 'SlugField':
                text = "'slug-' || i"
            return f'left({text}, {field.max_length})' if field.max_length else text
        if kind in ('DateTimeField',):
            return "now() - r * interval '700 days'"
        if kind == 'DateField':
            return "(now() - r * interval '700 days')::date"
        if kind == 'TimeField':
            return "time '00:00' + r * interval '23 hours'"
        if kind == 'DurationField':
            return "interval '1 hour'"
        if kind == 'BooleanField':
            default = field.get_default()
            return f'r {"<" if default else ">"} 0.9'
        if kind == 'UUIDField':
            return 'gen_random_uuid()'
        if kind == 'JSONField':
            return "'{}'::jsonb"
        if kind == 'DecimalField':
            return f'round((r * 100)::numeric, {field.decimal_places})'
        if kind == 'FloatField':
            return 'r * 100'
        if 'Integer' in kind or kind in ('AutoField', 'BigAutoField'):
            return 'i' if field.unique else 'floor(r * 10)::int'
        if kind == 'GenericIPAddressField':
            return "'10.0.0.1'::inet"
        return 'null' if field.null else "''"
