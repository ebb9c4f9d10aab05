"""Writes schema.sql and statements.sql: what a Django project sends, literals in place, one statement a line.

Run with each Django in turn, and the lines that are new are added:
  PGHOST=… PGDATABASE=… target/django/4.2/bin/python tests/it/judge/generate.py tests/it/judge
"""

import os
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import django
from django.conf import settings

from django.apps import AppConfig


class Shop(AppConfig):
    name = "__main__"
    label = "shop"
    path = str(Path(__file__).parent)


settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"],
                           "HOST": os.environ["PGHOST"], "PORT": os.environ.get("PGPORT", ""),
                           "USER": os.environ.get("PGUSER", "postgres")}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions",
                    "django.contrib.admin", "django.contrib.messages", "django.contrib.postgres", "__main__.Shop"],
    USE_TZ=True, TIME_ZONE="Europe/Berlin", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", DEBUG=True,
)
django.setup()

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres import aggregates as pga
from django.contrib.postgres import search as pgs
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, HStoreField, IntegerRangeField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.sessions.models import Session
from django.db import connection, models
from django.db.models import (Avg, BooleanField, Case, CharField, Count, DecimalField, Exists, ExpressionWrapper, F,
                              FilteredRelation, Func, IntegerField, JSONField, Max, Min, OuterRef, Prefetch, Q,
                              StdDev, Subquery, Sum, TextField, Value, Variance, When, Window)
from django.db.models import functions as f


class Customer(models.Model):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200, blank=True)
    tags = ArrayField(models.CharField(max_length=50), default=list)
    scores = ArrayField(models.IntegerField(), default=list)
    payload = JSONField(default=dict)
    attributes = HStoreField(default=dict)
    search = pgs.SearchVectorField(null=True)
    born = models.DateField(null=True)
    joined = models.DateTimeField()
    active = models.BooleanField(default=True)
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL)

    class Meta:
        app_label = "shop"
        indexes = [GinIndex(fields=["tags"], name="customer_tags"), GinIndex(fields=["search"], name="customer_search"),
                   GinIndex(fields=["name"], name="customer_name", opclasses=["gin_trgm_ops"]),
                   models.Index(f.Lower("email"), name="customer_email_lower"),
                   models.Index(fields=["joined"], name="customer_active", condition=Q(active=True))]


