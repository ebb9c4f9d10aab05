"""Pages, snippets and tags as sites on Wagtail have them."""
from django.db import models
from modelcluster.contrib.taggit import ClusterTaggableManager
from modelcluster.fields import ParentalKey
from taggit.models import TaggedItemBase
from wagtail.fields import RichTextField, StreamField
from wagtail import blocks
from wagtail.models import Orderable, Page
from wagtail.search import index
from wagtail.snippets.models import register_snippet


@register_snippet
class Person(index.Indexed, models.Model):
    first_name = models.CharField(max_length=254)
    last_name = models.CharField(max_length=254, db_index=True)
    job_title = models.CharField(max_length=254)
    search_fields = [index.SearchField('first_name'), index.SearchField('last_name')]

    class Meta:
        indexes = [models.Index(fields=['job_title', '-last_name'])]


class BlogPageTag(TaggedItemBase):
    content_object = ParentalKey('BlogPage', related_name='tagged_items', on_delete=models.CASCADE)


class BlogIndexPage(Page):
    introduction = models.TextField(blank=True)


class BlogPage(Page):
    introduction = models.TextField(blank=True)
    subtitle = models.CharField(blank=True, max_length=255)
    date_published = models.DateField(blank=True, null=True)
    image = models.ForeignKey('wagtailimages.Image', null=True, blank=True, on_delete=models.SET_NULL, related_name='+')
    body = StreamField([('text', blocks.RichTextBlock())], blank=True)
    tags = ClusterTaggableManager(through=BlogPageTag, blank=True)
    search_fields = Page.search_fields + [index.SearchField('introduction')]


class BlogPersonRelationship(Orderable):
    page = ParentalKey('BlogPage', related_name='blog_person_relationship', on_delete=models.CASCADE)
    person = models.ForeignKey('Person', related_name='person_blog_relationship', on_delete=models.CASCADE)


class LocationPage(Page):
    introduction = RichTextField(blank=True)
    address = models.TextField()
    lat_long = models.CharField(max_length=36)


class OperatingHours(Orderable):
    location = ParentalKey('LocationPage', related_name='hours_of_operation', on_delete=models.CASCADE)
    day = models.CharField(max_length=4, default='MON', db_index=True)
    opening_time = models.TimeField(blank=True, null=True)

    class Meta(Orderable.Meta):
        constraints = [models.UniqueConstraint(fields=['location', 'day'], name='one_day_a_location')]
