//! What Django judges: an index as the advisor has it, and a query that it is for.

use pgdj::advisor::IndexSpec;
use pgdj::catalog::index::{AccessMethod, Definition, Key, KeyDirection, Nulls};
use pgdj::catalog::parse::expression;
use pgdj::catalog::{Catalog, Expr, Table};

/// One index and its query.
pub(crate) struct Case {
    /// What it shows.
    pub(crate) name: &'static str,
    /// The table.
    pub(crate) table: &'static str,
    /// The keys as the server deparses them: `upper((name)::text) gin_trgm_ops`, `created_at desc nulls last`.
    pub(crate) keys: &'static [&'static str],
    /// The access method and its storage parameters: `brin autosummarize=on`.
    pub(crate) using: &'static str,
    /// Included columns.
    pub(crate) include: &'static [&'static str],
    /// The predicate as the server deparses it.
    pub(crate) predicate: &'static str,
    /// The query, in Python; with the arguments of `aggregate()` where there are any.
    pub(crate) query: &'static str,
}

const fn case(name: &'static str, table: &'static str, keys: &'static [&'static str], query: &'static str) -> Case {
    Case { name, table, keys, using: "btree", include: &[], predicate: "", query }
}

impl Case {
    const fn using(self, using: &'static str) -> Self {
        Self { using, ..self }
    }

    const fn include(self, include: &'static [&'static str]) -> Self {
        Self { include, ..self }
    }

    const fn only(self, predicate: &'static str) -> Self {
        Self { predicate, ..self }
    }

    /// Returns the index in the advisor's form.
    pub(crate) fn spec(&self, catalog: &Catalog) -> IndexSpec {
        let table = catalog.table(None, self.table).unwrap();
        IndexSpec::on(table, self.definition(table))
    }

    fn definition(&self, table: &Table) -> Definition {
        let mut words = self.using.split(' ');
        let method = AccessMethod::named(words.next().unwrap());
        let options = words.map(|word| word.split_once('=').unwrap()).map(|(name, value)| (name.into(), value.into()));
        let predicate = match self.predicate {
            "" => Vec::new(),
            text => expression(text).normalised(table).conjuncts(),
        };
        Definition {
            method,
            keys: self.keys.iter().map(|text| key(text, table)).collect(),
            include: self.include.iter().map(|name| (*name).to_owned()).collect(),
            predicate,
            options: options.collect(),
        }
    }
}

fn key(text: &str, table: &Table) -> Key {
    let (text, nulls) = match (text.strip_suffix(" nulls last"), text.strip_suffix(" nulls first")) {
        (Some(rest), _) => (rest, Nulls::Last),
        (_, Some(rest)) => (rest, Nulls::First),
        _ => (text, Nulls::Usual),
    };
    let (text, direction) = match text.strip_suffix(" desc") {
        Some(rest) => (rest, KeyDirection::Descending),
        None => (text, KeyDirection::Ascending),
    };
    let (text, opclass) = match text.rsplit_once(' ') {
        Some((rest, opclass)) if opclass.ends_with("_ops") => (rest, Some(opclass.to_owned())),
        _ => (text, None),
    };
    let expr: Expr = expression(text).normalised(table);
    assert!(!matches!(expr, Expr::Other(_)), "{text} is not read: {expr:?}");
    Key { expr, opclass, direction, nulls }
}

