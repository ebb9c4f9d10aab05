"""The models of the shop that `pgdj demo` seeds: what its tables would be made from.

Nothing runs this file; `sql/tables.sql` and `sql/keys.sql` are what `migrate` of Django 5.2 leaves for it. One file for
all apps, each model with its `app_label`. Comments marked "trouble" say what is wrong on purpose.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Category(models.Model):
    name = models.CharField(max_length=80)
    slug = models.SlugField(unique=True)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE)
    product_count = models.PositiveIntegerField(default=0)

    class Meta:
        app_label = "shop"
        verbose_name_plural = "categories"


class Product(models.Model):
    category = models.ForeignKey(Category, on_delete=models.PROTECT)
    sku = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    stock = models.IntegerField(default=0)
    tags = ArrayField(models.CharField(max_length=30), default=list)
    attributes = models.JSONField(default=dict)
    is_active = models.BooleanField(default=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "shop"  # its table has fillfactor 70, set by hand
        constraints = [models.CheckConstraint(condition=Q(price__gte=0), name="shop_product_price_not_negative")]


class Customer(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    # Trouble: two imports left duplicates, so the concurrent build of the unique index failed and is still there, invalid.
    email = models.EmailField(db_index=True)
    full_name = models.CharField(max_length=120)
    city = models.CharField(max_length=80)
    country = models.CharField(max_length=2)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "shop"


class Order(models.Model):
    """Trouble: lists by status or date have no index to use."""

    class Status(models.TextChoices):
        PENDING = "pending"
        PAID = "paid"
        SHIPPED = "shipped"
        DELIVERED = "delivered"
        CANCELLED = "cancelled"

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    reference = models.CharField(max_length=20, unique=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField()
    shipped_at = models.DateTimeField(null=True, blank=True)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3, default="EUR")
    note = models.TextField(blank=True)

    class Meta:
        app_label = "shop"
        indexes = [
            models.Index(fields=["total"]),  # trouble: nothing uses it
            models.Index(fields=["customer"]),  # trouble: the foreign key has the same one
        ]


class OrderItem(models.Model):
    order = models.ForeignKey(Order, related_name="items", on_delete=models.CASCADE)
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.PositiveSmallIntegerField()
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        app_label = "shop"


class Payment(models.Model):
    # Trouble: a foreign key without an index; deleting an order reads all payments.
    order = models.ForeignKey(Order, on_delete=models.CASCADE, db_index=False)
    provider = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    captured_at = models.DateTimeField(null=True, blank=True)
    response = models.JSONField(default=dict)

    class Meta:
        app_label = "shop"


class Review(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    rating = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        app_label = "shop"
        # Trouble: it begins with the column of the foreign key's own index, which is redundant beside it.
        indexes = [models.Index(fields=["product", "-created_at"])]
        constraints = [models.UniqueConstraint(fields=["customer", "product"], name="shop_review_once")]


class Cart(models.Model):
    """Trouble: half of its rows were deleted while its autovacuum was switched off; it is still as large as before."""

    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.CASCADE)
    token = models.UUIDField(unique=True)
    lines = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "shop"


class PriceHistory(models.Model):
    """Trouble: imported with autovacuum off, it was never analysed."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    valid_from = models.DateField()

    class Meta:
        app_label = "shop"


class Article(models.Model):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=200, unique=True)
    body = models.TextField()
    tags = ArrayField(models.CharField(max_length=30), default=list)
    published_at = models.DateTimeField(null=True, blank=True)
    products = models.ManyToManyField(Product, blank=True)

    class Meta:
        app_label = "blog"


class Comment(models.Model):
    article = models.ForeignKey(Article, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    body = models.TextField()
    is_approved = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        app_label = "blog"


class Event(models.Model):
    """What visitors did; grows all the time."""

    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.SET_NULL)
    kind = models.CharField(max_length=30)
    payload = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        app_label = "analytics"


class Task(models.Model):
    """A queue in the database: workers take a row with SELECT … FOR UPDATE SKIP LOCKED."""

    name = models.CharField(max_length=60)
    args = models.JSONField(default=dict)
    status = models.CharField(max_length=12, default="queued")
    attempts = models.PositiveSmallIntegerField(default=0)
    run_after = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "jobs"
        indexes = [models.Index(fields=["run_after"], condition=Q(status="queued"), name="jobs_task_queued_idx")]
