"""Writes schema.sql and cases.sql: a library's tables as Django makes them, and what its ORM sends, literals in place.

Run with a server that may be written to, from the root of the repository:
  PGHOST=… PGDATABASE=… target/django/5.2/bin/python tests/it/corpus/library/generate.py tests/it/corpus/library

Each case has a class, a verdict (`index`, `silent` or `rewrite`), and for `index` the best set of indexes that is known:
what follows CREATE INDEX … ON, and the table.
"""

import os
import sys
from datetime import datetime, timedelta, timezone
from hashlib import md5
from pathlib import Path

import django
from django.apps import AppConfig
from django.conf import settings


class Library(AppConfig):
    name = "__main__"
    label = "lib"
    path = str(Path(__file__).parent)


settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"],
                           "HOST": os.environ["PGHOST"], "PORT": os.environ.get("PGPORT", ""),
                           "USER": os.environ.get("PGUSER", "postgres")}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.postgres", "__main__.Library"],
    USE_TZ=True, TIME_ZONE="UTC", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction
from django.db.models import Avg, Count, Exists, F, Func, Max, OuterRef, Q, Subquery, Sum, Value, Window
from django.db.models import functions as f
from django.db.models.sql import DeleteQuery, UpdateQuery


class Branch(models.Model):
    name = models.CharField(max_length=60)
    region = models.CharField(max_length=20)


class Publisher(models.Model):
    name = models.CharField(max_length=80)


class Author(models.Model):
    name = models.CharField(max_length=80)


class Subject(models.Model):
    name = models.CharField(max_length=60, unique=True)


class Member(models.Model):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    nickname = models.CharField(max_length=60, null=True)
    card_no = models.CharField(max_length=20)
    phone = models.CharField(max_length=20)
    branch = models.ForeignKey(Branch, models.CASCADE)
    status = models.CharField(max_length=12)
    joined = models.DateTimeField()
    last_seen = models.DateTimeField(null=True)
    preferences = models.JSONField()
    interests = ArrayField(models.CharField(max_length=20))
    deleted_at = models.DateTimeField(null=True)


class Book(models.Model):
    title = models.CharField(max_length=200)
    isbn = models.CharField(max_length=20, unique=True)
    publisher = models.ForeignKey(Publisher, models.CASCADE)
    language = models.CharField(max_length=5)
    published = models.DateField(null=True)
    codes = ArrayField(models.IntegerField())
    meta = models.JSONField()
    is_archived = models.BooleanField(default=False)
    subjects = models.ManyToManyField(Subject)
    authors = models.ManyToManyField(Author, through="Authorship")


class Authorship(models.Model):
    book = models.ForeignKey(Book, models.CASCADE)
    author = models.ForeignKey(Author, models.CASCADE, db_index=False)
    position = models.SmallIntegerField()

    class Meta:
        unique_together = [("book", "position")]


class Copy(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, db_index=False)
    branch = models.ForeignKey(Branch, models.CASCADE)
    barcode = models.CharField(max_length=20, unique=True)
    shelf = models.CharField(max_length=10)
    condition = models.SmallIntegerField()


class Loan(models.Model):
    member = models.ForeignKey(Member, models.CASCADE)
    copy = models.ForeignKey(Copy, models.CASCADE, db_index=False)
    state = models.CharField(max_length=10)
    borrowed_at = models.DateTimeField()
    due_at = models.DateTimeField()
    returned_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()
    fee = models.DecimalField(max_digits=8, decimal_places=2)
    receipt_no = models.IntegerField()
    note = models.TextField()


class Reservation(models.Model):
    member = models.ForeignKey(Member, models.CASCADE)
    book = models.ForeignKey(Book, models.CASCADE, db_index=False)
    phase = models.CharField(max_length=10)
    placed_at = models.DateTimeField()
    expires = models.DateField(null=True)
    rank = models.IntegerField()


class Fine(models.Model):
    loan = models.ForeignKey(Loan, models.CASCADE, db_index=False)
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    paid = models.BooleanField()
    issued_at = models.DateTimeField()


class Review(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, db_index=False)
    member = models.ForeignKey(Member, models.CASCADE, db_index=False)
    stars = models.SmallIntegerField()
    text = models.TextField()
    created_at = models.DateTimeField()
    is_visible = models.BooleanField()


class AuditLog(models.Model):
    at = models.DateTimeField()
    actor = models.CharField(max_length=40)
    action = models.CharField(max_length=20)
    target_type = models.IntegerField()
    target_id = models.BigIntegerField()
    line = models.TextField()


