"""Ticket sales on pretix: one organizer, 300 events, 60,000 orders with 120,000 positions."""


def rows(filler):
    fill, sql = filler.fill, filler.cursor.execute
    fill('pretixbase.user', 500, is_active='true', is_staff='false', is_superuser='false', email="'u' || i || '@example.org'")
    fill('pretixbase.organizer', 5, slug="'org' || i", name="'Organizer ' || i")
    fill('pretixbase.saleschannel', 5, identifier="'web'", type="'web'", organizer_id='(select min(id) from pretixbase_organizer) + i - 1')
    event = dict(organizer_id='(select min(id) from pretixbase_organizer) + i % 5', slug="'event' || i", name="'{\"en\": \"Event ' || i || '\"}'", currency="'EUR'", live='true', testmode='false', has_subevents='false', plugins="'pretix.plugins.banktransfer,pretix.plugins.sendmail'", is_public='true', all_sales_channels='true', date_to='null', presale_start='null', presale_end='null', seating_plan='null', date_from="now() + (r - 0.5) * interval '700 days'")
    fill('pretixbase.event', 300, **event)
    fill('pretixbase.itemcategory', 600)
    fill('pretixbase.taxrule', 300, rate='19', name="'VAT'", **{'default': 'false'})
    fill('pretixbase.item', 3000, name="'{\"en\": \"Ticket ' || i || '\"}'", active='true', all_sales_channels='true', hide_without_voucher='false', require_voucher='false')
    fill('pretixbase.quota', 1500, size='100', closed='false', subevent='null')
    filler.through('pretixbase.quota', 'items', 3000)
    fill('pretixbase.customer', 20000, identifier="'C' || i", email="'c' || i || '@example.org'", provider='null')
    fill('pretixbase.order', 60000, code="upper(left(md5(i::text), 5)) || i", email="'c' || i % 20000 || '@example.org'", status="(array['p', 'p', 'p', 'p', 'n', 'e', 'c'])[1 + floor(r * 7)::int]", testmode='false', datetime="now() - r * interval '700 days'", meta_info="'{}'")
    fill('pretixbase.orderposition', 120000, positionid='1', canceled='r > 0.95', secret="md5(i::text)", web_secret="md5(i::text)", pseudonymization_id="'P' || i", subevent='null', seat='null', attendee_name_cached="'Name ' || floor(r * 5000)", attendee_name_parts="'{}'", addon_to='null', voucher='null', used_membership='null', variation='null')
    fill('pretixbase.orderpayment', 60000, provider="(array['banktransfer', 'manual', 'free'])[1 + floor(r * 3)::int]", state="(array['confirmed', 'confirmed', 'created'])[1 + floor(r * 3)::int]", local_id='1')
    fill('pretixbase.orderrefund', 3000, local_id='1')
    fill('pretixbase.orderfee', 20000)
    fill('pretixbase.transaction', 120000, subevent='null', variation='null')
    fill('pretixbase.invoiceaddress', 40000, order_id='(select min(id) from pretixbase_order) + i - 1', name_cached="'Name ' || floor(r * 5000)", name_parts="'{}'")
    fill('pretixbase.invoice', 30000, invoice_no="i::text", full_invoice_no="'INV' || i", prefix="'INV'", refers='null')
    fill('pretixbase.invoiceline', 60000)
    fill('pretixbase.checkinlist', 300, subevent='null', all_products='true')
    fill('pretixbase.checkin', 80000, type="'entry'", successful='true')
    fill('pretixbase.voucher', 20000, code="'V' || i", redeemed='0', subevent='null', seat='null', variation='null', tag="'tag' || i % 20")
    fill('pretixbase.cartposition', 5000, cart_id="'cart' || i", subevent='null', seat='null', addon_to='null')
    kind = "(select id from django_content_type where app_label = 'pretixbase' and model = 'order')"
    fill('pretixbase.logentry', 200000, content_type=kind, object_id='(select min(id) from pretixbase_order) + i % 60000', action_type="(array['pretix.event.order.placed', 'pretix.event.order.paid', 'pretix.event.order.modified'])[1 + i % 3]", data="'{}'", visible='true', shredded='false', device='null', api_token='null', oauth_application='null')
    fill('pretixbase.waitinglistentry', 20000, subevent='null', variation='null', voucher='null')
    fill('pretixbase.giftcard', 5000, secret="'G' || i")
    fill('pretixbase.giftcardtransaction', 10000)
    fill('pretixbase.device', 100, device_id='i')
    fill('pretixbase.question', 600, type="'S'")
    fill('pretixbase.questionanswer', 60000)
    fill('pretixbase.outgoingmail', 50000, status="'sent'")
    fill('banktransfer.bankimportjob', 50)
    fill('banktransfer.banktransaction', 20000)
    fill('pretixbase.notificationsetting', 1000)
    # An event's order has its event's organizer, a position's item its event.
    sql("update pretixbase_order as o set organizer_id = e.organizer_id from pretixbase_event as e where e.id = o.event_id")
    sql("update pretixbase_orderposition as p set organizer_id = o.organizer_id from pretixbase_order as o where o.id = p.order_id")


def requests(pick):
    from django_scopes import scopes_disabled

    with scopes_disabled():
        yield from paths()


def paths():
    from pretix.base.models import Event, Order

    yield '/control/events/'
    yield '/control/events/?query=Event&status=live'
    yield '/control/'
    yield '/control/search/orders/?query=c12'
    yield '/control/search/orders/?query=NAME'
    yield '/control/search/orders/?query=INV12'
    yield '/control/search/payments/?query=c12'
    yield '/control/organizers/'
    yield '/control/users/'
    yield '/control/users/?query=u12'
    for event in Event.objects.select_related('organizer').order_by('?')[:6]:
        base = f'/control/event/{event.organizer.slug}/{event.slug}'
        for path in ('', 'orders/', 'orders/?query=c12', 'orders/?status=p', 'orders/?status=o', 'orders/?ordering=-total', 'orders/overview/', 'items/', 'quotas/', 'categories/', 'questions/', 'vouchers/', 'vouchers/?search=V12', 'vouchers/?tag=tag3', 'vouchers/tags/', 'waitinglist/', 'checkinlists/', 'checkins/', 'logs/', 'orders/refunds/', 'orders/export/', 'invoice', 'mails', 'settings/', 'orders/go?code=ABC', 'dangerzone/', 'discounts/', 'orders/search', 'live/', 'banktransfer/import/', 'banktransfer/refunds/', 'statistics/', 'mails/history'):
            yield f'{base}/{path}'
        for order in Order.objects.filter(event=event)[:3]:
            yield f'{base}/orders/{order.code}/'
        yield f'/{event.organizer.slug}/{event.slug}/'
        for number in event.checkin_lists.values_list('pk', flat=True)[:2]:
            yield f'{base}/checkinlists/{number}/'
            yield f'{base}/checkinlists/{number}/?user=Name 12&status=1'
    for slug in ('org1', 'org2'):
        for path in ('', 'customers', 'customers?query=c12', 'giftcards', 'giftcards?query=G12', 'devices', 'teams', 'export', 'logs', 'outgoingmails', 'channels', 'media', 'webhooks', 'properties', 'membershiptypes'):
            yield f'/control/organizer/{slug}/{path}'
        yield f'/{slug}/'
        yield f'/{slug}/?style=calendar'
