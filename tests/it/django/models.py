"""The shop whose slow queries the advisor is measured by, and a table named as no Django table is."""
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField
from django.db import models


class Country(models.Model):
    name = models.CharField(max_length=80)
    code = models.CharField(max_length=2)


class Customer(models.Model):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    city = models.CharField(max_length=60)
    phone = models.CharField(max_length=20)
    tier = models.CharField(max_length=8)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    last_login = models.DateTimeField(null=True)

    class Meta:
        indexes = []


class Store(models.Model):
    name = models.CharField(max_length=60)
    region = models.CharField(max_length=20)


class Category(models.Model):
    name = models.CharField(max_length=60)


class Product(models.Model):
    sku = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=200)
    category = models.ForeignKey(Category, models.CASCADE)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    is_active = models.BooleanField(default=True)
    stock = models.IntegerField()
    attrs = models.JSONField()
    tags = ArrayField(models.CharField(max_length=20))
    description = models.TextField()

    class Meta:
        indexes = []


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE)
    store = models.ForeignKey(Store, models.CASCADE, db_index=False)
    status = models.CharField(max_length=12)
    channel = models.SmallIntegerField()
    created_at = models.DateTimeField()
    total = models.DecimalField(max_digits=10, decimal_places=2)
    paid_total = models.DecimalField(max_digits=10, decimal_places=2)
    reference = models.CharField(max_length=20)
    external_id = models.CharField(max_length=40, null=True)
    deleted_at = models.DateTimeField(null=True)
    note = models.TextField()

    class Meta:
        indexes = []


class OrderItem(models.Model):
    order = models.ForeignKey(Order, models.CASCADE)
    product = models.ForeignKey(Product, models.CASCADE, db_index=False)
    qty = models.IntegerField()
    price = models.DecimalField(max_digits=10, decimal_places=2)

    class Meta:
        indexes = []


class Event(models.Model):
    created_at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    user_id = models.IntegerField()
    path = models.CharField(max_length=200)
    payload = models.JSONField()

    class Meta:
        indexes = []


class Author(models.Model):
    name = models.CharField(max_length=80)


class Article(models.Model):
    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=200)
    body = models.TextField()
    author = models.ForeignKey(Author, models.CASCADE)
    status = models.CharField(max_length=10)
    lang = models.CharField(max_length=5)
    published_at = models.DateTimeField()
    views = models.IntegerField()
    labels = models.ManyToManyField(Category)

    class Meta:
        indexes = []


class Job(models.Model):
    queue = models.CharField(max_length=20)
    state = models.CharField(max_length=10)
    priority = models.IntegerField()
    run_at = models.DateTimeField()
    heartbeat = models.DateTimeField(null=True)
    payload = models.TextField()

    class Meta:
        indexes = []


class Booking(models.Model):
    room = models.ForeignKey(Store, models.CASCADE, db_index=False)
    during = DateTimeRangeField()
    guest = models.CharField(max_length=60)

    class Meta:
        indexes = []


class Import(models.Model):
    batch = models.IntegerField()
    line = models.TextField()

    class Meta:
        indexes = []


class Ledger(models.Model):
    kunde = models.IntegerField(db_column='Kunden Nr')
    day = models.DateField(db_column='Tag')
    code = models.UUIDField()
    weight = models.FloatField()

    class Meta:
        db_table = 'Altes Buch'
        indexes = []