class Notice(models.Model):
    channel = models.CharField(max_length=10)
    state = models.CharField(max_length=10)
    priority = models.SmallIntegerField()
    created_at = models.DateTimeField()
    tries = models.IntegerField()
    body = models.TextField()


class Entry(models.Model):
    """In partitions, which Django does not make."""

    branch_id = models.IntegerField()
    member_id = models.IntegerField()
    entered_at = models.DateTimeField()
    gate = models.SmallIntegerField()

    class Meta:
        managed = False


MODELS = [Branch, Publisher, Author, Subject, Member, Book, Authorship, Copy, Loan, Reservation, Fine, Review, AuditLog,
          Notice]


def at(*parts):
    return datetime(*parts, tzinfo=timezone.utc)


def case(name, group, verdict, queryset, *references):
    CASES.append((name, group, verdict, references, queryset))


CASES = []
DEEP = at(2024, 2, 1)
NEAR = at(2025, 11, 20)
reviews = Review.objects.filter(book=OuterRef("pk"))
MARA = "Mara " + md5(b"775").hexdigest()[:5]
loans_of_copy = Loan.objects.filter(copy=OuterRef("pk"))

# Correlated sub-queries.
case("exists_review_flag", "sub-query", "index",
     Book.objects.filter(publisher_id=7).annotate(reviewed=Exists(reviews)), "(book_id) on lib_review")
case("exists_hidden_review", "sub-query", "index",
     Book.objects.filter(Exists(reviews.filter(is_visible=False)), publisher_id=7), "(book_id) where not is_visible on lib_review")
case("not_exists_review", "sub-query", "index",
     Book.objects.filter(~Exists(reviews), publisher_id=7), "(book_id) on lib_review")
case("sum_of_stars", "sub-query", "index",
     Book.objects.filter(publisher_id=7).annotate(
         stars=Subquery(reviews.values("book").annotate(total=Sum("stars")).values("total"))), "(book_id) on lib_review")
case("max_of_stars", "sub-query", "index",
     Book.objects.filter(language="nl", is_archived=True).annotate(
         best=Subquery(reviews.values("book").annotate(best=Max("stars")).values("best")))[:20],
     "(book_id) on lib_review")
case("newest_review", "sub-query", "index",
     Book.objects.filter(publisher_id=7).annotate(
         newest=Subquery(reviews.order_by("-created_at").values("created_at")[:1])), "(book_id, created_at) on lib_review")
case("newest_review_text", "sub-query", "index",
     Book.objects.order_by("id").annotate(newest=Subquery(reviews.order_by("-created_at").values("text")[:1]))[:20],
     "(book_id, created_at) on lib_review")
case("last_loan_of_copies", "sub-query", "index",
     Copy.objects.filter(branch_id=4, shelf="S12").annotate(
         last=Subquery(loans_of_copy.order_by("-borrowed_at").values("borrowed_at")[:1])),
     "(copy_id, borrowed_at) on lib_loan")
case("copies_lent_often", "sub-query", "index",
     Copy.objects.annotate(lent=Subquery(loans_of_copy.values("copy").annotate(n=Count("pk")).values("n"))).filter(
         branch_id=4, shelf="S12", lent__gt=4), "(copy_id) on lib_loan")
case("members_with_unpaid_fines", "sub-query", "index",
     Member.objects.filter(Exists(Loan.objects.filter(
         Exists(Fine.objects.filter(loan=OuterRef("pk"), paid=False)), member=OuterRef("pk"))), branch_id=5,
         status="suspended"), "(loan_id) where not paid on lib_fine")
case("lost_without_fine", "sub-query", "index",
     Loan.objects.filter(~Exists(Fine.objects.filter(loan=OuterRef("pk"))), state="lost", fee__gt=35),
     "(fee) where state = 'lost' on lib_loan", "(loan_id) on lib_fine")
case("loans_of_copies_of_book", "sub-query", "index",
     Loan.objects.filter(copy__in=Copy.objects.filter(book_id=77)), "(book_id) on lib_copy", "(copy_id) on lib_loan")
case("first_waiting", "sub-query", "index",
     Book.objects.filter(publisher_id=9).annotate(waiting=Subquery(
         Reservation.objects.filter(book=OuterRef("pk"), phase="waiting").order_by("placed_at").values("member_id")[:1])),
     "(book_id, placed_at) where phase = 'waiting' on lib_reservation")