/// The corpus's cases, the shapes the advisor knows, and what is hard to say.
pub(crate) const CASES: &[Case] = &[
    // The corpus.
    case("eq_unique", "shopapp_order", &["reference"], "Order.objects.filter(reference='R00012345')"),
    case(
        "eq_sort_limit",
        "shopapp_order",
        &["store_id", "created_at desc"],
        "Order.objects.filter(store_id=7).order_by('-created_at')[:20]",
    ),
    case("eq_two_selective", "shopapp_order", &["store_id"], "Order.objects.filter(store_id=7, status='pending')")
        .only("((status)::text = 'pending'::text)"),
    case(
        "article_list",
        "shopapp_article",
        &["lang", "published_at desc"],
        "Article.objects.filter(status='published', lang='nl').order_by('-published_at')[:10]",
    )
    .only("((status)::text = 'published'::text)"),
    case(
        "sort_nulls_last",
        "shopapp_customer",
        &["last_login desc nulls last"],
        "Customer.objects.order_by(F('last_login').desc(nulls_last=True))[:20]",
    ),
    case(
        "join_inner_fk",
        "shopapp_orderitem",
        &["product_id"],
        "OrderItem.objects.filter(product__sku='SKU-000123').select_related('product')",
    ),
    case(
        "covering_sum",
        "shopapp_order",
        &["store_id", "created_at"],
        "(Order.objects.filter(store_id=7, created_at__gte=D(2025, 9, 1)), {'s': Sum('total')})",
    )
    .include(&["total"]),
    case(
        "or_two_cols, with eq_unique",
        "shopapp_order",
        &["external_id"],
        "Order.objects.filter(Q(reference='R00012345') | Q(external_id='ext-c4ca4238a0b923820dcc509a6f75849b'))",
    )
    .only("(external_id IS NOT NULL)"),
    case(
        "partial_queue",
        "shopapp_job",
        &["queue", "priority desc", "run_at"],
        "Job.objects.filter(state='queued', queue='mail', run_at__lte=D(2025, 8, 1)).order_by('-priority', 'run_at')[:1]",
    )
    .only("((state)::text = 'queued'::text)"),
    case("partial_bool", "shopapp_customer", &["tier"], "Customer.objects.filter(is_active=False, tier='ent')")
        .only("(NOT is_active)"),
    case(
        "iexact",
        "shopapp_customer",
        &["upper((email)::text)"],
        "Customer.objects.filter(email__iexact='USER777@example1.com')",
    ),
    case(
        "icontains",
        "shopapp_customer",
        &["upper((name)::text) gin_trgm_ops"],
        "Customer.objects.filter(name__icontains='a1b2c')",
    )
    .using("gin"),
    case(
        "startswith",
        "shopapp_order",
        &["reference varchar_pattern_ops"],
        "Order.objects.filter(reference__startswith='R000123')",
    ),
    case(
        "json_contains",
        "shopapp_product",
        &["attrs jsonb_path_ops"],
        "Product.objects.filter(attrs__contains={'brand': 'brand77'})",
    )
    .using("gin"),
    case("json_key_eq", "shopapp_product", &["(attrs -> 'brand'::text)"], "Product.objects.filter(attrs__brand='brand77')"),
    case(
        "fts_config",
        "shopapp_article",
        &["to_tsvector('english'::regconfig, (((COALESCE(title, ''::character varying))::text || ' '::text) || COALESCE(body, ''::text)))"],
        "Article.objects.annotate(s=SearchVector('title', 'body', config='english')).filter(s=SearchQuery('postgres', config='english'))",
    )
    .using("gin"),
    case(
        "brin_day",
        "shopapp_event",
        &["created_at"],
        "(Event.objects.filter(created_at__gte=D(2025, 6, 1), created_at__lt=D(2025, 6, 2)), {'n': Count('id')})",
    )
    .using("brin autosummarize=on"),
    case("neg_stale", "shopapp_import", &["batch"], "Import.objects.filter(batch=77)"),
    // Other expressions and operator classes.
    case(
        "istartswith",
        "shopapp_customer",
        &["upper((name)::text) text_pattern_ops"],
        "Customer.objects.filter(name__istartswith='a1b2c')",
    ),
    case(
        "lower",
        "shopapp_customer",
        &["lower((city)::text)"],
        "Customer.objects.annotate(l=Lower('city')).filter(l='city77')",
    ),
    case(
        "field and expression",
        "shopapp_customer",
        &["tier", "upper((phone)::text) desc"],
        "Customer.objects.filter(tier='ent', phone__iexact='+15550000001')",
    ),
    case("contains", "shopapp_product", &["name gin_trgm_ops"], "Product.objects.filter(name__contains='a1b2c')").using("gin"),
    case(
        "date of a moment",
        "shopapp_order",
        &["((created_at AT TIME ZONE 'UTC'::text))::date"],
        "Order.objects.filter(created_at__date=datetime(2024, 2, 1).date())",
    ),
    case(
        "month of a moment",
        "shopapp_article",
        &["EXTRACT(month FROM (published_at AT TIME ZONE 'UTC'::text))"],
        "Article.objects.filter(published_at__month=3)",
    ),
    case(
        "truncated moment",
        "shopapp_order",
        &["date_trunc('month'::text, (created_at AT TIME ZONE 'UTC'::text))"],
        "Order.objects.annotate(m=TruncMonth('created_at')).filter(m=datetime(2023, 2, 1))",
    ),
    case(
        "reversed",
        "shopapp_customer",
        &["reverse((phone)::text) text_pattern_ops"],
        "Customer.objects.annotate(r=Reverse('phone')).filter(r__startswith='1234')",
    ),
    case(
        "coalesce",
        "shopapp_customer",
        &["COALESCE(last_login, created_at)"],
        "Customer.objects.annotate(w=Coalesce('last_login', 'created_at')).order_by('w')[:10]",
    ),
    case(
        "difference",
        "shopapp_order",
        &["(total - paid_total) desc"],
        "Order.objects.annotate(d=F('total') - F('paid_total')).filter(d__gt=Decimal('995'))",
    ),
    case(
        "difference with a number",
        "shopapp_product",
        &["(stock * 2)"],
        "Product.objects.annotate(d=F('stock') * 2).filter(d=77)",
    ),
    case(
        "operator",
        "shopapp_customer",
        &["((city)::text || (tier)::text)"],
        "Customer.objects.annotate(c=Func('city', 'tier', arg_joiner=' || ', template='(%(expressions)s)', output_field=TextField())).filter(c='x')",
    ),
    case(
        "function",
        "shopapp_product",
        &["\"substring\"((name)::text, 1, 3)"],
        "Product.objects.annotate(s=Substr('name', 1, 3)).filter(s='abc')",
    ),
    case("md5", "shopapp_article", &["md5(body)"], "Article.objects.annotate(m=MD5('body')).filter(m='x')"),
    // JSON, arrays, ranges.
    case("json key as text", "shopapp_event", &["(payload ->> 'ua'::text)"], "Event.objects.annotate(u=KT('payload__ua')).filter(u='x')"),
    case(
        "json path",
        "shopapp_product",
        &["(attrs #> '{box,width}'::text[])"],
        "Product.objects.filter(attrs__box__width=77)",
    ),
    case(
        "json key as number",
        "shopapp_product",
        &["((attrs ->> 'size'::text))::integer"],
        "Product.objects.annotate(s=Cast(KT('attrs__size'), IntegerField())).filter(s=7)",
    ),
    case("json has key", "shopapp_product", &["attrs"], "Product.objects.filter(attrs__has_key='discount')").using("gin"),
    case("array", "shopapp_product", &["tags"], "Product.objects.filter(tags__contains=['tag77'])")
        .using("gin gin_pending_list_limit=256 fastupdate=off"),
    case(
        "number and array",
        "shopapp_product",
        &["category_id", "tags"],
        "Product.objects.filter(category_id=7, tags__contains=['tag77'])",
    )
    .using("gin"),
    case(
        "range",
        "shopapp_booking",
        &["during"],
        "Booking.objects.filter(during__overlap=(D(2024, 3, 1), D(2024, 3, 2)))",
    )
    .using("gist"),
    case(
        "number and range",
        "shopapp_booking",
        &["room_id", "during"],
        "Booking.objects.filter(room_id=7, during__overlap=(D(2024, 3, 1), D(2024, 3, 2)))",
    )
    .using("gist fillfactor=90"),
    case("range in a tree", "shopapp_booking", &["during"], "Booking.objects.filter(during__contains=D(2024, 3, 1))")
        .using("spgist"),
    case("hash", "shopapp_order", &["reference"], "Order.objects.filter(reference='R00012345')").using("hash"),
    case("fillfactor", "shopapp_order", &["customer_id", "store_id"], "Order.objects.filter(customer_id=7, store_id=7)")
        .using("btree fillfactor=70"),
    // Predicates.
    case("is not null", "shopapp_job", &["heartbeat"], "Job.objects.filter(heartbeat__lt=D(2025, 9, 2))")
        .only("(heartbeat IS NOT NULL)"),
    case("is null", "shopapp_article", &["slug"], "Article.objects.filter(slug='title-77', views__gt=9000)")
        .only("(views > 9000)"),
    case("deleted", "shopapp_order", &["created_at"], "Order.objects.filter(deleted_at__isnull=False).order_by('created_at')[:10]")
        .only("(deleted_at IS NOT NULL)"),
    case("one of", "shopapp_job", &["run_at"], "Job.objects.filter(state__in=['queued', 'running'], run_at__lte=D(2025, 6, 20))")
        .only("((state)::text = ANY ('{queued,running}'::text[]))"),
    case(
        "not equal",
        "shopapp_order",
        &["created_at"],
        "Order.objects.exclude(status='done').filter(created_at__gte=D(2025, 9, 1))",
    )
    .only("((status)::text <> 'done'::text)"),
    case(
        "not equal or null",
        "shopapp_order",
        &["store_id", "total"],
        "Order.objects.exclude(external_id='x').filter(store_id=7, total__gt=Decimal('990'))",
    )
    .only("(((external_id)::text <> 'x'::text) OR (external_id IS NULL))"),
    case(
        "not equal and not null",
        "shopapp_order",
        &["paid_total"],
        "Order.objects.filter(external_id__isnull=False, paid_total__gt=Decimal('990')).exclude(external_id='x')",
    )
    .only("((external_id)::text <> 'x'::text)"),
    case("decimal", "shopapp_order", &["store_id"], "Order.objects.filter(store_id=7, total__gt=Decimal('990.50'))")
        .only("(total > 990.50)"),
    case("moment", "shopapp_order", &["store_id"], "Order.objects.filter(store_id=7, created_at__gte=D(2025, 10, 1))")
        .only("(created_at >= '2025-10-01 02:00:00+02'::timestamp with time zone)"),
    case("negative", "shopapp_order", &["status"], "Order.objects.filter(channel__lt=-1, status='done')")
        .only("(channel < '-1'::integer)"),
    case(
        "either",
        "shopapp_job",
        &["run_at"],
        "Job.objects.filter(Q(state='failed') | Q(heartbeat__isnull=True, priority=9), queue='sync').order_by('run_at')[:5]",
    )
    .only("(((queue)::text = 'sync'::text) AND (((state)::text = 'failed'::text) OR ((heartbeat IS NULL) AND (priority = 9))))"),
    case("quotes", "shopapp_order", &["store_id"], "Order.objects.filter(store_id=7, reference='it\\'s a \"\\\\\" x')")
        .only("((reference)::text = 'it''s a \"\\\" x'::text)"),
    case("percent", "shopapp_order", &["store_id"], "Order.objects.filter(store_id=7, reference='10%s of 5%')")
        .only("((reference)::text = '10%s of 5%'::text)"),
    case("like", "shopapp_order", &["store_id"], "Order.objects.filter(store_id=7, reference__startswith='R0001')")
        .only("((reference)::text ~~ 'R0001%'::text)"),
    // Names.
    case("long name", "shopapp_order", &["customer_id", "status", "channel", "paid_total"],
        "Order.objects.filter(customer_id=7, status='done', channel=1, paid_total=Decimal(7))"),
    case("many to many", "shopapp_article_labels", &["category_id", "article_id"],
        "Article.labels.through.objects.filter(category_id=7, article_id__gt=100).values('category_id', 'article_id')"),
    case("a table and columns with names of their own", "Altes Buch", &["\"Kunden Nr\"", "\"Tag\" desc"],
        "Ledger.objects.filter(kunde=7).order_by('-day')[:1]"),
    case("date and uuid", "Altes Buch", &["weight"],
        "Ledger.objects.filter(day=datetime(2020, 3, 1).date(), code='c4ca4238-a0b9-2382-0dcc-509a6f75849b').order_by('weight')")
        .only("((\"Tag\" = '2020-03-01'::date) AND (code = 'c4ca4238-a0b9-2382-0dcc-509a6f75849b'::uuid))"),
];