class Product(models.Model):
    name = models.CharField(max_length=200)
    slug = models.SlugField(unique=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    stock = models.PositiveIntegerField(default=0)
    rating = models.FloatField(null=True)
    uid = models.UUIDField(null=True)
    available = DateTimeRangeField(null=True)
    sizes = IntegerRangeField(null=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE)

    class Meta:
        app_label = "shop"
        constraints = [models.CheckConstraint(**{("condition" if django.VERSION >= (5, 1) else "check"): Q(price__gte=0)},
                                              name="price_is_positive")]


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    status = models.CharField(max_length=20, default="open")
    total = models.DecimalField(max_digits=12, decimal_places=2)
    created_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    took = models.DurationField(null=True)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        app_label = "shop"
        ordering = ["-created_at"]


class Item(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.IntegerField(default=1)
    price = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label = "shop"
        unique_together = [("order", "product")]


MODELS = [ContentType, Permission, Group, User, Session, LogEntry, Customer, Product, Order, Item]
UTC = timezone.utc
NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def schema():
    with connection.schema_editor(collect_sql=True) as editor:
        for model in MODELS:
            editor.create_model(model)
    return [line for line in editor.collected_sql if not line.startswith("--")]


def querysets():
    C, P, O, I = Customer.objects, Product.objects, Order.objects, Item.objects
    yield lambda: C.all()
    yield lambda: C.filter(pk=1)
    yield lambda: C.filter(pk__in=[1, 2, 3])
    yield lambda: C.exclude(email="a@example.org")
    for lookup, value in [("exact", "a"), ("iexact", "a"), ("contains", "a"), ("icontains", "a"), ("startswith", "a"),
                          ("istartswith", "a"), ("endswith", "a"), ("iendswith", "a"), ("regex", "^a"), ("iregex", "^a"),
                          ("gt", "a"), ("gte", "a"), ("lt", "a"), ("lte", "a"), ("isnull", False), ("in", ["a", "b"]),
                          ("unaccent", "a"), ("unaccent__icontains", "a"), ("trigram_similar", "ann"),
                          ("trigram_word_similar", "ann"), ("search", "ann"), ("range", ["a", "b"]), ("lower", "a"),
                          ("length__gt", 3)]:
        yield lambda: C.filter(**{f"name__{lookup}": value})
    for lookup, value in [("date", date(2026, 1, 1)), ("date__gte", date(2026, 1, 1)), ("year", 2026), ("year__gt", 2025),
                          ("month", 1), ("day", 1), ("week", 1), ("week_day", 1), ("iso_week_day", 1), ("quarter", 1),
                          ("hour", 1), ("minute", 1), ("second", 1), ("time", "12:00"), ("iso_year", 2026),
                          ("range", [NOW, NOW + timedelta(days=1)])]:
        yield lambda: O.filter(**{f"created_at__{lookup}": value})
    for lookup, value in [("contains", ["a"]), ("contained_by", ["a"]), ("overlap", ["a", "b"]), ("len", 2), ("0", "a"),
                          ("0_1", ["a"]), ("exact", ["a"]), ("len__gt", 1)]:
        yield lambda: C.filter(**{f"tags__{lookup}": value})
    yield lambda: C.filter(scores__contains=[1])
    yield lambda: C.filter(scores__0__gt=3)
    for lookup, value in [("a", 1), ("a__b", "x"), ("a__0__b", None), ("contains", {"a": 1}), ("contained_by", {"a": 1}),
                          ("has_key", "a"), ("has_keys", ["a", "b"]), ("has_any_keys", ["a", "b"]), ("a__gt", 3),
                          ("a__icontains", "x"), ("a__startswith", "x"), ("a__in", [1, 2]), ("a__isnull", True),
                          ("a__regex", "^x"), ("exact", {"a": 1})]:
        yield lambda: C.filter(**{f"payload__{lookup}": value})
    for lookup, value in [("a", "x"), ("contains", {"a": "x"}), ("has_key", "a"), ("keys", ["a"]), ("a__icontains", "x"),
                          ("values__contains", ["x"])]:
        yield lambda: C.filter(**{f"attributes__{lookup}": value})
    for lookup, value in [("contains", NOW), ("overlap", [NOW, NOW + timedelta(days=1)]), ("startswith__gt", NOW),
                          ("endswith__isnull", True), ("isempty", False), ("contained_by", [NOW, NOW + timedelta(days=1)]),
                          ("fully_lt", [NOW, NOW + timedelta(days=1)])]:
        yield lambda: P.filter(**{f"available__{lookup}": value})
    yield lambda: P.filter(sizes__contains=3)
    yield lambda: P.filter(sizes__adjacent_to=(1, 3))
    # joins
    yield lambda: O.select_related("customer")
    yield lambda: O.select_related("customer__user").filter(customer__user__username="ann")
    yield lambda: O.filter(customer__email__icontains="ann", items__product__name="x").distinct()
    yield lambda: O.prefetch_related("items__product")
    yield lambda: O.prefetch_related(Prefetch("items", queryset=I.select_related("product").order_by("-price")))
    yield lambda: C.filter(Q(orders__total__gt=3) | Q(name=""), active=True)
    yield lambda: C.filter(~Q(orders__status="open"))
    yield lambda: C.exclude(orders__items__quantity__gt=2)
    yield lambda: C.annotate(paid=FilteredRelation("orders", condition=Q(orders__status="paid"))).filter(paid__total__gt=1)
    yield lambda: P.filter(parent__parent__name="x").select_related("parent__parent")
    yield lambda: I.filter(price__gt=F("product__price"))
    yield lambda: O.order_by("customer__name", F("paid_at").desc(nulls_last=True))[:10]
    yield lambda: O.order_by("?")[:5]
    yield lambda: O.reverse()[10:20]
    yield lambda: O.distinct("customer").order_by("customer", "-created_at")
    yield lambda: O.only("id", "total")
    yield lambda: O.defer("total")
    yield lambda: O.values("status").distinct()
    yield lambda: O.values_list("id", flat=True)
    yield lambda: O.none()
    yield lambda: O.filter(total__gt=1).union(O.filter(status="open"), all=True)
    yield lambda: O.order_by().filter(total__gt=1).intersection(O.order_by().filter(status="open"))
    yield lambda: O.order_by().filter(total__gt=1).difference(O.order_by().filter(status="open"))
    # aggregates
    yield lambda: O.values("status").annotate(n=Count("id"), s=Sum("total")).order_by("-n")
    yield lambda: C.annotate(n=Count("orders", distinct=True), s=Sum("orders__total")).filter(n__gt=2)
    yield lambda: C.annotate(n=Count("orders", filter=Q(orders__status="paid")))
    yield lambda: O.annotate(day=f.TruncDate("created_at")).values("day").annotate(s=Sum("total")).order_by("day")
    for part in ["Year", "Month", "Week", "Day", "Hour", "Minute", "Second", "Quarter", "Time"]:
        yield lambda: O.annotate(x=getattr(f, f"Trunc{part}")("created_at")).values("x").annotate(n=Count("id")).order_by("x")
    for part in ["Year", "Month", "Week", "Day", "Hour", "Minute", "Second", "Quarter", "WeekDay", "IsoYear", "IsoWeekDay"]:
        yield lambda: O.annotate(x=getattr(f, f"Extract{part}")("created_at")).filter(x=1)
    yield lambda: O.annotate(x=f.TruncMonth("created_at", tzinfo=UTC)).values("x").annotate(a=Avg("total"), m=Max("total"))
    yield lambda: C.annotate(a=pga.ArrayAgg("orders__status", distinct=True), b=pga.StringAgg("orders__status", delimiter=Value(", ")))
    yield lambda: C.annotate(a=pga.JSONBAgg("orders__status", ordering="orders__status"), b=pga.BoolAnd("active"), c=pga.BoolOr("active"))
    yield lambda: P.values("parent").annotate(a=StdDev("rating"), b=Variance("rating", sample=True), c=Min("price"))
    yield lambda: P.values("parent").annotate(a=pga.Corr(y="rating", x="stock"), b=pga.RegrSlope(y="rating", x="stock"))
    yield lambda: P.values("stock").annotate(a=pga.BitAnd("stock"), b=pga.BitOr("stock"))
    # expressions
    yield lambda: C.annotate(x=f.Concat("name", Value(" <"), "email", Value(">"), output_field=TextField())).order_by("x")
    yield lambda: C.annotate(x=f.Coalesce("name", "email", output_field=TextField())).filter(x="a")
    yield lambda: C.annotate(x=f.Lower("email"), y=f.Upper("name"), z=f.Length("name"), w=f.Trim("name")).filter(x="a")
    yield lambda: C.annotate(x=f.Substr("email", 1, 3), y=f.Left("email", 2), z=f.Right("email", 2), w=f.Replace("email", Value("a"), Value("b")))
    yield lambda: C.annotate(x=f.LPad("name", 10, Value("0")), y=f.RPad("name", 10), z=f.Repeat("name", 2), w=f.Reverse("name"))
    yield lambda: C.annotate(x=f.MD5("email"), y=f.StrIndex("email", Value("@")), z=f.Ord("email"), w=f.LTrim("name"), v=f.RTrim("name"))
    yield lambda: C.annotate(x=f.Chr(Value(65)))
    yield lambda: P.annotate(x=f.Abs("rating"), y=f.Ceil("rating"), z=f.Floor("rating"), w=f.Round("rating"), v=f.Sqrt(f.Abs("rating")))
    yield lambda: P.annotate(x=f.Power("rating", 2), y=f.Mod("stock", 3), z=f.Ln("rating"), w=f.Log(2, "rating"), v=f.Exp("rating"), u=f.Sign("rating"))
    yield lambda: P.annotate(x=f.Sin("rating"), y=f.Cos("rating"), z=f.ATan2("rating", 1.0), w=f.Degrees("rating"), v=f.Pi(), u=f.Random())
    yield lambda: P.annotate(x=f.Greatest("price", "stock", output_field=DecimalField()), y=f.Least("stock", 3), z=f.NullIf("stock", 0))
    yield lambda: P.annotate(x=f.Cast("price", IntegerField()), y=f.Cast("stock", TextField()), z=f.Cast("uid", CharField()))
    yield lambda: O.annotate(x=f.Now(), y=ExpressionWrapper(F("paid_at") - F("created_at"), output_field=models.DurationField()))
    yield lambda: O.filter(created_at__gt=f.Now() - timedelta(days=3))
    yield lambda: O.annotate(x=Case(When(status="open", then=Value(1)), When(total__gt=3, then=Value(2)), default=Value(0))).order_by("x")
    yield lambda: P.annotate(x=F("price") * F("stock") + 1, y=F("price") / 2, z=F("stock") % 3, w=F("price") - Decimal("1.5")).filter(x__gt=3)
    yield lambda: P.annotate(x=F("stock").bitand(3), y=F("stock").bitor(3), z=F("stock").bitleftshift(1), w=F("stock").bitxor(1))
    yield lambda: P.annotate(x=f.Collate("name", "C")).order_by("x")
    yield lambda: C.annotate(x=f.JSONObject(name="name", email=f.Lower("email")))
    yield lambda: C.annotate(x=Func(F("name"), function="initcap"), y=Func(F("tags"), function="cardinality", output_field=IntegerField()), z=Func(F("tags"), 1, function="array_length", output_field=IntegerField()))
    yield lambda: C.annotate(x=Func(F("tags"), function="unnest")).values("x").distinct()
    yield lambda: C.values("payload__a__b").annotate(n=Count("id"))
    yield lambda: O.filter(took__gt=timedelta(hours=3), address="10.0.0.1")
    yield lambda: P.filter(uid="2f0ea9e6-8b2f-4a5e-9a80-40c9ba1b4b71")
    # subqueries and windows
    newest = O.filter(customer=OuterRef("pk")).order_by("-created_at")
    yield lambda: C.annotate(x=Subquery(newest.values("total")[:1])).filter(x__gt=3)
    yield lambda: C.filter(Exists(newest.filter(status="open")))
    yield lambda: C.annotate(x=~Exists(newest)).order_by("x")
    yield lambda: C.filter(pk__in=O.filter(total__gt=3).values("customer"))
    yield lambda: C.annotate(x=Subquery(newest.values("customer").order_by().annotate(n=Count("pk")).values("n")))
    yield lambda: C.annotate(x=pgs.SearchVector("name")).filter(x=pgs.SearchQuery("ann", search_type="websearch"))
    yield lambda: O.annotate(x=Window(f.RowNumber(), partition_by="customer", order_by=F("created_at").desc()))
    yield lambda: O.annotate(x=Window(f.Lag("total", 1, Decimal(0)), order_by="created_at"), y=Window(f.Lead("total"), order_by="created_at"))
    yield lambda: O.annotate(x=Window(f.Rank(), order_by="total"), y=Window(f.DenseRank(), order_by="total"), z=Window(f.Ntile(4), order_by="total"))
    yield lambda: O.annotate(x=Window(f.FirstValue("total"), order_by="total"), y=Window(f.LastValue("total"), order_by="total"), z=Window(f.NthValue("total", 2), order_by="total"))
    yield lambda: O.annotate(x=Window(f.CumeDist(), order_by="total"), y=Window(f.PercentRank(), order_by="total"))
    from django.db.models import RowRange, ValueRange
    yield lambda: O.annotate(x=Window(Sum("total"), partition_by="status", order_by="created_at", frame=RowRange(start=-3, end=0)))
    yield lambda: O.annotate(x=Window(Avg("total"), order_by="created_at", frame=ValueRange(start=None, end=0)))
    yield lambda: O.annotate(x=Window(f.RowNumber(), partition_by="customer", order_by="-total")).filter(x=1)
    # full text and trigrams
    vector = pgs.SearchVector("name", weight="A") + pgs.SearchVector("email", weight="B", config="english")
    query = pgs.SearchQuery("ann & bob", search_type="raw", config="english") | pgs.SearchQuery("carl")
    yield lambda: C.annotate(rank=pgs.SearchRank(vector, query)).filter(rank__gte=0.1).order_by("-rank")
    yield lambda: C.annotate(x=vector).filter(x=query)
    yield lambda: C.filter(search=pgs.SearchQuery("ann", search_type="phrase"))
    yield lambda: C.annotate(x=pgs.SearchHeadline("name", pgs.SearchQuery("ann"), start_sel="<b>", stop_sel="</b>"))
    yield lambda: C.annotate(x=pgs.TrigramSimilarity("name", "ann")).filter(x__gt=0.3).order_by("-x")
    yield lambda: C.annotate(x=pgs.TrigramDistance("name", "ann")).order_by("x")[:10]
    yield lambda: C.annotate(x=pgs.TrigramWordSimilarity("ann", "name")).filter(x__gt=0.3)
    # contrib
    yield lambda: User.objects.filter(groups__permissions__codename="add_order").distinct()
    yield lambda: Permission.objects.filter(Q(group__user=1) | Q(user=1)).select_related("content_type").order_by("content_type__app_label")
    yield lambda: Session.objects.filter(session_key="x", expire_date__gt=NOW)
    yield lambda: LogEntry.objects.select_related("content_type", "user").filter(user=1)[:10]
    yield lambda: ContentType.objects.filter(app_label="shop", model="order")


def calls():
    C, O, P = Customer.objects, Order.objects, Product.objects
    yield lambda: C.count()
    yield lambda: C.exists()
    yield lambda: O.filter(status="open").count()
    yield lambda: O.aggregate(Sum("total"), Avg("total"), Max("created_at"), n=Count("id", distinct=True))
    yield lambda: O.values("status").annotate(n=Count("id")).aggregate(Max("n"))
    yield lambda: O.filter(customer__name="x").exists()
    yield lambda: list(O.dates("created_at", "month"))
    yield lambda: list(O.datetimes("created_at", "hour"))
    yield lambda: O.first()
    yield lambda: O.last()
    yield lambda: O.latest("created_at") if O.exists() else None
    yield lambda: list(O.in_bulk([1, 2]))
    yield lambda: P.aggregate(x=Sum(F("price") * F("stock"), output_field=DecimalField()))
    yield lambda: C.filter(orders__total__gt=2).distinct().count()
    yield lambda: C.raw("select id, email from shop_customer where lower(email) = %s", ["a"])[:1]
    yield lambda: list(C.raw("with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select n as id from t"))
    yield lambda: list(C.raw("select id from shop_customer where email::citext = %s and name::citext like %s", ["A", "b%"]))
    yield lambda: list(C.extra(where=["char_length(name) > %s"], params=[3], select={"x": "now()"}))


def sent():
    from django.db import reset_queries
    reset_queries()
    for queryset in querysets():
        try:
            list(queryset())
        except Exception as error:
            print(f"left out: {error}", file=sys.stderr)
    for call in calls():
        try:
            call()
        except Exception as error:
            print(f"left out: {error}", file=sys.stderr)
    for query in connection.queries:
        sql = " ".join((query["sql"] or "").split())
        if sql.lower().startswith(("select", "with", "(")):
            yield sql


def main():
    folder = Path(sys.argv[1])
    with connection.cursor() as cursor:
        for name in ["pg_trgm", "unaccent", "hstore", "citext", "btree_gin"]:
            cursor.execute(f"create extension if not exists {name}")
    lines = schema()
    with connection.cursor() as cursor:
        for line in lines:
            cursor.execute(line)
    connection.close()
    for lookup in (f.Lower, f.Length):
        CharField.register_lookup(lookup)
    target = folder / "schema.sql"
    if not target.exists():
        target.write_text("\n".join(lines) + "\n")
    target = folder / "statements.sql"
    known = target.read_text().splitlines() if target.exists() else []
    for line in sent():
        if line not in known:
            known.append(line)
    target.write_text("\n".join(known) + "\n")
    print(len(known))


main()