case("average_in_filter", "sub-query", "index",
     Book.objects.annotate(mean=Subquery(reviews.values("book").annotate(mean=Avg("stars")).values("mean"))).filter(
         publisher_id=11, mean__gte=4), "(book_id) on lib_review")
case("last_loan_of_members", "sub-query", "silent",
     Member.objects.filter(branch_id=5).order_by("id").annotate(
         last=Subquery(Loan.objects.filter(member=OuterRef("pk")).order_by("-borrowed_at").values("borrowed_at")[:1]))[:20])
case("has_reservation", "sub-query", "index",
     Member.objects.order_by("id").annotate(waits=Exists(Reservation.objects.filter(member=OuterRef("pk"), phase="waiting")))[:20],
     "(member_id) where phase = 'waiting' on lib_reservation")
case("has_loans", "sub-query", "silent",
     Member.objects.filter(branch_id=5).order_by("id").annotate(lends=Exists(Loan.objects.filter(member=OuterRef("pk"))))[:20])

# Joins.
case("loans_of_barcode", "join", "index",
     Loan.objects.filter(copy__barcode="B0000123").select_related("copy"), "(copy_id) on lib_loan")
case("loans_of_isbn", "join", "index",
     Loan.objects.filter(copy__book__isbn="978-0000077"), "(book_id) on lib_copy", "(copy_id) on lib_loan")
case("fines_of_member", "join", "index",
     Fine.objects.filter(loan__member__email="member77@mail27.org"), "(loan_id) on lib_fine")
case("hidden_of_publisher", "join", "index",
     Review.objects.filter(book__publisher_id=7, is_visible=False), "(book_id) where not is_visible on lib_review")
case("books_of_author", "join", "index",
     Book.objects.filter(authorship__author__name="Author 77"), "(author_id) on lib_authorship", "(name) on lib_author")
case("suspended_in_the_north", "join", "index",
     Loan.objects.filter(copy__branch__region="north", member__status="suspended", borrowed_at__gte=at(2025, 12, 20)),
     "(borrowed_at) on lib_loan")
case("reviews_of_publisher", "join", "index",
     Publisher.objects.filter(name="Publisher 7").annotate(n=Count("book__review")), "(book_id) on lib_review")
case("newest_loans_of_branch", "join", "index",
     Loan.objects.filter(member__branch_id=3).order_by("-borrowed_at")[:20], "(borrowed_at) on lib_loan")
case("newest_hidden", "join", "index",
     Review.objects.filter(is_visible=False).select_related("book").order_by("-created_at")[:25],
     "(created_at) where not is_visible on lib_review")
case("waiting_for_publisher", "join", "index",
     Reservation.objects.filter(book__publisher_id=7, phase="waiting"), "(book_id) where phase = 'waiting' on lib_reservation")
case("copies_of_publisher", "join", "index",
     Copy.objects.filter(book__publisher_id=7).values("branch").annotate(n=Count("pk")), "(book_id) on lib_copy")
case("books_without_review", "join", "index",
     Book.objects.filter(review__isnull=True, publisher_id=9), "(book_id) on lib_review")
case("loans_of_card", "join", "index", Loan.objects.filter(member__card_no="C0000123"), "(card_no) on lib_member")
case("fines_of_overdue", "join", "index",
     Fine.objects.filter(loan__state="overdue", loan__due_at__lt=at(2023, 2, 8)), "(due_at) where state = 'overdue' on lib_loan",
     "(loan_id) on lib_fine")
case("reviews_of_member_name", "join", "index",
     Review.objects.filter(member__name=MARA, member__deleted_at__isnull=True).order_by("-created_at"),
     "(name) on lib_member", "(member_id) on lib_review")
case("books_of_subject", "join", "silent", Book.objects.filter(subjects__name="Subject 77"))
case("authors_of_isbn", "join", "silent", Author.objects.filter(authorship__book__isbn="978-0000078"))
case("loans_by_region", "join", "silent",
     Loan.objects.values("copy__branch__region").annotate(n=Count("pk")))
case("books_of_two_subjects", "join", "silent",
     Book.objects.filter(subjects__in=[7, 8], is_archived=False).distinct().order_by("title")[:20])
case("note_or_email", "join", "rewrite",
     Loan.objects.filter(Q(receipt_no=77) | Q(member__email="member77@mail27.org")))

# Window functions, DISTINCT ON, order.
case("lag_of_copy", "window", "index",
     Loan.objects.annotate(before=Window(f.Lag("borrowed_at"), partition_by=[F("copy_id")], order_by="borrowed_at"))
     .values_list("copy_id", "borrowed_at", "before"), "(copy_id, borrowed_at) on lib_loan")
case("rank_in_book", "window", "index",
     Review.objects.filter(book_id=77).annotate(place=Window(f.Rank(), order_by="-stars")), "(book_id) on lib_review")
case("row_number_of_members", "window", "index",
     Review.objects.filter(member_id__in=[7, 8, 9]).annotate(
         place=Window(f.RowNumber(), partition_by=[F("member_id")], order_by="-created_at")).filter(place=1),
     "(member_id) on lib_review")
case("newest_of_books", "distinct on", "index",
     Review.objects.filter(book_id__in=[7, 8, 9, 10]).order_by("book_id", "-created_at").distinct("book_id"),
     "(book_id) on lib_review")
case("last_of_every_copy", "distinct on", "index",
     Loan.objects.order_by("copy_id", "-borrowed_at").distinct("copy_id").values_list("copy_id", "borrowed_at"),
     "(copy_id, borrowed_at desc) on lib_loan")
case("all_in_order", "order", "index",
     Loan.objects.order_by("copy_id", "borrowed_at").values_list("copy_id", "borrowed_at"), "(copy_id, borrowed_at) on lib_loan")
case("actor_in_order", "order", "index",
     AuditLog.objects.filter(actor="user77").order_by("-at"), "(actor) on lib_auditlog")
case("name_of_branch", "order", "index",
     Member.objects.filter(branch_id=3).order_by(f.Lower("name"))[:20], "(branch_id, lower(name)) on lib_member")
case("published_last", "order", "index",
     Book.objects.order_by(F("published").desc(nulls_last=True))[:20], "(published desc nulls last) on lib_book")
case("running_total", "window", "silent",
     Loan.objects.filter(member_id=77).annotate(total=Window(Sum("fee"), order_by="borrowed_at")))
case("by_language", "window", "silent", Book.objects.values("language").annotate(n=Count("pk")).order_by("-n"))

# Partitions.
case("entries_of_branch", "partitions", "index",
     Entry.objects.filter(branch_id=5).order_by("-entered_at")[:20], "(branch_id, entered_at) on lib_entry")
case("newest_entries", "partitions", "index", Entry.objects.order_by("-entered_at")[:10], "(entered_at) on lib_entry")
case("entries_of_member", "partitions", "index", Entry.objects.filter(member_id=77), "(member_id) on lib_entry")
case("entries_of_member_in_order", "partitions", "index",
     Entry.objects.filter(member_id=77).order_by("entered_at"), "(member_id, entered_at) on lib_entry")
case("entries_by_gate", "partitions", "silent", Entry.objects.values("gate").annotate(n=Count("pk")))

# Pages.
keyset = Q(created_at__lt=DEEP) | Q(created_at=DEEP, id__lt=400000)
case("keyset_deep", "pages", "rewrite", Review.objects.filter(keyset).order_by("-created_at", "-id")[:20])
case("keyset_bounded", "pages", "index",
     Review.objects.filter(keyset, created_at__lte=DEEP).order_by("-created_at", "-id")[:20], "(created_at, id) on lib_review")
case("offset_deep", "pages", "rewrite", Loan.objects.order_by("-updated_at")[15000:15020])
case("offset_shallow", "pages", "index",
     Review.objects.filter(is_visible=False).order_by("-created_at")[40:60], "(created_at) where not is_visible on lib_review")
case("first_page_of_member", "pages", "index",
     Review.objects.filter(member_id=77).order_by("-created_at")[:10], "(member_id, created_at) on lib_review")

# Values that the planner has no statistics for, and times.
case("log_of_a_day", "time", "index",
     AuditLog.objects.filter(at__gte=f.Now() - timedelta(days=1)), "(at) on lib_auditlog")
case("log_of_an_hour_in_order", "time", "index",
     AuditLog.objects.filter(at__gte=f.Now() - timedelta(days=3)).order_by("at"), "(at) on lib_auditlog")
case("out_and_late", "time", "index",
     Loan.objects.filter(state="out", due_at__lt=f.Now() - timedelta(days=300)), "(due_at) where state = 'out' on lib_loan")
case("day_of_loan", "time", "index",
     Loan.objects.filter(borrowed_at__date=at(2024, 5, 5).date()), "(((borrowed_at at time zone 'UTC')::date)) on lib_loan")
case("due_or_returned", "coalesce", "index",
     Loan.objects.annotate(end=f.Coalesce("returned_at", "due_at")).filter(end__lt=at(2023, 1, 10)),
     "((coalesce(returned_at, due_at))) on lib_loan")
case("nickname_or_name", "coalesce", "index",
     Member.objects.annotate(called=f.Coalesce("nickname", "name")).filter(called=MARA),
     "((coalesce(nickname, name))) on lib_member")
case("first_code", "subscript", "index", Book.objects.filter(codes__0=4711), "((codes[1])) on lib_book")
case("year_of_loan", "time", "silent", Loan.objects.filter(borrowed_at__year=2024).values("state").annotate(n=Count("pk")))
case("month_of_loan", "time", "silent",
     Loan.objects.annotate(month=f.TruncMonth("borrowed_at")).values("month").annotate(n=Count("pk")).order_by("month"))

# Lists, null tests, states.
case("receipts", "long list", "index",
     Loan.objects.filter(receipt_no__in=range(1000, 4300, 3)), "(receipt_no) on lib_loan")
case("ids", "long list", "silent", Loan.objects.filter(id__in=range(1000, 5000, 2)))
case("not_returned_and_late", "null test", "index",
     Loan.objects.filter(returned_at__isnull=True, due_at__lt=at(2024, 1, 1)), "(due_at) where returned_at is null on lib_loan")
case("deleted_members", "null test", "index",
     Member.objects.filter(deleted_at__isnull=False, branch_id=7), "(branch_id) where deleted_at is not null on lib_member")
case("not_done", "negated", "index",
     Reservation.objects.exclude(phase="done").order_by("placed_at")[:50], "(placed_at) where phase <> 'done' on lib_reservation")
case("not_sent", "negated", "index",
     Notice.objects.exclude(state="sent").filter(channel="sms"), "(channel) where state <> 'sent' on lib_notice")
case("next_notice", "partial", "index",
     Notice.objects.filter(state="queued").order_by("-priority", "created_at")[:10],
     "(priority desc, created_at) where state = 'queued' on lib_notice")
case("claim", "partial", "index",
     Notice.objects.select_for_update(skip_locked=True).filter(state="queued", channel="mail").order_by("created_at")[:1],
     "(channel, created_at) where state = 'queued' on lib_notice")
case("failed_count", "partial", "index", ("count", Notice.objects.filter(state="failed")), "(state) on lib_notice")
case("out_or_overdue", "partial", "index",
     Loan.objects.filter(state__in=["lost", "overdue"]).order_by("due_at")[:20],
     "(due_at) where state in ('lost', 'overdue') on lib_loan")
case("unpaid_sum", "partial", "index",
     ("aggregate", Fine.objects.filter(paid=False), {"total": Sum("amount")}), "(amount) where not paid on lib_fine")
case("hidden_of_a_month", "partial", "index",
     Review.objects.filter(is_visible=False, created_at__gte=at(2024, 5, 1), created_at__lt=at(2024, 6, 1)),
     "(created_at) where not is_visible on lib_review")
case("make_overdue", "write", "index",
     ("update", Loan.objects.filter(state="out", due_at__lt=at(2024, 1, 1)), {"state": "overdue"}),
     "(due_at) where state = 'out' on lib_loan")
case("delete_reviews", "write", "index", ("delete", Review.objects.filter(created_at__lt=at(2022, 1, 3))),
     "(created_at) on lib_review")
case("active_members", "negated", "silent", Member.objects.exclude(status="suspended").filter(deleted_at__isnull=True))

# Equality, texts, documents, arrays.
case("target", "equality", "index",
     AuditLog.objects.filter(target_type=5, target_id=777).order_by("-at"), "(target_id) on lib_auditlog")
case("card_or_phone", "equality", "index",
     Member.objects.filter(Q(card_no="C0000777") | Q(phone="+4930000777")), "(card_no) on lib_member", "(phone) on lib_member")
case("email_without_case", "text", "index", Member.objects.filter(email__iexact="Member77@mail27.org"), "(upper(email)) on lib_member")
case("title_within", "text", "index", Book.objects.filter(title__icontains="4f3a2"), "using gin (upper(title) gin_trgm_ops) on lib_book")
case("card_prefix", "text", "index", Member.objects.filter(card_no__startswith="C00001"), "(card_no varchar_pattern_ops) on lib_member")
case("found_by_strpos", "text", "rewrite",
     AuditLog.objects.annotate(place=f.StrIndex("line", Value("a1b2c3"))).filter(place__gt=0))
case("preference_key", "document", "index",
     Member.objects.filter(preferences__theme="theme77"), "((preferences -> 'theme')) on lib_member")
case("meta_contains", "document", "index",
     Book.objects.filter(meta__contains={"series": "s77"}), "using gin (meta jsonb_path_ops) on lib_book")
case("meta_has_key", "document", "index", Book.objects.filter(meta__has_key="award"), "using gin (meta) on lib_book")
case("interest", "array", "index", Member.objects.filter(interests__contains=["i77"]), "using gin (interests) on lib_member")
case("any_interest", "array", "index", Member.objects.filter(interests__overlap=["i77", "i78"]), "using gin (interests) on lib_member")
case("common_interest", "array", "silent", Member.objects.filter(interests__contains=["news"]))
case("common_meta", "document", "silent", Book.objects.filter(meta__contains={"kind": "print"}))

# Nothing to build.
case("branch_by_name", "nothing", "silent", Branch.objects.filter(name="Branch 7"))
case("returned", "nothing", "silent", Loan.objects.filter(state="returned", fee__gt=2))
case("any_twenty", "nothing", "silent", Loan.objects.all()[:20])
case("count_of_all", "nothing", "silent", ("count", Loan.objects.all()))
case("one_email", "nothing", "silent", Member.objects.filter(email="member77@mail27.org"))
case("loans_of_member", "nothing", "silent", Loan.objects.filter(member_id=77).order_by("-borrowed_at")[:20])
case("sums_of_all", "nothing", "silent",
     ("aggregate", Loan.objects.all(), {"total": Sum("fee"), "lost": Count("pk", filter=Q(state="lost"))}))
case("visible_pages", "nothing", "silent", Review.objects.filter(is_visible=True)[:25])


def statement(queryset):
    kind, queryset, *more = queryset if isinstance(queryset, tuple) else ("select", queryset)
    if kind in ("count", "aggregate"):
        seen = []

        def listen(execute, sql, params, many, context):
            seen.append((sql, params))
            return execute("select null::numeric, null::numeric" if len(more) and len(more[0]) > 1 else "select 0", (), many, context)

        with connection.execute_wrapper(listen):
            queryset.count() if kind == "count" else queryset.aggregate(**more[0])
        sql, params = seen[0]
    elif kind == "update":
        query = queryset.query.chain(UpdateQuery)
        query.add_update_values(more[0])
        sql, params = query.sql_with_params()
    elif kind == "delete":
        sql, params = queryset.query.chain(DeleteQuery).sql_with_params()
    else:
        sql, params = queryset.query.sql_with_params()
    with connection.cursor() as cursor:
        text = cursor.mogrify(sql, params)
    return text.decode() if isinstance(text, bytes) else text


PARTITIONED = """CREATE TABLE "lib_entry" ("id" bigint NOT NULL, "branch_id" integer NOT NULL, "member_id" integer NOT NULL, "entered_at" timestamp with time zone NOT NULL, "gate" smallint NOT NULL, PRIMARY KEY ("id", "entered_at")) PARTITION BY RANGE ("entered_at");
"""


def schema():
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        for model in MODELS:
            editor.create_model(model)
        editor.execute(PARTITIONED.strip().rstrip(";"))
        for quarter in range(8):
            first = at(2024 + quarter // 4, quarter % 4 * 3 + 1, 1)
            after = at(2024 + (quarter + 1) // 4, (quarter + 1) % 4 * 3 + 1, 1)
            editor.execute(f'CREATE TABLE "lib_entry_{first:%Y}q{quarter % 4 + 1}" PARTITION OF "lib_entry" FOR VALUES FROM '
                           f"('{first}') TO ('{after}')")
    return "\n".join(editor.collected_sql) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    by = f"-- Written by generate.py with Django {django.get_version()}.\n"
    (folder / "schema.sql").write_text(by + schema())
    lines = [by]
    with transaction.atomic():
        for name, group, verdict, references, queryset in CASES:
            said = " ".join([verdict, "; ".join(references)]).strip()
            lines.append(f"-- {name} [{group}]: {said}\n{statement(queryset)};\n")
    (folder / "cases.sql").write_text("".join(lines))
    print(len(CASES), "cases,", sum(1 for one in CASES if one[2] == "silent"), "silent")
